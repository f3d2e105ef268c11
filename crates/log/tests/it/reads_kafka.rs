//! We open what Apache Kafka wrote and find in it what it says is there.

use std::fs;

use moldau_log::dump::{DumpOptions, dump_file};
use moldau_log::{LogConfig, LogManager};
use moldau_protocol::records::batches;
use moldau_types::Offset;

use crate::fixtures::{self, ALL, NOW_MS, PLAIN};

#[test]
fn the_dump_of_every_file_is_the_references() {
    let mut compared = 0;
    for name in ALL {
        let plain = PLAIN.contains(&name);
        for (file, _) in fixtures::files(&fixtures::root().join("logs").join(name)) {
            let expected = fixtures::root().join("expected").join(name).join(format!("{file}.txt"));
            let Ok(expected) = fs::read_to_string(expected) else { continue };
            if file.ends_with(".log") && !plain {
                continue;
            }
            let mut out = Vec::new();
            let path = fixtures::root().join("logs").join(name).join(&file);
            let options = DumpOptions { records: true, data: true, ..Default::default() };
            let report = dump_file(&path, &format!("{name}/{file}"), options, &mut out).unwrap();
            assert_eq!(report, Default::default());
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{name}/{file}");
            compared += 1;
        }
    }
    assert!(compared > 70, "only {compared} files were compared");
}

#[test]
fn every_log_ends_where_the_reference_says_and_holds_its_batches() {
    for clean in [true, false] {
        for name in ALL {
            let dir = tempfile::tempdir().unwrap();
            let path = fixtures::copy(name, dir.path());
            let log_start = fixtures::checkpoint("log-start-offset-checkpoint", name).unwrap_or(0);
            let config = LogConfig { compact: name == "compacted-0", ..LogConfig::default() };
            let log = fixtures::open(&path, config, clean, log_start, NOW_MS);
            let offsets = log.offsets();
            let end = fixtures::checkpoint("recovery-point-offset-checkpoint", name).unwrap();
            assert_eq!(offsets.log_end, Offset(end), "{name}, clean {clean}");
            assert_eq!(offsets.log_start, Offset(log_start), "{name}, clean {clean}");
            assert_eq!(offsets.last_stable, offsets.log_end, "{name}: no transaction is open");
            let mut expected = Vec::new();
            for (file, bytes) in fixtures::files(&fixtures::root().join("logs").join(name)) {
                if file.ends_with(".log") {
                    expected.extend_from_slice(&bytes);
                }
            }
            assert!(fixtures::all_bytes(&log) == expected, "{name}, clean {clean}: the bytes differ");
        }
    }
}

#[test]
fn every_offset_is_found_in_its_batch() {
    for name in ALL {
        let dir = tempfile::tempdir().unwrap();
        let path = fixtures::copy(name, dir.path());
        let log = fixtures::open(&path, LogConfig::default(), true, 0, NOW_MS);
        let all = fixtures::all_bytes(&log);
        for from in 0..log.offsets().log_end.0 {
            let read = log.read(Offset(from), 1, moldau_log::ReadUpTo::LogEnd, true).unwrap();
            let expected = batches(&all).map(|b| b.unwrap().header).find(|h| h.last_offset() >= from);
            match (read.slice, expected) {
                (Some(slice), Some(header)) => assert_eq!(slice.len, header.size_in_bytes(), "{name} {from}"),
                (None, None) => {}
                (slice, header) => panic!("{name} {from}: {slice:?} {header:?}"),
            }
        }
    }
}

#[test]
fn aborted_transactions_and_producers_are_the_references_after_a_crash_too() {
    for clean in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let path = fixtures::copy("segments-0", dir.path());
        if !clean {
            for (file, _) in fixtures::files(&path) {
                if !file.ends_with(".log") && file != "partition.metadata" {
                    fs::remove_file(path.join(file)).unwrap();
                }
            }
        }
        let log = fixtures::open(&path, LogConfig::default(), clean, 0, NOW_MS);
        let aborted = log.aborted_transactions(Offset(0), Offset(62)).unwrap();
        let found: Vec<_> = aborted
            .iter()
            .map(|a| (a.producer_id.0, a.first_offset.0, a.last_offset.0, a.last_stable_offset.0))
            .collect();
        assert_eq!(found, [(8, 26, 30, 31), (8, 57, 61, 62)]);
        assert_eq!(log.aborted_transactions(Offset(31), Offset(57)).unwrap(), []);
        let producers: Vec<_> = log
            .active_producers()
            .iter()
            .map(|p| (p.producer_id.0, p.producer_epoch.0, p.coordinator_epoch))
            .collect();
        let all = [(7, 3, 2), (8, 3, 2)];
        assert!(producers.iter().filter(|p| p.0 != 1000 && p.0 != 6).eq(&all), "{producers:?}");
        let epochs: Vec<_> = log.leader_epochs().iter().map(|(e, s)| (e.0, s.0)).collect();
        assert_eq!(epochs, [(0, 0), (2, 31)]);
        assert_eq!(log.epoch_end_offset(moldau_types::LeaderEpoch(0)).end_offset, Offset(31));
    }
}

#[test]
fn offsets_are_found_by_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = fixtures::copy("mixed-0", dir.path());
    let log = fixtures::open(&path, LogConfig::default(), true, 0, NOW_MS);
    let find = |timestamp| {
        let found = log.offset_for_timestamp(timestamp).unwrap()?;
        Some((found.timestamp, found.offset.0, found.leader_epoch?.0))
    };
    assert_eq!(find(0), Some((1_700_000_000_000, 0, 0)));
    assert_eq!(find(1_700_000_000_002), Some((1_700_000_000_002, 2, 0)));
    assert_eq!(find(1_700_000_000_301), Some((1_795_384_874_197, 26, 0)), "the marker before is later");
    assert_eq!(find(i64::MAX), None);
    let max = log.max_timestamp_offset().unwrap().unwrap();
    assert_eq!((max.timestamp, max.offset), (1_795_384_874_495, Offset(31)));
    assert_eq!(log.earliest_offset().offset, Offset(0));
}

#[test]
fn the_whole_directory_loads() {
    let dir = tempfile::tempdir().unwrap();
    for name in ALL {
        fixtures::copy(name, dir.path());
    }
    fixtures::copy("__cluster_metadata-0", dir.path());
    for file in fs::read_dir(fixtures::root().join("logs")).unwrap().map(|file| file.unwrap()) {
        if file.file_type().unwrap().is_file() {
            fs::write(dir.path().join(file.file_name()), fs::read(file.path()).unwrap()).unwrap();
        }
    }
    let manager = LogManager::lock(&[dir.path().to_owned()]).unwrap();
    let meta = manager.ensure_meta(1, None, || unreachable!()).unwrap();
    assert_eq!(meta.cluster_id, "AAAAAAAAAAAAAAAAAAAAAQ");
    assert_eq!(manager.dirs()[0].id.unwrap().to_string(), "BSZFcsPcQnaRsWRuHrx7oQ");
    let report = manager.load(&|_, _| LogConfig::default(), 2, NOW_MS);
    assert_eq!((report.partitions, report.failed, report.unclean_dirs), (ALL.len(), 0, 0));
    assert_eq!(report.previous_broker_epoch, 71);
    let trimmed = manager.get("trimmed", 0).unwrap();
    assert_eq!(trimmed.offsets().log_start, Offset(4));
    assert_eq!(trimmed.topic_id().unwrap().0.to_string().len(), 22);
    let compacted = manager.get("compacted", 0).unwrap();
    assert_eq!(manager.cleaner_offset(&compacted), Some(Offset(51)));
}
