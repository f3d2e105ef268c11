//! Fetches: where they begin and what bounds them, and sessions of several requests. What is fetched is compared record by record.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use moldau_protocol::messages::FetchRequest;
use moldau_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use moldau_protocol::records::{BatchBuilder, Compression};
use moldau_types::Uuid;

use super::Run;
use super::data::{FIRST_BY_ID, TIMESTAMP, batch, numbered, produce};
use crate::world::World;

pub(super) fn run(run: &mut Run) -> Result<()> {
    fetched(run)?;
    sessions(run)
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

fn from(partition: i32, fetch_offset: i64) -> FetchPartition {
    FetchPartition {
        partition,
        fetch_offset,
        current_leader_epoch: -1,
        last_fetched_epoch: -1,
        log_start_offset: -1,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    }
}

/// A few batches that differ: plain, compressed, with headers and nulls, of a producer with an id.
fn write_what_is_read(run: &mut Run) -> Result<()> {
    let mut packed = BatchBuilder::new().compression(Compression::Gzip, None);
    packed.append(TIMESTAMP, Some(b"gzip"), Some(b"value"), &[]).expect("room");
    let mut headers = BatchBuilder::new();
    headers.append(TIMESTAMP, None, None, &[(b"h", Some(b"1")), (b"h", None)]).expect("room");
    let batches = [
        batch(&[Some("a"), None, Some("b")]),
        packed.build().expect("a batch"),
        headers.build().expect("a batch"),
        numbered(900_000, 3, 0, 2),
    ];
    for records in batches {
        let request = produce(9, &run.world, "read", 0, -1, &records);
        let written = run.world.connection.ask(9, &request)?.context("no answer")?;
        let error_code = written.responses[0].partition_responses[0].error_code;
        anyhow::ensure!(error_code == 0, "not written: {error_code}");
    }
    Ok(())
}

fn fetched(run: &mut Run) -> Result<()> {
    write_what_is_read(run)?;
    let cases: [(&str, &str, FetchPartition); 13] = [
        ("from the beginning", "read", from(0, 0)),
        ("from the middle of a batch", "read", from(0, 1)),
        ("from the last batch", "read", from(0, 6)),
        ("from the end", "read", from(1, 0)),
        ("from behind the end", "read", from(0, 1_000_000)),
        ("from before the beginning", "read", from(0, -5)),
        ("a partition that is not there", "read", from(9, 0)),
        ("a topic that is not there", "nothing", from(0, 0)),
        ("a leader epoch of the future", "read", FetchPartition { current_leader_epoch: 99, ..from(0, 0) }),
        ("a last epoch of the future", "read", FetchPartition { last_fetched_epoch: 99, ..from(0, 1) }),
        ("at most one byte", "read", FetchPartition { partition_max_bytes: 1, ..from(0, 0) }),
        ("at most a batch and a half", "read", FetchPartition { partition_max_bytes: 150, ..from(0, 0) }),
        ("what idempotent producers wrote", "idempotent", from(1, 0)),
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
        ..fetch(version, world, "read", from(0, 0))
    })?;
    for (title, session_id, session_epoch) in
        [("a session that is not there", 4711, 3), ("an epoch without a session", 0, 5)]
    {
        run.each(title, |version, world| FetchRequest {
            session_id,
            session_epoch,
            ..fetch(version, world, "read", from(0, 0))
        })?;
    }
    Ok(())
}

/// Each version has a session of its own, which goes on from request to request. Versions before 7 have none, and fetch what is named.
fn sessions(run: &mut Run) -> Result<()> {
    const TOPIC: &str = "sessions";
    run.world.topic(TOPIC, 2, &[("message.timestamp.before.max.ms", "9223372036854775807")])?;
    let write = |run: &mut Run, partition| -> Result<()> {
        let request = produce(9, &run.world, TOPIC, partition, -1, &batch(&[Some("k")]));
        run.world.connection.ask(9, &request)?.context("no answer")?;
        Ok(())
    };
    write(run, 0)?;
    let mut ids = BTreeMap::new();
    let of = |version: i16, world: &World, session_id, session_epoch, partitions: Vec<FetchPartition>| {
        let mut request = fetch(version, world, TOPIC, from(0, 0));
        request.topics[0].partitions = partitions;
        if request.topics[0].partitions.is_empty() {
            request.topics.clear();
        }
        FetchRequest { session_id, session_epoch, ..request }
    };
    run.each_noting(
        "a session that begins",
        |version, world| of(version, world, 0, 0, vec![from(0, 0), from(1, 0)]),
        |version, answer, _| {
            ids.insert(version, answer.session_id);
        },
    )?;
    let id = |version: i16| ids[&version];
    run.each("a session: the same again", |version, world| of(version, world, id(version), 1, Vec::new()))?;
    run.each("a session: on from the end", |version, world| {
        of(version, world, id(version), 2, vec![from(0, 1)])
    })?;
    write(run, 1)?;
    run.each("a session: a record in the other partition", |version, world| {
        of(version, world, id(version), 3, Vec::new())
    })?;
    run.each("a session: one partition forgotten", |version, world| FetchRequest {
        forgotten_topics_data: vec![forgotten(version, world, TOPIC, 1)],
        ..of(version, world, id(version), 4, Vec::new())
    })?;
    write(run, 0)?;
    write(run, 1)?;
    run.each("a session: a record in each", |version, world| of(version, world, id(version), 5, Vec::new()))?;
    run.each("a session: a partition that is not there is added", |version, world| {
        of(version, world, id(version), 6, vec![from(9, 0)])
    })?;
    run.each("a session: an epoch that is not the next", |version, world| {
        of(version, world, id(version), 19, Vec::new())
    })?;
    run.each("a session: ended", |version, world| of(version, world, id(version), -1, vec![from(0, 1)]))?;
    run.each("a session: asked after its end", |version, world| {
        of(version, world, id(version), 7, Vec::new())
    })
}

fn forgotten(version: i16, world: &World, topic: &str, partition: i32) -> ForgottenTopic {
    let by_id = version >= FIRST_BY_ID;
    ForgottenTopic {
        topic: if by_id { String::new() } else { topic.to_owned() },
        topic_id: if by_id { world.topic_id(topic) } else { Uuid::ZERO },
        partitions: vec![partition],
    }
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
