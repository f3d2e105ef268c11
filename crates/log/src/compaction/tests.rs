//! Decisions on single batches; the tests of whole logs are with the partition.

use std::collections::HashMap;

use moldau_protocol::records::{
    BatchBuilder, BatchHeader, BatchView, Compression, end_transaction_batch, set_base_offset,
};
use moldau_types::{Offset, ProducerId};

use super::OffsetMap;
use super::filter::{Filter, LastRecord};
use super::transactions::CleanedTransactions;
use crate::AbortedTransaction;

/// Key and value of a record at an offset.
type At<'a> = (i64, Option<&'a str>, Option<&'a str>);

fn batch(base_offset: i64, producer: Option<i64>, transactional: bool, records: &[At<'_>]) -> Vec<u8> {
    let mut builder = BatchBuilder::new()
        .base_offset(base_offset)
        .transactional(transactional)
        .compression(Compression::Lz4, None);
    if let Some(id) = producer {
        builder = builder.producer(id, 0, 0);
    }
    for (offset, key, value) in records {
        builder
            .append_at(*offset, 1000 + offset, key.map(str::as_bytes), value.map(str::as_bytes), &[])
            .unwrap();
    }
    builder.build().unwrap()
}

fn marker(offset: i64, commit: bool, producer_id: i64) -> Vec<u8> {
    let mut bytes = end_transaction_batch(commit, producer_id, 0, 0, 2000).unwrap();
    set_base_offset(&mut bytes, offset).unwrap();
    bytes
}

struct World {
    map: OffsetMap,
    last: HashMap<i64, LastRecord>,
    transactions: CleanedTransactions,
    now_ms: i64,
    end_offset: i64,
}

impl World {
    fn new(keys: &[(&str, i64)], latest: i64) -> World {
        let mut map = OffsetMap::new(1 << 20);
        for (key, offset) in keys {
            map.put(key.as_bytes(), *offset);
        }
        map.advance(latest);
        World {
            map,
            last: HashMap::new(),
            transactions: CleanedTransactions::default(),
            now_ms: 10_000,
            end_offset: latest + 1,
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let filter = Filter {
            map: &self.map,
            now_ms: self.now_ms,
            delete_retention_ms: 500,
            end_offset: self.end_offset,
            last_records: &self.last,
        };
        let mut out = vec![];
        let kept = filter.keep(&BatchView::parse(bytes).unwrap(), &mut self.transactions, &mut out).unwrap();
        assert_eq!(kept.is_some(), !out.is_empty());
        if let Some(kept) = kept {
            let view = BatchView::parse(&out).unwrap();
            view.verify_crc().unwrap();
            assert_eq!(view.header.last_offset(), kept.last_offset);
            assert_eq!(view.header.last_offset(), BatchHeader::parse(bytes).unwrap().last_offset());
            assert_eq!(view.header.base_offset, BatchHeader::parse(bytes).unwrap().base_offset);
        }
        kept.map(|_| out)
    }
}

fn offsets(bytes: &[u8]) -> Vec<i64> {
    let view = BatchView::parse(bytes).unwrap();
    let mut records = view.records().unwrap();
    let mut out = vec![];
    while let Some(record) = records.next_record().unwrap() {
        out.push(record.offset);
    }
    out
}

#[test]
fn only_the_last_record_of_a_key_stays() {
    let mut world = World::new(&[("a", 2), ("b", 50)], 99);
    let bytes = batch(
        0,
        None,
        false,
        &[
            (0, Some("a"), Some("1")),
            (1, Some("b"), Some("1")),
            (2, Some("a"), Some("2")),
            (3, Some("c"), Some("1")),
            (4, None, Some("x")),
        ],
    );
    assert_eq!(offsets(&world.keep(&bytes).unwrap()), [2, 3], "c is not in the dirty part; no key, no place");
    assert_eq!(
        world.keep(&batch(5, None, false, &[(5, Some("a"), Some("3"))])),
        Some(batch(5, None, false, &[(5, Some("a"), Some("3"))]))
    );
    assert_eq!(world.keep(&batch(1, None, false, &[(1, Some("b"), Some("1"))])), None);
    let behind = batch(100, None, false, &[(100, None, Some("x"))]);
    assert_eq!(world.keep(&behind), Some(behind.clone()), "what the map does not cover stays");
}

#[test]
fn a_tombstone_gets_a_horizon_and_goes_when_it_has_passed() {
    let mut world = World::new(&[("a", 1)], 99);
    let bytes = batch(0, None, false, &[(0, Some("b"), Some("1")), (1, Some("a"), None)]);
    let first = world.keep(&bytes).unwrap();
    let view = BatchView::parse(&first).unwrap();
    assert_eq!(view.header.delete_horizon_ms(), Some(10_500));
    assert_eq!(offsets(&first), [0, 1]);
    let mut records = view.records().unwrap();
    assert_eq!(records.next_record().unwrap().unwrap().timestamp, 1000, "times are kept");
    world.now_ms = 10_499;
    assert_eq!(world.keep(&first), Some(first.clone()), "the horizon does not move");
    world.now_ms = 10_500;
    assert_eq!(offsets(&world.keep(&first).unwrap()), [0]);
}

#[test]
fn the_last_batch_of_a_producer_stays_without_its_records() {
    let mut world = World::new(&[("a", 50)], 99);
    world.last.insert(7, LastRecord { last_data_offset: Some(3), producer_epoch: 0 });
    let last = batch(2, Some(7), false, &[(2, Some("a"), Some("1")), (3, Some("a"), Some("2"))]);
    let kept = world.keep(&last).unwrap();
    let header = BatchHeader::parse(&kept).unwrap();
    assert_eq!((header.record_count, header.last_sequence(), header.producer_id), (0, 1, 7));
    assert_eq!(world.keep(&batch(0, Some(7), false, &[(0, Some("a"), None), (1, Some("a"), None)])), None);
}

#[test]
fn the_last_batch_of_the_compacted_part_stays() {
    let mut world = World::new(&[("a", 50)], 9);
    let kept =
        world.keep(&batch(8, None, false, &[(8, Some("a"), None), (9, Some("a"), Some("x"))])).unwrap();
    assert_eq!(BatchHeader::parse(&kept).unwrap().record_count, 0);
}

#[test]
fn aborted_data_goes_first_and_its_marker_later() {
    let mut world = World::new(&[], 99);
    let transaction = AbortedTransaction {
        producer_id: ProducerId(7),
        first_offset: Offset(0),
        last_offset: Offset(2),
        last_stable_offset: Offset(3),
    };
    world.transactions = CleanedTransactions::new(vec![transaction]);
    assert_eq!(world.keep(&batch(0, Some(7), true, &[(0, Some("a"), Some("1"))])), None);
    let other = batch(1, Some(8), true, &[(1, Some("b"), Some("1"))]);
    assert_eq!(world.keep(&other), Some(other.clone()));
    let abort = marker(2, false, 7);
    assert_eq!(world.keep(&abort), Some(abort.clone()));
    assert_eq!(world.transactions.take_kept(), [transaction]);
    // The next pass meets no data of it: the marker gets its horizon, then goes.
    world.transactions = CleanedTransactions::new(vec![transaction]);
    let waiting = world.keep(&abort).unwrap();
    assert_eq!(BatchHeader::parse(&waiting).unwrap().delete_horizon_ms(), Some(10_500));
    assert_eq!(world.transactions.take_kept(), []);
    world.now_ms = 10_500;
    assert_eq!(world.keep(&waiting), None);
    // A marker that is an active producer's last word stays as an empty batch.
    world.last.insert(7, LastRecord { last_data_offset: None, producer_epoch: 0 });
    let empty = world.keep(&waiting).unwrap();
    assert_eq!(BatchHeader::parse(&empty).unwrap().record_count, 0);
    assert_eq!(world.keep(&empty).unwrap(), empty);
}

#[test]
fn a_commit_marker_stays_while_there_is_data_of_it() {
    let mut world = World::new(&[], 99);
    world.keep(&batch(0, Some(7), true, &[(0, Some("a"), Some("1"))])).unwrap();
    let commit = marker(1, true, 7);
    assert_eq!(world.keep(&commit), Some(commit.clone()));
    let waiting = world.keep(&commit).unwrap();
    assert_eq!(BatchHeader::parse(&waiting).unwrap().delete_horizon_ms(), Some(10_500), "now there is none");
}
