//! Single cases of moves.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use moldau_log::{
    AppendBatch, AppendOrigin, Cleaner, CleanerConfig, LogConfig, LogManager, MoveRefusal, MoveStep,
    PartitionLog, ReadUpTo,
};
use moldau_protocol::records::BatchHeader;
use moldau_types::{LeaderEpoch, Offset, TopicId, Uuid};

use crate::model::shadow::{Kind, build};

fn dirs(root: &Path) -> Vec<PathBuf> {
    ["a", "b", "c"].map(|name| root.join(name)).to_vec()
}

fn open(dirs: &[PathBuf], config: &LogConfig) -> LogManager {
    let manager = LogManager::lock(dirs).unwrap();
    manager.ensure_meta(1, Some("cluster"), || unreachable!()).unwrap();
    manager.load(&|_, _| config.clone(), 2, 1000);
    manager
}

fn create(manager: &LogManager, topic: &str, config: &LogConfig) -> Arc<PartitionLog> {
    let id = Some(TopicId(Uuid::from_u128(7)));
    let log = manager.get_or_create(topic, 0, id, config.clone(), None, 1000).unwrap();
    log.set_high_watermark_follows_log_end(true);
    log
}

fn append(log: &PartitionLog, count: usize) {
    for _ in 0..count {
        let mut bytes = build(Kind::Plain, (-1, -1, -1), 2, 1000, 100);
        let header = BatchHeader::parse(&bytes).unwrap();
        let batch = AppendBatch {
            bytes: &mut bytes,
            header,
            max_timestamp: header.max_timestamp,
            offset_of_max_timestamp: 0,
            origin: AppendOrigin::Client,
        };
        log.append_as_leader(&mut [batch], LeaderEpoch(0), 1000).remove(0).unwrap();
    }
}

fn finish(manager: &LogManager) {
    while !matches!(manager.move_next(&mut Vec::new(), 1000), MoveStep::Moved { .. }) {}
}

fn names(dir: &Path) -> Vec<String> {
    let names =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("t-") || name.starts_with("long")).collect();
    names.sort();
    names
}

fn other(dirs: &[PathBuf], log: &PartitionLog) -> PathBuf {
    dirs.iter().find(|dir| **dir != log.directory().path()).unwrap().clone()
}

#[test]
fn a_reader_that_began_before_a_move_finishes_after_it() {
    let root = tempfile::tempdir().unwrap();
    let (dirs, config) = (dirs(root.path()), LogConfig::default());
    let manager = open(&dirs, &config);
    let log = create(&manager, "t", &config);
    append(&log, 5);
    let read = log.read(Offset(4), 1000, ReadUpTo::LogEnd, true).unwrap();
    let target = other(&dirs, &log);
    let from = log.directory().path().to_owned();
    manager.begin_move("t", 0, &target, 1000).unwrap();
    finish(&manager);
    assert_eq!(log.directory().path(), target, "whoever holds the log goes on with it");
    assert_eq!(names(&target), ["t-0"]);
    assert!(names(&from).iter().all(|name| name.ends_with("-delete")), "{:?}", names(&from));
    manager.remove_deleted(100_000);
    assert_eq!(names(&from), [""; 0]);
    let slice = read.slice.unwrap();
    let mut bytes = vec![0; slice.len];
    std::os::unix::fs::FileExt::read_exact_at(&*slice.file, &mut bytes, slice.position).unwrap();
    assert_eq!(BatchHeader::parse(&bytes).unwrap().base_offset, 4);
    append(&log, 1);
    assert_eq!(log.offsets().log_end, Offset(12));
    assert_eq!(log.recovery_point(), Offset(10), "all that was copied is on the disk");
}

#[test]
fn what_cannot_be_moved_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let (dirs, config) = (dirs(root.path()), LogConfig::default());
    let manager = open(&dirs, &config);
    let log = create(&manager, "t", &config);
    let target = other(&dirs, &log);
    let refused = |topic: &str, dir: &Path| manager.begin_move(topic, 0, dir, 1000).unwrap_err();
    assert!(matches!(refused("t", &root.path().join("x")), MoveRefusal::UnknownDir(_)));
    assert!(matches!(refused(&"long".repeat(60), &target), MoveRefusal::NameTooLong));
    manager.set_cordoned(vec![target.clone()]);
    assert!(matches!(refused("t", &target), MoveRefusal::Cordoned(_)));
    manager.set_cordoned(Vec::new());
    // What is not here yet is made there.
    assert!(matches!(refused("later", &dirs[2]), MoveRefusal::NotHere));
    assert_eq!(create(&manager, "later", &config).directory().path(), dirs[2]);
    assert!(manager.future_logs().is_empty());
}

#[test]
fn a_deleted_topic_takes_its_copy_along() {
    let root = tempfile::tempdir().unwrap();
    let (dirs, config) = (dirs(root.path()), LogConfig::default());
    let manager = open(&dirs, &config);
    let log = create(&manager, "t", &config);
    append(&log, 5);
    let target = other(&dirs, &log);
    manager.begin_move("t", 0, &target, 1000).unwrap();
    assert_eq!(manager.move_next(&mut Vec::new(), 1000), MoveStep::Worked);
    assert!(names(&target)[0].ends_with("-future"));
    assert!(manager.delete("t", 0, 1000).unwrap());
    assert_eq!(manager.move_next(&mut Vec::new(), 1000), MoveStep::Idle);
    manager.remove_deleted(100_000);
    assert!(dirs.iter().all(|dir| names(dir).is_empty()));
    // A successor of that name knows nothing of it.
    assert_eq!(create(&manager, "t", &config).offsets().log_end, Offset(0));
}

#[test]
fn a_log_is_not_compacted_while_it_is_moved_and_goes_on_from_where_it_was() {
    let root = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_bytes: 600, compact: true, delete: false, ..LogConfig::default() };
    let dirs = dirs(root.path());
    let manager = open(&dirs, &config);
    let log = create(&manager, "t", &config);
    append(&log, 12);
    let mut cleaner = Cleaner::new(&CleanerConfig::default(), Arc::default());
    let report = manager.compact_next(&mut cleaner, 2000).unwrap();
    append(&log, 40);
    let target = other(&dirs, &log);
    manager.begin_move("t", 0, &target, 1000).unwrap();
    assert!(manager.compact_next(&mut cleaner, 2000).is_none(), "it is being moved");
    finish(&manager);
    assert_eq!(manager.cleaner_offset(&log), Some(report.clean_to));
    assert!(manager.compact_next(&mut cleaner, 2000).is_some());
    let size = log.size();
    drop((log, manager));
    let manager = open(&dirs, &config);
    let log = manager.get("t", 0).unwrap();
    assert_eq!((log.size(), log.offsets().log_end), (size, Offset(104)));
}

#[test]
fn a_copy_alone_is_no_partition_while_a_directory_is_offline() {
    let root = tempfile::tempdir().unwrap();
    let (dirs, config) = (dirs(root.path()), LogConfig::default());
    let manager = open(&dirs, &config);
    let log = create(&manager, "t", &config);
    append(&log, 5);
    let (home, target) = (log.directory().path().to_owned(), other(&dirs, &log));
    manager.begin_move("t", 0, &target, 1000).unwrap();
    manager.move_next(&mut Vec::new(), 1000);
    drop((log, manager));
    // The disk with the log is not there at this start.
    let away = root.path().join("away");
    std::fs::rename(&home, &away).unwrap();
    std::fs::write(&home, "no directory").unwrap();
    let manager = open(&dirs, &config);
    assert!(manager.get("t", 0).is_none());
    assert!(manager.failure_of("t", 0).unwrap().contains("offline"));
    drop(manager);
    std::fs::remove_file(&home).unwrap();
    std::fs::rename(&away, &home).unwrap();
    let manager = open(&dirs, &config);
    assert_eq!(manager.future_logs().len(), 1);
    finish(&manager);
    assert_eq!(manager.get("t", 0).unwrap().offsets().log_end, Offset(10));
}

#[test]
fn a_damaged_batch_stops_the_move_and_not_the_log() {
    let root = tempfile::tempdir().unwrap();
    let (dirs, config) = (dirs(root.path()), LogConfig::default());
    let manager = open(&dirs, &config);
    let log = create(&manager, "t", &config);
    append(&log, 5);
    let segment = log.path().join("00000000000000000000.log");
    let mut bytes = std::fs::read(&segment).unwrap();
    let at = bytes.len() - 3;
    bytes[at] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let target = other(&dirs, &log);
    manager.begin_move("t", 0, &target, 1000).unwrap();
    while manager.move_next(&mut Vec::new(), 1000) != MoveStep::Idle {}
    assert_ne!(log.directory().path(), target);
    assert!(log.directory().failure().is_none());
    assert_eq!(manager.future_logs()[0].offset_lag, 10, "nothing of the bad write was taken");
    append(&log, 1);
    // Asked to stay where it is, it is not moved any more.
    manager.begin_move("t", 0, log.directory().path(), 1000).unwrap();
    assert!(manager.future_logs().is_empty());
}
