//! A full disk under the metadata log.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::medium::memory::Memory;
use crate::{FirstVoters, Voter};

async fn open(disk: &Memory) -> RaftQuorum {
    let voter = Voter {
        id: BrokerId(1),
        directory_id: Uuid::from_u128(7),
        endpoints: Vec::new(),
        min_kraft_version: 0,
        max_kraft_version: 1,
    };
    let store = StoreConfig {
        node_id: BrokerId(1),
        directory_id: Uuid::from_u128(7),
        first_voters: FirstVoters::Dynamic(vec![voter]),
        clock: Arc::new(|| 1000),
    };
    RaftQuorum::start(Parts {
        medium: Arc::new(disk.clone()),
        store,
        transport: Arc::new(Alone),
        election_timeout_ms: 100,
        fetch_timeout_ms: 100,
        retention: (-1, -1),
        threads: false,
    })
    .await
    .unwrap()
}

async fn propose(quorum: &RaftQuorum) -> Result<PendingCommit, QuorumError> {
    let status = quorum.status();
    let records = vec![Bytes::from_static(b"a record")];
    let leader_epoch = status.leader.unwrap().epoch;
    quorum.propose(Proposal { leader_epoch, base_offset: status.log_end_offset, records }).await
}

#[tokio::test]
async fn what_finds_no_space_is_refused_and_the_next_is_taken_once_there_is_some() {
    let disk = Memory::default();
    let quorum = open(&disk).await;
    propose(&quorum).await.unwrap().await.unwrap();
    let end = quorum.status().log_end_offset;
    for _ in 0..3 {
        disk.set_space(Some(20));
        assert_eq!(propose(&quorum).await.err(), Some(QuorumError::NoSpace));
        assert_eq!((quorum.status().log_end_offset, quorum.status().failed), (end, None));
    }
    disk.set_space(None);
    assert_eq!(propose(&quorum).await.unwrap().await, Ok(end));
    quorum.shutdown().await;
    // Nothing of what was refused is there.
    let quorum = open(&disk).await;
    assert_eq!(quorum.status().log_end_offset, Offset(end.0 + 2), "one record and the begin of an epoch");
}

#[tokio::test]
async fn what_has_its_place_waits_for_space_and_all_else_is_refused_meanwhile() {
    let disk = Memory::default();
    let quorum = open(&disk).await;
    disk.forget_reservations();
    disk.set_space(Some(0));
    let end = quorum.status().log_end_offset;
    let mut first = propose(&quorum).await.unwrap();
    while propose(&quorum).await.err() != Some(QuorumError::NoSpace) {
        tokio::task::yield_now().await;
    }
    let waited = tokio::time::timeout(Duration::from_millis(1), &mut first).await;
    assert!(waited.is_err(), "{waited:?}");
    disk.set_space(None);
    assert_eq!(first.await, Ok(end));
    assert_eq!(quorum.status().failed, None);
    while propose(&quorum).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_full_disk_does_not_hold_up_the_stop() {
    let disk = Memory::default();
    let quorum = open(&disk).await;
    disk.forget_reservations();
    disk.set_space(Some(0));
    let first = propose(&quorum).await.unwrap();
    while propose(&quorum).await.err() != Some(QuorumError::NoSpace) {
        tokio::task::yield_now().await;
    }
    quorum.shutdown().await;
    assert!(first.await.is_err());
}
