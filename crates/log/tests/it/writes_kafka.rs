//! We write the batches that Apache Kafka wrote and get its files, byte for byte.

use std::fs;

use moldau_log::{AppendBatch, AppendOrigin, LogConfig, PartitionLog};
use moldau_protocol::records::{BatchHeader, batches};
use moldau_types::{LeaderEpoch, Offset};

use crate::fixtures::{self, NOW_MS};

/// The batches of a partition in the fixtures.
fn reference_batches(name: &str) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (file, bytes) in fixtures::files(&fixtures::root().join("logs").join(name)) {
        if file.ends_with(".log") {
            all.extend(batches(&bytes).map(|batch| batch.unwrap().bytes().to_vec()));
        }
    }
    all
}

fn given(bytes: &mut [u8]) -> AppendBatch<'_> {
    let header = BatchHeader::parse(bytes).unwrap();
    let origin = if header.is_control() { AppendOrigin::Coordinator } else { AppendOrigin::Client };
    AppendBatch { max_timestamp: header.max_timestamp, offset_of_max_timestamp: 0, origin, header, bytes }
}

/// Appends batches one by one as the leader they had.
fn lead(log: &PartitionLog, batches: &[Vec<u8>]) {
    for batch in batches {
        let mut bytes = batch.clone();
        let header = BatchHeader::parse(batch).unwrap();
        bytes[0..8].fill(0);
        bytes[12..16].fill(0xff);
        let epoch = LeaderEpoch(header.partition_leader_epoch);
        let info = log.append_as_leader(&mut [given(&mut bytes)], epoch, NOW_MS).remove(0).unwrap();
        assert_eq!(info.first_offset.0, header.base_offset);
        assert!(&bytes == batch, "offset {}: the log changed more than its place", header.base_offset);
    }
}

/// Compares two directories file by file, except for the files in `except`.
fn assert_same(ours: &std::path::Path, name: &str, except: &[&str]) {
    let theirs = fixtures::files(&fixtures::root().join("logs").join(name));
    for (file, bytes) in &theirs {
        if except.contains(&file.as_str()) {
            continue;
        }
        let mine = fs::read(ours.join(file)).unwrap_or_else(|error| panic!("{name}/{file}: {error}"));
        let first = mine.iter().zip(bytes).position(|(a, b)| a != b);
        assert!(
            &mine == bytes,
            "{name}/{file} differs: {} bytes, {} expected, the first other one at {first:?}",
            mine.len(),
            bytes.len()
        );
    }
    for (file, _) in fixtures::files(ours) {
        let known = theirs.iter().any(|(theirs, _)| *theirs == file);
        assert!(
            known || except.contains(&file.as_str()),
            "{name}/{file} is not in the reference's directory"
        );
    }
}

/// Writes the batches of both runs of the reference with a clean restart between them.
fn write_both_runs(
    name: &str,
    config: &LogConfig,
    second_run: i64,
    dir: &std::path::Path,
) -> std::path::PathBuf {
    let path = dir.join(name);
    fs::create_dir(&path).unwrap();
    let metadata = fixtures::root().join("logs").join(name).join("partition.metadata");
    fs::write(path.join("partition.metadata"), fs::read(metadata).unwrap()).unwrap();
    let all = reference_batches(name);
    let second = all.partition_point(|batch| BatchHeader::parse(batch).unwrap().base_offset < second_run);
    let log = fixtures::open(&path, config.clone(), true, 0, NOW_MS);
    log.assign_leader_epoch(LeaderEpoch(0)).unwrap();
    lead(&log, &all[..second]);
    log.close().unwrap();

    let log = fixtures::open(&path, config.clone(), true, 0, NOW_MS);
    log.assign_leader_epoch(LeaderEpoch(2)).unwrap();
    lead(&log, &all[second..]);
    log.close().unwrap();
    path
}

#[test]
fn segments_indexes_snapshots_and_epochs_come_out_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_bytes: 1000, index_interval_bytes: 0, ..LogConfig::default() };
    let path = write_both_runs("segments-0", &config, 31, dir.path());
    assert_same(&path, "segments-0", &[]);
}

#[test]
fn a_log_of_every_compression_comes_out_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_ms: i64::MAX, ..LogConfig::default() };
    let path = write_both_runs("mixed-0", &config, 40, dir.path());
    assert_same(&path, "mixed-0", &[]);
}

#[test]
fn a_log_with_deleted_records_comes_out_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_ms: i64::MAX, ..LogConfig::default() };
    let path = fixtures::copy("trimmed-0", dir.path());
    for (file, _) in fixtures::files(&path).iter().filter(|(file, _)| file != "partition.metadata") {
        fs::remove_file(path.join(file)).unwrap();
    }
    let all = reference_batches("trimmed-0");
    let log = fixtures::open(&path, config.clone(), true, 0, NOW_MS);
    lead(&log, &all[..1]);
    assert_eq!(log.delete_records(Offset(4)).unwrap(), Offset(4));
    log.close().unwrap();
    let log = fixtures::open(&path, config, true, 4, NOW_MS);
    lead(&log, &all[1..]);
    log.close().unwrap();
    assert_same(&path, "trimmed-0", &[]);
}

#[test]
fn internal_logs_come_out_the_same() {
    for (name, second_run) in
        [("__transaction_state-0", 26), ("__share_group_state-0", 3), ("__consumer_offsets-0", 68)]
    {
        let dir = tempfile::tempdir().unwrap();
        let path = write_both_runs(name, &LogConfig::default(), second_run, dir.path());
        assert_same(
            &path,
            name,
            &["leader-epoch-checkpoint", "00000000000000000000.index", "00000000000000000000.timeindex"],
        );
    }
}

#[test]
fn indexes_rebuilt_after_a_crash_are_the_references() {
    let dir = tempfile::tempdir().unwrap();
    let path = fixtures::copy("segments-0", dir.path());
    for (file, _) in fixtures::files(&path) {
        if [".index", ".timeindex", ".txnindex"].iter().any(|suffix| file.ends_with(suffix)) {
            fs::remove_file(path.join(file)).unwrap();
        }
    }
    let config = LogConfig { segment_bytes: 1000, index_interval_bytes: 0, ..LogConfig::default() };
    let log = fixtures::open(&path, config, false, 0, NOW_MS);
    log.close().unwrap();
    // The reference was restarted within segment 30 and did not index the first batch after that.
    // It also knew a producer at its last stop that had expired by the time of its start.
    // The snapshot of that restart goes at the next start, as it does there: it stands at no segment's base.
    let snapshots = ["00000000000000000031.snapshot", "00000000000000000062.snapshot"];
    assert!(!path.join(snapshots[0]).exists());
    assert_same(&path, "segments-0", &["00000000000000000030.index", snapshots[0], snapshots[1]]);
}
