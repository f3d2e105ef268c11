//! The batches of one partition that wait for their turn, and its place in the idempotent sequence.
//!
//! Always: batches leave in the order they were made; a batch that comes back takes its old place, and nothing leaves while
//! later ones are still under way. Sequence numbers have no gap between batches that the broker may have.

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
    /// A batch failed and surely was not written; what follows must take its sequence numbers.
    resequence: bool,
    next_sequence: i32,
    /// The sequence number after the last one that is known to be written.
    next_unwritten: i32,
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

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
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
        let alone = self.recovering || (self.numbered && !self.established);
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

    /// Takes the first batch to send it; with a producer id it is stamped with its sequence numbers.
    pub(super) fn take_to_send(&mut self, identity: Option<(i64, i16)>) -> Option<Batch> {
        if self.in_flight == 0 {
            self.recovering = false;
            if std::mem::take(&mut self.resequence) {
                self.restart_sequence(self.next_unwritten);
            }
        }
        let mut batch = self.batches.pop_front()?;
        if let Some((producer_id, producer_epoch)) = identity
            && batch.stamp.is_none()
        {
            self.numbered = true;
            batch.stamp = Some(Stamp { producer_id, producer_epoch, base_sequence: self.next_sequence });
            self.next_sequence = sequence_after(self.next_sequence, batch.count());
        }
        self.not_before = None;
        self.in_flight += 1;
        Some(batch)
    }

    /// A sent batch was written.
    pub(super) fn written(&mut self, batch: &Batch) {
        self.in_flight -= 1;
        if let Some(stamp) = batch.stamp {
            self.established = true;
            self.next_unwritten = sequence_after(stamp.base_sequence, batch.count());
        }
    }

    /// A sent batch failed for good and surely was not written.
    pub(super) fn refused(&mut self, batch: &Batch) {
        self.in_flight -= 1;
        if batch.stamp.is_some() {
            self.resequence = true;
            self.recovering = true;
        }
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
    pub(super) fn lost(&mut self) {
        self.in_flight -= 1;
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
        self.resequence || (self.recovering && self.batches.front().is_some_and(|first| first.id < batch.id))
    }

    /// Takes the batches that waited too long.
    pub(super) fn take_expired(&mut self, now: Instant, delivery_timeout: Duration) -> Vec<Batch> {
        let mut expired = Vec::new();
        while self.batches.front().is_some_and(|batch| batch.created + delivery_timeout <= now) {
            expired.extend(self.batches.pop_front());
        }
        expired
    }

    /// Takes all waiting batches.
    pub(super) fn take_all(&mut self) -> Vec<Batch> {
        self.batches.drain(..).collect()
    }

    /// A new producer id counts from now on: numbering starts from 0.
    pub(super) fn renew(&mut self) {
        self.established = false;
        self.restart_sequence(0);
    }

    /// Starts numbering from `sequence`; waiting batches are numbered again when they leave.
    fn restart_sequence(&mut self, sequence: i32) {
        self.next_sequence = sequence;
        self.next_unwritten = sequence;
        self.batches.iter_mut().for_each(|batch| batch.stamp = None);
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
}
