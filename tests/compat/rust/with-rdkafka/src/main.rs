//! Runs the scenarios with rdkafka, which is librdkafka for Rust. Usage and answers: tests/compat/README.md.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigSource, NewPartitions, NewTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use scenario::{
    BASE_TIME, Body, Deadline, Membership, PATIENCE, Unsupported, cut_address, records, run, text, unique,
};
use serde_json::{Value, json};

type Pairs<'a> = &'a [(&'a str, &'a str)];

const OLD: [(&str, &str); 2] = [("api.version.request", "false"), ("broker.version.fallback", "0.11.0.0")];

fn config(address: &str, more: Pairs<'_>) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address).set("log_level", "0");
    for (key, value) in more {
        config.set(*key, *value);
    }
    config
}

fn admin(address: &str) -> Result<AdminClient<DefaultClientContext>> {
    Ok(config(address, &[]).create()?)
}

fn consumer(address: &str, group: Option<&str>, more: Pairs<'_>) -> Result<BaseConsumer> {
    let name = unique("group");
    let mut pairs = vec![
        ("group.id", group.unwrap_or(&name)),
        ("auto.offset.reset", "earliest"),
        ("enable.auto.commit", "false"),
        ("session.timeout.ms", "6000"),
        ("heartbeat.interval.ms", "500"),
    ];
    pairs.extend_from_slice(more);
    Ok(config(address, &pairs).create()?)
}

async fn create(address: &str, topic: NewTopic<'_>) -> Result<Option<RDKafkaErrorCode>> {
    let made = admin(address)?.create_topics(&[topic], &AdminOptions::new()).await?;
    Ok(made.into_iter().find_map(Result::err).map(|(_, code)| code))
}

async fn new_topic(address: &str, partitions: i32, configs: Pairs<'_>) -> Result<String> {
    let name = unique("rdkafka");
    let mut topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    for (key, value) in configs {
        topic = topic.set(key, value);
    }
    let error = create(address, topic).await?;
    ensure!(error.is_none(), "{name} was not made: {error:?}");
    // Apache Kafka answers before its broker knows the topic
    let deadline = Deadline::default();
    while partitions_of(address, &name)? == 0 {
        deadline.check(|| format!("{name} was not made"))?;
    }
    Ok(name)
}

/// 0 for a topic that is not there.
fn partitions_of(address: &str, topic: &str) -> Result<usize> {
    let metadata = consumer(address, None, &[])?.fetch_metadata(None, PATIENCE)?;
    Ok(metadata.topics().iter().find(|one| one.name() == topic).map_or(0, |one| one.partitions().len()))
}

/// A record to be sent, to partition 0.
#[derive(Default)]
struct Sent {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    timestamp: Option<i64>,
    headers: Option<OwnedHeaders>,
}

fn value(value: impl Into<Vec<u8>>) -> Sent {
    Sent { value: Some(value.into()), ..Sent::default() }
}

fn numbered(count: i64, step: i64) -> Vec<Sent> {
    (0..count).map(|n| Sent { timestamp: Some(BASE_TIME + n * step), ..value(n.to_string()) }).collect()
}

async fn send(address: &str, topic: &str, sent: Vec<Sent>, more: Pairs<'_>) -> Result<Vec<i64>> {
    let producer: FutureProducer = config(address, more).create()?;
    let mut deliveries = Vec::new();
    for one in &sent {
        let mut record: FutureRecord<'_, Vec<u8>, Vec<u8>> = FutureRecord::to(topic).partition(0);
        record.key = one.key.as_ref();
        record.payload = one.value.as_ref();
        record.timestamp = one.timestamp;
        record.headers = one.headers.clone();
        deliveries.push(producer.send_result(record).map_err(|(error, _)| error)?);
    }
    let mut offsets = Vec::new();
    for delivery in deliveries {
        offsets.push(delivery.await?.map_err(|(error, _)| error)?.offset);
    }
    producer.flush(PATIENCE)?;
    Ok(offsets)
}

fn read(consumer: &BaseConsumer, count: usize) -> Result<Vec<OwnedMessage>> {
    let deadline = Deadline::default();
    let mut got = Vec::new();
    while got.len() < count {
        deadline.check(|| format!("only {} of {count} records came", got.len()))?;
        if let Some(message) = consumer.poll(Duration::from_millis(200)) {
            got.push(message?.detach());
        }
    }
    Ok(got)
}

fn list(topic: &str, offset: Offset) -> Result<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, offset)?;
    Ok(list)
}

fn read_from(address: &str, topic: &str, count: usize, more: Pairs<'_>) -> Result<Vec<OwnedMessage>> {
    let consumer = consumer(address, None, more)?;
    consumer.assign(&list(topic, Offset::Beginning)?)?;
    read(&consumer, count)
}

fn committed(consumer: &BaseConsumer, topic: &str) -> Result<(Option<i64>, String)> {
    let found = consumer.committed_offsets(list(topic, Offset::Invalid)?, PATIENCE)?;
    let partition = found.find_partition(topic, 0).context("no such partition")?;
    Ok((partition.offset().to_raw(), partition.metadata().to_owned()))
}

/// The name of the error code that the broker or librdkafka gave.
fn code<T>(result: KafkaResult<T>) -> String {
    match result {
        Ok(_) => "none".to_owned(),
        Err(error) => {
            error.rdkafka_error_code().map_or_else(|| error.to_string(), |code| format!("{code:?}"))
        }
    }
}

fn compression(codec: &'static str) -> Body {
    run(move |address| async move {
        let topic = new_topic(&address, 1, &[]).await?;
        let want = records();
        let sent = want
            .iter()
            .map(|(key, text, at)| Sent {
                key: Some(key.clone().into_bytes()),
                timestamp: Some(*at),
                ..value(text.clone().into_bytes())
            })
            .collect();
        let offsets =
            send(&address, &topic, sent, &[("compression.type", codec), ("linger.ms", "20")]).await?;
        ensure!(offsets == (0..500).collect::<Vec<i64>>(), "the offsets are {offsets:?}");
        let got = read_from(&address, &topic, want.len(), &[])?;
        for (message, (key, value, at)) in got.iter().zip(&want) {
            let same = message.key() == Some(key.as_bytes())
                && message.payload() == Some(value.as_bytes())
                && message.timestamp().to_millis() == Some(*at);
            ensure!(same, "a record came as {message:?}");
        }
        Ok(json!({"first": got[0].offset(), "last": got[499].offset()}))
    })
}

async fn null_and_empty(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[]).await?;
    let empty = Sent { key: Some(Vec::new()), ..value("") };
    let sent = vec![Sent::default(), empty, Sent { key: Some(b"k".to_vec()), ..Sent::default() }];
    send(&address, &topic, sent, &[]).await?;
    let got = read_from(&address, &topic, 3, &[])?;
    let records: Vec<Value> =
        got.iter().map(|message| json!([text(message.key()), text(message.payload())])).collect();
    Ok(json!({"records": records}))
}

async fn large(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[("max.message.bytes", "5000000")]).await?;
    let sent = [1, 4_000_000, 1].map(|length| value(vec![0; length])).into();
    send(&address, &topic, sent, &[("message.max.bytes", "4500000")]).await?;
    let got = read_from(&address, &topic, 3, &[("fetch.message.max.bytes", "100000")])?;
    let lengths: Vec<usize> = got.iter().map(|message| message.payload().map_or(0, <[u8]>::len)).collect();
    Ok(json!({"lengths": lengths}))
}

async fn headers(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[]).await?;
    let mut all = OwnedHeaders::new();
    for (key, value) in [("h", Some("1")), ("h", None), ("e", Some("")), ("ü", Some("2"))] {
        all = all.insert(Header { key, value });
    }
    send(&address, &topic, vec![Sent { headers: Some(all), ..value("v") }], &[]).await?;
    let got = read_from(&address, &topic, 1, &[])?;
    let headers = got[0].headers().context("no headers came")?;
    let shown: Vec<Value> = headers.iter().map(|header| json!([header.key, text(header.value)])).collect();
    Ok(json!({"headers": shown}))
}

async fn acks(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[]).await?;
    for level in ["all", "1", "0"] {
        send(&address, &topic, (0..10).map(|_| value(level)).collect(), &[("acks", level)]).await?;
    }
    let got = read_from(&address, &topic, 30, &[])?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for message in &got {
        *counts.entry(text(message.payload()).to_string()).or_default() += 1;
    }
    Ok(json!({"counts": counts}))
}

async fn idempotence(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[]).await?;
    let more = [
        ("enable.idempotence", "true"),
        ("batch.num.messages", "5"),
        ("linger.ms", "1"),
        ("reconnect.backoff.ms", "10"),
        ("reconnect.backoff.max.ms", "100"),
        ("retry.backoff.ms", "10"),
    ];
    send(&cut_address(), &topic, numbered(300, 0), &more).await?;
    let got = read_from(&address, &topic, 300, &[])?;
    for (n, message) in got.iter().enumerate() {
        ensure!(message.payload() == Some(n.to_string().as_bytes()), "record {n} is {message:?}");
    }
    let (_, end) = consumer(&address, None, &[])?.fetch_watermarks(&topic, 0, PATIENCE)?;
    Ok(json!({"records": end, "in order": true}))
}

async fn auto_create(address: String) -> Result<Value> {
    let topic = unique("made-by-use");
    send(&address, &topic, vec![value("v")], &[]).await?;
    Ok(json!({"value": text(read_from(&address, &topic, 1, &[])?[0].payload())}))
}

async fn seek_by_time(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[]).await?;
    send(&address, &topic, numbered(100, 1000), &[]).await?;
    let consumer = consumer(&address, None, &[])?;
    let found = |millis: i64| -> Result<Offset> {
        let times = list(&topic, Offset::Offset(BASE_TIME + millis))?;
        Ok(consumer
            .offsets_for_times(times, PATIENCE)?
            .find_partition(&topic, 0)
            .context("no such partition")?
            .offset())
    };
    let (at, after) = (found(41_500)?, found(999_999)?);
    let (first, last) = consumer.fetch_watermarks(&topic, 0, PATIENCE)?;
    consumer.assign(&list(&topic, at)?)?;
    let got = read(&consumer, 1)?;
    Ok(json!({
        "at": at.to_raw(), "after the last": after.to_raw(), "first": first, "last": last, "read": text(got[0].payload()),
    }))
}

async fn resume(address: &str, more: Pairs<'_>) -> Result<Value> {
    let topic = new_topic(address, 1, &[]).await?;
    send(address, &topic, numbered(20, 1), more).await?;
    let group = unique("resume");
    let (offset, metadata) = {
        let first = consumer(address, Some(&group), more)?;
        first.subscribe(&[&topic])?;
        read(&first, 20)?;
        first.commit(&list(&topic, Offset::Offset(7))?, CommitMode::Sync)?;
        committed(&first, &topic)?
    };
    let second = consumer(address, Some(&group), more)?;
    second.subscribe(&[&topic])?;
    let got = read(&second, 1)?;
    Ok(json!({"committed": offset, "metadata": metadata, "resumed": got[0].offset()}))
}

async fn commit_resume(address: String) -> Result<Value> {
    resume(&address, &[]).await
}

async fn old_versions(address: String) -> Result<Value> {
    Ok(json!({OLD[1].1: resume(&address, &OLD).await?}))
}

async fn topics(address: String) -> Result<Value> {
    let topic = new_topic(&address, 2, &[]).await?;
    let admin = admin(&address)?;
    for grown in admin.create_partitions(&[NewPartitions::new(&topic, 4)], &AdminOptions::new()).await? {
        ensure!(grown.is_ok(), "the topic did not grow: {grown:?}");
    }
    let deadline = Deadline::default();
    while partitions_of(&address, &topic)? != 4 {
        deadline.check(|| "the topic did not grow".to_owned())?;
    }
    let mut errors = Vec::new();
    for (name, count, replicas) in [(topic.as_str(), 1, 1), ("a b", 1, 1), (&unique("r"), 1, 3)] {
        let error = create(&address, NewTopic::new(name, count, TopicReplication::Fixed(replicas))).await?;
        errors.push(error.map(|code| format!("{code:?}")));
    }
    for deleted in admin.delete_topics(&[&topic], &AdminOptions::new()).await? {
        ensure!(deleted.is_ok(), "the topic was not deleted: {deleted:?}");
    }
    while partitions_of(&address, &topic)? != 0 {
        deadline.check(|| "the topic is still there".to_owned())?;
    }
    Ok(json!({"errors": errors}))
}

async fn shown_configs(admin: &AdminClient<DefaultClientContext>, topic: &str) -> Result<Value> {
    let described = admin.describe_configs(&[ResourceSpecifier::Topic(topic)], &AdminOptions::new()).await?;
    let resource = described.into_iter().next().context("no description")?.map_err(KafkaError::AdminOp)?;
    let mut shown = BTreeMap::new();
    for name in ["retention.ms", "segment.bytes", "cleanup.policy"] {
        let entry = resource.get(name).with_context(|| format!("{name} is not described"))?;
        let of_topic = matches!(entry.source, ConfigSource::DynamicTopic);
        shown.insert(name, json!([entry.value, of_topic]));
    }
    Ok(json!(shown))
}

async fn configs(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[("retention.ms", "100000")]).await?;
    let admin = admin(&address)?;
    let before = shown_configs(&admin, &topic).await?;
    let mut errors = Vec::new();
    for (name, value) in [("cleanup.policy", "compact"), ("retention.ms", "soon")] {
        let change = AlterConfig::new(ResourceSpecifier::Topic(&topic)).set(name, value);
        let altered = admin.alter_configs(&[change], &AdminOptions::new()).await?;
        errors.push(altered.into_iter().find_map(Result::err).map(|(_, code)| format!("{code:?}")));
    }
    let deadline = Deadline::default();
    while shown_configs(&admin, &topic).await? == before {
        deadline.check(|| "the configs did not change".to_owned())?;
    }
    Ok(json!({"before": before, "after": shown_configs(&admin, &topic).await?, "errors": errors}))
}

async fn groups(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[]).await?;
    send(&address, &topic, numbered(1, 1), &[]).await?;
    let group = unique("described");
    let admin = admin(&address)?;
    let deletion = async || -> Result<Option<String>> {
        let deleted = admin.delete_groups(&[&group], &AdminOptions::new()).await?;
        Ok(deleted.into_iter().find_map(Result::err).map(|(_, code)| format!("{code:?}")))
    };
    let member = consumer(&address, Some(&group), &[])?;
    member.subscribe(&[&topic])?;
    read(&member, 1)?;
    member.commit_consumer_state(CommitMode::Sync)?;
    let described = member.fetch_group_list(Some(&group), PATIENCE)?;
    let one = described.groups().first().context("the group is not described")?;
    let shown = json!({"state": one.state(), "assignor": one.protocol(), "members": one.members().len()});
    let everything = member.fetch_group_list(None, PATIENCE)?;
    let listed = everything.groups().iter().any(|one| one.name() == group);
    let in_use = deletion().await?;
    drop(member);
    Ok(
        json!({"described": shown, "listed": listed, "deletions": [in_use, deletion().await?, deletion().await?]}),
    )
}

async fn delete_records(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[]).await?;
    send(&address, &topic, numbered(10, 1), &[]).await?;
    admin(&address)?.delete_records(&list(&topic, Offset::Offset(4))?, &AdminOptions::new()).await?;
    let (first, last) = consumer(&address, None, &[])?.fetch_watermarks(&topic, 0, PATIENCE)?;
    Ok(json!({"first": first, "last": last}))
}

async fn unknown_topic(address: String) -> Result<Value> {
    let topic = unique("no");
    let found = consumer(&address, None, &[("allow.auto.create.topics", "false")])?
        .fetch_watermarks(&topic, 0, PATIENCE);
    Ok(json!({"error": code(found), "made": partitions_of(&address, &topic)? > 0}))
}

async fn too_large(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[("max.message.bytes", "1000")]).await?;
    match send(&address, &topic, vec![value(vec![0; 5000])], &[("compression.type", "none")]).await {
        Ok(_) => bail!("the record was taken"),
        Err(error) => Ok(json!({"error": code(Err::<(), _>(error.downcast::<KafkaError>()?))})),
    }
}

async fn stale_commit(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[]).await?;
    send(&address, &topic, numbered(5, 1), &[]).await?;
    let group = unique("stale");
    let stale = consumer(&address, Some(&group), &[("max.poll.interval.ms", "6000")])?;
    stale.subscribe(&[&topic])?;
    read(&stale, 5)?;
    // the one that is not polled any more is put out, and the other one takes over
    let other = consumer(&address, Some(&group), &[])?;
    other.subscribe(&[&topic])?;
    read(&other, 5)?;
    other.commit(&list(&topic, Offset::Offset(3))?, CommitMode::Sync)?;
    let refused = stale.commit(&list(&topic, Offset::Offset(1))?, CommitMode::Sync);
    ensure!(refused.is_err(), "a stale member's commit was taken");
    let (offset, _) = committed(&other, &topic)?;
    Ok(json!({"error": code(refused), "committed": offset}))
}

async fn transaction_refused(address: String) -> Result<Value> {
    let producer: FutureProducer = config(&address, &[("transactional.id", &unique("t"))]).create()?;
    let error = producer.init_transactions(PATIENCE).err().context("a transactional producer was let in")?;
    let name = code(Err::<(), _>(error));
    ensure!(name == "TransactionalIdAuthorizationFailed", "a transactional producer got {name}");
    Ok(json!({"error": name}))
}

async fn member(mut membership: Membership) -> Result<()> {
    let mut more: Vec<(&str, &str)> = Vec::new();
    let assignor = membership.assignor.clone();
    match assignor.as_str() {
        "default" => {}
        "sticky" => bail!(Unsupported("librdkafka has no sticky assignor but the cooperative one")),
        other => more.push(("partition.assignment.strategy", other)),
    }
    let instance = membership.instance.clone();
    if let Some(instance) = &instance {
        more.extend([("group.instance.id", instance.as_str()), ("session.timeout.ms", "30000")]);
    }
    let consumer = consumer(&membership.address, Some(&membership.group), &more)?;
    consumer.subscribe(&[&membership.topic])?;
    while !membership.told() {
        // an error of the connection passes by itself
        let _ = consumer.poll(Duration::from_millis(100));
        membership.owns(consumer.assignment()?.elements().iter().map(|partition| partition.partition()));
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let scenarios = vec![
        ("compression-none", compression("none")),
        ("compression-gzip", compression("gzip")),
        ("compression-snappy", compression("snappy")),
        ("compression-lz4", compression("lz4")),
        ("compression-zstd", compression("zstd")),
        ("null-and-empty", run(null_and_empty)),
        ("large", run(large)),
        ("headers", run(headers)),
        ("acks", run(acks)),
        ("idempotence", run(idempotence)),
        ("auto-create", run(auto_create)),
        ("seek-by-time", run(seek_by_time)),
        ("commit-resume", run(commit_resume)),
        ("topics", run(topics)),
        ("configs", run(configs)),
        ("groups", run(groups)),
        ("delete-records", run(delete_records)),
        ("unknown-topic", run(unknown_topic)),
        ("too-large", run(too_large)),
        ("stale-commit", run(stale_commit)),
        ("old-versions", run(old_versions)),
        ("transaction-refused", run(transaction_refused)),
    ];
    scenario::main(scenarios, member).await
}
