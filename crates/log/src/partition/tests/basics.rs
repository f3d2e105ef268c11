//! Appending, reading, rolling, reopening.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use moldau_protocol::records::batches;
use moldau_types::{LeaderEpoch, Offset};

use super::build::{Build, given};
use crate::*;

pub(super) fn open_at(dir: &Path, config: LogConfig, clean: bool) -> Arc<PartitionLog> {
    open_from(dir, config, clean, 0)
}

pub(super) fn open_from(
    dir: &Path,
    config: LogConfig,
    clean: bool,
    recovery_point: i64,
) -> Arc<PartitionLog> {
    let (log, _) = OpenLog {
        path: dir.join("t-0"),
        topic: "t".into(),
        partition: 0,
        topic_id: None,
        directory: Arc::new(LogDir::new(dir)),
        config,
        log_start: Offset(0),
        recovery_point: Offset(recovery_point),
        high_watermark: Offset(0),
        clean,
        now_ms: 5000,
    }
    .open()
    .unwrap();
    log.set_high_watermark_follows_log_end(true);
    log
}

pub(super) fn append(log: &PartitionLog, build: &Build) -> Result<AppendInfo, AppendError> {
    let mut bytes = build.bytes();
    let origin = if build.marker.is_some() { AppendOrigin::Coordinator } else { AppendOrigin::Client };
    let mut results =
        log.append_as_leader(&mut [given(&mut bytes, origin)], LeaderEpoch(build.leader_epoch), 5000);
    assert_eq!(results.len(), 1);
    results.remove(0)
}

pub(super) fn slice_bytes(read: &LogRead) -> Vec<u8> {
    let Some(slice) = &read.slice else { return Vec::new() };
    let mut bytes = vec![0; slice.len];
    slice.file.read_exact_at(&mut bytes, slice.position).unwrap();
    bytes
}

pub(super) fn base_offsets(log: &PartitionLog, from: i64, max: usize, up_to: ReadUpTo) -> Vec<i64> {
    let read = log.read(Offset(from), max, up_to, true).unwrap();
    batches(&slice_bytes(&read)).map(|batch| batch.unwrap().header.base_offset).collect()
}

#[test]
fn gathered_batches_get_offsets_in_order_and_are_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let log = open_at(dir.path(), LogConfig::default(), true);
    let mut a = Build { timestamps: vec![1, 2, 3], ..Build::default() }.bytes();
    let mut b = Build::default().bytes();
    let mut c = Build { timestamps: vec![5, 4], ..Build::default() }.bytes();
    let results = log.append_as_leader(
        &mut [
            given(&mut a, AppendOrigin::Client),
            given(&mut b, AppendOrigin::Client),
            given(&mut c, AppendOrigin::Client),
        ],
        LeaderEpoch(7),
        0,
    );
    let firsts: Vec<i64> = results.into_iter().map(|result| result.unwrap().first_offset.0).collect();
    assert_eq!(firsts, [0, 3, 4]);
    assert_eq!(log.offsets().log_end, Offset(6));
    assert_eq!(log.offsets().high_watermark, Offset(6));
    let read = log.read(Offset(0), 1 << 20, ReadUpTo::LogEnd, true).unwrap();
    assert_eq!(slice_bytes(&read), [a, b.clone(), c.clone()].concat());
    assert!(read.near_end);
    assert_eq!(
        base_offsets(&log, 5, 1 << 20, ReadUpTo::HighWatermark),
        [4],
        "the middle of a batch gives all of it"
    );
    assert!(base_offsets(&log, 6, 1 << 20, ReadUpTo::HighWatermark).is_empty());
    assert_eq!(base_offsets(&log, 3, 1, ReadUpTo::HighWatermark), [3], "the first batch is given whole");
    let small = log.read(Offset(3), 1, ReadUpTo::HighWatermark, false).unwrap();
    assert!(small.slice.is_none());
    assert!(matches!(
        log.read(Offset(7), 1, ReadUpTo::LogEnd, true),
        Err(ReadError::OffsetOutOfRange { log_end: Offset(6), .. })
    ));
    assert_eq!(log.leader_epochs(), [(LeaderEpoch(7), Offset(0))]);
    assert!(matches!(
        append(&log, &Build { leader_epoch: 6, ..Build::default() }),
        Err(AppendError::FencedLeaderEpoch { .. })
    ));
}

#[test]
fn segments_roll_by_size_and_reads_go_on_in_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_bytes: 500, index_interval_bytes: 100, ..LogConfig::default() };
    let log = open_at(dir.path(), config.clone(), true);
    for _ in 0..50 {
        append(&log, &Build { value_len: 40, ..Build::default() }).unwrap();
    }
    assert!(log.segment_count() > 8);
    for from in 0..50 {
        let found = base_offsets(&log, from, 1 << 20, ReadUpTo::LogEnd);
        assert_eq!(found[0], from);
    }
    for clean in [true, false] {
        if clean {
            log.close().unwrap();
        }
        let log = open_at(dir.path(), config.clone(), clean);
        assert_eq!(log.offsets().log_end, Offset(50));
        for from in 0..50 {
            assert_eq!(base_offsets(&log, from, 1 << 20, ReadUpTo::LogEnd)[0], from);
        }
        if clean {
            log.close().unwrap();
        }
    }
}

/// They came with their first entry, so Kafka's dump tool failed on the index of a segment that was just begun.
#[test]
fn a_segment_has_its_index_files_from_the_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let log = open_at(dir.path(), LogConfig { segment_bytes: 500, ..LogConfig::default() }, true);
    let index_files = || {
        let names = std::fs::read_dir(dir.path().join("t-0")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with("index")).count()
    };
    assert_eq!(index_files(), 2);
    while log.segment_count() < 3 {
        append(&log, &Build { value_len: 40, ..Build::default() }).unwrap();
    }
    assert_eq!(index_files(), 6);
}

#[test]
fn a_retry_is_answered_with_its_first_offset() {
    let dir = tempfile::tempdir().unwrap();
    let log = open_at(dir.path(), LogConfig::default(), true);
    let batch =
        |sequence| Build { producer: Some((9, 0, sequence)), timestamps: vec![1, 1], ..Build::default() };
    append(&log, &Build::default()).unwrap();
    append(&log, &batch(0)).unwrap();
    append(&log, &batch(2)).unwrap();
    let again = append(&log, &batch(0)).unwrap();
    assert!(again.duplicate);
    assert_eq!((again.first_offset, again.last_offset), (Offset(1), Offset(2)));
    assert!(matches!(append(&log, &batch(6)), Err(AppendError::OutOfOrderSequence { .. })));
    assert_eq!(log.offsets().log_end, Offset(5));
    let (mut a, mut b) = (batch(4).bytes(), batch(4).bytes());
    let results = log.append_as_leader(
        &mut [given(&mut a, AppendOrigin::Client), given(&mut b, AppendOrigin::Client)],
        LeaderEpoch(0),
        0,
    );
    assert!(!results[0].as_ref().unwrap().duplicate);
    assert!(results[1].as_ref().unwrap().duplicate, "also within one write");
    assert_eq!(log.offsets().log_end, Offset(7));
}

#[test]
fn readers_of_committed_data_wait_for_the_marker_and_learn_of_aborts() {
    let dir = tempfile::tempdir().unwrap();
    let log = open_at(dir.path(), LogConfig::default(), true);
    let data = |sequence| Build { producer: Some((3, 0, sequence)), transactional: true, ..Build::default() };
    append(&log, &Build::default()).unwrap();
    append(&log, &data(0)).unwrap();
    append(&log, &Build::default()).unwrap();
    assert_eq!(log.offsets().last_stable, Offset(1));
    assert_eq!(base_offsets(&log, 0, 1 << 20, ReadUpTo::LastStable), [0]);
    assert_eq!(base_offsets(&log, 0, 1 << 20, ReadUpTo::HighWatermark), [0, 1, 2]);
    let abort = Build {
        producer: Some((3, 1, -1)),
        transactional: true,
        marker: Some((true, 4)),
        ..Build::default()
    };
    append(&log, &abort).unwrap();
    assert_eq!(log.offsets().last_stable, Offset(4));
    let read = log.read(Offset(0), 1 << 20, ReadUpTo::LastStable, true).unwrap();
    assert_eq!(read.aborted.len(), 1);
    assert_eq!(
        (read.aborted[0].first_offset, read.aborted[0].last_offset, read.aborted[0].last_stable_offset),
        (Offset(1), Offset(3), Offset(4))
    );
    assert!(log.read(Offset(0), 1 << 20, ReadUpTo::HighWatermark, true).unwrap().aborted.is_empty());
    let reopened = open_at(dir.path(), LogConfig::default(), false);
    assert_eq!(reopened.aborted_transactions(Offset(0), Offset(4)).unwrap(), read.aborted);
    assert_eq!(reopened.offsets().last_stable, Offset(4));
}

#[test]
fn a_torn_tail_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let log = open_at(dir.path(), LogConfig::default(), true);
    for _ in 0..5 {
        append(&log, &Build::default()).unwrap();
    }
    let path = log.path().join("00000000000000000000.log");
    let whole = std::fs::metadata(&path).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(whole - 3).unwrap();
    let log = open_at(dir.path(), LogConfig::default(), false);
    assert_eq!(log.offsets().log_end, Offset(4));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), whole / 5 * 4);
    append(&log, &Build::default()).unwrap();
    assert_eq!(base_offsets(&log, 0, 1 << 20, ReadUpTo::LogEnd), [0, 1, 2, 3, 4]);
}

#[test]
fn the_time_of_flush_ms_counts_from_the_first_append_behind_the_last_sync() {
    let dir = tempfile::tempdir().unwrap();
    let log = open_at(dir.path(), LogConfig { flush_ms: 100, ..LogConfig::default() }, true);
    for _ in 0..2 {
        append(&log, &Build::default()).unwrap();
        assert!(!log.flush_is_due(5099));
        assert!(log.flush_is_due(5100));
        log.sync().unwrap();
        assert!(!log.flush_is_due(9999), "nothing waits");
    }
}

/// The empty time index of such a segment was taken for damage at each start.
#[test]
fn indexes_of_a_closed_segment_without_timestamps_are_not_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    let config = || LogConfig { index_interval_bytes: 0, retention_ms: -1, ..LogConfig::default() };
    for (timestamp, kept) in [(-1, true), (1000, false)] {
        let dir = dir.path().join(kept.to_string());
        let log = open_at(&dir, config(), true);
        for _ in 0..3 {
            append(&log, &Build { timestamps: vec![timestamp], ..Build::default() }).unwrap();
        }
        log.roll(5000).unwrap();
        log.close().unwrap();
        let (index, times) =
            (dir.join("t-0/00000000000000000000.index"), dir.join("t-0/00000000000000000000.timeindex"));
        std::fs::write(&times, "").unwrap();
        let modified = || std::fs::metadata(&index).unwrap().modified().unwrap();
        std::fs::File::options()
            .write(true)
            .open(&index)
            .unwrap()
            .set_modified(std::time::UNIX_EPOCH)
            .unwrap();
        let log = open_at(&dir, config(), true);
        assert_eq!(base_offsets(&log, 2, 1000, ReadUpTo::LogEnd), [2]);
        assert_eq!(modified() == std::time::UNIX_EPOCH, kept, "timestamp {timestamp}");
        assert_eq!(std::fs::metadata(&times).unwrap().len() == 0, kept);
    }
}
