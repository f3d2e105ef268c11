//! Locking, loading, checkpoints, deletion, group commit.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;

use moldau_types::{LeaderEpoch, Offset, TopicId, Uuid};

use super::*;
use crate::partition::build::{Build, given};
use crate::{AppendOrigin, StorageError};

fn manager(dirs: &[PathBuf]) -> LogManager {
    let manager = LogManager::lock(dirs).unwrap();
    manager.ensure_meta(1, Some("cluster"), || unreachable!()).unwrap();
    manager
}

fn load(manager: &LogManager) -> LoadReport {
    manager.load(&|_, _| LogConfig::default(), 2, 1000)
}

fn create(manager: &LogManager, topic: &str, partition: i32) -> Arc<PartitionLog> {
    let id = TopicId(Uuid::from_u128(77));
    manager.get_or_create(topic, partition, Some(id), LogConfig::default(), None, 1000).unwrap()
}

fn append(log: &PartitionLog, count: usize) {
    for _ in 0..count {
        let mut bytes = Build::default().bytes();
        log.append_as_leader(&mut [given(&mut bytes, AppendOrigin::Client)], LeaderEpoch(0), 1000)
            .remove(0)
            .unwrap();
    }
}

fn text(dir: &Path, file: &str) -> String {
    std::fs::read_to_string(dir.join(file)).unwrap()
}

#[test]
fn a_second_process_is_kept_out() {
    let dir = tempfile::tempdir().unwrap();
    let dirs = [dir.path().to_owned()];
    let first = manager(&dirs);
    let error = LogManager::lock(&dirs).unwrap_err();
    assert!(matches!(error, OpenDirsError::InUse { .. }), "{error}");
    drop(first);
    LogManager::lock(&dirs).unwrap();
}

#[test]
fn directories_of_another_cluster_or_node_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dirs = [dir.path().join("a"), dir.path().join("b")];
    let manager = LogManager::lock(&dirs).unwrap();
    let meta = manager.ensure_meta(1, None, || "new".to_owned()).unwrap();
    assert_eq!(meta, NodeMeta { cluster_id: "new".to_owned(), first_start: true });
    let meta = manager.ensure_meta(1, None, || unreachable!()).unwrap();
    assert_eq!(meta, NodeMeta { cluster_id: "new".to_owned(), first_start: false });
    assert!(matches!(manager.ensure_meta(2, None, || unreachable!()), Err(MetaError::OtherNode { .. })));
    assert!(matches!(
        manager.ensure_meta(1, Some("x"), || unreachable!()),
        Err(MetaError::OtherCluster { .. })
    ));
}

#[test]
fn a_clean_stop_and_a_crash_keep_every_log() {
    let dir = tempfile::tempdir().unwrap();
    let dirs = [dir.path().join("a"), dir.path().join("b")];
    for clean in [true, false] {
        let manager = manager(&dirs);
        let before = load(&manager);
        for partition in 0..10 {
            let log = create(&manager, "t-x", partition);
            append(&log, partition as usize);
        }
        assert_eq!(before.partitions, if clean { 0 } else { 10 });
        let both = dirs.iter().all(|dir| manager.logs().iter().any(|log| log.directory().path() == dir));
        assert!(both, "new logs go to the directory with the fewest");
        if clean {
            manager.close(5, 2);
            assert_eq!(text(&dirs[0], ".kafka_cleanshutdown"), r#"{"version":0,"brokerEpoch":5}"#);
        }
    }
    let manager = manager(&dirs);
    let report = load(&manager);
    assert_eq!((report.partitions, report.failed, report.unclean_dirs), (10, 0, 2));
    for partition in 0..10 {
        let log = manager.get("t-x", partition).unwrap();
        assert_eq!(log.offsets().log_end, Offset(i64::from(partition) * 2));
        assert_eq!(log.topic_id(), Some(TopicId(Uuid::from_u128(77))));
    }
    let other =
        manager.get_or_create("t-x", 0, Some(TopicId(Uuid::from_u128(78))), LogConfig::default(), None, 0);
    assert!(matches!(other, Err(CreateLogError::OtherTopicId { .. })));
}

/// What a loss of power soon after a topic's creation may leave took the partition offline.
#[test]
fn an_empty_partition_metadata_is_written_anew_with_the_topics_id() {
    let dir = tempfile::tempdir().unwrap();
    let dirs = [dir.path().to_owned()];
    let manager_before = manager(&dirs);
    load(&manager_before);
    append(&create(&manager_before, "t", 0), 3);
    drop(manager_before);
    let path = dir.path().join("t-0/partition.metadata");
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, "").unwrap();
    let manager = manager(&dirs);
    let report = load(&manager);
    assert_eq!((report.partitions, report.failed), (1, 0));
    let log = create(&manager, "t", 0);
    assert_eq!(log.offsets().log_end, Offset(3));
    assert_eq!(log.topic_id(), Some(TopicId(Uuid::from_u128(77))));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
}

#[test]
fn a_deleted_partition_leaves_no_recovery_point_for_its_successor() {
    let dir = tempfile::tempdir().unwrap();
    let dirs = [dir.path().to_owned()];
    let manager = manager(&dirs);
    load(&manager);
    let log = create(&manager, "t", 0);
    append(&log, 5);
    log.flush().unwrap();
    manager.checkpoint();
    manager.checkpoint_high_watermarks();
    assert_eq!(text(dir.path(), "recovery-point-offset-checkpoint"), "0\n1\nt 0 5\n");
    assert!(manager.delete("t", 0, 1000).unwrap());
    assert!(!manager.delete("t", 0, 1000).unwrap());
    let read = log.read(Offset(0), 100, crate::ReadUpTo::LogEnd, true).unwrap();
    assert!(read.slice.is_some(), "a reader that had the log can finish");
    create(&manager, "t", 0);
    assert_eq!(text(dir.path(), "recovery-point-offset-checkpoint"), "0\n0\n");
    assert_eq!(manager.remove_deleted(1000), 0);
    assert_eq!(manager.remove_deleted(61_000), 1);
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_str().unwrap().ends_with("-delete")), "{left:?}");
}

#[test]
fn those_who_wait_for_the_disk_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let manager = manager(&[dir.path().to_owned()]);
    load(&manager);
    let log = create(&manager, "t", 0);
    append(&log, 3);
    let (send, receive) = mpsc::channel();
    for _ in 0..10 {
        let send = send.clone();
        manager.durable(&log, Offset(3), Box::new(move |result| send.send(result.is_ok()).unwrap()));
    }
    assert!((0..10).all(|_| receive.recv().unwrap()));
    assert_eq!(log.synced_to(), Offset(3));
    log.directory().take_offline("a test says so");
    append_fails(&log);
    manager.durable(&log, Offset(4), Box::new(move |result| send.send(result.is_ok()).unwrap()));
    assert!(!receive.recv().unwrap());
}

fn append_fails(log: &PartitionLog) {
    let mut bytes = Build::default().bytes();
    let result =
        log.append_as_leader(&mut [given(&mut bytes, AppendOrigin::Client)], LeaderEpoch(0), 1000).remove(0);
    match result {
        Err(crate::AppendError::Storage(error)) => {
            assert!(matches!(*error, StorageError::DirectoryOffline { .. }))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_log_that_is_dirtiest_is_compacted_first_and_the_checkpoint_kept() {
    let dir = tempfile::tempdir().unwrap();
    let dirs = [dir.path().to_owned()];
    let manager = manager(&dirs);
    load(&manager);
    let config = LogConfig { segment_bytes: 300, compact: true, delete: false, ..LogConfig::default() };
    for (partition, count) in [(0, 12), (1, 12), (2, 0)] {
        let log = create(&manager, "t", partition);
        log.set_config(config.clone());
        append(&log, count);
        log.set_high_watermark_follows_log_end(true);
    }
    let plain = create(&manager, "plain", 0);
    append(&plain, 10);
    plain.roll(1000).unwrap();
    let mut cleaner = crate::Cleaner::new(&crate::CleanerConfig::default(), Arc::default());
    let mut sizes = vec![];
    while let Some(report) = manager.compact_next(&mut cleaner, 2000) {
        assert!(report.bytes_after < report.bytes_before, "{report:?}");
        sizes.push(report.clean_to);
    }
    assert_eq!(sizes.len(), 2, "each is compacted once; then they are clean enough");
    let line = format!("t 0 {}", sizes[0].0);
    assert!(text(dir.path(), "cleaner-offset-checkpoint").contains(&line));
    assert!(manager.uncleanable().is_empty());
    // Compaction goes on from the checkpoint after a restart.
    manager.close(1, 1);
    drop(manager);
    let manager = self::manager(&dirs);
    manager.load(&|_, _| config.clone(), 2, 3000);
    let log = manager.get("t", 0).unwrap();
    assert_eq!(manager.cleaner_offset(&log), Some(sizes[0]));
}

#[test]
fn a_cordoned_directory_gets_no_new_logs_while_another_takes_them() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dirs = [one.path().to_owned(), two.path().to_owned()];
    let manager = manager(&dirs);
    load(&manager);
    manager.set_cordoned(vec![dirs[0].clone()]);
    let homes = |range: std::ops::Range<i32>| -> Vec<_> {
        range.map(|partition| create(&manager, "t", partition).path().starts_with(&dirs[1])).collect()
    };
    assert_eq!(homes(0..3), [true; 3]);
    let cordoned: Vec<_> = manager.dirs().iter().map(|dir| dir.cordoned).collect();
    assert_eq!(cordoned, [true, false]);
    manager.set_cordoned(dirs.to_vec());
    assert_eq!(homes(3..4), [false], "somewhere it must be");
    manager.set_cordoned(Vec::new());
    assert_eq!(homes(4..6), [false, false]);
}

#[test]
fn a_directory_that_was_given_by_a_relative_path_goes_by_its_absolute_one() {
    let dir = tempfile::tempdir().unwrap();
    let up = std::env::current_dir().unwrap().components().skip(1).map(|_| "..").collect::<PathBuf>();
    let relative = up.join(dir.path().strip_prefix("/").unwrap());
    assert!(relative.is_relative());
    let manager = manager(std::slice::from_ref(&relative));
    manager.set_cordoned(vec![relative.clone()]);
    let shown = manager.dirs().remove(0);
    assert_eq!(shown.path, std::env::current_dir().unwrap().join(&relative));
    assert!(shown.cordoned);
}

#[test]
fn logs_are_made_while_checkpoints_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let manager = manager(&[dir.path().to_owned()]);
    load(&manager);
    let done = std::sync::atomic::AtomicBool::new(false);
    // Each of both once held what the other waited for.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                manager.checkpoint_high_watermarks();
            }
        });
        for partition in 0..300 {
            create(&manager, "t", partition);
            manager.delete("t", partition, 1000).unwrap();
            create(&manager, "t", partition);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(manager.logs().len(), 300);
}

fn names(dir: &Path) -> Vec<String> {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_log_that_no_topic_owns_was_removed_and_is_kept_apart() {
    let dir = tempfile::tempdir().unwrap();
    let dirs = [dir.path().to_owned()];
    let manager = manager(&dirs);
    load(&manager);
    append(&create(&manager, "t", 0), 3);
    let kept = manager.set_stray_aside("t", 0, 1000).unwrap().expect("it was there");
    assert!(kept.to_str().unwrap().ends_with("-stray") && kept.join("00000000000000000000.log").exists());
    assert_eq!(manager.set_stray_aside("t", 0, 1000).unwrap(), None);
    assert_eq!(manager.remove_deleted(i64::MAX), 0);
    drop(manager);
    let manager = self::manager(&dirs);
    assert_eq!(load(&manager).failed, 0);
    assert!(manager.logs().is_empty() && kept.exists(), "it is no log of the node any more");
}

#[test]
fn a_partition_that_could_not_be_opened_stayed_when_its_topic_was_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let dirs = [dir.path().to_owned()];
    let manager = manager(&dirs);
    load(&manager);
    append(&create(&manager, "t", 0), 3);
    drop(manager);
    std::fs::write(dir.path().join("t-0/partition.metadata"), "nonsense").unwrap();
    let manager = self::manager(&dirs);
    assert_eq!(load(&manager).failed, 1);
    assert!(manager.failure_of("t", 0).is_some());
    assert!(!manager.delete("t", 0, 1000).unwrap(), "there was no log");
    assert_eq!(manager.failure_of("t", 0), None);
    assert_eq!(
        create(&manager, "t", 0).offsets().log_end,
        Offset(0),
        "the next topic of the name begins anew"
    );
    assert_eq!(manager.remove_deleted(i64::MAX), 1);
    assert!(names(dir.path()).iter().all(|name| !name.ends_with("-delete")), "{:?}", names(dir.path()));
}

#[test]
fn a_node_with_partitions_is_told_from_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let dirs = [dir.path().join("a"), dir.path().join("b")];
    let manager = manager(&dirs);
    std::fs::create_dir(dirs[0].join(METADATA_LOG_DIR)).unwrap();
    std::fs::create_dir(dirs[0].join("not a partition")).unwrap();
    assert_eq!(manager.any_partition_dir().unwrap(), None);
    load(&manager);
    let log = create(&manager, "t", 0);
    assert_eq!(manager.any_partition_dir().unwrap(), Some(log.path()));
}
