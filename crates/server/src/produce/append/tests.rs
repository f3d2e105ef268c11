//! Appends to partitions whose files do what the tests want.

use std::path::Path;

use moldau_config::TopicConfig;
use moldau_log::{LogConfig, LogDir, OpenLog};
use moldau_metadata::{LocalPartition, PartitionRegistration};
use moldau_protocol::messages::PartitionRecord;
use moldau_protocol::records::{BatchBuilder, BatchHeader};
use moldau_types::{PartitionIndex, Uuid};

use super::*;

fn partition(dir: &Path, index: i32, config: LogConfig) -> Arc<Partition> {
    let (log, _) = OpenLog {
        path: dir.join(format!("t-{index}")),
        topic: "t".into(),
        partition: index,
        topic_id: None,
        directory: Arc::new(LogDir::new(dir)),
        config,
        log_start: Offset(0),
        recovery_point: Offset(0),
        high_watermark: Offset(0),
        clean: true,
        now_ms: 0,
    }
    .open()
    .unwrap();
    let registration = PartitionRegistration::from_record(&PartitionRecord::default()).unwrap();
    let place = LocalPartition {
        topic: "t".into(),
        topic_id: Uuid::from_u128(1),
        index: PartitionIndex(index),
        partition: Arc::new(registration),
        previous: None,
    };
    Arc::new(Partition::new(&place, log, Arc::new(TopicConfig::default()), Arc::default(), None))
}

/// A batch of one record, as a producer sends it, with this sequence number.
fn batch_bytes(sequence: i32) -> Vec<u8> {
    let mut builder = BatchBuilder::new().producer(7, 0, sequence);
    builder.append(1000, None, None, &[]).unwrap();
    builder.build().unwrap()
}

/// Appends one batch with each sequence number to the partition beside it; gives the answers in the order they came.
fn append_all(given: &[(&Arc<Partition>, i32)]) -> Vec<(usize, Result<i64, AppendError>)> {
    let mut bytes = Vec::new();
    let mut batches = Vec::new();
    for (slot, (partition, sequence)) in given.iter().enumerate() {
        let batch = batch_bytes(*sequence);
        let header = BatchHeader::parse(&batch).unwrap();
        let range = bytes.len()..bytes.len() + batch.len();
        bytes.extend_from_slice(&batch);
        let validated = Validated { header, rebuilt: None, max_timestamp: 1000, offset_of_max_timestamp: 0 };
        batches.push(Batch { slot, partition: Arc::clone(partition), range, validated });
    }
    let mut answers = Vec::new();
    append(batches, &mut bytes, 0, |slot, _, result| {
        answers.push((slot, result.map(|appended| appended.base_offset.0)));
    });
    answers
}

#[test]
fn what_flush_messages_could_not_sync_is_not_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let partition = partition(dir.path(), 0, LogConfig { flush_messages: 1, ..LogConfig::default() });
    assert!(append_all(&[(&partition, 0)])[0].1.is_ok());
    assert_eq!(partition.log.synced_to(), Offset(1));
    // This file takes all that is written to it and cannot be synced.
    partition.log.release_idle();
    let file = dir.path().join("t-0/00000000000000000000.log");
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/dev/null", &file).unwrap();
    let answers = append_all(&[(&partition, 1)]);
    assert!(matches!(answers[0].1, Err(AppendError::Storage(_))), "{answers:?}");
    let retried = append_all(&[(&partition, 1)]);
    assert!(matches!(retried[0].1, Err(AppendError::Storage(_))), "{retried:?}");
}

#[test]
fn batches_of_many_partitions_are_each_answered_and_keep_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let partitions: Vec<_> = (0..3).map(|index| partition(dir.path(), index, LogConfig::default())).collect();
    let given: Vec<_> = (0..12).map(|n| (&partitions[n % 3], (n / 3) as i32)).collect();
    let mut answers = append_all(&given);
    answers.sort_by_key(|(slot, _)| *slot);
    let offsets: Vec<_> = answers.into_iter().map(|(_, result)| result.unwrap()).collect();
    assert_eq!(offsets, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
}
