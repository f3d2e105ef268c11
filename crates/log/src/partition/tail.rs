//! Where the newest batches lie, so that a reader at the end of the log needs no index and no system call to find
//! its place. Empty, and without memory, while nothing is appended.

use std::collections::VecDeque;

/// Batches remembered.
const MAX: usize = 32;

/// See the module. The batches are those at the end of the active segment, without gaps between them in the file.
#[derive(Debug, Default)]
pub(super) struct Tail {
    batches: VecDeque<TailBatch>,
}

#[derive(Clone, Copy, Debug)]
struct TailBatch {
    base_offset: i64,
    last_offset: i64,
    position: u64,
    size: u64,
}

/// A batch's place in the active segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Offset of its first record.
    pub(super) base_offset: i64,
    /// Where it starts.
    pub(super) position: u64,
    /// Its bytes.
    pub(super) size: u64,
}

impl Tail {
    pub(super) fn push(&mut self, base_offset: i64, last_offset: i64, position: u64, size: u64) {
        if self.batches.len() == MAX {
            self.batches.pop_front();
        }
        self.batches.push_back(TailBatch { base_offset, last_offset, position, size });
    }

    /// Forgets all, with the memory: after a roll, a truncation, or when idle.
    pub(super) fn clear(&mut self) {
        self.batches = VecDeque::new();
    }

    /// The first batch that ends at or after `offset`, if it is one of these for certain.
    pub(super) fn find(&self, offset: i64) -> Option<Place> {
        if self.batches.front()?.base_offset > offset {
            return None;
        }
        let at = self.batches.partition_point(|batch| batch.last_offset < offset);
        let batch = self.batches.get(at)?;
        Some(Place { base_offset: batch.base_offset, position: batch.position, size: batch.size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_certain_is_found() {
        let mut tail = Tail::default();
        assert_eq!(tail.find(0), None);
        for i in 0..40 {
            tail.push(i * 10, i * 10 + 8, i as u64 * 100, 100);
        }
        assert_eq!(tail.find(79), None, "pushed out");
        assert_eq!(tail.find(80), Some(Place { base_offset: 80, position: 800, size: 100 }));
        assert_eq!(
            tail.find(89),
            Some(Place { base_offset: 90, position: 900, size: 100 }),
            "a gap after compaction"
        );
        assert_eq!(tail.find(398).map(|p| p.position), Some(3900));
        assert_eq!(tail.find(399), None, "the end of the log");
    }
}
