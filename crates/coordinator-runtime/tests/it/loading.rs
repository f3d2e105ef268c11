//! From the log into memory, and out of it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use moldau_coordinator_runtime::{Commit, CoordinatorPartition, GroupCoordinatorConfig, MemoryPartition};
use moldau_protocol::records::{BatchBuilder, batches};
use moldau_types::{ErrorCode, Uuid};
use tokio::sync::Mutex;

use crate::harness::{
    GROUP, commit_errors, commit_request, context, coordinator, error_of, fetch, heartbeat, join, join_new,
    loaded, serving, sync,
};

/// Where a batch says its format version.
const MAGIC_POSITION: usize = 16;

fn reference_log() -> Arc<MemoryPartition> {
    let partition = Arc::new(MemoryPartition::default());
    partition.preload(&Bytes::from_static(include_bytes!("../fixtures/consumer_offsets.log")));
    partition
}

#[tokio::test(start_paused = true)]
async fn the_references_log_is_served() {
    let partition = reference_log();
    let coordinator = serving(partition.clone()).await;
    let listed = coordinator.list_groups(&Default::default()).await;
    let listed: Vec<_> =
        listed.groups.iter().map(|g| (g.group_id.as_str(), g.group_state.as_str())).collect();
    assert_eq!(
        listed,
        [
            ("admin-group", "Empty"),
            ("classic-group", "Empty"),
            ("static-group", "Stable"),
            ("tx-group", "Empty")
        ]
    );
    assert_eq!(fetch(&coordinator, "tx-group").await, Ok(vec![("mixed".to_owned(), 0, 20)]));
    assert_eq!(fetch(&coordinator, "classic-group").await, Ok(vec![("mixed".to_owned(), 0, 12)]));
    let join_to_other = coordinator
        .join_group(
            context(9),
            moldau_protocol::messages::JoinGroupRequest { group_id: "share-group".to_owned(), ..join("") },
        )
        .await;
    assert_eq!(error_of(join_to_other.error_code), ErrorCode::InconsistentGroupProtocol);
    let results = coordinator
        .delete_groups(&["tx-group".to_owned(), "static-group".to_owned(), "none".to_owned()])
        .await;
    let errors: Vec<_> = results.iter().map(|result| error_of(result.error_code)).collect();
    assert_eq!(errors, [ErrorCode::None, ErrorCode::NonEmptyGroup, ErrorCode::GroupIdNotFound]);
    let again = serving(partition).await;
    assert_eq!(fetch(&again, "tx-group").await, Ok(vec![]));
    assert_eq!(again.describe_group(6, "static-group").await.members.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_led_is_somebody_elses() {
    let coordinator = coordinator(GroupCoordinatorConfig::default());
    let joined = coordinator.join_group(context(9), join("")).await;
    assert_eq!(error_of(joined.error_code), ErrorCode::NotCoordinator);
    assert_eq!(fetch(&coordinator, GROUP).await, Err(ErrorCode::NotCoordinator));
    let response = coordinator.commit_offsets(9, &commit_request(0..2, 1)).await;
    assert_eq!(commit_errors(&response), [ErrorCode::NotCoordinator; 2]);
    assert_eq!(error_of(coordinator.describe_group(6, GROUP).await.error_code), ErrorCode::NotCoordinator);
    assert!(coordinator.list_groups(&Default::default()).await.groups.is_empty());
}

/// A partition whose reads go through a function.
struct Altered<F> {
    inner: MemoryPartition,
    read: F,
}

impl<F> CoordinatorPartition for Altered<F>
where
    F: Fn(Bytes) -> Result<Bytes, ErrorCode> + Send + Sync + 'static,
{
    fn append(&self, batch: Vec<u8>) -> Result<i64, ErrorCode> {
        self.inner.append(batch)
    }

    fn committed(&self, offset: i64) -> Commit {
        self.inner.committed(offset)
    }

    fn read(&self, offset: i64, max_bytes: usize) -> Result<Bytes, ErrorCode> {
        (self.read)(self.inner.read(offset, max_bytes)?)
    }

    fn log_start_offset(&self) -> i64 {
        self.inner.log_start_offset()
    }

    fn log_end_offset(&self) -> i64 {
        self.inner.log_end_offset()
    }

    fn location(&self) -> String {
        self.inner.location()
    }

    fn max_batch_bytes(&self) -> usize {
        self.inner.max_batch_bytes()
    }
}

#[tokio::test]
async fn while_it_loads_clients_are_told_so_and_heartbeats_pass() {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.clone().lock_owned().await;
    let inner = MemoryPartition::default();
    inner.preload(&Bytes::from_static(include_bytes!("../fixtures/consumer_offsets.log")));
    let coordinator = coordinator(GroupCoordinatorConfig::default());
    let read = move |bytes| {
        drop(gate.blocking_lock());
        Ok(bytes)
    };
    coordinator.elected(0, 1, Arc::new(Altered { inner, read }));
    let joined = coordinator.join_group(context(9), join("")).await;
    assert_eq!(error_of(joined.error_code), ErrorCode::CoordinatorLoadInProgress);
    assert_eq!(fetch(&coordinator, GROUP).await, Err(ErrorCode::CoordinatorLoadInProgress));
    let listed = coordinator.list_groups(&Default::default()).await;
    assert_eq!(error_of(listed.error_code), ErrorCode::CoordinatorLoadInProgress);
    assert_eq!(heartbeat(&coordinator, &joined), ErrorCode::None);
    drop(closed);
    loaded(&coordinator).await;
    assert_eq!(fetch(&coordinator, "tx-group").await, Ok(vec![("mixed".to_owned(), 0, 20)]));
}

/// Found as a Java consumer's first asynchronous commit that was refused with COORDINATOR_LOAD_IN_PROGRESS, which it does not retry.
#[tokio::test]
async fn a_partition_just_made_is_served_from_the_moment_of_its_election() {
    let coordinator = coordinator(GroupCoordinatorConfig::default());
    coordinator.elected(0, 1, Arc::new(MemoryPartition::default()));
    let response = coordinator.commit_offsets(9, &commit_request(0..2, 1)).await;
    assert_eq!(commit_errors(&response), [ErrorCode::None; 2]);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_answered_when_another_node_takes_over() {
    let partition = Arc::new(MemoryPartition::default());
    let coordinator = serving(partition.clone()).await;
    let waiting = tokio::spawn({
        let coordinator = coordinator.clone();
        async move { join_new(&coordinator).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    coordinator.resigned(0, 1);
    assert_eq!(error_of(waiting.await.expect("joined").error_code), ErrorCode::NotCoordinator);
    coordinator.elected(0, 2, partition);
    loaded(&coordinator).await;
    assert_eq!(join_new(&coordinator).await.error_code, 0);
    coordinator.resigned(0, 1);
    assert_eq!(coordinator.describe_group(6, GROUP).await.error_code, 0, "that was an older epoch");
}

#[tokio::test(start_paused = true)]
async fn members_and_offsets_outlive_a_restart() {
    let partition = Arc::new(MemoryPartition::default());
    let first = serving(partition.clone()).await;
    let joined = join_new(&first).await;
    let synced = sync(&first, &joined, &[(&joined.member_id, "all of it")]).await;
    assert_eq!(synced.assignment, "all of it");
    let mut request = commit_request(0..3, 7);
    request.member_id = joined.member_id.clone();
    request.generation_id_or_member_epoch = joined.generation_id;
    assert_eq!(commit_errors(&first.commit_offsets(9, &request).await), [ErrorCode::None; 3]);
    first.shut_down();
    assert_eq!(heartbeat(&first, &joined), ErrorCode::NotCoordinator);
    let second = serving(partition).await;
    assert_eq!(heartbeat(&second, &joined), ErrorCode::None);
    assert_eq!(fetch(&second, GROUP).await.map(|offsets| offsets.len()), Ok(3));
    assert_eq!(sync(&second, &joined, &[]).await.assignment, "all of it");
}

/// A partition in which a group has committed an offset twice, in two batches.
async fn twice_committed() -> MemoryPartition {
    let partition = Arc::new(MemoryPartition::default());
    let first = serving(partition.clone()).await;
    first.commit_offsets(9, &commit_request(0..1, 1)).await;
    first.commit_offsets(9, &commit_request(0..1, 2)).await;
    first.shut_down();
    drop(first);
    let copy = MemoryPartition::default();
    copy.preload(&partition.bytes().into());
    copy
}

#[tokio::test(start_paused = true)]
async fn a_log_with_an_unreadable_batch_was_served_without_the_offsets_behind_it() {
    let read = |bytes: Bytes| {
        let mut bytes = bytes.to_vec();
        let second = batches(&bytes).next().expect("a batch").expect("a whole one").bytes().len();
        bytes[second + MAGIC_POSITION] = 7;
        Ok(bytes.into())
    };
    let coordinator = serving(Arc::new(Altered { inner: twice_committed().await, read })).await;
    assert_eq!(fetch(&coordinator, GROUP).await, Err(ErrorCode::NotCoordinator));
}

#[tokio::test(start_paused = true)]
async fn a_log_that_ended_in_a_torn_batch_was_served() {
    let read = |bytes: Bytes| Ok(bytes.slice(..bytes.len() - 1));
    let coordinator = serving(Arc::new(Altered { inner: twice_committed().await, read })).await;
    assert_eq!(fetch(&coordinator, GROUP).await, Err(ErrorCode::NotCoordinator));
}

/// The key of a committed offset of the group, partition 0.
fn offset_key(topic: &str) -> Vec<u8> {
    let mut key = vec![0, 1];
    for text in [GROUP, topic] {
        key.extend((text.len() as i16).to_be_bytes());
        key.extend(text.as_bytes());
    }
    key.extend(0i32.to_be_bytes());
    key
}

fn append(partition: &MemoryPartition, key: &[u8], value: &[u8]) {
    let mut builder = BatchBuilder::new();
    builder.append(0, Some(key), Some(value), &[]).expect("a record");
    partition.append(builder.build().expect("a batch")).expect("appended");
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_offset_was_passed_over_as_if_it_had_never_been_committed() {
    let partition = twice_committed().await;
    append(&partition, &offset_key("flights"), &[0, 3, 0, 0]);
    let coordinator = serving(Arc::new(partition)).await;
    assert_eq!(fetch(&coordinator, GROUP).await, Err(ErrorCode::NotCoordinator));
}

#[tokio::test(start_paused = true)]
async fn records_of_unknown_types_are_passed_over() {
    let partition = twice_committed().await;
    append(&partition, &[0, 99, 1, 2, 3], b"from another version");
    let coordinator = serving(Arc::new(partition)).await;
    assert_eq!(fetch(&coordinator, GROUP).await, Ok(vec![("flights".to_owned(), 0, 2)]));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_failed_for_a_moment_was_never_tried_again() {
    let failures = AtomicUsize::new(5);
    let read = move |bytes: Bytes| {
        let failing = failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if failing.is_ok() { Err(ErrorCode::KafkaStorageError) } else { Ok(bytes) }
    };
    let coordinator = serving(Arc::new(Altered { inner: twice_committed().await, read })).await;
    assert_eq!(fetch(&coordinator, GROUP).await, Ok(vec![("flights".to_owned(), 0, 2)]));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_goes_on_failing_ends_with_the_resignation() {
    let read = |_: Bytes| Err(ErrorCode::KafkaStorageError);
    let partition = Arc::new(Altered { inner: twice_committed().await, read });
    let coordinator = coordinator(GroupCoordinatorConfig::default());
    coordinator.elected(0, 1, partition.clone());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(fetch(&coordinator, GROUP).await, Err(ErrorCode::CoordinatorLoadInProgress));
    coordinator.resigned(0, 1);
    assert_eq!(fetch(&coordinator, GROUP).await, Err(ErrorCode::NotCoordinator));
    while Arc::strong_count(&partition) > 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_topic_that_was_deleted_while_groups_were_loading_kept_its_offsets() {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.clone().lock_owned().await;
    let read = move |bytes| {
        drop(gate.blocking_lock());
        Ok(bytes)
    };
    let coordinator = coordinator(GroupCoordinatorConfig::default());
    coordinator.elected(0, 1, Arc::new(Altered { inner: twice_committed().await, read }));
    coordinator.topics_deleted(&[(Arc::from("flights"), Uuid::ZERO)]);
    drop(closed);
    loaded(&coordinator).await;
    assert_eq!(fetch(&coordinator, GROUP).await, Ok(vec![]));
}

/// Found as live members that were told UNKNOWN_MEMBER_ID, and offsets that were -1, after CreatePartitions.
#[tokio::test(start_paused = true)]
async fn partitions_that_were_added_to_the_offsets_topic_moved_every_group_at_once() {
    let coordinator = serving(Arc::new(MemoryPartition::default())).await;
    coordinator.commit_offsets(9, &commit_request(0..1, 1)).await;
    coordinator.set_partition_count(50);
    assert_eq!(coordinator.partition_for(GROUP), 0);
    assert_eq!(fetch(&coordinator, GROUP).await, Ok(vec![("flights".to_owned(), 0, 1)]));
    coordinator.forget_partition_count();
    coordinator.set_partition_count(50);
    assert_ne!(coordinator.partition_for(GROUP), 0, "the topic was made anew");
}
