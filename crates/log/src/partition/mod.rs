//! One partition's log.
//!
//! Two locks: the *writer* is held through a whole append, roll, truncation or deletion, system calls included; the
//! *view* holds what readers need and is only ever held for a moment, never across a system call. The writer is
//! always taken first. A third, *settling*, is shared by whatever syncs and taken whole, before the other two, by a
//! move to another log directory, so that nothing is called synced that was synced elsewhere.
//!
//! Invariants, at every moment the view is free: log start ≤ last stable offset ≤ high watermark ≤ log end; segments
//! ascend, there is at least one and the last is the active one; what lies behind a segment's `size` in its file is
//! no data.

mod append;
mod compact;
mod flush;
mod listing;
mod lookup;
mod open;
mod place;
mod read;
mod recover;
mod relocate;
mod replace;
mod replay;
mod reserve;
mod roll;
mod tail;
mod trim;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use moldau_types::{LeaderEpoch, Offset, TopicId};
use parking_lot::{Mutex, MutexGuard, RwLock};

pub use append::{AppendBatch, AppendInfo, AppendOrigin};
pub use lookup::{ActiveProducer, EpochEndOffset, TimestampOffset};
pub use open::OpenLog;
pub use read::{FileSlice, LogPosition, LogRead, ReadUpTo};
pub use recover::RecoveryReport;
pub(crate) use relocate::{MoveError, Moved};

use crate::config::LogConfig;
use crate::epochs::LeaderEpochs;
use crate::error::StorageError;
use crate::index::Pending;
use crate::producers::{ProducerTable, Transactions};
use crate::segment::{IndexBuilder, Segment};
use place::Place;
use tail::Tail;

/// The four offsets that bound a log: `log_start ≤ last_stable ≤ high_watermark ≤ log_end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogOffsets {
    /// First offset that can be read.
    pub log_start: Offset,
    /// First offset that readers of committed data must not see yet.
    pub last_stable: Offset,
    /// First offset that is not on all in-sync replicas.
    pub high_watermark: Offset,
    /// Offset that the next record gets.
    pub log_end: Offset,
}

/// Called after an append or a change of the high watermark, outside all locks.
pub type OffsetsListener = Box<dyn Fn(LogOffsets) + Send + Sync>;

/// See the module.
pub struct PartitionLog {
    topic: Arc<str>,
    partition: i32,
    topic_id: RwLock<Option<TopicId>>,
    place: ArcSwap<Place>,
    config: ArcSwap<LogConfig>,
    writer: Mutex<Writer>,
    view: Mutex<View>,
    settling: RwLock<()>,
    /// The high watermark goes with the log end: there is one replica.
    follow_end: AtomicBool,
    /// Offset up to which everything is on the disk.
    recovery_point: AtomicI64,
    /// Offset up to which the records, if not all that recovery wants, are on the disk.
    synced_to: AtomicI64,
    /// When the oldest record that no sync has taken was appended; `i64::MAX` without one.
    unsynced_since_ms: AtomicI64,
    /// Counts the files that were made and without which the records would not be found: at the opening, and with each roll.
    names_made: AtomicU64,
    /// How many of them are on the disk with their names.
    names_synced: AtomicU64,
    /// The directory is that of a deleted partition.
    deleted: AtomicBool,
    /// An append or a read came since the last look.
    used: AtomicBool,
    listener: RwLock<Option<OffsetsListener>>,
    /// Wakes whoever syncs closed segments; called after a roll.
    on_roll: RwLock<Option<Box<dyn Fn() + Send + Sync>>>,
}

/// What only the writer uses.
struct Writer {
    closed: bool,
    producers: ProducerTable,
    /// Index entries of the active segment.
    index: IndexBuilder,
    /// Largest timestamp of the active segment's first batch: its age counts from there.
    first_timestamp: FirstTimestamp,
    /// When the active segment was made or opened.
    created_ms: i64,
    /// Taken off `segment.ms`.
    jitter_ms: i64,
    /// Offset of the newest producer snapshot, −1 without one.
    last_snapshot: i64,
    /// Renamed files and when they may go.
    doomed: Vec<DoomedFile>,
    /// Position up to which blocks of the active segment's file are taken.
    reserved_to: u64,
}

/// A file that waits for its removal.
struct DoomedFile {
    path: PathBuf,
    remove_at_ms: i64,
}

/// Largest timestamp of a segment's first batch.
#[derive(Clone, Copy)]
enum FirstTimestamp {
    /// The segment was there before; the file has to be asked.
    Unread,
    /// The segment is empty.
    None,
    Known(i64),
}

/// What readers and the writer share.
struct View {
    segments: Vec<Arc<Segment>>,
    /// Index entries of the active segment that are not in its files.
    pending: Pending,
    tail: Tail,
    log_start: i64,
    high_watermark: i64,
    log_end: i64,
    transactions: Transactions,
    epochs: LeaderEpochs,
    /// From this position of the active segment on, the data was written or read by this process.
    warm_from: u64,
}

impl View {
    fn active(&self) -> &Arc<Segment> {
        match self.segments.last() {
            Some(segment) => segment,
            None => unreachable!("a log always has an active segment"),
        }
    }

    fn last_stable(&self) -> i64 {
        self.transactions
            .first_unstable_offset()
            .map_or(self.high_watermark, |first| first.clamp(self.log_start, self.high_watermark))
    }

    fn offsets(&self) -> LogOffsets {
        LogOffsets {
            log_start: Offset(self.log_start),
            last_stable: Offset(self.last_stable()),
            high_watermark: Offset(self.high_watermark),
            log_end: Offset(self.log_end),
        }
    }

    /// Number of the segment that holds `offset` or would.
    fn segment_of(&self, offset: i64) -> usize {
        self.segments.partition_point(|segment| segment.base_offset <= offset).saturating_sub(1)
    }

    fn set_high_watermark(&mut self, high_watermark: i64) {
        self.high_watermark = high_watermark.clamp(self.log_start, self.log_end);
        self.transactions.high_watermark_moved(self.high_watermark);
    }
}

impl PartitionLog {
    /// The topic's name.
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// The partition's number.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// The topic id in `partition.metadata`.
    pub fn topic_id(&self) -> Option<TopicId> {
        *self.topic_id.read()
    }

    /// The settings in use.
    pub fn config(&self) -> Arc<LogConfig> {
        self.config.load_full()
    }

    /// Takes other settings from the next append, roll or pass on.
    pub fn set_config(&self, config: LogConfig) {
        self.config.store(Arc::new(config));
    }

    /// The offsets that bound the log.
    pub fn offsets(&self) -> LogOffsets {
        self.view.lock().offsets()
    }

    /// Sets the high watermark, bounded by log start and log end, and gives the new one.
    pub fn set_high_watermark(&self, high_watermark: Offset) -> Offset {
        let offsets = {
            let mut view = self.view.lock();
            let before = view.high_watermark;
            view.set_high_watermark(high_watermark.0);
            if view.high_watermark == before {
                return Offset(before);
            }
            view.offsets()
        };
        self.notify(offsets);
        offsets.high_watermark
    }

    /// With one replica the high watermark is the log end, from now on at every append.
    pub fn set_high_watermark_follows_log_end(&self, follows: bool) {
        self.follow_end.store(follows, Ordering::Release);
        if follows {
            self.set_high_watermark(Offset(i64::MAX));
        }
    }

    /// Replaces what is called after the log end or the high watermark moved.
    pub fn set_listener(&self, listener: Option<OffsetsListener>) {
        *self.listener.write() = listener;
    }

    /// Replaces what is called after a segment was closed and waits for its sync.
    pub fn set_roll_listener(&self, listener: Option<Box<dyn Fn() + Send + Sync>>) {
        *self.on_roll.write() = listener;
    }

    /// Offset up to which everything is known to be on the disk.
    pub fn recovery_point(&self) -> Offset {
        Offset(self.recovery_point.load(Ordering::Acquire))
    }

    /// Offset up to which the records are known to be on the disk; at least the recovery point.
    pub fn synced_to(&self) -> Offset {
        Offset(self.synced_to.load(Ordering::Acquire).max(self.recovery_point.load(Ordering::Acquire)))
    }

    /// The log start offset and the first segment's base offset.
    pub(crate) fn start_offsets(&self) -> (Offset, Offset) {
        let view = self.view.lock();
        (Offset(view.log_start), Offset(view.segments[0].base_offset))
    }

    /// Whether [`delete`](Self::delete) was called.
    pub fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }

    /// Whether the log was used since the last call.
    pub(crate) fn take_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    /// Bytes of records in all segments.
    pub fn size(&self) -> u64 {
        self.view.lock().segments.iter().map(|segment| segment.size()).sum()
    }

    /// Number of segments.
    pub fn segment_count(&self) -> usize {
        self.view.lock().segments.len()
    }

    /// The newest leader epoch that the log knows.
    pub fn latest_leader_epoch(&self) -> Option<LeaderEpoch> {
        self.view.lock().epochs.latest().map(LeaderEpoch)
    }

    fn notify(&self, offsets: LogOffsets) {
        if let Some(listener) = &*self.listener.read() {
            listener(offsets);
        }
    }

    /// The writer of a log that is open and whose directory is online.
    fn open_writer(&self) -> Result<MutexGuard<'_, Writer>, StorageError> {
        self.place.load().directory.check()?;
        let writer = self.writer.lock();
        if writer.closed {
            return Err(StorageError::Closed);
        }
        Ok(writer)
    }
}

impl std::fmt::Debug for PartitionLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartitionLog")
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .field("offsets", &self.offsets())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
pub(crate) use tests::build;
