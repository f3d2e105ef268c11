//! Which producer snapshots are kept.

use std::path::Path;

use super::basics::{append, open_at};
use super::build::Build;
use crate::*;

fn snapshots(dir: &Path) -> Vec<i64> {
    let files = std::fs::read_dir(dir.join("t-0")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut offsets: Vec<i64> = names
        .filter_map(|name| name.strip_suffix(".snapshot").map(|offset| offset.parse().unwrap()))
        .collect();
    offsets.sort_unstable();
    offsets
}

fn append_some(log: &PartitionLog, count: usize) {
    for _ in 0..count {
        append(log, &Build::default()).unwrap();
    }
}

/// Those of clean stops and checkpoints piled up for ever.
#[test]
fn snapshots_inside_segments_go_when_a_newer_one_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let config = || LogConfig { retention_ms: -1, ..LogConfig::default() };
    for _ in 0..3 {
        let log = open_at(dir.path(), config(), true);
        append_some(&log, 2);
        log.close().unwrap();
    }
    let log = open_at(dir.path(), config(), true);
    assert_eq!(snapshots(dir.path()), [6], "one, inside the segment");
    append_some(&log, 1);
    log.flush().unwrap();
    assert_eq!(snapshots(dir.path()), [7]);
    append_some(&log, 1);
    log.roll(5000).unwrap();
    log.flush_closed_segments().unwrap();
    assert_eq!(snapshots(dir.path()), [8], "at the base of the new segment");
    append_some(&log, 2);
    log.close().unwrap();
    let log = open_at(dir.path(), config(), true);
    assert_eq!(snapshots(dir.path()), [8, 10]);
    append_some(&log, 1);
    log.roll(5000).unwrap();
    assert_eq!(snapshots(dir.path()), [8, 10, 11]);
    log.set_config(LogConfig { retention_bytes: 0, ..config() });
    assert_eq!(log.apply_retention(5000).unwrap(), 2);
    assert_eq!(snapshots(dir.path()), [11], "nothing from before the first segment");
}
