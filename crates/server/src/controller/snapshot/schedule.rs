//! When the next snapshot is due, without a clock.
//!
//! What counts against the rules is what no snapshot on the disk has. One that could not be written is tried again after a while.

/// When the loop writes snapshots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SnapshotRules {
    /// `metadata.log.max.record.bytes.between.snapshots`
    pub(crate) max_record_bytes: u64,
    /// `metadata.log.max.snapshot.interval.ms`; 0 for never.
    pub(crate) max_interval_ms: i64,
}

/// How long a snapshot that could not be written is left alone at first.
const RETRY_MS_MIN: i64 = 1_000;
/// How long it is left alone after it has failed again and again.
const RETRY_MS_MAX: i64 = 60_000;

/// Follows the rules.
#[derive(Debug)]
pub(super) struct Schedule {
    rules: SnapshotRules,
    /// Bytes of records since the last one that was written.
    bytes_since_last: u64,
    last_ms: i64,
    /// The one that is being written: its time, and the bytes that it takes up.
    under_way: Option<(i64, u64)>,
    /// The last one failed: when it may be tried again, and how long that waits.
    retry: Option<(i64, i64)>,
}

impl Schedule {
    pub(super) fn new(rules: SnapshotRules, bytes_since_last: u64, now_ms: i64) -> Self {
        Schedule { rules, bytes_since_last, last_ms: now_ms, under_way: None, retry: None }
    }

    /// Notes records that were committed.
    pub(super) fn committed(&mut self, bytes: u64) {
        self.bytes_since_last += bytes;
    }

    /// In how many milliseconds the next one is due if nothing more is committed; `None` if none will be, or one is being written.
    pub(super) fn due_in_ms(&self, now_ms: i64) -> Option<u64> {
        if self.under_way.is_some() || self.bytes_since_last == 0 {
            return None;
        }
        // A clock that is set back must not put it off for longer than the rules say.
        let left = |due_ms: i64, at_most_ms: i64| due_ms.saturating_sub(now_ms).clamp(0, at_most_ms);
        let interval_ms = self.rules.max_interval_ms;
        let by_time = (interval_ms > 0).then(|| left(self.last_ms.saturating_add(interval_ms), interval_ms));
        let by_size = (self.bytes_since_last >= self.rules.max_record_bytes).then_some(0);
        let due = by_size.or(by_time)?;
        let again = self.retry.map_or(0, |(at_ms, wait_ms)| left(at_ms, wait_ms));
        Some(due.max(again).unsigned_abs())
    }

    /// One is being written from now on.
    pub(super) fn begun(&mut self, now_ms: i64) {
        self.under_way = Some((now_ms, self.bytes_since_last));
    }

    /// The one that was being written is on the disk, or could not be written.
    pub(super) fn ended(&mut self, written: bool, now_ms: i64) {
        let Some((begun_ms, bytes)) = self.under_way.take() else { return };
        if written {
            self.bytes_since_last = self.bytes_since_last.saturating_sub(bytes);
            self.last_ms = begun_ms;
            self.retry = None;
        } else {
            let wait_ms = self.retry.map_or(RETRY_MS_MIN, |(_, wait_ms)| (wait_ms * 2).min(RETRY_MS_MAX));
            self.retry = Some((now_ms.saturating_add(wait_ms), wait_ms));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: SnapshotRules = SnapshotRules { max_record_bytes: 100, max_interval_ms: 5_000 };

    #[test]
    fn it_is_due_by_size_or_by_time_once_there_is_something_new() {
        let mut schedule = Schedule::new(RULES, 0, 0);
        assert_eq!(schedule.due_in_ms(10_000), None);
        schedule.committed(10);
        assert_eq!(schedule.due_in_ms(1_000), Some(4_000));
        assert_eq!(schedule.due_in_ms(7_000), Some(0));
        schedule.committed(90);
        assert_eq!(schedule.due_in_ms(1_000), Some(0));
        assert_eq!(Schedule::new(SnapshotRules { max_interval_ms: 0, ..RULES }, 10, 0).due_in_ms(9), None);
        assert_eq!(Schedule::new(RULES, 10, 100_000).due_in_ms(0), Some(5_000), "the clock was set back");
    }

    #[test]
    fn a_snapshot_that_failed_was_not_due_again_before_as_much_was_written_once_more() {
        let mut schedule = Schedule::new(RULES, 100, 0);
        let mut now_ms = 0;
        for wait_ms in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            schedule.begun(now_ms);
            schedule.ended(false, now_ms);
            assert_eq!(schedule.due_in_ms(now_ms), Some(wait_ms));
            now_ms += wait_ms as i64;
            assert_eq!(schedule.due_in_ms(now_ms), Some(0));
        }
        schedule.begun(now_ms);
        schedule.committed(7);
        schedule.ended(true, now_ms);
        assert_eq!(schedule.due_in_ms(now_ms), Some(5_000), "what came meanwhile is not in it");
    }

    /// It made the loop spin.
    #[test]
    fn a_snapshot_was_due_while_one_was_being_written() {
        let mut schedule = Schedule::new(RULES, 100, 0);
        schedule.begun(0);
        schedule.committed(1_000);
        assert_eq!(schedule.due_in_ms(60_000), None);
        schedule.ended(true, 60_000);
        assert_eq!(schedule.due_in_ms(60_000), Some(0));
    }
}
