//! Compaction: of each key only the last record stays (KIP-58, KIP-280 left out), in the places where the records are.
//!
//! This module has the decisions, without files: what is dirty ([`Cleanable`]), where each key is last
//! ([`OffsetMap`]), what stays of a batch ([`filter`]), which segments become one ([`group`]). The partition
//! reads, writes and swaps the files.
//!
//! Invariants: offsets never change, and the batch boundaries that stay are old ones; nothing at or behind the last
//! stable offset is touched; a tombstone or a transaction marker is first given a delete horizon and only goes when
//! that has passed; the last batch of an active producer stays, if need be without its records; the map takes memory
//! as it fills, up to its bound.

mod cleaner;
pub(crate) mod filter;
pub(crate) mod group;
mod offset_map;
mod plan;
pub(crate) mod transactions;

pub(crate) use cleaner::Pace;
pub use cleaner::{Cleaner, CleanerConfig};
pub(crate) use offset_map::OffsetMap;
pub use plan::Cleanable;
pub(crate) use plan::{SegmentAge, plan};

use moldau_types::Offset;

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactionReport {
    /// The log is compacted up to here now.
    pub clean_to: Offset,
    /// Bytes of the segments that were rewritten.
    pub bytes_before: u64,
    /// Bytes of what replaced them.
    pub bytes_after: u64,
    /// Segments before and after.
    pub segments_before: usize,
    /// Segments after.
    pub segments_after: usize,
    /// Different keys in the dirty part.
    pub keys: usize,
}

#[cfg(test)]
mod tests;
