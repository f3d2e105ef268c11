//! The batches of one partition that wait for their turn, and its place in the idempotent sequence.
//!
//! Always: batches leave in the order they were made; a batch that comes back takes its old place, and nothing leaves while
//! later ones are still under way. Sequence numbers have no gap between batches that the broker may have. A batch that the
//! broker may have keeps its stamp, so that the broker knows it again; it gets another one only when the broker can't have it.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::batch::{Batch, Stamp};

/// One partition's waiting batches.
#[derive(Default)]
pub(super) struct Queue {
    batches: VecDeque<Batch>,
    in_flight: usize,
    /// A batch came back; nothing is sent until all that was sent after it has come back too.
    recovering: bool,
    /// The broker does not have this batch, so it can't have later ones either: they are stamped again.
    missing_from: Option<u64>,
    /// The producer id and epoch that sequence numbers are counted under.
    identity: Option<(i64, i16)>,
    /// Whether the broker has a batch that failed is not known: what has no stamp yet is counted from 0 under another epoch,
    /// when no batch with a stamp is left.
    spent: bool,
    next_sequence: i32,
    not_before: Option<Instant>,
    /// The partition has taken a batch under the current producer id. Before that a broker takes any sequence number, so a
    /// second batch could get ahead of a first one that failed.
    established: bool,
    /// Batches are numbered: the producer is idempotent.
    numbered: bool,
}

/// When the first batch of a queue may leave.
pub(super) enum Readiness {
    /// There is none.
    Empty,
    /// Now.
    Now,
    /// At this time, if nothing else happens.
    At(Instant),
    /// When an answer comes.
    AfterAnswer,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// How many batches wait.
    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    /// The batch that takes more records, if the last one still does.
    pub(super) fn open(&mut self) -> Option<&mut Batch> {
        self.batches.back_mut().filter(|batch| batch.is_open())
    }

    pub(super) fn push(&mut self, batch: Batch) {
        self.batches.push_back(batch);
    }

    /// Whether the first batch may leave now.
    pub(super) fn readiness(
        &self,
        now: Instant,
        linger: Duration,
        batch_size: usize,
        hurry: bool,
    ) -> Readiness {
        let Some(first) = self.batches.front() else { return Readiness::Empty };
        let alone = self.recovering
            || (self.numbered && !self.established)
            || (self.spent && (first.stamp.is_none() || self.missing_from.is_some()));
        if alone && self.in_flight > 0 {
            return Readiness::AfterAnswer;
        }
        if let Some(not_before) = self.not_before
            && not_before > now
        {
            return Readiness::At(not_before);
        }
        let full = self.batches.len() > 1 || !first.is_open() || first.size() >= batch_size;
        let lingered = first.created + linger;
        if hurry || full || lingered <= now { Readiness::Now } else { Readiness::At(lingered) }
    }

    /// When the first batch gives up.
    pub(super) fn expires_at(&self, delivery_timeout: Duration) -> Option<Instant> {
        self.batches.front().map(|batch| batch.created + delivery_timeout)
    }

    /// The size of the first batch.
    pub(super) fn first_size(&self) -> usize {
        self.batches.front().map_or(0, Batch::size)
    }

    /// Whether the first batch can be sent only under another producer id than `current`: its epochs are used up.
    pub(super) fn wants_other_id(&self, current: Option<(i64, i16)>) -> bool {
        let renews = self.spent
            && self.in_flight == 0
            && self.batches.front().is_some_and(|first| {
                first.stamp.is_none() || self.missing_from.is_some_and(|from| from <= first.id)
            });
        renews
            && self
                .identity
                .zip(current)
                .is_some_and(|(own, current)| own.1 == i16::MAX && own.0 == current.0)
    }

    /// Takes the first batch to send it; with a producer id it is stamped with its sequence numbers.
    pub(super) fn take_to_send(&mut self, current: Option<(i64, i16)>) -> Option<Batch> {
        if self.in_flight == 0 {
            self.recovering = false;
            if let Some(from) = self.missing_from.take() {
                let missing = self.batches.iter_mut().filter(|batch| batch.id >= from);
                missing.for_each(|batch| batch.stamp = None);
            }
        }
        let mut batch = self.batches.pop_front()?;
        if let Some(current) = current
            && batch.stamp.is_none()
        {
            self.numbered = true;
            let (producer_id, producer_epoch) = self.identity_for_next(current);
            batch.stamp = Some(Stamp { producer_id, producer_epoch, base_sequence: self.next_sequence });
            self.next_sequence = sequence_after(self.next_sequence, batch.count());
        }
        self.not_before = None;
        self.in_flight += 1;
        Some(batch)
    }

    /// The producer id and epoch for a batch that has no stamp; another epoch than before when that is spent.
    fn identity_for_next(&mut self, current: (i64, i16)) -> (i64, i16) {
        let identity = match self.identity {
            Some(own) if !self.spent => return own,
            // A broker takes a higher epoch if it counts from 0, and from then on refuses what comes late under the lower.
            Some((id, epoch)) if id == current.0 => (id, epoch.saturating_add(1)),
            _ => current,
        };
        self.identity = Some(identity);
        self.spent = false;
        self.established = false;
        self.next_sequence = 0;
        identity
    }

    /// A sent batch was written.
    pub(super) fn written(&mut self, batch: &Batch) {
        self.in_flight -= 1;
        if let Some(stamp) = batch.stamp
            && self.identity == Some((stamp.producer_id, stamp.producer_epoch))
        {
            self.established = true;
        }
    }

    /// A sent batch failed for good and surely was not written.
    pub(super) fn refused(&mut self, batch: &Batch) {
        self.in_flight -= 1;
        self.leave_out(batch);
    }

    /// This batch surely was not written and is not sent again: what follows takes its sequence numbers.
    fn leave_out(&mut self, batch: &Batch) {
        if let Some(stamp) = batch.stamp {
            if self.missing_from.is_none_or(|from| batch.id < from) {
                self.missing_from = Some(batch.id);
                self.next_sequence = stamp.base_sequence;
            }
            self.recovering = true;
        }
    }

    /// The broker says that a sent batch does not follow what it has: the batch and what comes after it are counted anew.
    pub(super) fn unknown_to_broker(&mut self, batch: &mut Batch) {
        batch.stamp = None;
        batch.maybe_written = false;
        self.spent = true;
        self.missing_from = Some(self.missing_from.map_or(batch.id, |from| from.min(batch.id)));
    }

    /// A sent batch was too large and surely was not written; these two take its place.
    pub(super) fn split(&mut self, batch: &Batch, halves: [Batch; 2]) {
        self.refused(batch);
        self.recovering = true;
        for half in halves {
            let at = self.batches.partition_point(|other| other.id < half.id);
            self.batches.insert(at, half);
        }
    }

    /// A sent batch failed for good; whether it was written is unknown or does not matter.
    pub(super) fn lost(&mut self, batch: &Batch) {
        self.in_flight -= 1;
        self.spent |= batch.stamp.is_some();
    }

    /// A sent batch is to be sent again, not before `not_before`.
    pub(super) fn come_back(&mut self, batch: Batch, not_before: Instant) {
        self.in_flight -= 1;
        self.recovering = true;
        self.not_before = Some(not_before);
        let at = self.batches.partition_point(|other| other.id < batch.id);
        self.batches.insert(at, batch);
    }

    /// Whether a batch that failed with a sequence error has one before it that is to be sent again, which explains the error.
    pub(super) fn follows_a_failure(&self, batch: &Batch) -> bool {
        self.missing_from.is_some_and(|from| from < batch.id)
            || (self.recovering && self.batches.front().is_some_and(|first| first.id < batch.id))
    }

    /// Takes the batches that waited too long.
    pub(super) fn take_expired(&mut self, now: Instant, delivery_timeout: Duration) -> Vec<Batch> {
        let mut expired = Vec::new();
        while self.batches.front().is_some_and(|batch| batch.created + delivery_timeout <= now) {
            if let Some(batch) = self.batches.pop_front() {
                self.give_up(&batch);
                expired.push(batch);
            }
        }
        expired
    }

    /// A batch that waited is not sent again.
    fn give_up(&mut self, batch: &Batch) {
        if batch.maybe_written {
            self.spent |= batch.stamp.is_some();
        } else {
            self.leave_out(batch);
        }
    }

    /// Takes all waiting batches.
    pub(super) fn take_all(&mut self) -> Vec<Batch> {
        let batches: Vec<Batch> = self.batches.drain(..).collect();
        batches.iter().for_each(|batch| self.give_up(batch));
        batches
    }
}

/// The sequence number `count` after `sequence`; after the largest number comes 0.
fn sequence_after(sequence: i32, count: u32) -> i32 {
    ((i64::from(sequence) + i64::from(count)) % (i64::from(i32::MAX) + 1)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Option<(i64, i16)> = Some((7, 0));

    fn queue_of(counts: &[u32]) -> Queue {
        let mut queue = Queue::default();
        for (id, count) in counts.iter().enumerate() {
            queue.push(Batch::of_records_for_test(id as u64, *count));
        }
        queue
    }

    fn sequence(batch: &Batch) -> i32 {
        batch.stamp.expect("stamped").base_sequence
    }

    #[test]
    fn sequence_numbers_wrap_to_zero() {
        assert_eq!(sequence_after(i32::MAX, 1), 0);
        assert_eq!(sequence_after(i32::MAX - 1, 3), 1);
        assert_eq!(sequence_after(5, 2), 7);
    }

    #[test]
    fn a_batch_that_comes_back_keeps_its_sequence_and_goes_first() {
        let mut queue = queue_of(&[2, 3, 4]);
        let first = queue.take_to_send(ID).expect("a batch");
        let now = Instant::now();
        assert!(matches!(queue.readiness(now, Duration::ZERO, 1, true), Readiness::AfterAnswer));
        let second = queue.take_to_send(ID).expect("a batch");
        assert_eq!((sequence(&first), sequence(&second)), (0, 2));
        queue.come_back(second, now);
        assert!(matches!(queue.readiness(now, Duration::ZERO, 1, true), Readiness::AfterAnswer));
        queue.come_back(first, now);
        let again: Vec<_> =
            std::iter::from_fn(|| queue.take_to_send(ID)).map(|batch| sequence(&batch)).collect();
        assert_eq!(again, [0, 2, 5]);
    }

    #[test]
    fn after_a_refused_batch_the_next_takes_its_sequence() {
        let mut queue = queue_of(&[2, 3]);
        let first = queue.take_to_send(ID).expect("a batch");
        let second = queue.take_to_send(ID).expect("a batch");
        queue.refused(&first);
        assert!(queue.follows_a_failure(&second));
        queue.come_back(second, Instant::now());
        assert_eq!(sequence(&queue.take_to_send(ID).expect("a batch")), 0);
    }

    #[test]
    fn batches_keep_their_stamps_when_one_before_them_expired_and_new_ones_wait_for_another_epoch() {
        let mut queue = queue_of(&[1, 1, 1]);
        let first = queue.take_to_send(ID).expect("a batch");
        queue.written(&first);
        let mut expires = queue.take_to_send(ID).expect("a batch");
        let mut stays = queue.take_to_send(ID).expect("a batch");
        let now = Instant::now();
        for batch in [&mut expires, &mut stays] {
            batch.maybe_written = true;
        }
        stays.created = now + Duration::from_secs(1);
        queue.push(Batch::of_records_for_test(3, 1));
        queue.come_back(expires, now);
        queue.come_back(stays, now);
        assert_eq!(queue.take_expired(now, Duration::ZERO).len(), 1);
        let stays = queue.take_to_send(ID).expect("a batch");
        assert_eq!(stays.stamp, Some(Stamp { producer_id: 7, producer_epoch: 0, base_sequence: 2 }));
        assert!(matches!(queue.readiness(now, Duration::ZERO, 1, true), Readiness::AfterAnswer));
        queue.written(&stays);
        let next = queue.take_to_send(ID).expect("a batch");
        assert_eq!(next.stamp, Some(Stamp { producer_id: 7, producer_epoch: 1, base_sequence: 0 }));
    }

    #[test]
    fn a_batch_that_the_broker_does_not_know_and_what_follows_count_from_zero_under_another_epoch() {
        let mut queue = queue_of(&[1, 2]);
        let mut first = queue.take_to_send(ID).expect("a batch");
        let second = queue.take_to_send(ID).expect("a batch");
        let now = Instant::now();
        queue.unknown_to_broker(&mut first);
        queue.come_back(first, now);
        assert!(queue.follows_a_failure(&second));
        queue.come_back(second, now);
        let again: Vec<_> =
            std::iter::from_fn(|| queue.take_to_send(ID)).filter_map(|batch| batch.stamp).collect();
        let stamp = |base_sequence| Stamp { producer_id: 7, producer_epoch: 1, base_sequence };
        assert_eq!(again, [stamp(0), stamp(1)]);
    }

    #[test]
    fn when_the_epochs_are_used_up_another_producer_id_is_wanted() {
        let mut queue = queue_of(&[1, 1]);
        let last = Some((7, i16::MAX));
        let mut lost = queue.take_to_send(last).expect("a batch");
        lost.maybe_written = true;
        queue.lost(&lost);
        assert!(queue.wants_other_id(last));
        assert!(!queue.wants_other_id(Some((8, 0))));
        let next = queue.take_to_send(Some((8, 0))).expect("a batch");
        assert_eq!(next.stamp, Some(Stamp { producer_id: 8, producer_epoch: 0, base_sequence: 0 }));
    }
}
