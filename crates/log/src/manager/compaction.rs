//! Compaction of a node's logs: which is next, and the checkpoint of how far each is compacted.

use std::sync::Arc;

use super::LogManager;
use crate::compaction::{Cleanable, Cleaner, CompactionReport};
use crate::error::StorageError;
use crate::partition::PartitionLog;

/// What the cleaners saw when they last looked for a log to compact.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CleanersSaw {
    /// When it was, in milliseconds since 1970; `None` before the first time.
    pub at_ms: Option<i64>,
    /// The largest part of a compacted log that was dirty, from 0 to 1.
    pub largest_dirty_ratio: f64,
}

impl LogManager {
    /// Compacts the log that needs it most, if any does (`log.cleaner.backoff.ms` is how long to wait after `None`).
    /// Each cleaner thread calls it with a cleaner of its own; no two work on one log.
    pub fn compact_next(&self, cleaner: &mut Cleaner, now_ms: i64) -> Option<CompactionReport> {
        let (log, cleanable) = self.take_filthiest(now_ms)?;
        let result = self.compact_log(&log, cleaner, &cleanable, now_ms);
        let key = (log.topic().to_string(), log.partition());
        self.compacting.lock().remove(&key);
        match result {
            Ok(report) => {
                tracing::info!(
                    topic = %log.topic(), partition = log.partition(), clean_to = report.clean_to.0,
                    bytes_before = report.bytes_before, bytes_after = report.bytes_after, keys = report.keys,
                    "compacted a log"
                );
                Some(report)
            }
            Err(StorageError::Closed | StorageError::DirectoryOffline { .. }) => None,
            Err(error) => {
                tracing::error!(topic = %log.topic(), partition = log.partition(), %error, "a log cannot be compacted; leaving it as it is");
                if !matches!(error, StorageError::NoSpace { .. }) {
                    self.uncleanable.lock().insert(key);
                }
                None
            }
        }
    }

    /// The logs that compaction has given up on since the start, because their records could not be read.
    pub fn uncleanable(&self) -> Vec<(String, i32)> {
        self.uncleanable.lock().iter().cloned().collect()
    }

    /// What the cleaners saw when they last looked.
    pub fn cleaners_saw(&self) -> CleanersSaw {
        *self.cleaners_saw.lock()
    }

    /// Bytes of a log that compaction has not been at, and could be.
    pub fn dirty_bytes(&self, log: &PartitionLog, now_ms: i64) -> Result<u64, StorageError> {
        Ok(log.cleanable(self.cleaner_offset(log), now_ms)?.dirty_bytes)
    }

    fn compact_log(
        &self,
        log: &Arc<PartitionLog>,
        cleaner: &mut Cleaner,
        cleanable: &Cleanable,
        now_ms: i64,
    ) -> Result<CompactionReport, StorageError> {
        let report = log.compact(cleaner, cleanable, now_ms)?;
        if report.clean_to == cleanable.first_dirty && report.keys > 0 && report.segments_before == 0 {
            let problem = "one batch has more keys than log.cleaner.dedupe.buffer.size has room for";
            return Err(StorageError::corrupt(&log.path(), problem));
        }
        self.set_cleaner_offset(log, Some(report.clean_to))?;
        Ok(report)
    }

    /// The compacted log with the largest dirty part, among those that are due, marked as taken.
    fn take_filthiest(&self, now_ms: i64) -> Option<(Arc<PartitionLog>, Cleanable)> {
        let mut compacting = self.compacting.lock();
        let mut best: Option<(Arc<PartitionLog>, Cleanable)> = None;
        let mut saw = CleanersSaw { at_ms: Some(now_ms), largest_dirty_ratio: 0.0 };
        for log in self.logs() {
            let config = log.config();
            let key = (log.topic().to_string(), log.partition());
            let free = config.compact
                && log.directory().failure().is_none()
                && !compacting.contains(&key)
                && !self.is_moving(&key)
                && !self.uncleanable.lock().contains(&key);
            if !free {
                continue;
            }
            let checkpoint = self.cleaner_offset(&log);
            let cleanable = match log.cleanable(checkpoint, now_ms) {
                Ok(cleanable) => cleanable,
                Err(error) => {
                    tracing::warn!(topic = %log.topic(), partition = log.partition(), %error, "cannot tell what is dirty");
                    continue;
                }
            };
            if cleanable.checkpoint_invalid {
                tracing::warn!(
                    topic = %log.topic(), partition = log.partition(), checkpoint = ?checkpoint,
                    log_start = cleanable.first_dirty.0, "the log was cut since it was compacted: beginning at its start"
                );
                if let Err(error) = self.set_cleaner_offset(&log, Some(cleanable.first_dirty)) {
                    tracing::warn!(%error, "cannot write the cleaner's checkpoint");
                }
            }
            let ratio = cleanable.dirty_ratio();
            saw.largest_dirty_ratio = saw.largest_dirty_ratio.max(ratio);
            if cleanable.is_due(&config) && best.as_ref().is_none_or(|(_, other)| other.dirty_ratio() < ratio)
            {
                best = Some((log, cleanable));
            }
        }
        *self.cleaners_saw.lock() = saw;
        if let Some((log, _)) = &best {
            compacting.insert((log.topic().to_string(), log.partition()));
        }
        best
    }
}
