//! What makes a log shorter: retention, DeleteRecords, truncation, and the deletion of the whole partition.
//!
//! Files of deleted segments are renamed to `….deleted` at once and removed `file.delete.delay.ms` later, so that
//! reads in flight can finish and a mistake can be undone.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use moldau_types::{LeaderEpoch, Offset};

use super::flush::sync_if_there;
use super::recover::scan_failed;
use super::{DoomedFile, FirstTimestamp, PartitionLog, Writer};
use crate::config::LogConfig;
use crate::error::{DeleteRecordsError, StorageError};
use crate::files::{
    DELETE_DIR_SUFFIX, DELETED_SUFFIX, LOG_SUFFIX, SNAPSHOT_SUFFIX, file_name, offset_of_file_name,
};
use crate::index::{Pending, TimeEntry};
use crate::scan::{SMALL_WINDOW, Scanner};
use crate::segment::{IndexBuilder, Segment, TimestampOffset};

impl PartitionLog {
    /// Deletes segments that retention, or a raised log start, has given up. Gives their number.
    pub fn apply_retention(&self, now_ms: i64) -> Result<usize, StorageError> {
        let config = self.config.load_full();
        let mut writer = self.open_writer()?;
        let mut count = self.deletable(&config, now_ms).map_err(|error| self.observe(error))?;
        if count == 0 {
            return Ok(0);
        }
        let all = count == self.view.lock().segments.len();
        if all {
            match self.roll_locked(&mut writer, None, now_ms) {
                Ok(_) => {}
                // Those before the active one go, and make the room that it needs.
                Err(StorageError::NoSpace { .. }) if count > 1 => count -= 1,
                Err(error) => return Err(self.observe(error)),
            }
        }
        let (removed, first, log_start) = {
            let mut view = self.view.lock();
            let removed: Vec<_> = view.segments.drain(..count).collect();
            let first = view.segments[0].base_offset;
            view.log_start = view.log_start.max(first);
            let high_watermark = view.high_watermark;
            view.set_high_watermark(high_watermark);
            (removed, first, view.log_start)
        };
        tracing::info!(
            topic = %self.topic, partition = self.partition, segments = count, log_start,
            "deleted segments by retention"
        );
        self.doom(&mut writer, &removed, &config, now_ms);
        self.remove_snapshots(|offset| offset < first).map_err(|error| self.observe(error))?;
        self.cut_epochs_at_start(log_start).map_err(|error| self.observe(error))?;
        if self.recovery_point().0 < first {
            // Recovery will begin there: what it knows of producers must be on the disk.
            let path = self.home().join(&file_name(first, SNAPSHOT_SUFFIX));
            sync_if_there(&path).map_err(|error| self.observe(error))?;
            self.recovery_point.fetch_max(first, Ordering::AcqRel);
        }
        Ok(count)
    }

    /// Number of oldest segments that may go.
    fn deletable(&self, config: &LogConfig, now_ms: i64) -> Result<usize, StorageError> {
        let (segments, log_start, high_watermark, log_end) = {
            let view = self.view.lock();
            (view.segments.clone(), view.log_start, view.high_watermark, view.log_end)
        };
        let total: u64 = segments.iter().map(|segment| segment.size()).sum();
        let mut surplus = match config.retention_bytes {
            limit if limit >= 0 && config.delete => total.saturating_sub(limit as u64),
            _ => 0,
        };
        let mut count = 0;
        for (number, segment) in segments.iter().enumerate() {
            let next = segments.get(number + 1).map(|next| next.base_offset);
            if high_watermark < next.unwrap_or(log_end) || (next.is_none() && segment.size() == 0) {
                break;
            }
            let before_start = next.is_some_and(|next| next <= log_start);
            let too_old = config.delete
                && config.retention_ms >= 0
                && now_ms.saturating_sub(age_of(segment)?) > config.retention_ms;
            let too_much = surplus > 0 && surplus >= segment.size();
            if !before_start && !too_old && !too_much {
                break;
            }
            surplus = surplus.saturating_sub(segment.size());
            count += 1;
        }
        Ok(count)
    }

    /// Moves the log start to `to`, −1 meaning the high watermark, and gives the log start there is then. Whole
    /// segments before it go with the next retention pass.
    pub fn delete_records(&self, to: Offset) -> Result<Offset, DeleteRecordsError> {
        let writer = self.open_writer()?;
        let log_start = {
            let mut view = self.view.lock();
            let to = if to.0 == -1 { view.high_watermark } else { to.0 };
            if to < 0 || to > view.high_watermark {
                return Err(DeleteRecordsError::OffsetOutOfRange {
                    offset: Offset(to),
                    log_start: Offset(view.log_start),
                    high_watermark: Offset(view.high_watermark),
                });
            }
            if to <= view.log_start {
                return Ok(Offset(view.log_start));
            }
            view.log_start = to;
            to
        };
        self.cut_epochs_at_start(log_start).map_err(|error| self.observe(error))?;
        drop(writer);
        Ok(Offset(log_start))
    }

    /// A follower's log start goes with its leader's; gives the log start there is then.
    pub fn raise_log_start(&self, to: Offset) -> Result<Offset, StorageError> {
        let writer = self.open_writer()?;
        let log_start = {
            let mut view = self.view.lock();
            if to.0 <= view.log_start || to.0 > view.log_end {
                return Ok(Offset(view.log_start));
            }
            view.log_start = to.0;
            let high_watermark = view.high_watermark;
            view.set_high_watermark(high_watermark);
            to.0
        };
        self.cut_epochs_at_start(log_start).map_err(|error| self.observe(error))?;
        drop(writer);
        Ok(Offset(log_start))
    }

    /// Notes that the leader of `epoch` begins at the log end. The checkpoint file learns of it with the first records:
    /// a node that leads thousands of partitions writes nothing when it starts.
    pub fn assign_leader_epoch(&self, epoch: LeaderEpoch) -> Result<(), StorageError> {
        let _writer = self.open_writer()?;
        let mut view = self.view.lock();
        let log_end = view.log_end;
        view.epochs.assign(epoch.0, log_end);
        Ok(())
    }

    /// Removes everything from `offset` on; a batch that holds it goes whole. Nothing happens if the log ends there
    /// or before.
    pub fn truncate_to(&self, offset: Offset, now_ms: i64) -> Result<(), StorageError> {
        let mut writer = self.open_writer()?;
        let (log_end, first_base) = {
            let view = self.view.lock();
            (view.log_end, view.segments[0].base_offset)
        };
        if offset.0 >= log_end {
            return Ok(());
        }
        let config = self.config.load_full();
        if offset.0 < first_base {
            return self
                .restart_locked(&mut writer, offset.0.max(0), &config, now_ms)
                .map_err(|error| self.observe(error));
        }
        self.truncate_locked(&mut writer, offset.0, &config, now_ms).map_err(|error| self.observe(error))
    }

    /// Removes everything and lets the log begin, empty, at `offset`.
    pub fn truncate_fully_and_start_at(&self, offset: Offset, now_ms: i64) -> Result<(), StorageError> {
        let mut writer = self.open_writer()?;
        let config = self.config.load_full();
        self.restart_locked(&mut writer, offset.0, &config, now_ms).map_err(|error| self.observe(error))
    }

    fn truncate_locked(
        &self,
        writer: &mut Writer,
        offset: i64,
        config: &LogConfig,
        now_ms: i64,
    ) -> Result<(), StorageError> {
        let (segment, removed) = {
            let mut view = self.view.lock();
            let number = view.segment_of(offset);
            let removed = view.segments.split_off(number + 1);
            let segment = Arc::clone(view.active());
            if removed.is_empty() {
                drop(view);
                self.write_pending_index(&segment)?;
            } else {
                view.pending = Pending::default();
            }
            (segment, removed)
        };
        segment.load_indexes()?;
        let from = segment.floor_position(offset)?;
        let end = self.locate(&segment, from, segment.size(), offset)?;
        let (size, log_end) = match end {
            Some(found) => (found.position, found.base_offset.min(offset)),
            None => (segment.size(), offset),
        };
        segment.set_size(size);
        writer.reserved_to = 0;
        let path = segment.path(LOG_SUFFIX);
        segment.file()?.set_len(size).map_err(|e| StorageError::io("cutting", &path, e))?;
        let last_time = cut_indexes(&segment, log_end)?;
        let aborted = segment.aborted()?;
        let kept: Vec<_> = aborted.iter().filter(|entry| entry.last_offset.0 < log_end).copied().collect();
        if kept.len() < aborted.len() {
            segment.set_aborted(&kept)?;
        }
        self.doom(writer, &removed, config, now_ms);
        self.recovery_point.fetch_min(log_end, Ordering::AcqRel);
        self.synced_to.fetch_min(log_end, Ordering::AcqRel);
        {
            let mut view = self.view.lock();
            view.tail.clear();
            view.log_end = log_end;
            view.log_start = view.log_start.min(log_end);
            let high_watermark = view.high_watermark;
            view.set_high_watermark(high_watermark);
            view.warm_from = view.warm_from.min(size);
            view.epochs.truncate_from_end(log_end);
        }
        self.write_epochs()?;
        let largest = largest_of_all(&segment)?;
        segment.set_largest(largest);
        writer.index =
            IndexBuilder::resume(segment.base_offset, config.index_interval_bytes, largest, last_time);
        writer.first_timestamp = if size == 0 { FirstTimestamp::None } else { FirstTimestamp::Unread };
        self.reload_producers(writer, config, now_ms)
    }

    fn restart_locked(
        &self,
        writer: &mut Writer,
        offset: i64,
        config: &LogConfig,
        now_ms: i64,
    ) -> Result<(), StorageError> {
        let old = self.view.lock().segments.clone();
        self.doom(writer, &old, config, now_ms);
        let segment = self.create_segment(offset, config)?;
        self.recovery_point.store(offset, Ordering::Release);
        self.synced_to.store(offset, Ordering::Release);
        {
            let mut view = self.view.lock();
            view.segments = vec![Arc::clone(&segment)];
            view.pending = Pending::default();
            view.tail.clear();
            view.log_start = offset;
            view.log_end = offset;
            view.transactions = Default::default();
            view.set_high_watermark(offset);
            view.warm_from = 0;
            view.epochs.clear();
        }
        self.write_epochs()?;
        self.begin_segment(writer, &segment, config, now_ms);
        writer.producers = Default::default();
        self.remove_snapshots(|_| true)?;
        writer.last_snapshot = -1;
        Ok(())
    }

    /// Removes producer snapshots whose offset satisfies `doomed`.
    pub(super) fn remove_snapshots(&self, doomed: impl Fn(i64) -> bool) -> Result<(), StorageError> {
        let dir = self.path();
        let entries = std::fs::read_dir(&dir).map_err(|e| StorageError::io("listing", &dir, e))?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            if let Some(offset) = name.to_str().and_then(|name| offset_of_file_name(name, SNAPSHOT_SUFFIX))
                && doomed(offset)
            {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    /// Renames the files of segments that are in the log no more, and their producer snapshots.
    pub(super) fn doom(
        &self,
        writer: &mut Writer,
        segments: &[Arc<Segment>],
        config: &LogConfig,
        now_ms: i64,
    ) {
        self.doom_segments(writer, segments, config, now_ms, true);
    }

    /// Renames the files of segments and remembers to remove them. Compaction keeps the snapshot of the first segment.
    pub(super) fn doom_segments(
        &self,
        writer: &mut Writer,
        segments: &[Arc<Segment>],
        config: &LogConfig,
        now_ms: i64,
        first_snapshot: bool,
    ) {
        let remove_at_ms = now_ms.saturating_add(config.file_delete_delay_ms);
        for (number, segment) in segments.iter().enumerate() {
            let mut paths: Vec<PathBuf> =
                Segment::SUFFIXES.iter().map(|suffix| segment.path(suffix)).collect();
            if first_snapshot || number > 0 {
                paths.push(self.home().join(&file_name(segment.base_offset, SNAPSHOT_SUFFIX)));
            }
            for from in paths {
                let mut to = from.clone().into_os_string();
                to.push(DELETED_SUFFIX);
                let to = PathBuf::from(to);
                match std::fs::rename(&from, &to) {
                    Ok(()) => writer.doomed.push(DoomedFile { path: to, remove_at_ms }),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => {
                        tracing::warn!(path = %from.display(), %error, "cannot rename a deleted segment's file")
                    }
                }
            }
            segment.mark_deleted();
        }
    }

    /// Removes files of deleted segments whose time has come. Gives their number.
    pub fn remove_deleted_files(&self, now_ms: i64) -> usize {
        let due: Vec<PathBuf> = {
            let mut writer = self.writer.lock();
            let (due, kept) =
                std::mem::take(&mut writer.doomed).into_iter().partition(|f| f.remove_at_ms <= now_ms);
            writer.doomed = kept;
            let due: Vec<DoomedFile> = due;
            due.into_iter().map(|file| file.path).collect()
        };
        for path in &due {
            // The directory may have been renamed since.
            let path = path.file_name().map_or_else(|| path.clone(), |name| self.path().join(name));
            if let Err(error) = std::fs::remove_file(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "cannot remove a deleted segment's file");
            }
        }
        due.len()
    }

    /// Forgets producers that were idle for `producer.id.expiration.ms`.
    pub fn expire_producers(&self, now_ms: i64) {
        let expiration_ms = self.config.load().producer_id_expiration_ms;
        let mut writer = self.writer.lock();
        if writer.producers.len() > 0 {
            writer.producers.expire(now_ms, expiration_ms);
        }
    }

    /// Closes the log for good and renames its directory to `<topic>-<partition>.<unique>-delete`, which it gives:
    /// whoever calls removes it when readers are done.
    pub fn delete(&self) -> Result<PathBuf, StorageError> {
        self.rename_as(DELETE_DIR_SUFFIX)
    }

    /// Like [`delete`](Self::delete), unless the log is closed already.
    pub(crate) fn delete_if_open(&self) -> Result<Option<PathBuf>, StorageError> {
        let mut writer = self.writer.lock();
        if writer.closed { Ok(None) } else { self.leave(&mut writer, DELETE_DIR_SUFFIX).map(Some) }
    }

    /// Closes the log for good and gives its directory a name that ends so and that nothing else has.
    pub(crate) fn rename_as(&self, suffix: &str) -> Result<PathBuf, StorageError> {
        self.leave(&mut self.writer.lock(), suffix)
    }

    fn leave(&self, writer: &mut Writer, suffix: &str) -> Result<PathBuf, StorageError> {
        writer.closed = true;
        self.deleted.store(true, Ordering::Release);
        writer.doomed.clear();
        let to = self.named_apart(&self.path(), suffix);
        self.rename_to(to.clone())?;
        self.release_idle();
        Ok(to)
    }

    /// Renames the log's own directory.
    pub(crate) fn rename_to(&self, to: PathBuf) -> Result<(), StorageError> {
        self.home().rename(to).map_err(|error| self.observe(error))
    }

    /// A name for the directory at `from` that nothing else has.
    pub(super) fn named_apart(&self, from: &Path, suffix: &str) -> PathBuf {
        crate::files::named_apart(from, &self.topic, self.partition, suffix)
    }

    /// Lets the leader epochs begin at `log_start`.
    fn cut_epochs_at_start(&self, log_start: i64) -> Result<(), StorageError> {
        self.view.lock().epochs.truncate_from_start(log_start);
        match self.write_epochs() {
            // The next write has them, or a start cuts them again; what makes room must not need any.
            Err(StorageError::NoSpace { .. }) => Ok(()),
            written => written,
        }
    }
}

/// When a segment's newest record was made; for a segment without timestamps, when its file was written last.
pub(super) fn age_of(segment: &Segment) -> Result<i64, StorageError> {
    let largest = segment.largest()?;
    if largest.timestamp >= 0 {
        return Ok(largest.timestamp);
    }
    let path = segment.path(LOG_SUFFIX);
    let modified = std::fs::metadata(&path)
        .and_then(|metadata| metadata.modified())
        .map_err(|e| StorageError::io("reading", &path, e))?;
    let age = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}

/// Forgets index entries of a segment for offsets from `log_end` on; gives the last timestamp in the time index.
fn cut_indexes(segment: &Segment, log_end: i64) -> Result<i64, StorageError> {
    let relative = log_end - segment.base_offset;
    let path = || segment.path(crate::files::INDEX_SUFFIX);
    let kept = segment
        .offsets
        .partition_point(path, |entry| i64::from(entry.relative_offset) < relative)
        .map_err(|e| StorageError::io("reading", &path(), e))?;
    segment.offsets.keep(kept);
    let path = || segment.path(crate::files::TIME_INDEX_SUFFIX);
    let failed = |e| StorageError::io("reading", &path(), e);
    let kept = segment
        .times
        .partition_point(path, |entry: &TimeEntry| i64::from(entry.relative_offset) < relative)
        .map_err(failed)?;
    segment.times.keep(kept);
    let last = segment.times.last(path).map_err(failed)?;
    Ok(last.map_or(-1, |entry| entry.timestamp))
}

/// The largest timestamp of an active segment, from its time index and the batches behind the last entry.
fn largest_of_all(segment: &Segment) -> Result<TimestampOffset, StorageError> {
    let path = || segment.path(crate::files::TIME_INDEX_SUFFIX);
    let last = segment.times.last(path).map_err(|e| StorageError::io("reading", &path(), e))?;
    let mut largest = last.map_or(TimestampOffset::NONE, |entry| TimestampOffset {
        timestamp: entry.timestamp,
        offset: segment.base_offset + i64::from(entry.relative_offset),
    });
    let file = segment.file()?;
    let start = segment.floor_position(i64::MAX)?;
    let mut scanner = Scanner::new(&file, start, segment.size(), SMALL_WINDOW);
    while let Some(found) = scanner.next_header().map_err(|error| scan_failed(segment, error))? {
        if found.max_timestamp > largest.timestamp {
            largest = TimestampOffset { timestamp: found.max_timestamp, offset: found.last_offset };
        }
    }
    Ok(largest)
}
