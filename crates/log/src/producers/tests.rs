//! The rules of sequences, epochs and transactions.

use moldau_protocol::records::BatchHeader;

use super::*;
use crate::AppendOrigin::{self, Client, Coordinator, Replication};
use crate::error::AppendError;

fn batch(id: i64, epoch: i16, sequence: i32, count: i32) -> BatchHeader {
    BatchHeader {
        base_offset: 0,
        batch_length: 49,
        partition_leader_epoch: 0,
        magic: 2,
        crc: 0,
        attributes: 0,
        last_offset_delta: count - 1,
        base_timestamp: 0,
        max_timestamp: 1000,
        producer_id: id,
        producer_epoch: epoch,
        base_sequence: sequence,
        record_count: count,
    }
}

fn transactional(id: i64, epoch: i16, sequence: i32) -> BatchHeader {
    BatchHeader { attributes: 0x10, ..batch(id, epoch, sequence, 1) }
}

fn append(
    table: &mut ProducerTable,
    header: &BatchHeader,
    offset: i64,
) -> Result<TransactionChange, AppendError> {
    table.append(header, None, offset, header.max_timestamp, Client)
}

fn end(
    table: &mut ProducerTable,
    id: i64,
    epoch: i16,
    coordinator_epoch: i32,
    offset: i64,
    origin: AppendOrigin,
) -> Result<TransactionChange, AppendError> {
    let header = BatchHeader { attributes: 0x30, base_sequence: -1, ..batch(id, epoch, 0, 1) };
    let marker = marker::EndTransaction { aborted: true, coordinator_epoch, timestamp: 5 };
    table.append(&header, Some(&marker), offset, 5, origin)
}

#[test]
fn five_batches_are_remembered_and_a_sixth_pushes_the_first_out() {
    let mut table = ProducerTable::default();
    for i in 0..6 {
        append(&mut table, &batch(1, 0, i * 2, 2), i64::from(i) * 2).unwrap();
    }
    assert_eq!(table.duplicate_of(&batch(1, 0, 0, 2)), None);
    for i in 1..6 {
        assert_eq!(table.duplicate_of(&batch(1, 0, i * 2, 2)).unwrap().first_offset(), i64::from(i) * 2);
    }
    assert_eq!(table.duplicate_of(&batch(1, 1, 4, 2)), None, "another epoch is no duplicate");
    assert_eq!(table.duplicate_of(&batch(1, 0, 4, 1)), None, "another length is no duplicate");
}

#[test]
fn sequences_wrap_from_the_largest_number_to_zero() {
    let mut table = ProducerTable::default();
    append(&mut table, &batch(1, 0, i32::MAX - 1, 4), 0).unwrap();
    assert_eq!(table.get(1).unwrap().last_sequence(), 1);
    assert_eq!(table.get(1).unwrap().last_batch().unwrap().first_sequence(), i32::MAX - 1);
    assert!(table.duplicate_of(&batch(1, 0, i32::MAX - 1, 4)).is_some());
    append(&mut table, &batch(1, 0, 2, 1), 4).unwrap();
    append(&mut table, &batch(2, 0, i32::MAX, 1), 5).unwrap();
    append(&mut table, &batch(2, 0, 0, 1), 6).unwrap();
}

#[test]
fn a_gap_is_refused_and_changes_nothing() {
    let mut table = ProducerTable::default();
    append(&mut table, &batch(1, 0, 7, 1), 0).expect("an unknown producer may begin anywhere");
    let before = table.clone();
    for wrong in [batch(1, 0, 9, 1), batch(1, 0, 0, 1), batch(1, 1, 8, 1)] {
        assert!(matches!(append(&mut table, &wrong, 1), Err(AppendError::OutOfOrderSequence { .. })));
        assert_eq!(table, before);
    }
    append(&mut table, &batch(1, 1, 0, 1), 1).expect("a new epoch begins at 0");
    assert!(matches!(
        append(&mut table, &batch(1, 0, 8, 1), 2),
        Err(AppendError::InvalidProducerEpoch { .. })
    ));
    table.append(&batch(1, 0, 8, 1), None, 2, 0, Replication).expect("a follower takes what its leader took");
}

#[test]
fn a_transaction_begins_with_its_first_batch_and_ends_with_its_marker() {
    let mut table = ProducerTable::default();
    let mut open = Transactions::default();
    let change = append(&mut table, &transactional(1, 0, 0), 10).unwrap();
    assert_eq!(change, TransactionChange::Begun { first: 10 });
    open.apply(1, change);
    assert_eq!(append(&mut table, &transactional(1, 0, 1), 11).unwrap(), TransactionChange::None);
    assert!(matches!(
        append(&mut table, &batch(1, 0, 2, 1), 12),
        Err(AppendError::InvalidTransactionState { .. })
    ));
    open.apply(2, append(&mut table, &transactional(2, 0, 0), 12).unwrap());
    assert_eq!(open.first_unstable_offset(), Some(10));
    let change = end(&mut table, 1, 1, 4, 13, Coordinator).unwrap();
    assert_eq!(change, TransactionChange::Ended { first: 10, marker: 13, aborted: true });
    open.apply(1, change);
    assert_eq!(open.last_stable_offset_after(13), 12);
    assert_eq!(open.first_unstable_offset(), Some(10), "the marker is not replicated yet");
    open.high_watermark_moved(13);
    assert_eq!(open.first_unstable_offset(), Some(10));
    open.high_watermark_moved(14);
    assert_eq!(open.first_unstable_offset(), Some(12));
    assert_eq!(table.get(1).unwrap().batches(), [], "the marker's higher epoch forgets the batches");
    assert!(matches!(
        end(&mut table, 1, 1, 3, 14, Coordinator),
        Err(AppendError::CoordinatorFenced { epoch: 3, last_epoch: 4, .. })
    ));
    assert_eq!(
        end(&mut table, 1, 1, 4, 14, Coordinator).unwrap(),
        TransactionChange::None,
        "nothing was open"
    );
}

#[test]
fn snapshots_read_back_and_leave_out_the_expired() {
    let mut table = ProducerTable::default();
    append(&mut table, &batch(1, 0, 0, 3), 0).unwrap();
    append(&mut table, &transactional(2, 5, 0), 3).unwrap();
    end(&mut table, 3, 7, 9, 4, Coordinator).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("5.snapshot");
    std::fs::write(&path, snapshot::encode(&table)).unwrap();
    let (read, open) = snapshot::load(&path, 1000, 10_000).unwrap().unwrap();
    assert_eq!(read, table);
    assert_eq!(open.first_unstable_offset(), Some(3));
    let (read, _) = snapshot::load(&path, 50_000, 10_000).unwrap().unwrap();
    assert_eq!(read.iter().map(|(id, _)| id).collect::<Vec<_>>(), [2], "an open transaction does not expire");
    let mut damaged = snapshot::encode(&table);
    damaged[20] ^= 1;
    std::fs::write(&path, damaged).unwrap();
    assert!(snapshot::load(&path, 0, 1).unwrap().is_none());
}

#[test]
fn the_producers_of_a_log_were_without_bound() {
    let mut table = ProducerTable::default();
    append(&mut table, &transactional(-7, 0, 0), 0).unwrap();
    for id in 0..250_000 {
        append(&mut table, &batch(id, 0, 0, 1), id + 1).unwrap();
        assert!(table.len() <= 100_000);
    }
    assert!(table.len() > 70_000, "{}", table.len());
    assert!(table.get(249_999).is_some() && table.get(249_999 - 70_000).is_some());
    assert!(table.get(0).is_none());
    assert!(table.get(-7).is_some(), "its transaction is open");
    append(&mut table, &batch(0, 0, 17, 1), 250_001).expect("it comes back as it is");
}
