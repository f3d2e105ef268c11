//! What runs in the background: plain calls, for the owner's timers. None of them fails as a whole; what goes wrong
//! is logged and has its effect on the log or directory concerned.

use std::collections::BTreeMap;
use std::sync::Arc;

use moldau_types::Offset;

use super::{Dir, LogManager};
use crate::error::StorageError;
use crate::files::checkpoint::{
    CLEANER_OFFSETS, HIGH_WATERMARKS, LOG_STARTS, PartitionOffsets, RECOVERY_POINTS, write_offsets,
};
use crate::files::meta;
use crate::partition::PartitionLog;

impl LogManager {
    /// Writes recovery points and log start offsets where they changed (`log.flush.offset.checkpoint.interval.ms`,
    /// `log.flush.start.offset.checkpoint.interval.ms`). Logs that were synced since move their recovery point first.
    pub fn checkpoint(&self) {
        for log in self.logs_and_copies() {
            if log.synced_to() > log.recovery_point() {
                report(&log, "syncing", log.sync());
            }
        }
        self.write_checkpoints(RECOVERY_POINTS);
        self.write_checkpoints(LOG_STARTS);
    }

    /// Writes high watermarks where they changed (`replica.high.watermark.checkpoint.interval.ms`).
    pub fn checkpoint_high_watermarks(&self) {
        self.write_checkpoints(HIGH_WATERMARKS);
    }

    /// Offset up to which a log was compacted, as `cleaner-offset-checkpoint` has it.
    pub fn cleaner_offset(&self, log: &PartitionLog) -> Option<Offset> {
        let dir = self.dir_of(log)?;
        let written = dir.written.lock();
        written.get(CLEANER_OFFSETS)?.get(&key(log)).copied().map(Offset)
    }

    /// Notes up to where a log was compacted.
    pub fn set_cleaner_offset(&self, log: &PartitionLog, offset: Option<Offset>) -> Result<(), StorageError> {
        match self.dir_of(log) {
            Some(dir) => self.set_cleaner_offset_in(dir, log, offset),
            None => Ok(()),
        }
    }

    pub(super) fn set_cleaner_offset_in(
        &self,
        dir: &Dir,
        log: &PartitionLog,
        offset: Option<Offset>,
    ) -> Result<(), StorageError> {
        let mut written = dir.written.lock();
        let offsets = written.entry(CLEANER_OFFSETS).or_default();
        let changed = match offset {
            Some(offset) => offsets.insert(key(log), offset.0) != Some(offset.0),
            None => offsets.remove(&key(log)).is_some(),
        };
        if !changed {
            return Ok(());
        }
        write_offsets(&dir.health.path().join(CLEANER_OFFSETS), offsets, true)
            .map_err(|error| dir.health.observe(error))
    }

    /// Deletes old segments of all logs (`log.retention.check.interval.ms`). Gives how many went.
    pub fn apply_retention(&self, now_ms: i64) -> usize {
        self.logs()
            .iter()
            .filter_map(|log| report(log, "deleting old segments of", log.apply_retention(now_ms)))
            .sum()
    }

    /// Syncs logs that are due by `flush.messages` or `flush.ms` (`log.flush.scheduler.interval.ms`).
    pub fn flush_due(&self, now_ms: i64) {
        for log in self.logs() {
            if log.flush_is_due(now_ms) {
                report(&log, "flushing", log.flush());
            }
        }
    }

    /// Removes files of deleted segments and directories of deleted partitions whose delay is over. Gives how many.
    pub fn remove_deleted(&self, now_ms: i64) -> usize {
        let mut removed = 0;
        for log in self.logs_and_copies() {
            removed += log.remove_deleted_files(now_ms);
        }
        let due: Vec<_> = {
            let mut deletes = self.deletes.lock();
            let (due, kept) = std::mem::take(&mut *deletes).into_iter().partition(|(_, at)| *at <= now_ms);
            *deletes = kept;
            due
        };
        for (path, _) in due {
            match std::fs::remove_dir_all(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!(path = %path.display(), %error, "cannot remove a deleted partition; trying again later");
                    self.deletes.lock().push((path, now_ms.saturating_add(60_000)));
                }
                _ => removed += 1,
            }
        }
        removed
    }

    /// Forgets idle producers (`producer.id.expiration.check.interval.ms`).
    pub fn expire_producers(&self, now_ms: i64) {
        for log in self.logs() {
            log.expire_producers(now_ms);
        }
    }

    /// Closes files and frees buffers of logs that were not used since the last call. Every minute or so.
    pub fn release_idle(&self) {
        for log in self.logs_and_copies() {
            if !log.take_used() {
                log.release_idle();
            }
        }
    }

    /// Truncates a follower's log, and makes sure that no recovery point behind the new end stays on disk.
    pub fn truncate_to(
        &self,
        log: &Arc<PartitionLog>,
        offset: Offset,
        now_ms: i64,
    ) -> Result<(), StorageError> {
        log.truncate_to(offset, now_ms)?;
        // What comes in the place of compacted records is dirty.
        if self.cleaner_offset(log).is_some_and(|clean_to| clean_to > offset) {
            self.set_cleaner_offset(log, Some(offset))?;
        }
        if let Some(dir) = self.dir_of(log) {
            self.write_checkpoint(dir, RECOVERY_POINTS)?;
        }
        Ok(())
    }

    /// Closes all logs with `threads` threads and notes the clean stop in every directory that is in order.
    pub fn close(&self, broker_epoch: i64, threads: usize) {
        let logs = self.logs_and_copies();
        let next = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let work = || {
                while let Some(log) = logs.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    if report(log, "closing", log.close()).is_none() {
                        log.directory().take_offline("a log in it could not be closed");
                    }
                }
            };
            for _ in 1..threads.min(logs.len()) {
                scope.spawn(work);
            }
            work();
        });
        self.flusher.stop();
        self.checkpoint();
        self.checkpoint_high_watermarks();
        for dir in self.dirs.iter().filter(|dir| dir.health.failure().is_none()) {
            if let Err(error) = meta::write_clean_shutdown(dir.health.path(), broker_epoch) {
                tracing::warn!(%error, "the next start will recover the logs");
            }
        }
    }

    /// The copies of logs that are being moved, then all logs: a copy that becomes the log gives way to it.
    pub(super) fn logs_and_copies(&self) -> Vec<Arc<PartitionLog>> {
        let mut logs = self.copies();
        logs.extend(self.logs());
        logs
    }

    /// Has a directory that was renamed removed after the log's `file.delete.delay.ms`.
    pub(super) fn remove_later(&self, path: std::path::PathBuf, log: &PartitionLog, now_ms: i64) {
        let remove_at_ms = now_ms.saturating_add(log.config().file_delete_delay_ms);
        self.deletes.lock().push((path, remove_at_ms));
    }

    pub(super) fn dir_of(&self, log: &PartitionLog) -> Option<&Dir> {
        self.dirs.iter().find(|dir| Arc::ptr_eq(&dir.health, &log.directory()))
    }

    fn write_checkpoints(&self, file: &'static str) {
        for dir in self.dirs.iter().filter(|dir| dir.health.failure().is_none()) {
            if let Err(error) = self.write_checkpoint(dir, file) {
                tracing::warn!(%error, "cannot write a checkpoint");
            }
        }
    }

    /// Writes a checkpoint of one directory, if something in it changed.
    pub(super) fn write_checkpoint(&self, dir: &Dir, file: &'static str) -> Result<(), StorageError> {
        // Whoever makes a log holds the list of logs and waits for the checkpoints: the list comes first.
        let logs = self.logs_and_copies();
        let mut written = dir.written.lock();
        let mut offsets: PartitionOffsets = BTreeMap::new();
        for log in logs.iter().filter(|log| Arc::ptr_eq(&log.directory(), &dir.health)) {
            // A deleted log's offsets must not come back for its successor.
            if let Some(offset) = offset_for(file, log)
                && !log.is_deleted()
            {
                offsets.insert(key(log), offset);
            }
        }
        let before = written.entry(file).or_default();
        if *before == offsets && dir.health.path().join(file).exists() {
            return Ok(());
        }
        let sync = file != HIGH_WATERMARKS;
        write_offsets(&dir.health.path().join(file), &offsets, sync)
            .map_err(|error| dir.health.observe(error))?;
        *before = offsets;
        Ok(())
    }

    /// Makes sure that no checkpoint speaks of an earlier log of this name before a new one is made.
    pub(super) fn forget_checkpoints(
        &self,
        dir: &Dir,
        topic: &str,
        partition: i32,
    ) -> Result<(), StorageError> {
        let mut written = dir.written.lock();
        let key = (topic.to_owned(), partition);
        for (file, offsets) in written.iter_mut() {
            if offsets.remove(&key).is_some() {
                write_offsets(&dir.health.path().join(file), offsets, true)
                    .map_err(|error| dir.health.observe(error))?;
            }
        }
        Ok(())
    }
}

/// What a checkpoint file says of a log.
fn offset_for(file: &str, log: &PartitionLog) -> Option<i64> {
    match file {
        RECOVERY_POINTS => Some(log.recovery_point().0),
        HIGH_WATERMARKS => Some(log.offsets().high_watermark.0),
        _ => {
            let (log_start, first) = log.start_offsets();
            (log_start > first).then_some(log_start.0)
        }
    }
}

fn key(log: &PartitionLog) -> (String, i32) {
    (log.topic().to_string(), log.partition())
}

/// Logs what a pass could not do to a log.
fn report<T>(log: &PartitionLog, doing: &str, result: Result<T, StorageError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(StorageError::DirectoryOffline { .. } | StorageError::Closed) => None,
        Err(error) => {
            tracing::error!(topic = %log.topic(), partition = log.partition(), %error, "{doing} a log failed");
            None
        }
    }
}
