//! The index files of a segment: offset → file position, timestamp → offset, and the aborted transactions.
//!
//! Offset and time index hold fixed-size entries in ascending order. A closed segment's are read with a few `pread`s
//! (a binary search by pages), never mapped. The active segment's newest entries stay in memory ([`Pending`]) and are
//! written out when there are [`Pending::MAX`] of them, at a flush, a roll and a close: an append makes no system call
//! for its indexes. A crash loses at most those entries, and recovery scans the log behind the recovery point anyway.
//!
//! While a segment is active its index files are sparse and preallocated to their largest size, as the reference's
//! are; closing it cuts them to their entries.

mod disk;
mod entry;
pub(crate) mod txn;

pub(crate) use disk::DiskIndex;
pub(crate) use entry::{IndexEntry, OffsetEntry, TimeEntry};

/// Entries of the active segment that are not in its index files yet.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// For the offset index.
    pub(crate) offsets: Vec<OffsetEntry>,
    /// For the time index.
    pub(crate) times: Vec<TimeEntry>,
}

impl Pending {
    /// Entries of one kind that wait at most.
    pub(crate) const MAX: usize = 512;

    pub(crate) fn is_full(&self) -> bool {
        self.offsets.len() >= Pending::MAX || self.times.len() >= Pending::MAX
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.offsets.is_empty() && self.times.is_empty()
    }
}

/// The last entry of a sorted slice whose key is not above `key`.
pub(crate) fn floor<E: IndexEntry>(entries: &[E], key: i64) -> Option<E> {
    let after = entries.partition_point(|entry| entry.key() <= key);
    after.checked_sub(1).map(|at| entries[at])
}

#[cfg(test)]
mod tests;
