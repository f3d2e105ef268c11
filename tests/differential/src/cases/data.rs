//! The data path: produce, fetch, offsets, deletion of records.

use anyhow::Result;
use bytes::Bytes;
use moldau_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use moldau_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use moldau_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use moldau_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use moldau_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use moldau_protocol::messages::*;
use moldau_protocol::records::BatchBuilder;
use moldau_types::Uuid;

use super::Run;
use crate::world::World;

const FIRST_BY_ID: i16 = 13;
const TIMESTAMP: i64 = 1_700_000_000_000;

pub(super) fn run(run: &mut Run) -> Result<()> {
    run.world.topic("data", 2, &[("message.timestamp.before.max.ms", "9223372036854775807")])?;
    run.world.topic("compacted", 1, &[("cleanup.policy", "compact")])?;
    produced(run)?;
    fetched(run)?;
    offsets(run)?;
    deleted(run)
}

/// A batch of records with these keys, a second apart.
fn batch(keys: &[Option<&str>]) -> Vec<u8> {
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

fn produce(
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

fn fetch(version: i16, world: &World, topic: &str, partition: FetchPartition) -> FetchRequest {
    let by_id = version >= FIRST_BY_ID;
    FetchRequest {
        replica_id: -1,
        max_wait_ms: 10,
        min_bytes: 1,
        max_bytes: 1 << 20,
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: if by_id { String::new() } else { topic.to_owned() },
            topic_id: if by_id { world.topic_id(topic) } else { Uuid::ZERO },
            partitions: vec![partition],
        }],
        ..Default::default()
    }
}

fn fetched(run: &mut Run) -> Result<()> {
    let from = |partition, fetch_offset| FetchPartition {
        partition,
        fetch_offset,
        current_leader_epoch: -1,
        last_fetched_epoch: -1,
        log_start_offset: -1,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let cases: [(&str, &str, FetchPartition); 10] = [
        ("from the beginning", "data", from(0, 0)),
        ("from the middle of a batch", "data", from(0, 1)),
        ("from the end", "data", from(1, 0)),
        ("from behind the end", "data", from(0, 1_000_000)),
        ("from before the beginning", "data", from(0, -5)),
        ("a partition that is not there", "data", from(9, 0)),
        ("a topic that is not there", "nothing", from(0, 0)),
        ("a leader epoch of the future", "data", FetchPartition { current_leader_epoch: 99, ..from(0, 0) }),
        ("a last epoch of the future", "data", FetchPartition { last_fetched_epoch: 99, ..from(0, 1) }),
        ("at most one byte", "data", FetchPartition { partition_max_bytes: 1, ..from(0, 0) }),
    ];
    for (title, topic, partition) in cases {
        run.each(title, |version, world| {
            let request = fetch(version, world, topic, partition.clone());
            match version {
                ..9 => FetchRequest { topics: without_epochs(request.topics), ..request },
                _ => request,
            }
        })?;
    }
    run.each("committed records only", |version, world| FetchRequest {
        isolation_level: 1,
        ..fetch(version, world, "data", FetchPartition { current_leader_epoch: -1, ..from(0, 0) })
    })?;
    run.each("a session that begins", |version, world| FetchRequest {
        session_epoch: 0,
        ..fetch(version, world, "data", from(0, 0))
    })?;
    for (title, session_id, session_epoch) in
        [("a session that is not there", 4711, 3), ("an epoch without a session", 0, 5)]
    {
        run.each(title, |version, world| FetchRequest {
            session_id,
            session_epoch,
            ..fetch(version, world, "data", from(0, 0))
        })?;
    }
    Ok(())
}

/// What a version before 9 has no place for is the default then.
fn without_epochs(topics: Vec<FetchTopic>) -> Vec<FetchTopic> {
    topics
        .into_iter()
        .map(|mut topic| {
            for partition in &mut topic.partitions {
                if partition.current_leader_epoch == -1 {
                    partition.current_leader_epoch = FetchPartition::default().current_leader_epoch;
                }
            }
            topic
        })
        .collect()
}

fn offsets(run: &mut Run) -> Result<()> {
    let cases: [(&str, i32, i64); 9] = [
        ("the latest", 0, -1),
        ("the earliest", 0, -2),
        ("the largest timestamp", 0, -3),
        ("the earliest local", 0, -4),
        ("the latest tiered", 0, -5),
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
