//! Which partition a record goes to.
//!
//! Always: a record with a key goes where Kafka's own clients send it (murmur2 of the key, KIP-794's default), so that Rust and Java
//! producers agree. Without a key, records stick to one partition until about `batch.size` bytes went there, then another
//! is drawn: those for which fewer batches wait more often.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::record::ProducerRecord;
use crate::metadata::Topic;

/// Chooses the partitions of records that name none.
pub trait Partitioner: Send + Sync {
    /// The partition of a record, or `None` to leave the choice to the producer: by key, else sticky. `topic` has the
    /// partitions with their leaders; a number that is not among them makes `send` fail.
    fn partition(&self, record: &ProducerRecord, topic: &Topic) -> Option<i32>;
}

/// One partition with a leader after the other, whatever the key: Kafka's `RoundRobinPartitioner`.
#[derive(Debug, Default)]
pub struct RoundRobinPartitioner {
    next: Mutex<HashMap<String, usize>>,
}

impl Partitioner for RoundRobinPartitioner {
    fn partition(&self, record: &ProducerRecord, topic: &Topic) -> Option<i32> {
        let turn = {
            let mut next = self.next.lock();
            match next.get_mut(&record.topic) {
                Some(next) => {
                    *next = next.wrapping_add(1);
                    *next
                }
                None => *next.entry(record.topic.clone()).or_insert(0),
            }
        };
        let available = topic.available();
        match available.len() {
            0 => topic.partitions.get(turn % topic.partitions.len().max(1)).map(|partition| partition.index),
            count => Some(available[turn % count]),
        }
    }
}

/// Kafka's variant of murmur2 (seed 0x9747b28c), as a signed number.
pub fn murmur2(data: &[u8]) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c_u32 ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        for (i, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * i);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    (hash ^ (hash >> 15)) as i32
}

/// The partition of a key among `partitions` (which must be at least 1).
pub fn partition_of_key(key: &[u8], partitions: usize) -> i32 {
    ((murmur2(key) & 0x7fff_ffff) as usize % partitions.max(1)) as i32
}

/// The partition that records without a key go to at the moment.
#[derive(Debug, Default)]
pub(crate) struct StickyPartition {
    current: Option<i32>,
    bytes: usize,
}

impl StickyPartition {
    /// The partition for the next record without a key of `size` bytes; `candidates` gives the partitions that may be
    /// drawn, with how many batches wait for each.
    pub(crate) fn next(
        &mut self,
        size: usize,
        batch_size: usize,
        candidates: impl FnOnce() -> Vec<(i32, usize)>,
        partitions: usize,
    ) -> i32 {
        if self.bytes >= batch_size.max(1) {
            self.current = None;
        }
        let partition = match self.current {
            Some(partition) if (partition as usize) < partitions => partition,
            _ => {
                self.bytes = 0;
                let candidates = candidates();
                let weights = total_weight(&candidates);
                let drawn = if weights == 0 { 0 } else { rand::random_range(0..weights) };
                drawn_at(&candidates, drawn)
                    .unwrap_or_else(|| rand::random_range(0..partitions.max(1)) as i32)
            }
        };
        self.current = Some(partition);
        self.bytes += size;
        partition
    }
}

/// How much more likely a partition is than the one for which most batches wait, which has 1.
fn weight(candidates: &[(i32, usize)], waiting: usize) -> usize {
    candidates.iter().map(|(_, waiting)| *waiting).max().unwrap_or(0) - waiting + 1
}

fn total_weight(candidates: &[(i32, usize)]) -> usize {
    candidates.iter().map(|(_, waiting)| weight(candidates, *waiting)).sum()
}

/// The partition at a place in the line of all weights; `None` behind its end.
fn drawn_at(candidates: &[(i32, usize)], mut place: usize) -> Option<i32> {
    for (partition, waiting) in candidates {
        let weight = weight(candidates, *waiting);
        if place < weight {
            return Some(*partition);
        }
        place -= weight;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hashes of Kafka's own test of its hash function.
    #[test]
    fn murmur2_is_kafkas() {
        for (text, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ] {
            assert_eq!(murmur2(text.as_bytes()), hash, "{text}");
        }
        assert_eq!(murmur2(b"abc"), 479_470_107);
    }

    #[test]
    fn a_key_always_goes_to_the_same_partition_within_range() {
        for n in 1..50 {
            let partition = partition_of_key(b"N14228", n);
            assert!((0..n as i32).contains(&partition));
            assert_eq!(partition, partition_of_key(b"N14228", n));
        }
    }

    #[test]
    fn records_without_a_key_stick_until_a_batch_is_full() {
        let mut sticky = StickyPartition::default();
        let available = || vec![(1, 0), (3, 0), (5, 0)];
        let first = sticky.next(400, 1000, available, 6);
        assert!(available().contains(&(first, 0)));
        assert_eq!(sticky.next(400, 1000, available, 6), first);
        assert_eq!(sticky.next(400, 1000, available, 6), first);
        let seen: std::collections::BTreeSet<i32> =
            (0..200).map(|_| sticky.next(1000, 1000, available, 6)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [1, 3, 5]);
        assert_eq!(StickyPartition::default().next(1, 1000, Vec::new, 1), 0, "without a leader any will do");
    }

    #[test]
    fn partitions_with_fewer_waiting_batches_are_drawn_more_often() {
        let candidates = [(0, 3), (4, 0), (7, 2)];
        assert_eq!(total_weight(&candidates), 1 + 4 + 2);
        let drawn: Vec<_> = (0..8).map(|place| drawn_at(&candidates, place)).collect();
        assert_eq!(drawn, [Some(0), Some(4), Some(4), Some(4), Some(4), Some(7), Some(7), None]);
    }
}
