//! What a log does when a file of it cannot be made, and with what such a failure left behind.

use std::fs;
use std::path::Path;

use moldau_types::LeaderEpoch;

use super::basics::{append, base_offsets, open_at};
use super::build::{Build, given as given_batch};
use crate::*;

fn small_segments() -> LogConfig {
    LogConfig { segment_bytes: 600, index_interval_bytes: 0, ..LogConfig::default() }
}

fn sized(value_len: usize) -> Build {
    Build { value_len, ..Build::default() }
}

fn names(dir: &Path, suffix: &str) -> Vec<String> {
    let files = fs::read_dir(dir.join("t-0")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(suffix)).collect();
    names.sort();
    names
}

/// Lets the creation of a file fail until the link is removed.
fn obstruct(dir: &Path, name: &str) -> std::path::PathBuf {
    let link = dir.join("t-0").join(name);
    std::os::unix::fs::symlink("nowhere/at/all", &link).unwrap();
    link
}

#[test]
fn a_roll_that_fails_half_way_leaves_no_empty_segment_behind() {
    for suffix in ["log", "index", "timeindex"] {
        let dir = tempfile::tempdir().unwrap();
        let log = open_at(dir.path(), small_segments(), true);
        append(&log, &sized(300)).unwrap();
        let link = obstruct(dir.path(), &format!("{:020}.{suffix}", 1));
        assert!(matches!(append(&log, &sized(300)), Err(AppendError::Storage(_))));
        let _ = fs::remove_file(link);
        assert_eq!(names(dir.path(), "log").len(), 1, "{suffix}");
        for _ in 0..2 {
            append(&log, &sized(1)).unwrap();
        }
        append(&log, &sized(300)).unwrap();
        drop(log);
        let log = open_at(dir.path(), small_segments(), false);
        assert_eq!(log.offsets().log_end.0, 4);
        assert_eq!(base_offsets(&log, 1, 10_000, ReadUpTo::LogEnd), [1, 2]);
        log.close().unwrap();
        let log = open_at(dir.path(), small_segments(), true);
        assert_eq!(base_offsets(&log, 1, 10_000, ReadUpTo::LogEnd), [1, 2]);
    }
}

/// The directory that the failed roll of an older version left: an empty segment whose offsets the one before has.
#[test]
fn an_empty_segment_within_another_is_dropped_at_a_start() {
    for clean in [true, false] {
        for rolled_since in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let log = open_at(dir.path(), small_segments(), true);
            append(&log, &sized(300)).unwrap();
            for _ in 0..2 {
                append(&log, &sized(1)).unwrap();
            }
            if rolled_since {
                append(&log, &sized(300)).unwrap();
            }
            let end = log.offsets().log_end;
            log.close().unwrap();
            for suffix in ["log", "index", "timeindex"] {
                fs::write(dir.path().join("t-0").join(format!("{:020}.{suffix}", 1)), "").unwrap();
            }
            let log = open_at(dir.path(), small_segments(), clean);
            assert_eq!(log.offsets().log_end, end, "clean {clean}, rolled {rolled_since}");
            assert_eq!(base_offsets(&log, 0, 10_000, ReadUpTo::LogEnd), [0, 1, 2]);
            assert_eq!(base_offsets(&log, 1, 10_000, ReadUpTo::LogEnd), [1, 2]);
            let info = append(&log, &sized(1)).unwrap();
            assert_eq!(info.first_offset, end);
            drop(log);
            let log = open_at(dir.path(), small_segments(), false);
            assert_eq!(log.offsets().log_end.0, end.0 + 1);
        }
    }
}

#[test]
fn the_first_sync_brings_the_topics_id_to_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let log = open_at(dir.path(), small_segments(), true);
    append(&log, &sized(1)).unwrap();
    // A device that cannot be synced shows who tries.
    std::os::unix::fs::symlink("/dev/null", dir.path().join("t-0/partition.metadata")).unwrap();
    assert!(log.sync().is_err());
    assert_eq!(log.synced_to().0, 0);
}

/// The repeated batch was acknowledged with the offset of one that was not there.
#[test]
fn a_repeated_batch_fails_with_the_write_that_its_original_was_in() {
    let dir = tempfile::tempdir().unwrap();
    let log = open_at(dir.path(), LogConfig::default(), true);
    let of = |sequence| Build { producer: Some((7, 0, sequence)), ..Build::default() }.bytes();
    let gathered = |given: &[i32]| {
        let mut bytes: Vec<_> = given.iter().map(|sequence| of(*sequence)).collect();
        let mut batches: Vec<_> =
            bytes.iter_mut().map(|bytes| given_batch(bytes, AppendOrigin::Client)).collect();
        log.append_as_leader(&mut batches, LeaderEpoch(0), 5000)
    };
    assert!(gathered(&[0]).iter().all(Result::is_ok));
    log.release_idle();
    // Every write to this device says that there is no space left.
    let file = dir.path().join("t-0/00000000000000000000.log");
    let aside = dir.path().join("aside");
    fs::rename(&file, &aside).unwrap();
    std::os::unix::fs::symlink("/dev/full", &file).unwrap();
    let results = gathered(&[0, 1, 1]);
    assert!(results[0].as_ref().is_ok_and(|info| info.duplicate), "its original is in the log");
    for result in &results[1..] {
        assert!(matches!(result, Err(AppendError::Storage(_))), "{result:?}");
    }
    log.release_idle();
    fs::rename(&aside, &file).unwrap();
    let results = gathered(&[1, 1]);
    let answers: Vec<_> = results.into_iter().map(|result| result.unwrap()).collect();
    assert_eq!(answers.iter().map(|info| info.first_offset.0).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(answers.iter().map(|info| info.duplicate).collect::<Vec<_>>(), [false, true]);
}
