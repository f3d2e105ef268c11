//! One incremental fetch session (KIP-227): the partitions that a client fetches and what it was last told of each.
//!
//! Invariants: partitions are kept in the order in which they are served, and one that gave records goes to the end, so
//! that none starves; an unchanged partition without records is not answered again. Pure: no clock, no locks.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use moldau_types::Uuid;

/// How a request names a topic: by name before version 13 of Fetch, by id from then on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum FetchTopic {
    /// Its name.
    Name(Arc<str>),
    /// Its id.
    Id(Uuid),
}

/// A partition of a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey {
    pub(crate) topic: FetchTopic,
    pub(crate) partition: i32,
}

/// What a request asks of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) fetch_offset: i64,
    pub(crate) max_bytes: i32,
    /// −1 when the client does not know it.
    pub(crate) current_leader_epoch: i32,
    /// −1 when the client does not know it.
    pub(crate) last_fetched_epoch: i32,
}

/// What a response says of a partition, as far as it decides whether it must be said again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) high_watermark: i64,
    pub(crate) log_start_offset: i64,
    pub(crate) error_code: i16,
    pub(crate) has_records: bool,
    /// A diverging epoch or another thing that the client has to see whatever it was told before.
    pub(crate) must_tell: bool,
}

#[derive(Debug)]
struct Cached {
    key: SessionKey,
    asked: Asked,
    high_watermark: i64,
    log_start_offset: i64,
}

/// The state of one session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) uses_topic_ids: bool,
    /// The epoch that the next request must carry.
    pub(crate) epoch: i32,
    next_place: u64,
    by_place: BTreeMap<u64, Cached>,
    places: HashMap<SessionKey, u64>,
}

/// The epoch that follows `epoch`: from the largest number on to 1, since 0 opens a session.
pub(crate) fn next_epoch(epoch: i32) -> i32 {
    if epoch == i32::MAX { 1 } else { epoch + 1 }
}

impl Session {
    pub(crate) fn new(uses_topic_ids: bool) -> Self {
        Session { uses_topic_ids, epoch: 1, next_place: 0, by_place: BTreeMap::new(), places: HashMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Takes a request's partitions in: new ones go to the end, known ones keep their place.
    pub(crate) fn update(&mut self, asked: impl IntoIterator<Item = (SessionKey, Asked)>) {
        for (key, asked) in asked {
            if let Some(cached) = self.places.get(&key).and_then(|place| self.by_place.get_mut(place)) {
                cached.asked = asked;
                continue;
            }
            let place = self.take_place();
            self.places.insert(key.clone(), place);
            self.by_place.insert(place, Cached { key, asked, high_watermark: -1, log_start_offset: -1 });
        }
    }

    /// Forgets partitions.
    pub(crate) fn forget(&mut self, keys: impl IntoIterator<Item = SessionKey>) {
        for key in keys {
            if let Some(place) = self.places.remove(&key) {
                self.by_place.remove(&place);
            }
        }
    }

    /// All partitions in the order in which they are served.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = (&SessionKey, Asked)> {
        self.by_place.values().map(|cached| (&cached.key, cached.asked))
    }

    /// Notes what a response says of a partition; gives whether it has to be in an incremental response.
    pub(crate) fn tell(&mut self, key: &SessionKey, told: Told) -> bool {
        let Some(place) = self.places.get(key).copied() else { return true };
        let Some(cached) = self.by_place.get_mut(&place) else { return true };
        let changed =
            cached.high_watermark != told.high_watermark || cached.log_start_offset != told.log_start_offset;
        cached.high_watermark = told.high_watermark;
        cached.log_start_offset = told.log_start_offset;
        if told.error_code != 0 {
            // Whatever comes after the error is news.
            cached.high_watermark = -1;
        }
        if told.has_records {
            self.move_to_end(place);
        }
        changed || told.has_records || told.error_code != 0 || told.must_tell
    }

    fn move_to_end(&mut self, place: u64) {
        if let Some(cached) = self.by_place.remove(&place) {
            let end = self.take_place();
            self.places.insert(cached.key.clone(), end);
            self.by_place.insert(end, cached);
        }
    }

    fn take_place(&mut self) -> u64 {
        self.next_place += 1;
        self.next_place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(partition: i32) -> SessionKey {
        SessionKey { topic: FetchTopic::Name("t".into()), partition }
    }

    fn asked(fetch_offset: i64) -> Asked {
        Asked { fetch_offset, max_bytes: 100, current_leader_epoch: -1, last_fetched_epoch: -1 }
    }

    fn told(high_watermark: i64, has_records: bool) -> Told {
        Told { high_watermark, log_start_offset: 0, error_code: 0, has_records, must_tell: false }
    }

    fn order(session: &Session) -> Vec<i32> {
        session.partitions().map(|(key, _)| key.partition).collect()
    }

    #[test]
    fn a_partition_that_gave_records_goes_to_the_end() {
        let mut session = Session::new(false);
        session.update((0..3).map(|p| (key(p), asked(0))));
        assert!(session.tell(&key(0), told(5, true)));
        assert_eq!(order(&session), [1, 2, 0]);
    }

    #[test]
    fn what_did_not_change_is_not_said_again() {
        let mut session = Session::new(false);
        session.update([(key(0), asked(0))]);
        assert!(session.tell(&key(0), told(5, false)));
        assert!(!session.tell(&key(0), told(5, false)));
        assert!(session.tell(&key(0), told(6, false)));
    }

    #[test]
    fn an_error_is_said_each_time_and_its_end_too() {
        let mut session = Session::new(false);
        session.update([(key(0), asked(0))]);
        let failed = Told { error_code: 6, ..told(-1, false) };
        assert!(session.tell(&key(0), failed));
        assert!(session.tell(&key(0), failed));
        assert!(session.tell(&key(0), told(5, false)));
    }

    #[test]
    fn a_forgotten_partition_is_forgotten() {
        let mut session = Session::new(false);
        session.update((0..3).map(|p| (key(p), asked(0))));
        session.forget([key(1)]);
        assert_eq!(order(&session), [0, 2]);
        assert_eq!(session.len(), 2);
    }

    #[test]
    fn the_epoch_after_the_largest_is_one() {
        assert_eq!(next_epoch(i32::MAX), 1);
        assert_eq!(next_epoch(1), 2);
    }
}
