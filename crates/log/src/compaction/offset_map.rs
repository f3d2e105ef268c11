//! Where each key is last in the dirty part of a log: 128 bits of keyed hash instead of the key, and the offset.
//!
//! Two keys with one hash would lose a record; with random hash keys that is as unlikely for an attacker as by
//! chance. The map is sixteen tables by the hash's first bits, so that growing one of them needs little more memory
//! than it has: the bound holds while growing too.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

const SHARDS: usize = 16;
/// A slot of a table: hash, offset, and a byte of the table's own.
const SLOT_BYTES: usize = 16 + 8 + 1;

/// The key's hash is a hash already.
#[derive(Clone, Copy, Debug, Default)]
struct Ready(u64);

impl Hasher for Ready {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(low) = bytes.first_chunk::<8>() {
            self.0 = u64::from_ne_bytes(*low);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// 128 bits of hash; `Hash` gives the first half on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyHash([u64; 2]);

impl std::hash::Hash for KeyHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

type Shard = HashMap<KeyHash, i64, BuildHasherDefault<Ready>>;

/// See the module.
#[derive(Debug)]
pub(crate) struct OffsetMap {
    shards: Vec<Shard>,
    hashers: [RandomState; 2],
    max_per_shard: usize,
    latest: i64,
}

impl OffsetMap {
    /// An empty map that never takes more than about `bytes`, and nothing yet.
    pub(crate) fn new(bytes: usize) -> OffsetMap {
        // One table in sixteen is there twice while it grows. Tables have 2^n slots and use 7 of 8.
        let slots = bytes / SLOT_BYTES / (SHARDS + 1);
        let slots = if slots < 16 { 16 } else { 1 << slots.ilog2() };
        OffsetMap {
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            hashers: [RandomState::new(), RandomState::new()],
            max_per_shard: slots / 8 * 7,
            latest: -1,
        }
    }

    fn hash(&self, key: &[u8]) -> KeyHash {
        KeyHash(std::array::from_fn(|i| {
            let mut hasher = self.hashers[i].build_hasher();
            hasher.write(key);
            hasher.finish()
        }))
    }

    /// Notes that `key` is at `offset`; later offsets win. False if there is no room for another key.
    pub(crate) fn put(&mut self, key: &[u8], offset: i64) -> bool {
        let hash = self.hash(key);
        let shard = &mut self.shards[hash.0[1] as usize % SHARDS];
        if let Some(known) = shard.get_mut(&hash) {
            *known = offset.max(*known);
            return true;
        }
        // Not by an entry: asking for one makes room for a key before it is known whether there may be one more.
        let has_room = shard.len() < self.max_per_shard;
        if has_room {
            shard.insert(hash, offset);
        }
        has_room
    }

    /// Where `key` is last, if the dirty part has it.
    pub(crate) fn get(&self, key: &[u8]) -> Option<i64> {
        let hash = self.hash(key);
        self.shards[hash.0[1] as usize % SHARDS].get(&hash).copied()
    }

    /// The last offset up to which everything is in the map; −1 for none.
    pub(crate) fn latest(&self) -> i64 {
        self.latest
    }

    /// Notes that everything up to `offset` is in the map.
    pub(crate) fn advance(&mut self, offset: i64) {
        self.latest = self.latest.max(offset);
    }

    /// Number of keys.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(Shard::len).sum()
    }

    /// Forgets everything and gives the memory back.
    pub(crate) fn clear(&mut self) {
        self.shards.iter_mut().for_each(|shard| *shard = Shard::default());
        self.latest = -1;
    }

    /// Bytes that it takes now.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.shards.iter().map(|shard| (shard.capacity() * 8).div_ceil(7) * SLOT_BYTES).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_offset_of_a_key_is_found() {
        let mut map = OffsetMap::new(1 << 20);
        assert_eq!(map.memory(), 0);
        for offset in 0..1000i64 {
            assert!(map.put(format!("k{}", offset % 100).as_bytes(), offset));
        }
        assert_eq!(map.len(), 100);
        for key in 0..100i64 {
            assert_eq!(map.get(format!("k{key}").as_bytes()), Some(900 + key));
        }
        assert_eq!(map.get(b"other"), None);
        assert!(map.put(b"k1", 5), "an earlier offset changes nothing");
        assert_eq!(map.get(b"k1"), Some(901));
        map.clear();
        assert_eq!((map.len(), map.memory(), map.latest()), (0, 0, -1));
    }

    #[test]
    fn a_full_map_takes_no_more_keys_and_no_more_memory() {
        for bytes in [0, 10_000, 1 << 20] {
            let mut map = OffsetMap::new(bytes);
            let mut taken = 0;
            while map.put(format!("key {taken}").as_bytes(), taken) {
                taken += 1;
            }
            let refused = (taken..).map(|number| map.put(format!("key {number}").as_bytes(), 0)).take(1000);
            assert!(refused.filter(|taken| !taken).count() > 0);
            assert!(map.memory() <= bytes.max(SHARDS * 16 * SLOT_BYTES), "{} of {bytes}", map.memory());
            // The tables do not fill evenly, the small ones least.
            assert!(
                bytes < 1 << 20 || taken as usize * SLOT_BYTES * 3 > bytes,
                "{taken} keys in {bytes} bytes"
            );
            assert!(map.put(b"key 0", 99), "a key that is there still moves");
        }
    }
}
