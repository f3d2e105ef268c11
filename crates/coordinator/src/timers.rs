//! Deadlines of members and groups, without a clock.
//!
//! Each entry has one owner that knows its id, and takes it out when it needs it no more: the queue never holds more entries
//! than there are sessions and phases that wait. A heartbeat only writes a number, because a session's entry may
//! stand earlier than its deadline.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What a deadline is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TimerKey {
    /// The session of a member, or of a member id that was handed out and not yet used.
    Session { group_id: Arc<str>, member_id: Arc<str> },
    /// The end of a join phase.
    Join { group_id: Arc<str> },
    /// The end of the wait for SyncGroup requests.
    Sync { group_id: Arc<str> },
}

/// Names one entry of the queue. Ordered by deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerId {
    deadline_ms: i64,
    number: u64,
}

/// A deadline that came due.
#[derive(Debug)]
pub(crate) struct DueTimer {
    pub(crate) id: TimerId,
    pub(crate) key: TimerKey,
}

/// All deadlines of one shard, earliest first.
#[derive(Debug, Default)]
pub(crate) struct TimerQueue {
    entries: BTreeMap<TimerId, TimerKey>,
    next_number: u64,
}

impl TimerQueue {
    /// Adds a deadline, in monotonic milliseconds.
    pub(crate) fn push(&mut self, deadline_ms: i64, key: TimerKey) -> TimerId {
        let id = TimerId { deadline_ms, number: self.next_number };
        self.next_number += 1;
        self.entries.insert(id, key);
        id
    }

    /// Takes an entry out before its time.
    pub(crate) fn cancel(&mut self, id: TimerId) {
        self.entries.remove(&id);
    }

    /// How many deadlines there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The earliest deadline, which may turn out to have moved on.
    pub(crate) fn next_deadline_ms(&self) -> Option<i64> {
        self.entries.first_key_value().map(|(id, _)| id.deadline_ms)
    }

    /// Takes the earliest entry when it is due.
    pub(crate) fn pop_due(&mut self, monotonic_ms: i64) -> Option<DueTimer> {
        if self.next_deadline_ms()? > monotonic_ms {
            return None;
        }
        self.entries.pop_first().map(|(id, key)| DueTimer { id, key })
    }
}

/// The moving deadline of one session.
#[derive(Debug, Default)]
pub(crate) struct SessionTimer {
    deadline_ms: i64,
    queued: Option<TimerId>,
}

/// What a due entry means for a session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SessionCheck {
    /// Not this session's entry, or the deadline has moved on.
    Alive,
    /// The session is over.
    Expired,
}

impl SessionTimer {
    /// Moves the deadline. Cheap while an earlier entry is in the queue.
    pub(crate) fn reschedule(
        &mut self,
        queue: &mut TimerQueue,
        deadline_ms: i64,
        key: impl FnOnce() -> TimerKey,
    ) {
        self.deadline_ms = deadline_ms;
        if self.queued.is_none_or(|queued| queued.deadline_ms > deadline_ms) {
            self.cancel(queue);
            self.queued = Some(queue.push(deadline_ms, key()));
        }
    }

    /// Nobody watches this session any more.
    pub(crate) fn cancel(&mut self, queue: &mut TimerQueue) {
        if let Some(queued) = self.queued.take() {
            queue.cancel(queued);
        }
    }

    /// Whether an entry of the queue is this session's.
    pub(crate) fn is_queued(&self) -> bool {
        self.queued.is_some()
    }

    /// Judges an entry that came due, and queues the next one when the deadline had moved.
    pub(crate) fn check(
        &mut self,
        queue: &mut TimerQueue,
        due: &DueTimer,
        monotonic_ms: i64,
    ) -> SessionCheck {
        if self.queued != Some(due.id) {
            return SessionCheck::Alive;
        }
        if self.deadline_ms > monotonic_ms {
            self.queued = Some(queue.push(self.deadline_ms, due.key.clone()));
            return SessionCheck::Alive;
        }
        self.queued = None;
        SessionCheck::Expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> TimerKey {
        TimerKey::Join { group_id: "g".into() }
    }

    #[test]
    fn a_heartbeat_leaves_the_queue_alone_and_the_session_still_ends_on_time() {
        let mut queue = TimerQueue::default();
        let mut session = SessionTimer::default();
        session.reschedule(&mut queue, 10, key);
        session.reschedule(&mut queue, 15, key);
        session.reschedule(&mut queue, 20, key);
        assert_eq!(queue.len(), 1);
        let due = queue.pop_due(10).expect("the first deadline");
        assert_eq!(session.check(&mut queue, &due, 10), SessionCheck::Alive);
        assert!(queue.pop_due(19).is_none());
        let due = queue.pop_due(20).expect("the last deadline");
        assert_eq!(session.check(&mut queue, &due, 20), SessionCheck::Expired);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn a_shorter_timeout_replaces_the_longer_one() {
        let mut queue = TimerQueue::default();
        let mut session = SessionTimer::default();
        session.reschedule(&mut queue, 300, key);
        session.reschedule(&mut queue, 10, key);
        assert_eq!(queue.len(), 1);
        let due = queue.pop_due(10).expect("the shorter deadline");
        assert_eq!(session.check(&mut queue, &due, 10), SessionCheck::Expired);
        assert!(queue.pop_due(300).is_none());
    }

    #[test]
    fn a_cancelled_deadline_never_comes_due() {
        let mut queue = TimerQueue::default();
        let first = queue.push(10, key());
        queue.push(10, key());
        queue.cancel(first);
        queue.cancel(first);
        assert_ne!(queue.pop_due(10).expect("the other one").id, first);
        assert!(queue.next_deadline_ms().is_none());
    }
}
