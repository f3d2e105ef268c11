//! A quorum of one through its life: first start, appends, restarts, snapshots.

use std::time::Instant;

use moldau_quorum::{
    Committed, CommittedReader, ControlBatch, FirstVoters, Leader, MetadataQuorum, Proposal, QuorumError,
    RaftQuorum, SnapshotContents, SnapshotId,
};
use moldau_types::{BrokerId, LeaderEpoch, Offset};

use super::{append, batches, config, open, read_all, record, voter};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_leads_epoch_1_at_once_and_writes_down_its_voters() {
    let dir = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let quorum = open(dir.path()).await;
    let elapsed = began.elapsed();
    println!("first start: {elapsed:?}");
    assert!(elapsed.as_millis() < 900, "it waited for an election timeout: {elapsed:?}");
    let leader = Leader { id: BrokerId(1), epoch: LeaderEpoch(1) };
    let status = quorum.status();
    assert_eq!(status.leader, Some(leader));
    assert_eq!((status.high_watermark, status.log_end_offset), (Offset(3), Offset(3)));
    assert_eq!((status.kraft_version, status.voters), (1, vec![voter()]));
    let log = batches(read_all(&quorum, -1));
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].control, Some(ControlBatch::LeaderChange(leader)));
    let files = dir.path().join("__cluster_metadata-0");
    let state = std::fs::read_to_string(files.join("quorum-state")).unwrap();
    assert!(state.contains(r#""leaderId":1,"leaderEpoch":1"#), "{state}");
    assert!(files.join("00000000000000000000-0000000000.checkpoint").exists());
    quorum.shutdown().await;
}

#[tokio::test]
async fn appended_batches_survive_restarts_and_each_start_is_a_new_epoch() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let quorum = open(dir.path()).await;
        assert_eq!(quorum.leader().unwrap().epoch, LeaderEpoch(round));
        let last = append(&quorum, vec![record("a"), record(&round.to_string())]).await;
        assert_eq!(last.0 + 1, quorum.status().high_watermark.0);
        quorum.shutdown().await;
    }
    let quorum = open(dir.path()).await;
    let log = batches(read_all(&quorum, 0));
    let texts: Vec<_> = log.iter().flat_map(|batch| batch.records.iter().cloned()).collect();
    assert_eq!(texts, ["a", "1", "a", "2", "a", "3"].map(record));
    let epochs: Vec<_> = log.iter().map(|batch| batch.leader_epoch.0).collect();
    assert_eq!(epochs, [1, 1, 2, 2, 3, 3, 4]);
    let mut next = 0;
    for batch in &log {
        assert_eq!(batch.base_offset.0, next);
        next = batch.last_offset.0 + 1;
    }
}

#[tokio::test]
async fn proposals_for_another_place_or_epoch_are_refused_and_leave_a_no_op() {
    let dir = tempfile::tempdir().unwrap();
    let quorum = open(dir.path()).await;
    let (epoch, end) = (LeaderEpoch(1), quorum.status().log_end_offset);
    let propose = |leader_epoch, base_offset| {
        quorum.propose(Proposal { leader_epoch, base_offset, records: vec![record("x")] })
    };
    let (first, second) = (propose(epoch, end).await.unwrap(), propose(epoch, end).await.unwrap());
    assert_eq!(first.await, Ok(end));
    let refused = QuorumError::UnexpectedBaseOffset { expected: end, actual: Offset(end.0 + 1) };
    assert_eq!(second.await, Err(refused));
    let old = propose(LeaderEpoch(0), Offset(end.0 + 2)).await.unwrap().await;
    assert!(matches!(old, Err(QuorumError::NotLeader { .. })), "{old:?}");
    let log = batches(read_all(&quorum, end.0));
    let records: Vec<_> = log.into_iter().flat_map(|batch| batch.records).collect();
    assert_eq!(records, [&b"x"[..], &[1, 20, 0, 0], &[1, 20, 0, 0]]);
    let empty = Proposal { leader_epoch: epoch, base_offset: end, records: Vec::new() };
    assert!(matches!(quorum.propose(empty).await, Err(QuorumError::EmptyProposal)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queued_batches_commit_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let quorum = open(dir.path()).await;
    let start = quorum.status().log_end_offset.0;
    let began = Instant::now();
    let mut pending = Vec::new();
    for number in 0..500 {
        let proposal = Proposal {
            leader_epoch: LeaderEpoch(1),
            base_offset: Offset(start + number),
            records: vec![record(&number.to_string())],
        };
        pending.push(quorum.propose(proposal).await.unwrap());
    }
    for (number, commit) in pending.into_iter().enumerate() {
        assert_eq!(commit.await, Ok(Offset(start + number as i64)));
    }
    println!("500 batches: {:?}", began.elapsed());
    let log = batches(read_all(&quorum, start));
    assert!(log.iter().enumerate().all(|(at, batch)| batch.records == [record(&at.to_string())]));
    quorum.shutdown().await;
}

async fn snapshot_of(quorum: &RaftQuorum, texts: &[&str]) -> SnapshotId {
    let status = quorum.status();
    let id = SnapshotId { end_offset: status.high_watermark, epoch: status.leader.unwrap().epoch };
    let records = texts.iter().map(|text| record(text)).collect();
    quorum.write_snapshot(SnapshotContents { id, last_contained_log_timestamp: 5, records }).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_are_read_first_and_let_the_log_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.retention_bytes = 0;
    let quorum = RaftQuorum::open(config.clone()).await.unwrap();
    append(&quorum, vec![record("one")]).await;
    let first = snapshot_of(&quorum, &["sum of one"]).await;
    append(&quorum, vec![record("two")]).await;
    let second = snapshot_of(&quorum, &["sum of two"]).await;
    append(&quorum, vec![record("three")]).await;
    assert_eq!(quorum.latest_snapshot(), Some(second));
    let mut status = quorum.watch();
    while quorum.status().log_start_offset < first.end_offset {
        status.changed().await.unwrap();
    }
    let found = read_all(&quorum, -1);
    let Committed::Snapshot(contents) = &found[0] else { panic!("{found:?}") };
    assert_eq!((contents.id, contents.records.as_slice()), (second, &[record("sum of two")][..]));
    assert_eq!(batches(found)[0].records, [record("three")]);
    let bad = SnapshotId { end_offset: Offset(999), epoch: LeaderEpoch(1) };
    let contents = SnapshotContents { id: bad, last_contained_log_timestamp: 5, records: Vec::new() };
    assert_eq!(quorum.write_snapshot(contents).await, Err(QuorumError::BadSnapshot(bad)));
    let before = read_all(&quorum, -1);
    quorum.shutdown().await;
    drop(quorum);

    let quorum = RaftQuorum::open(config).await.unwrap();
    assert_eq!(quorum.status().log_start_offset, second.end_offset);
    let after = read_all(&quorum, -1);
    assert_eq!(after[..before.len()], before[..]);
    assert_eq!(quorum.status().voters, vec![voter()]);
    append(&quorum, vec![record("four")]).await;
    assert_eq!(batches(read_all(&quorum, -1)).last().unwrap().records, [record("four")]);
}

#[tokio::test]
async fn a_static_quorum_takes_its_voters_from_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.first_voters = FirstVoters::Static(vec![voter()]);
    for epoch in 1..=2 {
        let quorum = RaftQuorum::open(config.clone()).await.unwrap();
        let status = quorum.status();
        assert_eq!((status.kraft_version, status.leader.unwrap().epoch.0), (0, epoch));
        assert_eq!(status.log_end_offset.0, i64::from(epoch));
        quorum.shutdown().await;
    }
    assert!(!dir.path().join("__cluster_metadata-0/00000000000000000000-0000000000.checkpoint").exists());
}

#[tokio::test]
async fn a_reader_waits_for_the_next_commit() {
    let dir = tempfile::tempdir().unwrap();
    let quorum = open(dir.path()).await;
    let mut reader = quorum.reader(quorum.status().high_watermark);
    let waiting = tokio::spawn(async move { reader.next().await });
    append(&quorum, vec![record("late")]).await;
    let Committed::Batch(batch) = waiting.await.unwrap().unwrap() else { panic!("no batch") };
    assert_eq!(batch.records, [record("late")]);
}
