//! Runs the scenarios with Moldau's own client. Usage and answers: tests/compat/README.md.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use moldau_client::admin::{AlterConfigOp, ConfigResource, NewTopic};
use moldau_client::{
    Admin, ClientError, CommonConfig, Consumer, ConsumerConfig, ConsumerRecord, Delivery, Header,
    IsolationLevel, OffsetAndMetadata, OffsetSpec, Producer, ProducerConfig, ProducerRecord, TopicPartition,
};
use scenario::{BASE_TIME, Body, Deadline, Membership, cannot, cut_address, records, run, text, unique};
use serde_json::{Value, json};

type Pairs<'a> = &'a [(&'a str, &'a str)];

async fn admin(address: &str) -> Result<Admin> {
    Ok(Admin::connect(CommonConfig {
        bootstrap_servers: vec![address.to_owned()],
        ..CommonConfig::default()
    })
    .await?)
}

async fn new_topic(address: &str, partitions: i32, configs: Pairs<'_>) -> Result<String> {
    let name = unique("moldau");
    let mut topic = NewTopic::new(&name).partitions(partitions).replication_factor(1);
    for (key, value) in configs {
        topic = topic.config(*key, *value);
    }
    let admin = admin(address).await?;
    create(&admin, topic).await?;
    // Apache Kafka answers before its broker knows the topic
    let deadline = Deadline::default();
    while !admin.list_topics(false).await?.iter().any(|listed| *listed.name == *name) {
        deadline.check(|| format!("{name} was not made"))?;
    }
    Ok(name)
}

async fn create(admin: &Admin, topic: NewTopic) -> Result<(), ClientError> {
    for made in admin.create_topics(&[topic], false).await? {
        made?;
    }
    Ok(())
}

async fn producer(address: &str, more: Pairs<'_>) -> Result<Producer> {
    let mut pairs = vec![("bootstrap.servers", address)];
    pairs.extend_from_slice(more);
    Ok(Producer::connect(ProducerConfig::from_pairs(pairs)?).await?)
}

async fn consumer(address: &str, group: Option<&str>, more: Pairs<'_>) -> Result<Consumer> {
    let mut pairs = vec![
        ("bootstrap.servers", address),
        ("auto.offset.reset", "earliest"),
        ("enable.auto.commit", "false"),
        ("session.timeout.ms", "6000"),
        ("heartbeat.interval.ms", "500"),
    ];
    if let Some(group) = group {
        pairs.push(("group.id", group));
    }
    pairs.retain(|(key, _)| !more.iter().any(|(other, _)| other == key));
    pairs.extend_from_slice(more);
    Ok(Consumer::connect(ConsumerConfig::from_pairs(pairs)?).await?)
}

/// Sends records; gives the offsets, in order.
async fn send(address: &str, sent: Vec<ProducerRecord>, more: Pairs<'_>) -> Result<Vec<Option<i64>>> {
    let producer = producer(address, more).await?;
    let mut deliveries: Vec<Delivery> = Vec::new();
    for record in sent {
        deliveries.push(producer.send(record).await?);
    }
    let mut offsets = Vec::new();
    for delivery in deliveries {
        offsets.push(delivery.await?.offset);
    }
    producer.close().await?;
    Ok(offsets)
}

fn numbered(topic: &str, count: i64, step: i64) -> Vec<ProducerRecord> {
    (0..count)
        .map(|n| ProducerRecord::to(topic).value(n.to_string()).partition(0).timestamp(BASE_TIME + n * step))
        .collect()
}

async fn read(consumer: &mut Consumer, count: usize) -> Result<Vec<ConsumerRecord>> {
    let deadline = Deadline::default();
    let mut got = Vec::new();
    while got.len() < count {
        deadline.check(|| format!("only {} of {count} records came", got.len()))?;
        got.extend(consumer.poll(Duration::from_millis(200)).await?);
    }
    Ok(got)
}

async fn read_from(address: &str, topic: &str, count: usize, more: Pairs<'_>) -> Result<Vec<ConsumerRecord>> {
    let mut consumer = consumer(address, None, more).await?;
    consumer.assign([TopicPartition::new(topic, 0)])?;
    let got = read(&mut consumer, count).await?;
    consumer.close().await?;
    Ok(got)
}

async fn offset(address: &str, topic: &str, spec: OffsetSpec) -> Result<Option<i64>> {
    let partition = TopicPartition::new(topic, 0);
    let found = admin(address)
        .await?
        .list_offsets([(partition.clone(), spec)], IsolationLevel::ReadUncommitted)
        .await?;
    Ok(found[&partition].map(|found| found.offset))
}

fn value_of(record: &ConsumerRecord) -> Value {
    text(record.value.as_deref())
}

/// The name of the error code that the broker gave.
fn code<T>(result: Result<T, ClientError>) -> String {
    match result {
        Ok(_) => "NONE".to_owned(),
        Err(error) => error.code().map_or_else(|| error.to_string(), |code| code.name().to_owned()),
    }
}

fn compression(codec: &'static str) -> Body {
    run(move |address| async move {
        let topic = new_topic(&address, 1, &[]).await?;
        let want = records();
        let sent = want
            .iter()
            .map(|(key, value, at)| {
                ProducerRecord::to(&topic).key(key.clone()).value(value.clone()).partition(0).timestamp(*at)
            })
            .collect();
        let offsets = send(&address, sent, &[("compression.type", codec), ("linger.ms", "20")]).await?;
        ensure!(offsets == (0..500).map(Some).collect::<Vec<_>>(), "the offsets are {offsets:?}");
        let got = read_from(&address, &topic, want.len(), &[]).await?;
        for (record, (key, value, at)) in got.iter().zip(&want) {
            let same = record.key.as_deref() == Some(key.as_bytes())
                && record.value.as_deref() == Some(value.as_bytes())
                && record.timestamp == *at;
            ensure!(same, "a record came as {record:?}");
        }
        Ok(json!({"first": got[0].offset, "last": got[499].offset}))
    })
}

async fn null_and_empty(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[]).await?;
    let sent = vec![
        ProducerRecord::to(&topic),
        ProducerRecord::to(&topic).key("").value(""),
        ProducerRecord::to(&topic).key("k"),
    ];
    send(&address, sent, &[]).await?;
    let got = read_from(&address, &topic, 3, &[]).await?;
    let records: Vec<Value> =
        got.iter().map(|record| json!([text(record.key.as_deref()), value_of(record)])).collect();
    Ok(json!({"records": records}))
}

async fn large(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[("max.message.bytes", "5000000")]).await?;
    let sent = [1, 4_000_000, 1].map(|length| ProducerRecord::to(&topic).value(vec![0; length])).to_vec();
    send(&address, sent, &[("max.request.size", "4500000")]).await?;
    let small = [("max.partition.fetch.bytes", "100000"), ("fetch.max.bytes", "100000")];
    let got = read_from(&address, &topic, 3, &small).await?;
    let lengths: Vec<usize> =
        got.iter().map(|record| record.value.as_ref().map_or(0, |value| value.len())).collect();
    Ok(json!({"lengths": lengths}))
}

async fn headers(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[]).await?;
    let mut record = ProducerRecord::to(&topic).value("v").header("h", "1");
    record.headers.push(Header { key: "h".into(), value: None });
    send(&address, vec![record.header("e", "").header("ü", "2")], &[]).await?;
    let got = read_from(&address, &topic, 1, &[]).await?;
    let all: Vec<Value> = got[0]
        .headers
        .iter()
        .map(|header| json!([header.key.to_string(), text(header.value.as_deref())]))
        .collect();
    Ok(json!({"headers": all}))
}

async fn acks(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[]).await?;
    for (level, idempotent) in [("all", "true"), ("1", "false"), ("0", "false")] {
        let sent = vec![ProducerRecord::to(&topic).value(level); 10];
        send(&address, sent, &[("acks", level), ("enable.idempotence", idempotent)]).await?;
    }
    let got = read_from(&address, &topic, 30, &[]).await?;
    let mut values: Vec<String> = got.iter().map(|record| value_of(record).to_string()).collect();
    values.sort();
    Ok(json!({"values": values}))
}

async fn idempotence(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[]).await?;
    let producer =
        producer(&cut_address(), &[("enable.idempotence", "true"), ("retry.backoff.ms", "10")]).await?;
    let mut sent = numbered(&topic, 150, 0).into_iter();
    for _ in 0..30 {
        let mut deliveries = Vec::new();
        for record in sent.by_ref().take(5) {
            deliveries.push(producer.send(record).await?);
        }
        for delivery in deliveries {
            delivery.await?;
        }
    }
    producer.close().await?;
    let got = read_from(&address, &topic, 150, &[]).await?;
    for (n, record) in got.iter().enumerate() {
        ensure!(value_of(record) == Value::from(n.to_string()), "record {n} is {record:?}");
    }
    Ok(json!({"records": offset(&address, &topic, OffsetSpec::Latest).await?, "in order": true}))
}

async fn auto_create(address: String) -> Result<Value> {
    let topic = unique("made-by-use");
    send(&address, vec![ProducerRecord::to(&topic).value("v")], &[]).await?;
    Ok(json!({"value": value_of(&read_from(&address, &topic, 1, &[]).await?[0])}))
}

async fn seek_by_time(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[]).await?;
    send(&address, numbered(&topic, 100, 1000), &[]).await?;
    let at = offset(&address, &topic, OffsetSpec::Timestamp(BASE_TIME + 41_500)).await?;
    let after = offset(&address, &topic, OffsetSpec::Timestamp(BASE_TIME + 999_999)).await?;
    let mut consumer = consumer(&address, None, &[]).await?;
    let partition = TopicPartition::new(topic.as_str(), 0);
    consumer.assign([partition.clone()])?;
    consumer.seek_to(&partition, OffsetSpec::Timestamp(BASE_TIME + 41_500))?;
    let got = read(&mut consumer, 1).await?;
    consumer.close().await?;
    Ok(json!({
        "at": at,
        "after the last": after,
        "first": offset(&address, &topic, OffsetSpec::Earliest).await?,
        "last": offset(&address, &topic, OffsetSpec::Latest).await?,
        "newest": offset(&address, &topic, OffsetSpec::MaxTimestamp).await?,
        "read": value_of(&got[0]),
    }))
}

async fn commit_resume(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[]).await?;
    send(&address, numbered(&topic, 20, 1), &[]).await?;
    let group = unique("resume");
    let partition = TopicPartition::new(topic.as_str(), 0);
    let mut first = consumer(&address, Some(&group), &[]).await?;
    first.subscribe([topic.as_str()])?;
    read(&mut first, 20).await?;
    let seven = OffsetAndMetadata { offset: 7, leader_epoch: None, metadata: "so far".to_owned() };
    first.commit_offsets(BTreeMap::from([(partition.clone(), seven)])).await?;
    first.close().await?;
    let committed = admin(&address)
        .await?
        .group_offsets(&group)
        .await?
        .remove(&partition)
        .context("nothing committed")?;
    let mut second = consumer(&address, Some(&group), &[]).await?;
    second.subscribe([topic.as_str()])?;
    let got = read(&mut second, 1).await?;
    second.close().await?;
    Ok(json!({"committed": committed.offset, "metadata": committed.metadata, "resumed": got[0].offset}))
}

async fn topics(address: String) -> Result<Value> {
    let topic = new_topic(&address, 2, &[]).await?;
    let admin = admin(&address).await?;
    admin.create_partitions(&topic, 4, false).await?;
    let partitions = async || -> Result<usize> {
        let listed = admin.list_topics(false).await?;
        Ok(listed.iter().find(|listed| *listed.name == *topic).map_or(0, |listed| listed.partitions))
    };
    let deadline = Deadline::default();
    while partitions().await? != 4 {
        deadline.check(|| "the topic did not grow".to_owned())?;
    }
    let mut errors = Vec::new();
    for (name, count, replicas) in
        [(topic.clone(), 1, 1), ("a b".to_owned(), 1, 1), (unique("r"), 1, 3), (unique("p"), 0, 1)]
    {
        errors.push(code(
            create(&admin, NewTopic::new(name).partitions(count).replication_factor(replicas)).await,
        ));
    }
    for deleted in admin.delete_topics(&[&topic]).await? {
        deleted?;
    }
    while partitions().await? != 0 {
        deadline.check(|| "the topic is still there".to_owned())?;
    }
    Ok(json!({"errors": errors}))
}

async fn shown_configs(admin: &Admin, topic: &str) -> Result<Value> {
    let wanted = ["retention.ms", "segment.bytes", "cleanup.policy"];
    let entries = admin.describe_configs(&ConfigResource::topic(topic), Some(&wanted), false).await?;
    let shown: BTreeMap<&str, Value> = entries
        .iter()
        .map(|entry| (entry.name.as_str(), json!([entry.value, entry.source.name()])))
        .collect();
    Ok(json!(shown))
}

async fn configs(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[("retention.ms", "100000")]).await?;
    let admin = admin(&address).await?;
    let before = shown_configs(&admin, &topic).await?;
    let resource = ConfigResource::topic(&topic);
    let changes = vec![
        ("retention.ms".to_owned(), AlterConfigOp::Set("200000".to_owned())),
        ("cleanup.policy".to_owned(), AlterConfigOp::Append("compact".to_owned())),
    ];
    admin.alter_configs(&resource, &changes, false).await?;
    let wrong = vec![("retention.ms".to_owned(), AlterConfigOp::Set("soon".to_owned()))];
    let error = code(admin.alter_configs(&resource, &wrong, false).await);
    let deadline = Deadline::default();
    while shown_configs(&admin, &topic).await? == before {
        deadline.check(|| "the configs did not change".to_owned())?;
    }
    Ok(json!({"before": before, "after": shown_configs(&admin, &topic).await?, "error": error}))
}

async fn groups(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[]).await?;
    send(&address, numbered(&topic, 1, 1), &[]).await?;
    let group = unique("described");
    let mut member = consumer(&address, Some(&group), &[]).await?;
    member.subscribe([topic.as_str()])?;
    read(&mut member, 1).await?;
    member.commit().await?;
    let admin = admin(&address).await?;
    let described = admin.describe_group(&group).await?;
    let listed = admin.list_groups().await?.iter().any(|one| one.id == group);
    let in_use = code(admin.delete_group(&group).await);
    member.close().await?;
    let partition = TopicPartition::new(topic.as_str(), 0);
    admin.alter_group_offsets(&group, &BTreeMap::from([(partition.clone(), 3.into())])).await?;
    let altered = admin.group_offsets(&group).await?[&partition].offset;
    admin.delete_group_offsets(&group, &[partition]).await?;
    let deletions = [in_use, code(admin.delete_group(&group).await), code(admin.delete_group(&group).await)];
    Ok(json!({
        "state": described.state, "assignor": described.protocol, "members": described.members.len(),
        "listed": listed, "altered": altered, "deletions": deletions,
    }))
}

async fn delete_records(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[]).await?;
    send(&address, numbered(&topic, 10, 1), &[]).await?;
    let before = BTreeMap::from([(TopicPartition::new(topic.as_str(), 0), 4)]);
    for deleted in admin(&address).await?.delete_records(&before).await?.into_values() {
        deleted?;
    }
    Ok(json!({
        "first": offset(&address, &topic, OffsetSpec::Earliest).await?,
        "last": offset(&address, &topic, OffsetSpec::Latest).await?,
    }))
}

async fn unknown_topic(address: String) -> Result<Value> {
    let topic = unique("no");
    let admin = admin(&address).await?;
    let described = admin.describe_topics(&[&topic]).await?.into_iter().next().context("no description")?;
    let made = admin.list_topics(false).await?.iter().any(|listed| *listed.name == *topic);
    Ok(json!({"error": code(described), "made": made}))
}

async fn too_large(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[("max.message.bytes", "1000")]).await?;
    let producer = producer(&address, &[]).await?;
    let delivery = producer.send(ProducerRecord::to(&topic).value(vec![0; 5000])).await?;
    let error = code(delivery.await);
    producer.close().await?;
    Ok(json!({"error": error}))
}

async fn stale_commit(address: String) -> Result<Value> {
    let topic = new_topic(&address, 1, &[]).await?;
    send(&address, numbered(&topic, 5, 1), &[]).await?;
    let group = unique("stale");
    let partition = TopicPartition::new(topic.as_str(), 0);
    let mut stale = consumer(&address, Some(&group), &[("max.poll.interval.ms", "3000")]).await?;
    stale.subscribe([topic.as_str()])?;
    read(&mut stale, 5).await?;
    // the one that is not polled any more is put out, and the other one takes over
    let mut other = consumer(&address, Some(&group), &[]).await?;
    other.subscribe([topic.as_str()])?;
    read(&mut other, 5).await?;
    other.commit_offsets(BTreeMap::from([(partition.clone(), 3.into())])).await?;
    let refused = stale.commit_offsets(BTreeMap::from([(partition.clone(), 1.into())])).await;
    ensure!(refused.is_err(), "a stale member's commit was taken");
    let committed = admin(&address).await?.group_offsets(&group).await?[&partition].offset;
    other.close().await?;
    Ok(json!({"error": code(refused), "committed": committed}))
}

async fn member(mut membership: Membership) -> Result<()> {
    let mut more: Vec<(&str, &str)> = Vec::new();
    let assignor = membership.assignor.clone();
    if assignor != "default" {
        more.push(("partition.assignment.strategy", &assignor));
    }
    let instance = membership.instance.clone();
    if let Some(instance) = &instance {
        more.extend([("group.instance.id", instance.as_str()), ("session.timeout.ms", "30000")]);
    }
    let mut consumer = consumer(&membership.address, Some(&membership.group), &more).await?;
    consumer.subscribe([membership.topic.as_str()])?;
    while !membership.told() {
        consumer.poll(Duration::from_millis(100)).await?;
        membership.owns(consumer.assignment().iter().map(|partition| partition.partition));
    }
    consumer.close().await.map_err(|error| anyhow!(error))
}

#[tokio::main]
async fn main() -> Result<()> {
    let no_pins = cannot(
        "Moldau's client takes the versions that it and the server have; it cannot be held to older ones",
    );
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
        ("old-versions", no_pins),
        ("transaction-refused", cannot("Moldau's client has no transactions")),
    ];
    scenario::main(scenarios, member).await
}
