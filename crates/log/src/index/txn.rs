//! `.txnindex`: the transactions that were aborted by a marker in this segment, 34 bytes each, in the order of the markers.
//!
//! ```text
//! 0 version (2, always 0)   2 producer id (8)   10 first offset (8)   18 last offset (8)   26 last stable offset (8)
//! ```
//! The last offset is the marker's; the last stable offset is what it was right after the marker. The file is made
//! with the first abort: most segments have none.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use moldau_types::{Offset, ProducerId};

use crate::files::hurry::takes_time;

/// Bytes of an entry.
pub(crate) const ENTRY_SIZE: usize = 34;

/// An aborted transaction, as the transaction index has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AbortedTransaction {
    /// The producer.
    pub producer_id: ProducerId,
    /// Offset of the transaction's first record.
    pub first_offset: Offset,
    /// Offset of the abort marker.
    pub last_offset: Offset,
    /// The last stable offset when the marker was appended.
    pub last_stable_offset: Offset,
}

impl AbortedTransaction {
    pub(crate) fn encode(&self) -> [u8; ENTRY_SIZE] {
        let mut bytes = [0; ENTRY_SIZE];
        bytes[2..10].copy_from_slice(&self.producer_id.0.to_be_bytes());
        bytes[10..18].copy_from_slice(&self.first_offset.0.to_be_bytes());
        bytes[18..26].copy_from_slice(&self.last_offset.0.to_be_bytes());
        bytes[26..34].copy_from_slice(&self.last_stable_offset.0.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8; ENTRY_SIZE]) -> Option<AbortedTransaction> {
        let long = |at: usize| {
            let mut raw = [0; 8];
            raw.copy_from_slice(&bytes[at..at + 8]);
            i64::from_be_bytes(raw)
        };
        (bytes[..2] == [0, 0]).then(|| AbortedTransaction {
            producer_id: ProducerId(long(2)),
            first_offset: Offset(long(10)),
            last_offset: Offset(long(18)),
            last_stable_offset: Offset(long(26)),
        })
    }
}

/// All entries of a file, `None` if it cannot be right. An absent file has none.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<AbortedTransaction>>> {
    takes_time()?;
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(Vec::new())),
        Err(error) => return Err(error),
    };
    let (entries, rest) = bytes.as_chunks::<ENTRY_SIZE>();
    if !rest.is_empty() {
        return Ok(None);
    }
    Ok(entries.iter().map(AbortedTransaction::decode).collect())
}

/// Adds an entry at the end.
pub(crate) fn append(path: &Path, entry: &AbortedTransaction) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(&entry.encode())
}

/// Replaces the file by one with these entries; no entries, no file.
pub(crate) fn replace(path: &Path, entries: &[AbortedTransaction]) -> io::Result<()> {
    if entries.is_empty() {
        return match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let bytes: Vec<u8> = entries.iter().flat_map(AbortedTransaction::encode).collect();
    std::fs::write(path, bytes)
}
