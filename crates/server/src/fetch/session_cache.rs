//! All fetch sessions of a node: at most `max.incremental.fetch.session.cache.slots` of them, with no more than
//! [`PARTITIONS_MAX`] partitions in all.
//!
//! Invariant: a session that was used in the last two minutes is never pushed out by another one; when there is no room
//! a new client is answered without a session (id 0) and sends full requests, and a session that grows beyond it ends.

use std::collections::HashMap;
use std::sync::Arc;

use moldau_types::ErrorCode;
use parking_lot::Mutex;

use super::session::{Session, next_epoch};

/// How long a session must have been unused before another may take its room, in milliseconds.
const EVICTION_MS: i64 = 120_000;
/// Partitions that are remembered in all sessions together; some 200 bytes each.
pub(crate) const PARTITIONS_MAX: usize = 250_000;

/// The epoch with which a client opens a session.
pub(crate) const INITIAL_EPOCH: i32 = 0;
/// The epoch with which a client asks without a session, and closes the one that it names.
pub(crate) const FINAL_EPOCH: i32 = -1;

struct Slot {
    session: Arc<Mutex<Session>>,
    last_used_ms: i64,
    /// How many of the session's partitions are in the sum.
    partitions: usize,
}

/// The cache.
pub(crate) struct SessionCache {
    slots_max: usize,
    partitions_max: usize,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    by_id: HashMap<i32, Slot>,
    /// Partitions of all sessions.
    partitions: usize,
    /// Sessions that made room for others.
    evicted: u64,
}

impl Slots {
    fn remove(&mut self, id: i32) {
        if let Some(slot) = self.by_id.remove(&id) {
            self.partitions -= slot.partitions;
        }
    }

    /// Removes the session that was unused for longest, other than `but`, if it is long enough.
    fn evict(&mut self, now_ms: i64, but: Option<i32>) -> bool {
        let others = self.by_id.iter().filter(|(id, _)| Some(**id) != but);
        let oldest = others.min_by_key(|(_, slot)| slot.last_used_ms);
        match oldest.map(|(id, slot)| (*id, slot.last_used_ms)) {
            Some((id, last_used_ms)) if now_ms - last_used_ms > EVICTION_MS => {
                self.remove(id);
                self.evicted += 1;
                true
            }
            _ => false,
        }
    }
}

impl SessionCache {
    pub(crate) fn new(slots_max: usize) -> Self {
        SessionCache { slots_max, partitions_max: PARTITIONS_MAX, slots: Mutex::default() }
    }

    /// Sessions, their partitions, and how many sessions made room for others since the start.
    pub(crate) fn counts(&self) -> (usize, usize, u64) {
        let slots = self.slots.lock();
        (slots.by_id.len(), slots.partitions, slots.evicted)
    }

    /// Removes a session if it is there.
    pub(crate) fn remove(&self, id: i32) {
        self.slots.lock().remove(id);
    }

    /// Puts a session in and gives its id, or 0 when there is no room. `random` gives ids to try.
    pub(crate) fn insert(&self, session: Session, now_ms: i64, mut random: impl FnMut() -> i32) -> i32 {
        let partitions = session.len();
        let mut slots = self.slots.lock();
        if partitions > self.partitions_max {
            return 0;
        }
        while slots.by_id.len() >= self.slots_max || slots.partitions + partitions > self.partitions_max {
            if !slots.evict(now_ms, None) {
                return 0;
            }
        }
        let id = loop {
            let id = random() & i32::MAX;
            if id != 0 && !slots.by_id.contains_key(&id) {
                break id;
            }
        };
        let session = Arc::new(Mutex::new(session));
        slots.by_id.insert(id, Slot { session, last_used_ms: now_ms, partitions });
        slots.partitions += partitions;
        id
    }

    /// Notes how many partitions a session has after a request. It ends, with an error, when there is no room for them.
    pub(crate) fn resized(&self, id: i32, partitions: usize, now_ms: i64) -> Result<(), ErrorCode> {
        let mut slots = self.slots.lock();
        let slot = slots.by_id.get_mut(&id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        let before = std::mem::replace(&mut slot.partitions, partitions);
        slots.partitions = slots.partitions - before + partitions;
        while slots.partitions > self.partitions_max {
            if !slots.evict(now_ms, Some(id)) {
                slots.remove(id);
                return Err(ErrorCode::FetchSessionIdNotFound);
            }
        }
        Ok(())
    }

    /// Finds a session for an incremental request and moves its epoch on.
    pub(crate) fn resume(
        &self,
        id: i32,
        epoch: i32,
        uses_topic_ids: bool,
        now_ms: i64,
    ) -> Result<Arc<Mutex<Session>>, ErrorCode> {
        let mut slots = self.slots.lock();
        let slot = slots.by_id.get_mut(&id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        let mut session = slot.session.lock();
        if session.epoch != epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.uses_topic_ids != uses_topic_ids {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        session.epoch = next_epoch(session.epoch);
        drop(session);
        slot.last_used_ms = now_ms;
        Ok(slot.session.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> impl FnMut() -> i32 {
        let mut next = 0;
        move || {
            next += 1;
            next
        }
    }

    #[test]
    fn a_live_session_is_not_pushed_out_by_leaked_ones() {
        let cache = SessionCache::new(2);
        let mut ids = ids();
        let live = cache.insert(Session::new(false), 0, &mut ids);
        let leaked = cache.insert(Session::new(false), 0, &mut ids);
        assert_eq!(cache.insert(Session::new(false), EVICTION_MS, &mut ids), 0);
        assert!(cache.resume(live, 1, false, EVICTION_MS).is_ok());
        let third = cache.insert(Session::new(false), EVICTION_MS + 1, &mut ids);
        assert_ne!(third, 0);
        assert_eq!(
            cache.resume(leaked, 1, false, EVICTION_MS + 1).err(),
            Some(ErrorCode::FetchSessionIdNotFound)
        );
        assert!(cache.resume(live, 2, false, EVICTION_MS + 1).is_ok());
        assert_eq!(cache.counts(), (2, 0, 1));
    }

    #[test]
    fn epochs_and_topic_ids_are_checked() {
        let cache = SessionCache::new(2);
        let id = cache.insert(Session::new(true), 0, ids());
        assert_eq!(cache.resume(id, 2, true, 0).err(), Some(ErrorCode::InvalidFetchSessionEpoch));
        assert_eq!(cache.resume(id, 1, false, 0).err(), Some(ErrorCode::FetchSessionTopicIdError));
        assert!(cache.resume(id, 1, true, 0).is_ok());
        assert_eq!(cache.resume(id, 1, true, 0).err(), Some(ErrorCode::InvalidFetchSessionEpoch));
    }

    fn of(partitions: i32) -> Session {
        use crate::fetch::{Asked, FetchTopic, SessionKey};
        let asked = Asked { fetch_offset: 0, max_bytes: 1, current_leader_epoch: -1, last_fetched_epoch: -1 };
        let key = |partition| SessionKey { topic: FetchTopic::Name("t".into()), partition };
        let mut session = Session::new(false);
        session.update((0..partitions).map(|partition| (key(partition), asked)));
        session
    }

    #[test]
    fn sessions_of_many_partitions_do_not_grow_without_limit() {
        let cache = SessionCache { partitions_max: 100, ..SessionCache::new(10) };
        let mut ids = ids();
        assert_eq!(cache.insert(of(101), 0, &mut ids), 0, "more than there may be at all");
        let first = cache.insert(of(60), 0, &mut ids);
        assert_ne!(first, 0);
        assert_eq!(cache.insert(of(41), 0, &mut ids), 0, "no room beside a live one");
        let second = cache.insert(of(40), 0, &mut ids);
        assert_ne!(second, 0);
        // The second forgets some, so the first may have more, but not too many.
        assert_eq!(cache.resized(second, 10, 0), Ok(()));
        assert_eq!(cache.resized(first, 90, 0), Ok(()));
        assert_eq!(cache.resized(first, 91, 0), Err(ErrorCode::FetchSessionIdNotFound));
        assert_eq!(cache.resume(first, 1, false, 0).err(), Some(ErrorCode::FetchSessionIdNotFound));
        // Its room is free again, and that of one that nobody uses any more too.
        let third = cache.insert(of(90), EVICTION_MS + 1, &mut ids);
        assert_eq!(cache.resized(third, 100, EVICTION_MS + 1), Ok(()));
        assert!(cache.resume(second, 1, false, EVICTION_MS + 1).is_err());
        cache.remove(third);
        assert_eq!(cache.slots.lock().partitions, 0);
    }
}
