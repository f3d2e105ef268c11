//! Reads that do not wait for the disk.

use super::basics::{append, open_at, slice_bytes};
use super::build::Build;
use crate::*;
use moldau_types::Offset;

#[test]
fn a_read_that_has_to_build_an_index_anew_is_left_to_another_thread() {
    let dir = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_bytes: 4 << 10, index_interval_bytes: 256, ..LogConfig::default() };
    let log = open_at(dir.path(), config.clone(), false);
    for _ in 0..200 {
        append(&log, &Build::default()).unwrap();
    }
    log.close().unwrap();
    drop(log);
    std::fs::remove_file(dir.path().join("t-0/00000000000000000000.index")).unwrap();
    let log = open_at(dir.path(), config, true);
    let at_once = || log.read_at_once(Offset(0), 1000, ReadUpTo::LogEnd, true).unwrap();
    assert!(at_once().is_none());
    let patient = log.read(Offset(0), 1000, ReadUpTo::LogEnd, true).unwrap();
    assert_eq!(slice_bytes(&at_once().expect("it is built")), slice_bytes(&patient));
}

/// Lets the kernel forget what it has of the partition's files, as far as their file system does that.
fn forget(log: &PartitionLog) {
    for entry in std::fs::read_dir(log.path()).unwrap() {
        let file = std::fs::File::open(entry.unwrap().path()).unwrap();
        file.sync_all().unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    }
}

#[test]
fn a_read_that_needs_the_disk_held_up_its_thread_and_is_left_to_another() {
    let dir = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_bytes: 4 << 10, index_interval_bytes: 256, ..LogConfig::default() };
    let log = open_at(dir.path(), config.clone(), false);
    for _ in 0..200 {
        append(&log, &Build::default()).unwrap();
    }
    log.close().unwrap();
    drop(log);
    let log = open_at(dir.path(), config, true);
    forget(&log);
    let end = log.offsets().log_end.0;
    let mut waited = 0;
    for from in [0, 1, end / 2, end - 1, end] {
        let at_once = log.read_at_once(Offset(from), 1000, ReadUpTo::LogEnd, true).unwrap();
        waited += usize::from(at_once.is_none());
        let patient = log.read(Offset(from), 1000, ReadUpTo::LogEnd, true).unwrap();
        assert!(at_once.is_none_or(|read| slice_bytes(&read) == slice_bytes(&patient)));
        let again = log.read_at_once(Offset(from), 1000, ReadUpTo::LogEnd, true).unwrap();
        let again = again.expect("what was read a moment ago is in memory");
        assert_eq!(slice_bytes(&again), slice_bytes(&patient), "from {from}");
    }
    println!("{waited} of 5 reads were left to another thread");
    assert!(log.directory().failure().is_none(), "waiting is no error of the disk");
}
