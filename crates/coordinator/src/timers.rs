//! Deadlines of members and groups, without a clock.
//!
//! Entries are never taken out: what they stand for remembers which entry is its own, and an entry whose owner no longer
//! knows it is dropped when it comes due. So a heartbeat only writes a number, and the queue holds at most the
//! entries made within one timeout.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// What a deadline is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerKey {
    /// The session of a member, or of a member id that was handed out and not yet used.
    Session { group_id: Arc<str>, member_id: Arc<str> },
    /// The end of a join phase.
    Join { group_id: Arc<str> },
    /// The end of the wait for SyncGroup requests.
    Sync { group_id: Arc<str> },
}

/// Names one entry of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerId(u64);

/// A deadline that came due.
#[derive(Debug)]
pub(crate) struct DueTimer {
    pub(crate) id: TimerId,
    pub(crate) key: TimerKey,
}

/// All deadlines of one shard, earliest first.
#[derive(Debug, Default)]
pub(crate) struct TimerQueue {
    heap: BinaryHeap<Reverse<(i64, TimerId, TimerKey)>>,
    next_id: u64,
}

impl TimerQueue {
    /// Adds a deadline, in monotonic milliseconds.
    pub(crate) fn push(&mut self, deadline_ms: i64, key: TimerKey) -> TimerId {
        let id = TimerId(self.next_id);
        self.next_id += 1;
        self.heap.push(Reverse((deadline_ms, id, key)));
        id
    }

    /// The earliest deadline, which may turn out to be nobody's.
    pub(crate) fn next_deadline_ms(&self) -> Option<i64> {
        self.heap.peek().map(|Reverse((deadline, ..))| *deadline)
    }

    /// Takes the earliest entry when it is due.
    pub(crate) fn pop_due(&mut self, monotonic_ms: i64) -> Option<DueTimer> {
        if self.next_deadline_ms()? > monotonic_ms {
            return None;
        }
        self.heap.pop().map(|Reverse((_, id, key))| DueTimer { id, key })
    }
}

/// The moving deadline of one session.
#[derive(Debug, Default)]
pub(crate) struct SessionTimer {
    deadline_ms: i64,
    queued: Option<(i64, TimerId)>,
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
        if self.queued.is_none_or(|(queued_ms, _)| queued_ms > deadline_ms) {
            self.queued = Some((deadline_ms, queue.push(deadline_ms, key())));
        }
    }

    /// Judges an entry that came due, and queues the next one when the deadline had moved.
    pub(crate) fn check(
        &mut self,
        queue: &mut TimerQueue,
        due: &DueTimer,
        monotonic_ms: i64,
    ) -> SessionCheck {
        match self.queued {
            Some((_, id)) if id == due.id => {}
            _ => return SessionCheck::Alive,
        }
        if self.deadline_ms > monotonic_ms {
            self.queued = Some((self.deadline_ms, queue.push(self.deadline_ms, due.key.clone())));
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
        assert_eq!(queue.heap.len(), 1);
        let due = queue.pop_due(10).expect("the first deadline");
        assert_eq!(session.check(&mut queue, &due, 10), SessionCheck::Alive);
        assert!(queue.pop_due(19).is_none());
        let due = queue.pop_due(20).expect("the last deadline");
        assert_eq!(session.check(&mut queue, &due, 20), SessionCheck::Expired);
    }

    #[test]
    fn a_shorter_timeout_replaces_the_longer_one() {
        let mut queue = TimerQueue::default();
        let mut session = SessionTimer::default();
        session.reschedule(&mut queue, 300, key);
        session.reschedule(&mut queue, 10, key);
        let due = queue.pop_due(10).expect("the shorter deadline");
        assert_eq!(session.check(&mut queue, &due, 10), SessionCheck::Expired);
        let stale = queue.pop_due(300).expect("the stale entry");
        assert_eq!(session.check(&mut queue, &stale, 300), SessionCheck::Alive);
    }
}
