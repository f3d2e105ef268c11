//! Moving a log to another log directory: its copy there, the *future* log, is fed from this one and at last becomes it.
//!
//! The log keeps its identity: whoever holds it goes on with it, only the files are others. Producers, transactions,
//! epochs and offsets are those of the log that was, so nothing that it knew is lost, whatever the copy could learn from
//! the records alone.
//!
//! Invariants: records are copied as they are, each checksum verified; the future log holds a prefix of this log; it is
//! on the disk as a whole, with all that this log knows of producers, before they change places; at every moment of the
//! change a directory with the partition's name, found by a start, holds everything.

use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use moldau_protocol::records::{BatchHeader, BatchView};
use moldau_types::Offset;

use super::place::Place;
use super::{AppendBatch, AppendOrigin, PartitionLog, ReadUpTo};
use crate::epochs::Kept;
use crate::error::{AppendError, ReadError, StorageError};
use crate::files::{
    DELETE_DIR_SUFFIX, LOG_SUFFIX, SNAPSHOT_SUFFIX, checkpoint, file_name, sync_dir, write_whole,
};
use crate::producers::snapshot;

/// Why a move cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MoveError {
    /// Files failed, or one of both logs was closed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The copy refused a batch.
    #[error("the copy does not take a batch: {0}")]
    Append(AppendError),
    /// The log has given up, or lost, what was to be copied next.
    #[error("offset {0} is not in the log any more")]
    Overtaken(Offset),
    /// A batch of the log is not what was written.
    #[error("the batch at offset {offset} cannot be copied: {problem}")]
    Damaged {
        /// Its first offset, or where it was looked for.
        offset: i64,
        /// What is wrong.
        problem: String,
    },
}

impl From<ReadError> for MoveError {
    fn from(error: ReadError) -> MoveError {
        match error {
            ReadError::Storage(error) => MoveError::Storage(error),
            ReadError::OffsetOutOfRange { offset, .. } => MoveError::Overtaken(offset),
        }
    }
}

impl From<AppendError> for MoveError {
    fn from(error: AppendError) -> MoveError {
        match error {
            // The log is closed where the move was given up.
            AppendError::Storage(error) if matches!(*error, StorageError::Closed) => {
                MoveError::Storage(StorageError::Closed)
            }
            error => MoveError::Append(error),
        }
    }
}

/// What one copying brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Copied {
    /// Bytes of batches.
    pub(crate) bytes: u64,
    /// Nothing was left at that moment.
    pub(crate) at_end: bool,
}

/// What an attempt to change places came to.
#[derive(Debug)]
pub(crate) enum Moved {
    /// Too much came meanwhile: go on copying.
    Behind,
    /// The log is in the other directory; the old files are here and may be removed.
    Done(PathBuf),
}

impl PartitionLog {
    /// Copies about `max_bytes` of what the future log lacks of this one.
    pub(crate) fn copy_to(
        &self,
        future: &PartitionLog,
        max_bytes: usize,
        buffer: &mut Vec<u8>,
        now_ms: i64,
    ) -> Result<Copied, MoveError> {
        let from = future.offsets().log_end;
        let read = self.read(from, max_bytes, ReadUpTo::LogEnd, true)?;
        let Some(slice) = read.slice else { return Ok(Copied { bytes: 0, at_end: true }) };
        buffer.resize(slice.len, 0);
        slice.file.read_exact_at(buffer, slice.position).map_err(|e| {
            let path = self.path().join(file_name(read.start.segment_base_offset.0, LOG_SUFFIX));
            self.observe(StorageError::io("reading", &path, e))
        })?;
        let mut batches = Vec::new();
        let mut rest = &mut buffer[..];
        let mut bytes = 0;
        let mut first = None;
        while !rest.is_empty() {
            let damaged = |problem: String| MoveError::Damaged { offset: from.0, problem };
            let header = match BatchHeader::parse(rest) {
                Ok(header) if header.size_in_bytes() <= rest.len() => header,
                // The read may end within a batch, but not within its first.
                _ if bytes > 0 => break,
                Ok(header) => {
                    let (size, len) = (header.size_in_bytes(), rest.len());
                    return Err(damaged(format!("it says {size} bytes, {len} are there")));
                }
                Err(error) => return Err(damaged(error.to_string())),
            };
            let (batch, after) = rest.split_at_mut(header.size_in_bytes());
            rest = after;
            BatchView::parse(batch).and_then(|view| view.verify_crc()).map_err(|error| {
                MoveError::Damaged { offset: header.base_offset, problem: error.to_string() }
            })?;
            first.get_or_insert(header.base_offset);
            bytes += batch.len() as u64;
            batches.push(AppendBatch {
                max_timestamp: header.max_timestamp,
                offset_of_max_timestamp: i64::from(header.last_offset_delta),
                bytes: batch,
                header,
                origin: AppendOrigin::Replication,
            });
        }
        if let Some(first) = first
            && first < from.0
        {
            if future.offsets().log_start < from {
                let problem = format!("the copy ends within it, at {from}");
                return Err(MoveError::Damaged { offset: first, problem });
            }
            // The log starts within this batch: its copy starts with the whole of it.
            self.begin_copy_at(future, Offset(first), now_ms)?;
        }
        for result in future.append_as_follower(&mut batches, now_ms) {
            result?;
        }
        future.raise_log_start(read.log_start_offset.min(future.offsets().log_end))?;
        let at_end = future.offsets().log_end >= read.log_end_offset;
        Ok(Copied { bytes, at_end })
    }

    /// Lets the future log begin anew, empty, at `offset`, with what its records will not tell of producers.
    pub(crate) fn begin_copy_at(
        &self,
        future: &PartitionLog,
        offset: Offset,
        now_ms: i64,
    ) -> Result<(), StorageError> {
        future.truncate_fully_and_start_at(offset, now_ms)?;
        let known = self.writer.lock().producers.known_before(offset.0);
        let mut theirs = future.open_writer()?;
        {
            let mut view = future.view.lock();
            for (id, entry) in known.iter() {
                if let Some(first) = entry.transaction_first_offset {
                    view.transactions.reopen(id, first);
                }
            }
        }
        theirs.producers = known;
        future.take_snapshot(&mut theirs, offset.0).map_err(|error| future.observe(error))
    }

    /// Up to where `future` holds what this log holds, by the leader epochs of both.
    pub(crate) fn agrees_with(&self, future: &PartitionLog) -> Offset {
        let (ours, theirs) = (self.offsets().log_end, future.offsets().log_end);
        let (Some(latest), Some(own)) = (future.latest_leader_epoch(), self.latest_leader_epoch()) else {
            return ours.min(theirs);
        };
        let end = self.epoch_end_offset(latest.min(own));
        let theirs_then = future.epoch_end_offset(end.leader_epoch).end_offset;
        let theirs = if theirs_then.0 < 0 { theirs } else { theirs.min(theirs_then) };
        theirs.min(end.end_offset)
    }

    /// Lets this log go on in the files of `future`, if no more than `max_bytes` are missing there. Appends wait
    /// meanwhile.
    pub(crate) fn continue_in(
        &self,
        future: &PartitionLog,
        max_bytes: usize,
        buffer: &mut Vec<u8>,
        now_ms: i64,
    ) -> Result<Moved, MoveError> {
        // Whoever is syncing ends first, and says of the old files what is true of them.
        let _settling = self.settling.write();
        let _future_settling = future.settling.write();
        let mut writer = self.open_writer()?;
        let (ours, theirs) = (self.offsets(), future.offsets());
        if theirs.log_end < ours.log_start || (future.size() == 0 && theirs.log_end < ours.log_end) {
            // Where the copy begins is not for now.
            return Ok(Moved::Behind);
        }
        let mut left = max_bytes as u64;
        loop {
            let copied = self.copy_to(future, max_bytes, buffer, now_ms)?;
            if copied.at_end {
                break;
            }
            left = left.saturating_sub(copied.bytes);
            if left == 0 {
                return Ok(Moved::Behind);
            }
        }
        future.flush_settled()?;
        let mut theirs = future.open_writer()?;
        let (log_end, epochs) = {
            let view = self.view.lock();
            (view.log_end, view.epochs.entries().to_vec())
        };
        let home = future.home();
        let prepared = checkpoint::write_leader_epochs(&home.join(checkpoint::LEADER_EPOCHS), &epochs, false)
            .and_then(|()| {
                let path = home.join(&file_name(log_end, SNAPSHOT_SUFFIX));
                write_whole(&path, &snapshot::encode(&writer.producers), true)
            })
            .and_then(|()| sync_dir(&home.path()));
        prepared.map_err(|error| future.observe(error))?;
        let left = self.exchange_names(future)?;
        {
            let (mut view, mut copy) = (self.view.lock(), future.view.lock());
            view.segments = copy.segments.clone();
            view.pending = std::mem::take(&mut copy.pending);
            view.tail = std::mem::take(&mut copy.tail);
            view.warm_from = copy.warm_from;
            view.epochs.set_kept(Kept::Written);
            let (directory, home) = (future.directory(), home);
            self.place.store(Arc::new(Place { directory, home }));
            self.recovery_point.store(future.recovery_point().0, Ordering::Release);
            self.synced_to.store(future.synced_to().0, Ordering::Release);
        }
        theirs.closed = true;
        writer.index = theirs.index.clone();
        writer.first_timestamp = theirs.first_timestamp;
        writer.created_ms = theirs.created_ms;
        writer.jitter_ms = theirs.jitter_ms;
        writer.last_snapshot = log_end;
        writer.reserved_to = 0;
        // The old ones go with their directory.
        writer.doomed = std::mem::take(&mut theirs.doomed);
        self.unsynced_since_ms.store(i64::MAX, Ordering::Release);
        Ok(Moved::Done(left))
    }

    /// Gives the future log's directory the partition's name, and this log's directory that of a deleted one, which it
    /// gives. Between the two both directories have the name and the same records.
    fn exchange_names(&self, future: &PartitionLog) -> Result<PathBuf, StorageError> {
        let (home, other) = (self.home(), future.home());
        let (path, copy) = (home.path(), other.path());
        let new = future.directory().path().join(format!("{}-{}", self.topic, self.partition));
        if new.exists() {
            return Err(StorageError::corrupt(&new, "another directory of this partition is in the way"));
        }
        let back = |error: StorageError| {
            if let Err(error) = other.rename(copy.clone()) {
                tracing::error!(%error, "the copy of a partition stays under the partition's name");
            }
            error
        };
        other.rename(new.clone()).map_err(|error| future.observe(error))?;
        let parent = future.directory();
        sync_dir(parent.path()).map_err(|error| back(future.observe(error)))?;
        let gone = self.named_apart(&path, DELETE_DIR_SUFFIX);
        home.rename(gone.clone()).map_err(|error| back(self.observe(error)))?;
        if let Err(error) = sync_dir(self.directory().path()) {
            tracing::warn!(%error, path = %path.display(), "a moved partition may be found here again after a crash");
        }
        Ok(gone)
    }
}
