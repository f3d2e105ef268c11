//! `.snapshot`: the producers of a log as of the offset in the file's name (schema ProducerSnapshot, version 1).
//!
//! ```text
//! 0 version (2)   2 crc32c of what follows (4)   6 number of entries (4)   then 46 bytes an entry:
//! producer id (8)  epoch (2)  last sequence (4)  last offset (8)  offset delta (4)  timestamp (8)
//! coordinator epoch (4)  first offset of the open transaction or −1 (8)
//! ```
//! Of the five remembered batches only the last is kept. Entries are written in ascending order of producer id.

use std::io;
use std::path::Path;

use moldau_protocol::records::crc32c;

use super::entry::{BatchMetadata, ProducerEntry};
use super::table::{ProducerTable, is_expired};
use super::transactions::Transactions;
use crate::error::StorageError;

const HEADER: usize = 10;
const ENTRY: usize = 46;
const VERSION: i16 = 1;

/// One line of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SnapshotEntry {
    /// The producer id.
    pub(crate) producer_id: i64,
    /// Its epoch.
    pub(crate) epoch: i16,
    /// Sequence number of its last record, or −1.
    pub(crate) last_sequence: i32,
    /// Offset of its last record, or −1.
    pub(crate) last_offset: i64,
    /// Last less first sequence number of its last batch.
    pub(crate) offset_delta: i32,
    /// Timestamp of its last batch or marker.
    pub(crate) timestamp: i64,
    /// Epoch of the coordinator of its last marker, or −1.
    pub(crate) coordinator_epoch: i32,
    /// First offset of its open transaction, or −1.
    pub(crate) transaction_first_offset: i64,
}

impl SnapshotEntry {
    /// Sequence number of the first record of its last batch.
    pub(crate) fn first_sequence(&self) -> i32 {
        self.last_batch().first_sequence()
    }

    fn last_batch(&self) -> BatchMetadata {
        BatchMetadata {
            last_sequence: self.last_sequence,
            last_offset: self.last_offset,
            offset_delta: self.offset_delta,
            timestamp: self.timestamp,
        }
    }
}

/// The bytes of a snapshot of these producers.
pub(crate) fn encode(table: &ProducerTable) -> Vec<u8> {
    let mut producers: Vec<(i64, &ProducerEntry)> = table.iter().collect();
    producers.sort_unstable_by_key(|(id, _)| *id);
    let mut out = Vec::with_capacity(HEADER + ENTRY * producers.len());
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(producers.len() as i32).to_be_bytes());
    for (id, entry) in producers {
        let last = entry.last_batch();
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&entry.epoch.to_be_bytes());
        out.extend_from_slice(&entry.last_sequence().to_be_bytes());
        out.extend_from_slice(&entry.last_data_offset().to_be_bytes());
        out.extend_from_slice(&last.map_or(0, |batch| batch.offset_delta).to_be_bytes());
        out.extend_from_slice(&entry.last_timestamp.to_be_bytes());
        out.extend_from_slice(&entry.coordinator_epoch.to_be_bytes());
        out.extend_from_slice(&entry.transaction_first_offset.unwrap_or(-1).to_be_bytes());
    }
    let crc = crc32c(&out[6..]);
    out[2..6].copy_from_slice(&crc.to_be_bytes());
    out
}

/// The entries of a snapshot's bytes, or what is wrong with them.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<SnapshotEntry>, &'static str> {
    let Some((head, body)) = bytes.split_first_chunk::<HEADER>() else {
        return Err("shorter than its header");
    };
    if head[..2] != VERSION.to_be_bytes() {
        return Err("of an unknown version");
    }
    if head[2..6] != crc32c(&bytes[6..]).to_be_bytes() {
        return Err("damaged: the checksum does not match");
    }
    let (entries, rest) = body.as_chunks::<ENTRY>();
    if !rest.is_empty() || head[6..] != (entries.len() as i32).to_be_bytes() {
        return Err("not as long as its number of entries says");
    }
    Ok(entries.iter().map(decode_entry).collect())
}

fn decode_entry(bytes: &[u8; ENTRY]) -> SnapshotEntry {
    fn take<const N: usize>(bytes: &[u8; ENTRY], at: usize) -> [u8; N] {
        let mut out = [0; N];
        out.copy_from_slice(&bytes[at..at + N]);
        out
    }
    SnapshotEntry {
        producer_id: i64::from_be_bytes(take(bytes, 0)),
        epoch: i16::from_be_bytes(take(bytes, 8)),
        last_sequence: i32::from_be_bytes(take(bytes, 10)),
        last_offset: i64::from_be_bytes(take(bytes, 14)),
        offset_delta: i32::from_be_bytes(take(bytes, 22)),
        timestamp: i64::from_be_bytes(take(bytes, 26)),
        coordinator_epoch: i32::from_be_bytes(take(bytes, 34)),
        transaction_first_offset: i64::from_be_bytes(take(bytes, 38)),
    }
}

/// Producers and open transactions of a snapshot, without producers that expired; `Ok(None)` if the file is absent
/// or damaged.
pub(crate) fn load(
    path: &Path,
    now_ms: i64,
    expiration_ms: i64,
) -> Result<Option<(ProducerTable, Transactions)>, StorageError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StorageError::io("reading", path, error)),
    };
    let entries = match decode(&bytes) {
        Ok(entries) => entries,
        Err(problem) => {
            tracing::warn!(path = %path.display(), "the producer snapshot is {problem}; it is not used");
            return Ok(None);
        }
    };
    let mut table = ProducerTable::default();
    let mut transactions = Transactions::default();
    for line in entries {
        let mut entry = ProducerEntry::new();
        entry.epoch = line.epoch;
        if line.last_offset >= 0 {
            entry.push(line.last_batch());
        }
        entry.coordinator_epoch = line.coordinator_epoch;
        entry.last_timestamp = line.timestamp;
        if line.transaction_first_offset >= 0 {
            entry.transaction_first_offset = Some(line.transaction_first_offset);
        }
        if is_expired(&entry, now_ms, expiration_ms) {
            continue;
        }
        if let Some(first) = entry.transaction_first_offset {
            transactions.reopen(line.producer_id, first);
        }
        table.restore(line.producer_id, Some(entry));
    }
    Ok(Some((table, transactions)))
}
