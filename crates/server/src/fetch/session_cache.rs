//! All fetch sessions of a node, at most `max.incremental.fetch.session.cache.slots` of them.
//!
//! Invariant: a session that was used in the last two minutes is never pushed out by a new one; when no slot can be
//! freed the new client is answered without a session (id 0) and sends full requests.

use std::collections::HashMap;
use std::sync::Arc;

use moldau_types::ErrorCode;
use parking_lot::Mutex;

use super::session::{Session, next_epoch};

/// How long a session must have been unused before a new one may take its slot, in milliseconds.
const EVICTION_MS: i64 = 120_000;

/// The epoch with which a client opens a session.
pub(crate) const INITIAL_EPOCH: i32 = 0;
/// The epoch with which a client asks without a session, and closes the one that it names.
pub(crate) const FINAL_EPOCH: i32 = -1;

struct Slot {
    session: Arc<Mutex<Session>>,
    last_used_ms: i64,
}

/// The cache.
pub(crate) struct SessionCache {
    slots_max: usize,
    slots: Mutex<HashMap<i32, Slot>>,
}

impl SessionCache {
    pub(crate) fn new(slots_max: usize) -> Self {
        SessionCache { slots_max, slots: Mutex::default() }
    }

    /// Removes a session if it is there.
    pub(crate) fn remove(&self, id: i32) {
        self.slots.lock().remove(&id);
    }

    /// Puts a session in and gives its id, or 0 when no slot is free. `random` gives ids to try.
    pub(crate) fn insert(&self, session: Session, now_ms: i64, mut random: impl FnMut() -> i32) -> i32 {
        let mut slots = self.slots.lock();
        if slots.len() >= self.slots_max {
            let oldest = slots.iter().min_by_key(|(_, slot)| slot.last_used_ms);
            match oldest.map(|(id, slot)| (*id, slot.last_used_ms)) {
                Some((id, last_used_ms)) if now_ms - last_used_ms > EVICTION_MS => slots.remove(&id),
                _ => return 0,
            };
        }
        let id = loop {
            let id = random() & i32::MAX;
            if id != 0 && !slots.contains_key(&id) {
                break id;
            }
        };
        slots.insert(id, Slot { session: Arc::new(Mutex::new(session)), last_used_ms: now_ms });
        id
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
        let slot = slots.get_mut(&id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
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
}
