//! Closing the active segment and opening the next: when it would grow too large, when a record's timestamp is too
//! far from the segment's first, when an index is full, or when an offset does not fit the index any more.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use moldau_protocol::records::TimestampType;

use super::append::{AppendBatch, AppendOrigin, GroupEnd};
use super::tail::Tail;
use super::{FirstTimestamp, PartitionLog, Writer};
use crate::config::LogConfig;
use crate::error::StorageError;
use crate::files::{INDEX_SUFFIX, LOG_SUFFIX, SNAPSHOT_SUFFIX, TIME_INDEX_SUFFIX, file_name};
use crate::index::{IndexEntry, OffsetEntry, TimeEntry};
use crate::producers::snapshot;
use crate::scan::{SMALL_WINDOW, Scanner};
use crate::segment::{IndexBuilder, Segment};

impl PartitionLog {
    /// Closes the active segment and begins a new one, unless it is empty.
    pub fn roll(&self, now_ms: i64) -> Result<(), StorageError> {
        {
            let mut writer = self.open_writer()?;
            if self.view.lock().active().size() == 0 {
                return Ok(());
            }
            self.roll_locked(&mut writer, None, now_ms).map_err(|error| self.observe(error))?;
        }
        if let Some(wake) = &*self.on_roll.read() {
            wake();
        }
        Ok(())
    }

    /// Whether the active segment must be closed before `batch` goes behind what is staged.
    pub(super) fn must_roll(
        &self,
        writer: &mut Writer,
        active: &Segment,
        staged: &GroupEnd,
        batch: &AppendBatch<'_>,
        config: &LogConfig,
        now_ms: i64,
    ) -> Result<bool, StorageError> {
        if staged.bytes == 0 {
            return Ok(false);
        }
        let size = batch.bytes.len() as u64;
        if staged.bytes + size > u64::from(config.segment_bytes).min(i32::MAX as u64) {
            return Ok(true);
        }
        let first_offset = staged.next_offset.max(batch.header.base_offset);
        let last_offset = first_offset + i64::from(batch.header.last_offset_delta);
        if last_offset - active.base_offset > i64::from(i32::MAX) || self.index_is_full(active, config) {
            return Ok(true);
        }
        let first_timestamp = match writer.first_timestamp {
            FirstTimestamp::Known(timestamp) => Some(timestamp),
            FirstTimestamp::None => staged.first_timestamp,
            FirstTimestamp::Unread => {
                let first = first_timestamp(active)?;
                writer.first_timestamp = first.map_or(FirstTimestamp::None, FirstTimestamp::Known);
                first
            }
        };
        let append_time = config.message_timestamp_type == TimestampType::LogAppendTime;
        let timestamp = if append_time && batch.origin != AppendOrigin::Replication {
            now_ms
        } else {
            batch.max_timestamp
        };
        let age = match first_timestamp {
            Some(first) if first >= 0 => timestamp.saturating_sub(first),
            _ => now_ms.saturating_sub(writer.created_ms),
        };
        Ok(age > config.max_segment_ms().saturating_sub(writer.jitter_ms))
    }

    fn index_is_full(&self, active: &Segment, config: &LogConfig) -> bool {
        let written = active.offsets.known_len().unwrap_or(0) as usize;
        let written_times = active.times.known_len().unwrap_or(0) as usize;
        let limit = config.segment_index_bytes as usize;
        // Both numbers are far from their limits almost always: the view is only asked when they may matter.
        let near = crate::index::Pending::MAX + 1;
        if (written + near) * OffsetEntry::SIZE < limit && (written_times + near) * TimeEntry::SIZE < limit {
            return false;
        }
        let view = self.view.lock();
        written + view.pending.offsets.len() >= limit / OffsetEntry::SIZE
            || written_times + view.pending.times.len() + 1 >= limit / TimeEntry::SIZE
    }

    /// Closes the active segment and makes the next, which begins at `next_offset` or the log end.
    pub(super) fn roll_locked(
        &self,
        writer: &mut Writer,
        next_offset: Option<i64>,
        now_ms: i64,
    ) -> Result<Arc<Segment>, StorageError> {
        let (active, log_end) = {
            let view = self.view.lock();
            (Arc::clone(view.active()), view.log_end)
        };
        let base_offset = next_offset.map_or(log_end, |next| next.max(log_end));
        if active.base_offset >= base_offset {
            return Err(StorageError::corrupt(
                &active.path(LOG_SUFFIX),
                format!("cannot roll to offset {base_offset}, which is not behind the segment's base offset"),
            ));
        }
        self.close_indexes(writer, &active)?;
        self.take_snapshot(writer, base_offset)?;
        let config = self.config.load();
        let segment = self.create_segment(base_offset, &config)?;
        let mut view = self.view.lock();
        view.tail = Tail::default();
        view.segments.push(Arc::clone(&segment));
        view.warm_from = 0;
        view.log_end = base_offset;
        drop(view);
        self.begin_segment(writer, &segment, &config, now_ms);
        Ok(segment)
    }

    pub(super) fn create_segment(
        &self,
        base_offset: i64,
        config: &LogConfig,
    ) -> Result<Arc<Segment>, StorageError> {
        let preallocate = if config.preallocate { u64::from(config.segment_bytes) } else { 0 };
        let segment = Segment::create(self.home(), base_offset, preallocate)?;
        // Remains of a segment that a truncation removed; the new one makes its own when it needs one.
        let _ = std::fs::remove_file(segment.path(crate::files::TXN_INDEX_SUFFIX));
        self.names_made.fetch_add(1, Ordering::AcqRel);
        Ok(Arc::new(segment))
    }

    /// Sets the writer up for an empty active segment.
    pub(super) fn begin_segment(
        &self,
        writer: &mut Writer,
        segment: &Segment,
        config: &LogConfig,
        now_ms: i64,
    ) {
        writer.reserved_to = 0;
        writer.index = IndexBuilder::new(segment.base_offset, config.index_interval_bytes);
        writer.first_timestamp = FirstTimestamp::None;
        writer.created_ms = now_ms;
        writer.jitter_ms = jitter(config);
    }

    /// Writes the last index entries of the active segment and cuts its files to what is in them.
    pub(super) fn close_indexes(&self, writer: &mut Writer, active: &Segment) -> Result<(), StorageError> {
        if let Some(entry) = writer.index.last_time_entry() {
            self.view.lock().pending.times.push(entry);
        }
        self.write_pending_index(active)?;
        let (index, times) = (active.path(INDEX_SUFFIX), active.path(TIME_INDEX_SUFFIX));
        active.offsets.trim(&index).map_err(|e| StorageError::io("writing", &index, e))?;
        active.times.trim(&times).map_err(|e| StorageError::io("writing", &times, e))?;
        if self.config.load().preallocate {
            let file = active.file()?;
            file.set_len(active.size())
                .map_err(|e| StorageError::io("cutting", &active.path(LOG_SUFFIX), e))?;
        }
        Ok(())
    }

    /// Writes index entries that wait in memory to the active segment's files.
    pub(super) fn write_pending_index(&self, active: &Segment) -> Result<(), StorageError> {
        let (offsets, times) = {
            let view = self.view.lock();
            (view.pending.offsets.clone(), view.pending.times.clone())
        };
        let limit = u64::from(self.config.load().segment_index_bytes);
        for (path, cleared) in [
            (active.path(INDEX_SUFFIX), active.offsets.clear_stale(&active.path(INDEX_SUFFIX))),
            (active.path(TIME_INDEX_SUFFIX), active.times.clear_stale(&active.path(TIME_INDEX_SUFFIX))),
        ] {
            cleared.map_err(|e| StorageError::io("cutting", &path, e))?;
        }
        if !offsets.is_empty() {
            let path = active.path(INDEX_SUFFIX);
            let preallocate = limit / OffsetEntry::SIZE as u64 * OffsetEntry::SIZE as u64;
            active
                .offsets
                .append(&path, &offsets, preallocate)
                .map_err(|e| StorageError::io("writing", &path, e))?;
            empty(&mut self.view.lock().pending.offsets);
        }
        if !times.is_empty() {
            let path = active.path(TIME_INDEX_SUFFIX);
            let preallocate = limit / TimeEntry::SIZE as u64 * TimeEntry::SIZE as u64;
            active
                .times
                .append(&path, &times, preallocate)
                .map_err(|e| StorageError::io("writing", &path, e))?;
            empty(&mut self.view.lock().pending.times);
        }
        Ok(())
    }

    /// Writes the producers as of `offset`, unless a snapshot is there already.
    pub(super) fn take_snapshot(&self, writer: &mut Writer, offset: i64) -> Result<(), StorageError> {
        if writer.last_snapshot >= offset {
            return Ok(());
        }
        let path = self.home().join(&file_name(offset, SNAPSHOT_SUFFIX));
        crate::files::write_whole(&path, &snapshot::encode(&writer.producers), false)?;
        writer.last_snapshot = offset;
        Ok(())
    }
}

/// A random part of `segment.jitter.ms`.
pub(super) fn jitter(config: &LogConfig) -> i64 {
    match config.segment_jitter_ms.min(config.max_segment_ms()) {
        most if most > 0 => rand::random_range(0..most),
        _ => 0,
    }
}

/// Largest timestamp of a segment's first batch.
pub(super) fn first_timestamp(segment: &Segment) -> Result<Option<i64>, StorageError> {
    let file = segment.file()?;
    let mut scanner = Scanner::new(&file, 0, segment.size(), SMALL_WINDOW.min(segment.size() as usize));
    match scanner.next_header() {
        Ok(found) => Ok(found.map(|found| found.max_timestamp)),
        Err(error) => Err(super::recover::scan_failed(segment, error)),
    }
}

/// Empties a list, keeping only the memory that the next entries need.
fn empty<T>(list: &mut Vec<T>) {
    list.clear();
    list.shrink_to(crate::index::Pending::MAX);
}
