//! A metadata log that was damaged, or cut off by a crash.

use super::*;
use crate::batch::{Place, Record, encode};
use crate::medium::synced::FILE_NAME;

fn open(dir: &Path) -> io::Result<Disk> {
    let dir = Arc::new(LogDir::new(dir));
    let config = DiskConfig { dir, segment_bytes: 1 << 20, segment_ms: i64::MAX, clean: false };
    Disk::open(config, 0)
}

fn append(disk: &Disk, offset: i64) {
    let place = Place { base_offset: offset, leader_epoch: 1, timestamp_ms: 0 };
    let records = [Record::data(Bytes::from_static(b"a change of the cluster"))];
    disk.append(&[encode(place, false, &records).into()], 0).unwrap();
}

fn sync(disk: &Disk) {
    let (done, ended) = mpsc::channel();
    disk.sync(Box::new(move |result| done.send(result).unwrap()));
    ended.recv().unwrap().unwrap();
}

/// A closed log of five synced batches; its segment.
fn five(dir: &Path) -> PathBuf {
    let disk = open(dir).unwrap();
    (0..5).for_each(|offset| append(&disk, offset));
    sync(&disk);
    disk.close().unwrap();
    dir.join(format!("{TOPIC}-0/00000000000000000000.log"))
}

#[test]
fn a_damaged_batch_cut_off_changes_that_were_acknowledged_and_refuses_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let segment = five(dir.path());
    let sound = fs::read(&segment).unwrap();
    let mut damaged = sound.clone();
    damaged[sound.len() / 5 * 2 - 3] ^= 1;
    fs::write(&segment, &damaged).unwrap();
    let error = open(dir.path()).err().expect("it is refused").to_string();
    assert!(error.contains("sound up to offset 1 and was synced up to 5"), "{error}");
    assert!(error.contains("00000000000000000000.log is damaged at byte"), "{error}");
    assert_eq!(fs::read(&segment).unwrap(), damaged, "nothing was changed");
    fs::write(&segment, &sound).unwrap();
    assert_eq!(open(dir.path()).unwrap().bounds(), (0, 5), "a copy was put back");
    fs::write(&segment, &damaged).unwrap();
    fs::remove_file(segment.with_file_name(FILE_NAME)).unwrap();
    assert_eq!(open(dir.path()).unwrap().bounds(), (0, 1), "who wants it so goes on without");
}

#[test]
fn a_lost_segment_refuses_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let segment = five(dir.path());
    fs::remove_file(&segment).unwrap();
    let error = open(dir.path()).err().expect("it is refused").to_string();
    assert!(error.contains("sound up to offset 0 and was synced up to 5; segments are missing"), "{error}");
}

#[test]
fn what_was_not_synced_may_be_torn() {
    let dir = tempfile::tempdir().unwrap();
    let segment = five(dir.path());
    let mut bytes = fs::read(&segment).unwrap();
    let batch = bytes.len() / 5;
    bytes.extend_from_within(..batch - 1);
    fs::write(&segment, &bytes).unwrap();
    assert_eq!(open(dir.path()).unwrap().bounds(), (0, 5));
}

#[test]
fn a_log_that_was_cut_on_purpose_may_end_there() {
    let dir = tempfile::tempdir().unwrap();
    five(dir.path());
    let disk = open(dir.path()).unwrap();
    disk.truncate_to(3, 0).unwrap();
    disk.close().unwrap();
    drop(disk);
    let disk = open(dir.path()).unwrap();
    assert_eq!(disk.bounds(), (0, 3));
    disk.restart_at(100, 0).unwrap();
    disk.close().unwrap();
    drop(disk);
    let disk = open(dir.path()).unwrap();
    assert_eq!(disk.bounds(), (100, 100));
    append(&disk, 100);
    sync(&disk);
    assert_eq!(disk.synced.offset(), 101);
}
