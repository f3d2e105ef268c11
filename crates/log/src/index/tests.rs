//! Index files: search across pages, preallocation and trimming, damaged files.

use super::txn::{self, AbortedTransaction};
use super::*;
use moldau_types::{Offset, ProducerId};

fn entries(n: u32) -> Vec<OffsetEntry> {
    (1..=n).map(|i| OffsetEntry { relative_offset: i * 10, position: i * 100 }).collect()
}

#[test]
fn the_floor_is_found_in_files_of_any_length() {
    let dir = tempfile::tempdir().unwrap();
    for n in [0u32, 1, 2, 255, 256, 257, 1000, 5000] {
        let path = dir.path().join(format!("{n}.index"));
        let index = DiskIndex::<OffsetEntry>::empty();
        for run in entries(n).chunks(Pending::MAX) {
            index.append(&path, run, 0).unwrap();
        }
        for key in [0, 9, 10, 11, 25, 2559, 2560, 2570, i64::from(n) * 10, i64::from(n) * 10 + 5] {
            let expected = floor(&entries(n), key);
            assert_eq!(index.floor(|| path.clone(), key).unwrap(), expected, "{n} entries, key {key}");
        }
        assert_eq!(index.partition_point(|| path.clone(), |e| e.position < 700).unwrap(), n.min(6));
    }
}

#[test]
fn an_active_index_is_preallocated_and_a_closed_one_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.timeindex");
    let index = DiskIndex::<TimeEntry>::empty();
    index.append(&path, &[TimeEntry { timestamp: 5, relative_offset: 1 }], 10_485_756).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 10_485_756);
    index.append(&path, &[TimeEntry { timestamp: 6, relative_offset: 2 }], 10_485_756).unwrap();
    index.trim(&path).unwrap();
    assert_eq!(
        std::fs::read(&path).unwrap(),
        [0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 2]
    );
}

#[test]
fn damaged_files_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let load = |bytes: &[u8]| {
        let path = dir.path().join("a.index");
        std::fs::write(&path, bytes).unwrap();
        DiskIndex::<OffsetEntry>::unread().load(|| path, |last| last.position < 1000).unwrap()
    };
    assert!(load(&[]));
    assert!(load(&[0, 0, 0, 1, 0, 0, 0, 9]));
    assert!(!load(&[0, 0, 0, 1, 0, 0, 0]), "a piece of an entry");
    assert!(!load(&[0, 0, 0, 1, 0, 0, 9, 9]), "a position behind the end of the log");
    assert!(!load(&[0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]), "never cut to its entries");
    let absent = dir.path().join("absent.index");
    assert!(!DiskIndex::<OffsetEntry>::unread().load(|| absent, |_| true).unwrap());
}

#[test]
fn aborted_transactions_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.txnindex");
    assert_eq!(txn::read(&path).unwrap(), Some(vec![]));
    let entry = AbortedTransaction {
        producer_id: ProducerId(8),
        first_offset: Offset(57),
        last_offset: Offset(61),
        last_stable_offset: Offset(62),
    };
    txn::append(&path, &entry).unwrap();
    txn::append(&path, &entry).unwrap();
    assert_eq!(txn::read(&path).unwrap(), Some(vec![entry, entry]));
    std::fs::write(&path, [0; 35]).unwrap();
    assert_eq!(txn::read(&path).unwrap(), None);
}
