//! Runs the scenarios with rskafka, which has no groups. Usage and answers: tests/compat/README.md.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, TimeZone, Utc};
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::{Record, RecordAndOffset};
use scenario::{BASE_TIME, Body, Deadline, Membership, Unsupported, cannot, records, run, text, unique};
use serde_json::{Value, json};

const TIMEOUT_MS: i32 = 10_000;
const NO_GROUPS: &str = "rskafka has no consumer groups";

async fn client(address: &str) -> Result<Client> {
    Ok(ClientBuilder::new(vec![address.to_owned()]).build().await?)
}

async fn new_topic(address: &str) -> Result<PartitionClient> {
    let client = client(address).await?;
    let name = unique("rskafka");
    client.controller_client()?.create_topic(&name, 1, 1, TIMEOUT_MS).await?;
    // Apache Kafka answers before its broker knows the topic
    Ok(client.partition_client(&name, 0, UnknownTopicHandling::Retry).await?)
}

fn at(millis: i64) -> Result<DateTime<Utc>> {
    Utc.timestamp_millis_opt(millis).single().context("a time out of range")
}

fn record(key: Option<&str>, value: Option<Vec<u8>>, millis: i64) -> Result<Record> {
    let key = key.map(|key| key.as_bytes().to_vec());
    Ok(Record { key, value, headers: BTreeMap::new(), timestamp: at(millis)? })
}

fn numbered(count: i64, step: i64) -> Result<Vec<Record>> {
    (0..count).map(|n| record(None, Some(n.to_string().into_bytes()), BASE_TIME + n * step)).collect()
}

async fn read(
    partition: &PartitionClient,
    from: i64,
    count: usize,
    bytes_max: i32,
) -> Result<Vec<RecordAndOffset>> {
    let deadline = Deadline::default();
    let mut got: Vec<RecordAndOffset> = Vec::new();
    while got.len() < count {
        deadline.check(|| format!("only {} of {count} records came", got.len()))?;
        let next = got.last().map_or(from, |last| last.offset + 1);
        got.extend(partition.fetch_records(next, 1..bytes_max, 500).await?.0);
    }
    Ok(got)
}

/// The name of the error code that the broker gave.
fn code<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => "none".to_owned(),
        Err(Error::ServerError { protocol_error, .. }) => name(protocol_error),
        Err(other) => other.to_string(),
    }
}

fn name(error: ProtocolError) -> String {
    format!("{error:?}")
}

fn compression(codec: Compression) -> Body {
    run(move |address| async move {
        let partition = new_topic(&address).await?;
        let want = records();
        let sent: Result<Vec<Record>> = want
            .iter()
            .map(|(key, value, at)| record(Some(key), Some(value.clone().into_bytes()), *at))
            .collect();
        let offsets = partition.produce(sent?, codec).await?;
        ensure!(offsets == (0..500).collect::<Vec<i64>>(), "the offsets are {offsets:?}");
        let got = read(&partition, 0, want.len(), 1_000_000).await?;
        for (one, (key, value, at)) in got.iter().zip(&want) {
            let same = one.record.key.as_deref() == Some(key.as_bytes())
                && one.record.value.as_deref() == Some(value.as_bytes())
                && one.record.timestamp.timestamp_millis() == *at;
            ensure!(same, "a record came as {one:?}");
        }
        Ok(json!({"first": got[0].offset, "last": got[499].offset}))
    })
}

async fn null_and_empty(address: String) -> Result<Value> {
    let partition = new_topic(&address).await?;
    let sent =
        vec![record(None, None, 1)?, record(Some(""), Some(Vec::new()), 2)?, record(Some("k"), None, 3)?];
    partition.produce(sent, Compression::NoCompression).await?;
    let got = read(&partition, 0, 3, 1_000_000).await?;
    let records: Vec<Value> = got
        .iter()
        .map(|one| json!([text(one.record.key.as_deref()), text(one.record.value.as_deref())]))
        .collect();
    Ok(json!({"records": records}))
}

async fn large(address: String) -> Result<Value> {
    // rskafka makes no topics with configs, so this is the largest that the default takes
    let partition = new_topic(&address).await?;
    for length in [1, 1_000_000, 1] {
        partition.produce(vec![record(None, Some(vec![0; length]), 1)?], Compression::NoCompression).await?;
    }
    let got = read(&partition, 0, 3, 100_000).await?;
    let lengths: Vec<usize> = got.iter().map(|one| one.record.value.as_ref().map_or(0, Vec::len)).collect();
    Ok(json!({"lengths": lengths}))
}

async fn headers(address: String) -> Result<Value> {
    // a header's name comes once in rskafka, and its value is never null
    let partition = new_topic(&address).await?;
    let mut sent = record(None, Some(b"v".to_vec()), 1)?;
    for (name, value) in [("h", "1"), ("e", ""), ("ü", "2")] {
        sent.headers.insert(name.to_owned(), value.as_bytes().to_vec());
    }
    partition.produce(vec![sent], Compression::NoCompression).await?;
    let got = read(&partition, 0, 1, 1_000_000).await?;
    let all: Vec<Value> =
        got[0].record.headers.iter().map(|(name, value)| json!([name, text(Some(value))])).collect();
    Ok(json!({"headers": all}))
}

async fn seek_by_time(address: String) -> Result<Value> {
    let partition = new_topic(&address).await?;
    partition.produce(numbered(100, 1000)?, Compression::NoCompression).await?;
    let found = partition.get_offset(OffsetAt::Timestamp(at(BASE_TIME + 41_500)?)).await?;
    Ok(json!({
        "at": found,
        "after the last": partition.get_offset(OffsetAt::Timestamp(at(BASE_TIME + 999_999)?)).await?,
        "first": partition.get_offset(OffsetAt::Earliest).await?,
        "last": partition.get_offset(OffsetAt::Latest).await?,
        "read": text(read(&partition, found, 1, 1_000_000).await?[0].record.value.as_deref()),
    }))
}

async fn topics(address: String) -> Result<Value> {
    let client = client(&address).await?;
    let controller = client.controller_client()?;
    let partition = new_topic(&address).await?;
    let mut errors = Vec::new();
    for (topic, count, replicas) in [
        (partition.topic().to_owned(), 1, 1),
        ("a b".to_owned(), 1, 1),
        (unique("r"), 1, 3),
        (unique("p"), 0, 1),
    ] {
        errors.push(code(controller.create_topic(topic, count, replicas, TIMEOUT_MS).await));
    }
    controller.delete_topic(partition.topic(), TIMEOUT_MS).await?;
    let deadline = Deadline::default();
    while client.list_topics().await?.iter().any(|topic| topic.name == partition.topic()) {
        deadline.check(|| "the topic is still there".to_owned())?;
    }
    Ok(json!({"errors": errors}))
}

async fn delete_records(address: String) -> Result<Value> {
    let partition = new_topic(&address).await?;
    partition.produce(numbered(10, 1)?, Compression::NoCompression).await?;
    partition.delete_records(4, TIMEOUT_MS).await?;
    Ok(json!({
        "first": partition.get_offset(OffsetAt::Earliest).await?,
        "last": partition.get_offset(OffsetAt::Latest).await?,
    }))
}

async fn auto_create(address: String) -> Result<Value> {
    let topic = unique("made-by-use");
    let partition = client(&address).await?.partition_client(&topic, 0, UnknownTopicHandling::Retry).await?;
    partition.produce(numbered(1, 1)?, Compression::NoCompression).await?;
    Ok(json!({"value": text(read(&partition, 0, 1, 1_000_000).await?[0].record.value.as_deref())}))
}

async fn too_large(address: String) -> Result<Value> {
    let partition = new_topic(&address).await?;
    let sent = vec![record(None, Some(vec![0; 2_000_000]), 1)?];
    Ok(json!({"error": code(partition.produce(sent, Compression::NoCompression).await)}))
}

async fn member(_: Membership) -> Result<()> {
    bail!(Unsupported(NO_GROUPS))
}

#[tokio::main]
async fn main() -> Result<()> {
    let scenarios = vec![
        ("compression-none", compression(Compression::NoCompression)),
        ("compression-gzip", compression(Compression::Gzip)),
        ("compression-snappy", compression(Compression::Snappy)),
        ("compression-lz4", compression(Compression::Lz4)),
        ("compression-zstd", compression(Compression::Zstd)),
        ("null-and-empty", run(null_and_empty)),
        ("large", run(large)),
        ("headers", run(headers)),
        ("acks", cannot("rskafka always asks for acks=all")),
        ("idempotence", cannot("rskafka's producer is not idempotent")),
        ("auto-create", run(auto_create)),
        ("seek-by-time", run(seek_by_time)),
        ("commit-resume", cannot(NO_GROUPS)),
        ("topics", run(topics)),
        ("configs", cannot("rskafka neither reads nor changes configs")),
        ("groups", cannot(NO_GROUPS)),
        ("delete-records", run(delete_records)),
        ("unknown-topic", cannot("rskafka makes a topic by asking for it, and cannot be told not to")),
        ("too-large", run(too_large)),
        ("stale-commit", cannot(NO_GROUPS)),
        (
            "old-versions",
            cannot("rskafka speaks only the versions it was written for; it cannot be held to older ones"),
        ),
        ("transaction-refused", cannot("rskafka has no transactions")),
    ];
    scenario::main(scenarios, member).await
}
