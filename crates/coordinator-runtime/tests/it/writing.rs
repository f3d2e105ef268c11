//! What is appended, when it is answered, and what a refused append leaves behind.

use std::sync::Arc;
use std::time::Duration;

use moldau_coordinator_runtime::{GroupCoordinatorConfig, MemoryPartition};
use moldau_protocol::records::{Compression, batches};
use moldau_types::{ErrorCode, Uuid};
use tokio::time::Instant;

use crate::harness::{
    GROUP, commit_errors, commit_request, coordinator, fetch, join_new, loaded, serving, sync,
};

#[tokio::test(start_paused = true)]
async fn batches_have_no_producer_but_sequence_zero() {
    let partition = Arc::new(MemoryPartition::default());
    let config = GroupCoordinatorConfig {
        offsets_topic_compression_codec: i32::from(Compression::Lz4.id()),
        ..GroupCoordinatorConfig::default()
    };
    let coordinator = coordinator(config);
    coordinator.elected(0, 1, partition.clone());
    loaded(&coordinator).await;
    coordinator.commit_offsets(9, &commit_request(0..100, 1)).await;
    let bytes = partition.bytes();
    let batch = batches(&bytes).next().expect("a batch").expect("a whole one");
    assert_eq!(
        (batch.header.producer_id, batch.header.producer_epoch, batch.header.base_sequence),
        (-1, -1, 0)
    );
    assert_eq!(batch.header.record_count, 100);
    assert_eq!(batch.compression().expect("a codec"), Compression::Lz4);
    batch.verify_crc().expect("a valid batch");
    let again = serving(partition).await;
    assert_eq!(fetch(&again, GROUP).await.map(|offsets| offsets.len()), Ok(100));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_in_one_batch_goes_into_several() {
    let partition = Arc::new(MemoryPartition::default());
    let coordinator = serving(partition.clone()).await;
    let response = coordinator.commit_offsets(9, &commit_request(0..20_000, 5)).await;
    assert!(commit_errors(&response).iter().all(|error| *error == ErrorCode::None));
    let bytes = partition.bytes();
    let count = batches(&bytes)
        .inspect(|batch| assert!(batch.as_ref().is_ok_and(|b| b.bytes().len() <= 1_048_588)))
        .count();
    assert!(count > 1);
    coordinator.topics_deleted(&[(Arc::from("flights"), Uuid::ZERO)]);
    let again = serving(partition).await;
    assert_eq!(fetch(&again, GROUP).await, Ok(vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_refused_commit_is_an_error_of_every_partition_and_changes_nothing() {
    let partition = Arc::new(MemoryPartition::default());
    let coordinator = serving(partition.clone()).await;
    coordinator.commit_offsets(9, &commit_request(0..1, 1)).await;
    for (refusal, told) in [
        (ErrorCode::NotLeaderOrFollower, ErrorCode::NotCoordinator),
        (ErrorCode::NotEnoughReplicas, ErrorCode::CoordinatorNotAvailable),
        (ErrorCode::RecordListTooLarge, ErrorCode::UnknownServerError),
    ] {
        partition.refuse(Some(refusal));
        let response = coordinator.commit_offsets(9, &commit_request(0..2, 2)).await;
        assert_eq!(commit_errors(&response), [told; 2]);
    }
    assert_eq!(fetch(&coordinator, GROUP).await, Ok(vec![("flights".to_owned(), 0, 1)]));
}

#[tokio::test(start_paused = true)]
async fn answers_wait_for_the_commit_and_so_do_reads_of_what_is_not_committed() {
    let partition = Arc::new(MemoryPartition::default());
    let coordinator = serving(partition.clone()).await;
    partition.hold_commits();
    let request = commit_request(0..1, 1);
    let commit = coordinator.commit_offsets(9, &request);
    let read = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        fetch(&coordinator, GROUP).await
    };
    let release = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        partition.commit_all();
    };
    let start = Instant::now();
    let (committed, read, ()) = tokio::join!(commit, read, release);
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(commit_errors(&committed), [ErrorCode::None]);
    assert_eq!(read, Ok(vec![("flights".to_owned(), 0, 1)]));
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_takes_too_long_is_given_up() {
    let partition = Arc::new(MemoryPartition::default());
    let coordinator = serving(partition.clone()).await;
    partition.hold_commits();
    let start = Instant::now();
    let response = coordinator.commit_offsets(9, &commit_request(0..1, 1)).await;
    assert_eq!(commit_errors(&response), [ErrorCode::CoordinatorNotAvailable]);
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_assignment_is_given_out_when_it_is_committed() {
    let partition = Arc::new(MemoryPartition::default());
    let coordinator = serving(partition.clone()).await;
    let joined = join_new(&coordinator).await;
    partition.hold_commits();
    let assignments = [(joined.member_id.as_str(), "all")];
    let release = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        partition.commit_all();
    };
    let start = Instant::now();
    let (synced, ()) = tokio::join!(sync(&coordinator, &joined, &assignments), release);
    assert_eq!(synced.assignment, "all");
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn old_offsets_are_removed_at_the_check_interval() {
    let partition = Arc::new(MemoryPartition::default());
    let mut config = GroupCoordinatorConfig::default();
    config.group.offsets_retention_ms = 0;
    config.group.offsets_retention_check_interval_ms = 60_000;
    let coordinator = coordinator(config);
    coordinator.elected(0, 1, partition);
    loaded(&coordinator).await;
    coordinator.commit_offsets(9, &commit_request(0..1, 1)).await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(fetch(&coordinator, GROUP).await.map(|offsets| offsets.len()), Ok(1));
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(fetch(&coordinator, GROUP).await, Ok(vec![]));
    assert_eq!(coordinator.describe_group(5, GROUP).await.group_state, "Dead");
}
