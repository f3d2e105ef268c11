//! Bringing a log to the disk, and closing it.
//!
//! [`PartitionLog::sync`] only makes records durable: what group commit and `flush.*` ask for. [`PartitionLog::flush`]
//! also writes index entries and producers and then moves the recovery point, behind which nothing is scanned after a
//! crash. Neither holds a lock of readers or the writer while the disk works.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use moldau_types::Offset;

use super::{PartitionLog, Writer};
use crate::epochs::Kept;
use crate::error::StorageError;
use crate::files::{
    INDEX_SUFFIX, LOG_SUFFIX, SNAPSHOT_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, checkpoint, file_name,
    meta, sync_dir,
};
use crate::segment::Segment;

impl PartitionLog {
    /// Syncs all records that are in the log now and gives the log end of that moment: everything before it is durable.
    pub fn sync(&self) -> Result<Offset, StorageError> {
        let _settling = self.settling.read();
        self.place.load().directory.check()?;
        // Taken before the log end is read: what is appended between gets a time of its own or is synced too.
        let since_ms = self.unsynced_since_ms.swap(i64::MAX, Ordering::AcqRel);
        let (segments, log_end) = self.unflushed(self.synced_to().0);
        let synced = segments.iter().try_for_each(|segment| {
            let file = segment.file()?;
            self.directory()
                .timed(|| file.sync_data())
                .map_err(|e| StorageError::io("syncing", &segment.path(LOG_SUFFIX), e))
        });
        if let Err(error) = synced.and_then(|()| self.sync_names()) {
            self.unsynced_since_ms.fetch_min(since_ms, Ordering::AcqRel);
            return Err(self.observe(error));
        }
        self.synced_to.fetch_max(log_end, Ordering::AcqRel);
        Ok(Offset(log_end))
    }

    /// Syncs records, indexes and producers and moves the recovery point to what was the log end at the call, which
    /// it gives.
    pub fn flush(&self) -> Result<Offset, StorageError> {
        let _settling = self.settling.read();
        self.flush_settled()
    }

    /// [`flush`](Self::flush) for who holds *settling* already.
    pub(super) fn flush_settled(&self) -> Result<Offset, StorageError> {
        let since_ms = self.unsynced_since_ms.swap(i64::MAX, Ordering::AcqRel);
        self.flush_everything().inspect_err(|_| {
            self.unsynced_since_ms.fetch_min(since_ms, Ordering::AcqRel);
        })
    }

    fn flush_everything(&self) -> Result<Offset, StorageError> {
        let (segments, log_end) = {
            let mut writer = self.open_writer()?;
            let (segments, log_end) = self.unflushed(self.recovery_point().0);
            if log_end <= self.recovery_point.load(Ordering::Acquire) {
                return Ok(Offset(log_end));
            }
            let active = Arc::clone(self.view.lock().active());
            self.write_epochs()
                .and_then(|()| self.write_pending_index(&active))
                .and_then(|()| self.take_passing_snapshot(&mut writer, log_end, active.base_offset))
                .map_err(|error| self.observe(error))?;
            (segments, log_end)
        };
        segments
            .iter()
            .try_for_each(|segment| self.directory().timed(|| sync_segment(segment)))
            .and_then(|()| self.sync_epochs_and_names())
            .map_err(|error| self.observe(error))?;
        self.recovery_point.fetch_max(log_end, Ordering::AcqRel);
        Ok(Offset(log_end))
    }

    /// Like [`flush`](Self::flush), but only for segments that are closed: what the background does after a roll.
    pub fn flush_closed_segments(&self) -> Result<Offset, StorageError> {
        let _settling = self.settling.read();
        self.place.load().directory.check()?;
        let (mut segments, _) = self.unflushed(self.recovery_point().0);
        let Some(active) = segments.pop() else { return Ok(self.recovery_point()) };
        if !segments.is_empty() {
            let writer = self.open_writer()?;
            self.write_epochs().map_err(|error| self.observe(error))?;
            drop(writer);
            segments
                .iter()
                .try_for_each(|segment| self.directory().timed(|| sync_segment(segment)))
                .and_then(|()| {
                    let snapshot = self.home().join(&file_name(active.base_offset, SNAPSHOT_SUFFIX));
                    sync_if_there(&snapshot)?;
                    self.sync_epochs_and_names()
                })
                .map_err(|error| self.observe(error))?;
            self.recovery_point.fetch_max(active.base_offset, Ordering::AcqRel);
        }
        self.remove_passing_snapshots(active.base_offset).map_err(|error| self.observe(error))?;
        Ok(self.recovery_point())
    }

    /// Removes producer snapshots inside closed segments: recovery begins behind them from now on.
    fn remove_passing_snapshots(&self, active_base_offset: i64) -> Result<(), StorageError> {
        let bases: Vec<i64> = self.view.lock().segments.iter().map(|segment| segment.base_offset).collect();
        self.remove_snapshots(|offset| offset < active_base_offset && bases.binary_search(&offset).is_err())
    }

    /// Closes the log as a clean stop does: indexes cut to their entries, producers in a snapshot, all synced. Later
    /// appends fail; reads go on as long as someone asks.
    pub fn close(&self) -> Result<(), StorageError> {
        let _settling = self.settling.read();
        let mut writer = self.writer.lock();
        if writer.closed {
            return Ok(());
        }
        self.place.load().directory.check()?;
        let (segments, log_end) = self.unflushed(self.recovery_point().0);
        let active = Arc::clone(self.view.lock().active());
        let dirty = log_end > self.recovery_point.load(Ordering::Acquire);
        self.write_epochs()
            .and_then(|()| self.close_indexes(&mut writer, &active))
            .and_then(|()| self.take_snapshot(&mut writer, log_end))
            .map_err(|error| self.observe(error))?;
        writer.closed = true;
        if dirty {
            segments
                .iter()
                .try_for_each(|segment| self.directory().timed(|| sync_segment(segment)))
                .and_then(|()| sync_if_there(&self.home().join(&file_name(log_end, SNAPSHOT_SUFFIX))))
                .and_then(|()| self.sync_epochs_and_names())
                .map_err(|error| self.observe(error))?;
            self.recovery_point.fetch_max(log_end, Ordering::AcqRel);
        }
        self.unsynced_since_ms.store(i64::MAX, Ordering::Release);
        self.release_files();
        Ok(())
    }

    /// Brings `leader-epoch-checkpoint` in line with the entries. The caller holds the writer.
    pub(super) fn write_epochs(&self) -> Result<(), StorageError> {
        let entries = {
            let view = self.view.lock();
            if view.epochs.kept() != Kept::No {
                return Ok(());
            }
            view.epochs.entries().to_vec()
        };
        checkpoint::write_leader_epochs(&self.home().join(checkpoint::LEADER_EPOCHS), &entries, false)?;
        self.view.lock().epochs.set_kept(Kept::Written);
        Ok(())
    }

    /// Makes the leader epochs that were written and the names in the directory survive a crash of the machine.
    fn sync_epochs_and_names(&self) -> Result<(), StorageError> {
        let written = self.view.lock().epochs.clone();
        if written.kept() == Kept::Written {
            sync_if_there(&self.home().join(checkpoint::LEADER_EPOCHS))?;
        }
        self.names_made.fetch_add(1, Ordering::AcqRel);
        self.sync_names()?;
        let mut view = self.view.lock();
        if view.epochs == written && written.kept() == Kept::Written {
            view.epochs.set_kept(Kept::Synced);
        }
        Ok(())
    }

    /// Makes the topic's id, the names in the directory and its own name survive a crash of the machine, where files were
    /// made since that was done.
    fn sync_names(&self) -> Result<(), StorageError> {
        let made = self.names_made.load(Ordering::Acquire);
        let synced = self.names_synced.load(Ordering::Acquire);
        if made == synced {
            return Ok(());
        }
        let path = self.path();
        if synced == 0 {
            sync_if_there(&path.join(meta::PARTITION_METADATA))?;
        }
        sync_dir(&path)?;
        if synced == 0
            && let Some(parent) = path.parent()
        {
            sync_dir(parent)?;
        }
        self.names_synced.fetch_max(made, Ordering::AcqRel);
        Ok(())
    }

    /// Closes files and gives memory back that only a busy partition needs.
    pub fn release_idle(&self) {
        self.release_files();
        let mut view = self.view.lock();
        view.tail.clear();
        if view.pending.is_empty() {
            view.pending = crate::index::Pending::default();
        }
    }

    fn release_files(&self) {
        let view = self.view.lock();
        for segment in &view.segments {
            segment.release();
        }
    }

    /// Segments with records from `from` on, the active one last, and the log end.
    fn unflushed(&self, from: i64) -> (Vec<Arc<Segment>>, i64) {
        let view = self.view.lock();
        (view.segments[view.segment_of(from)..].to_vec(), view.log_end)
    }

    /// Whether `flush.messages` or `flush.ms` asks for a sync.
    pub fn flush_is_due(&self, now_ms: i64) -> bool {
        let config = self.config.load();
        if config.flush_messages == i64::MAX && config.flush_ms == i64::MAX {
            return false;
        }
        let waiting = self.view.lock().log_end - self.synced_to().0;
        waiting > 0
            && (waiting >= config.flush_messages
                || now_ms.saturating_sub(self.unsynced_since_ms.load(Ordering::Acquire)) >= config.flush_ms)
    }

    /// A snapshot inside the active segment, so that recovery need not read the segment for its producers. The one
    /// before goes, unless it stands at the segment's start.
    fn take_passing_snapshot(
        &self,
        writer: &mut Writer,
        offset: i64,
        active_base_offset: i64,
    ) -> Result<(), StorageError> {
        let before = writer.last_snapshot;
        self.take_snapshot(writer, offset)?;
        if before > active_base_offset && before < offset {
            let _ = std::fs::remove_file(self.home().join(&file_name(before, SNAPSHOT_SUFFIX)));
        }
        sync_if_there(&self.home().join(&file_name(offset, SNAPSHOT_SUFFIX)))
    }
}

fn sync_segment(segment: &Segment) -> Result<(), StorageError> {
    segment.file()?.sync_data().map_err(|e| StorageError::io("syncing", &segment.path(LOG_SUFFIX), e))?;
    sync_if_there(&segment.path(INDEX_SUFFIX))?;
    sync_if_there(&segment.path(TIME_INDEX_SUFFIX))?;
    if segment.has_aborted() { sync_if_there(&segment.path(TXN_INDEX_SUFFIX)) } else { Ok(()) }
}

/// Syncs a file if it is there.
pub(super) fn sync_if_there(path: &std::path::Path) -> Result<(), StorageError> {
    match std::fs::File::open(path).and_then(|file| file.sync_data()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StorageError::io("syncing", path, error))
        }
        _ => Ok(()),
    }
}
