//! The data path but for fetches: produce, offsets, deletion of records.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use bytes::Bytes;
use moldau_protocol::Request;
use moldau_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use moldau_protocol::messages::describe_producers_request::TopicRequest;
use moldau_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use moldau_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use moldau_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use moldau_protocol::messages::*;
use moldau_protocol::records::BatchBuilder;
use moldau_types::Uuid;

use super::{Run, fetches};
use crate::world::World;

pub(super) const FIRST_BY_ID: i16 = 13;
pub(super) const TIMESTAMP: i64 = 1_700_000_000_000;

pub(super) fn run(run: &mut Run) -> Result<()> {
    run.world.topic("data", 2, &[("message.timestamp.before.max.ms", "9223372036854775807")])?;
    run.world.topic("compacted", 1, &[("cleanup.policy", "compact")])?;
    for topic in ["read", "idempotent"] {
        run.world.topic(topic, 2, &[("message.timestamp.before.max.ms", "9223372036854775807")])?;
    }
    produced(run)?;
    unanswered(run)?;
    idempotent(run)?;
    fetches::run(run)?;
    offsets(run)?;
    deleted(run)
}

/// A batch of records with these keys, a second apart.
pub(super) fn batch(keys: &[Option<&str>]) -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    for (at, key) in keys.iter().enumerate() {
        builder
            .append(TIMESTAMP + 1000 * at as i64, key.map(str::as_bytes), Some(b"value"), &[])
            .expect("room");
    }
    builder.build().expect("a batch")
}

fn changed(mut batch: Vec<u8>, at: usize, to: u8) -> Vec<u8> {
    batch[at] = to;
    batch
}

pub(super) fn produce(
    version: i16,
    world: &World,
    topic: &str,
    partition: i32,
    acks: i16,
    records: &[u8],
) -> ProduceRequest {
    let by_id = version >= FIRST_BY_ID;
    ProduceRequest {
        acks,
        timeout_ms: 10_000,
        topic_data: vec![TopicProduceData {
            name: if by_id { String::new() } else { topic.to_owned() },
            topic_id: if by_id { world.topic_id(topic) } else { Uuid::ZERO },
            partition_data: vec![PartitionProduceData {
                index: partition,
                records: Some(Bytes::copy_from_slice(records)),
            }],
        }],
        ..Default::default()
    }
}

fn produced(run: &mut Run) -> Result<()> {
    let good = batch(&[Some("a"), None, Some("b")]);
    for acks in [-1, 1] {
        run.each(&format!("a batch, acks={acks}"), |version, world| {
            produce(version, world, "data", 0, acks, &good)
        })?;
    }
    let two = [&good[..], &good[..]].concat();
    let cases: [(&str, &str, i32, Vec<u8>); 10] = [
        ("a topic that is not there", "nothing", 0, good.clone()),
        ("a partition that is not there", "data", 9, good.clone()),
        ("no records", "data", 0, Vec::new()),
        ("a wrong checksum", "data", 0, changed(good.clone(), 20, 0x55)),
        ("a magic that is not there", "data", 0, changed(good.clone(), 16, 9)),
        ("half a batch", "data", 0, good[..good.len() / 2].to_vec()),
        ("two batches", "data", 0, two),
        ("a record without a key for a compacted topic", "compacted", 0, good.clone()),
        ("an internal topic", "__consumer_offsets", 0, good.clone()),
        ("a batch of a megabyte and more", "data", 0, {
            let mut builder = BatchBuilder::new();
            builder.append(TIMESTAMP, None, Some(&vec![b'x'; 1_100_000]), &[]).expect("room");
            builder.build().expect("a batch")
        }),
    ];
    for (title, topic, partition, records) in cases {
        run.each(title, |version, world| produce(version, world, topic, partition, -1, &records))?;
    }
    run.each("acks=2", |version, world| produce(version, world, "data", 0, 2, &good))
}

/// Without an answer, a producer learns nothing but the end of its connection.
fn unanswered(run: &mut Run) -> Result<()> {
    let good = batch(&[Some("a")]);
    let latest = ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic {
            name: "data".to_owned(),
            partitions: vec![ListOffsetsPartition {
                partition_index: 1,
                current_leader_epoch: -1,
                timestamp: -1,
            }],
        }],
        ..Default::default()
    };
    let cases = [
        ("a batch, acks=0", "data", good.clone()),
        ("a topic that is not there, acks=0", "nothing", good.clone()),
        ("a wrong checksum, acks=0", "data", changed(good, 20, 0x55)),
    ];
    for (title, topic, records) in cases {
        run.each_unanswered(
            title,
            |version, world| produce(version, world, topic, 1, 0, &records),
            (7, latest.clone()),
        )?;
    }
    Ok(())
}

/// A batch of a producer with an id: its epoch, and the sequence number of its first record.
pub(super) fn numbered(producer_id: i64, producer_epoch: i16, base_sequence: i32, records: usize) -> Vec<u8> {
    let mut builder = BatchBuilder::new().producer(producer_id, producer_epoch, base_sequence);
    for at in 0..records {
        builder.append(TIMESTAMP + at as i64, Some(b"k"), Some(b"value"), &[]).expect("room");
    }
    builder.build().expect("a batch")
}

/// Each version has a producer of its own, which does the same.
fn idempotent(run: &mut Run) -> Result<()> {
    let versions = ProduceRequest::KEY.versions().context("an API without versions")?;
    let mut producers = BTreeMap::new();
    for version in versions.min..=versions.max {
        let request = InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: 60_000,
            producer_id: -1,
            producer_epoch: -1,
            ..Default::default()
        };
        let begun = run.world.connection.ask(4, &request)?.context("no answer")?;
        anyhow::ensure!(begun.error_code == 0, "no producer id: {}", begun.error_code);
        producers.insert(version, begun.producer_id);
    }
    run.each("no producer has written yet", |_, _| described_producers())?;
    // Title, producer epoch, sequence number of the first record, records.
    for (title, epoch, sequence, records) in [
        ("the first batch of a producer", 0, 0, 3),
        ("the first batch again", 0, 0, 3),
        ("the first batch again with another number of records", 0, 0, 2),
        ("the next batch", 0, 3, 2),
        ("a batch behind a gap", 0, 9, 1),
        ("the first batch again, after the next", 0, 0, 3),
        ("a new epoch that does not begin at 0", 1, 5, 1),
        ("a new epoch", 1, 0, 1),
        ("a batch of the old epoch", 0, 5, 1),
        ("a batch of the new epoch", 1, 1, 1),
        ("a batch of the new epoch again", 1, 1, 1),
        ("a batch without a sequence number", 1, -1, 1),
        ("a negative epoch", -3, 2, 1),
        ("one more", 1, 2, 1),
        ("one more still", 1, 3, 1),
        ("a third", 1, 4, 1),
        ("a fourth", 1, 5, 1),
        ("a batch again of which five others came after", 1, 0, 1),
    ] {
        run.each(&format!("idempotent: {title}"), |version, world| {
            let batch = numbered(producers[&version], epoch, sequence, records);
            produce(version, world, "idempotent", 0, -1, &batch)
        })?;
    }
    run.each("idempotent: an unknown producer that does not begin at 0", |version, world| {
        let batch = numbered(900_000 + i64::from(version), 0, 7, 1);
        produce(version, world, "idempotent", 1, -1, &batch)
    })?;
    run.each("producers that have written", |_, _| described_producers())
}

fn described_producers() -> DescribeProducersRequest {
    DescribeProducersRequest {
        topics: vec![TopicRequest { name: "idempotent".to_owned(), partition_indexes: vec![0, 1] }],
    }
}

fn offsets(run: &mut Run) -> Result<()> {
    let cases: [(&str, i32, i64); 12] = [
        ("the latest", 0, -1),
        ("the earliest", 0, -2),
        ("the largest timestamp", 0, -3),
        ("the earliest local", 0, -4),
        ("the latest tiered", 0, -5),
        ("the earliest that waits to be tiered", 0, -6),
        ("the next special one", 0, -7),
        ("the beginning of time", 0, 0),
        ("a special one that is not there", 0, -99),
        ("a time", 0, TIMESTAMP + 500),
        ("a time of the future", 0, i64::MAX),
        ("a partition that is not there", 9, -1),
    ];
    for (title, partition_index, timestamp) in cases {
        for (topic, epoch) in [("data", -1), ("nothing", -1), ("data", 99)] {
            run.each(&format!("{title}, {topic}, leader epoch {epoch}"), |_, _| ListOffsetsRequest {
                replica_id: -1,
                topics: vec![ListOffsetsTopic {
                    name: topic.to_owned(),
                    partitions: vec![ListOffsetsPartition {
                        partition_index,
                        current_leader_epoch: epoch,
                        timestamp,
                    }],
                }],
                ..Default::default()
            })?;
        }
    }
    for (title, timestamp) in [("the latest", -1), ("the largest timestamp", -3), ("a time", TIMESTAMP + 500)]
    {
        run.each(&format!("{title}, committed records only"), |_, _| ListOffsetsRequest {
            replica_id: -1,
            isolation_level: 1,
            topics: vec![ListOffsetsTopic {
                name: "read".to_owned(),
                partitions: [0, 1]
                    .map(|partition_index| ListOffsetsPartition {
                        partition_index,
                        current_leader_epoch: -1,
                        timestamp,
                    })
                    .to_vec(),
            }],
            ..Default::default()
        })?;
    }
    for (title, leader_epoch, current_leader_epoch) in [
        ("the first epoch", 0, -1),
        ("an epoch of the future", 9, -1),
        ("a current epoch of the future", 0, 9),
    ] {
        run.each(title, |_, _| OffsetForLeaderEpochRequest {
            replica_id: -1,
            topics: ["data", "nothing"]
                .map(|topic| OffsetForLeaderTopic {
                    topic: topic.to_owned(),
                    partitions: [0, 9]
                        .map(|partition| OffsetForLeaderPartition {
                            partition,
                            current_leader_epoch,
                            leader_epoch,
                        })
                        .to_vec(),
                })
                .to_vec(),
        })?;
    }
    Ok(())
}

fn deleted(run: &mut Run) -> Result<()> {
    for (title, topic, partition_index, offset) in [
        ("behind the end", "data", 0, 1_000_000),
        ("before the beginning", "data", 0, -7),
        ("to the beginning", "data", 0, 0),
        ("some records", "data", 0, 2),
        ("all records", "data", 0, -1),
        ("of a partition that is not there", "data", 9, 0),
        ("of a topic that is not there", "nothing", 0, 0),
        ("of a compacted topic", "compacted", 0, 0),
    ] {
        run.each(title, |_, _| DeleteRecordsRequest {
            topics: vec![DeleteRecordsTopic {
                name: topic.to_owned(),
                partitions: vec![DeleteRecordsPartition { partition_index, offset }],
            }],
            timeout_ms: 10_000,
        })?;
    }
    Ok(())
}
