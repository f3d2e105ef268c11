//! Opening a log, and recovering it after an unclean stop.
//!
//! Everything before the recovery point was synced with its indexes and producers, so only what lies behind it is
//! read: each batch's checksum is verified, index entries, aborted transactions, leader epochs and producers are
//! noted as if the batch were appended, and the log ends where the first batch is not whole. After a clean stop
//! nothing is read but the end of the last segment. Files are closed again when a log is open: an idle partition has
//! no descriptors.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};

use arc_swap::ArcSwap;
use moldau_types::{Offset, TopicId};
use parking_lot::{Mutex, RwLock};

use super::flush::sync_if_there;
use super::listing::Listing;
use super::place::Place;
use super::recover::{RecoveryReport, remove_segment};
use super::replay::Recovery;
use super::roll::jitter;
use super::{FirstTimestamp, PartitionLog, View, Writer};
use crate::config::LogConfig;
use crate::directory::LogDir;
use crate::epochs::LeaderEpochs;
use crate::error::StorageError;
use crate::files::{LOG_SUFFIX, SNAPSHOT_SUFFIX, checkpoint, file_name, meta, sync_dir};
use crate::index::Pending;
use crate::producers::{ProducerTable, Transactions};
use crate::segment::{Home, IndexBuilder, Segment};

/// How to open a log.
#[derive(Clone, Debug)]
pub struct OpenLog {
    /// The partition's directory; made if it is absent.
    pub path: PathBuf,
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
    /// Written to `partition.metadata` if that file is absent.
    pub topic_id: Option<TopicId>,
    /// The log directory that `path` is in.
    pub directory: Arc<LogDir>,
    /// Settings.
    pub config: LogConfig,
    /// Log start offset of the checkpoint; the first segment's base offset counts if it is larger.
    pub log_start: Offset,
    /// Offset up to which everything was synced.
    pub recovery_point: Offset,
    /// High watermark of the checkpoint.
    pub high_watermark: Offset,
    /// The last stop was a clean one.
    pub clean: bool,
    /// The wall clock.
    pub now_ms: i64,
}

impl OpenLog {
    /// Opens the log, making it if there is none.
    pub fn open(self) -> Result<(Arc<PartitionLog>, RecoveryReport), StorageError> {
        self.open_with(&mut Vec::new())
    }

    /// Like [`open`](Self::open) with a buffer that later calls may use again.
    pub fn open_with(
        self,
        buffer: &mut Vec<u8>,
    ) -> Result<(Arc<PartitionLog>, RecoveryReport), StorageError> {
        let directory = Arc::clone(&self.directory);
        directory.check()?;
        self.open_inner(buffer).map_err(|error| directory.observe(error))
    }

    fn open_inner(self, buffer: &mut Vec<u8>) -> Result<(Arc<PartitionLog>, RecoveryReport), StorageError> {
        let home = Arc::new(Home::new(self.path.clone()));
        let files = Listing::of(&self.path)?;
        let topic_id = self.topic_id(&files)?;
        let mut segments: Vec<Arc<Segment>> = files
            .segments
            .iter()
            .map(|&(base, size)| {
                Arc::new(Segment::existing(Arc::clone(&home), base, size, files.aborted.contains(&base)))
            })
            .collect();
        let mut log_start = self.log_start.0.max(segments.first().map_or(0, |first| first.base_offset));
        let entries = checkpoint::read_leader_epochs(&self.path.join(checkpoint::LEADER_EPOCHS))
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "the leader epochs are taken from the records");
                Vec::new()
            });
        let mut recovery = Recovery {
            producers: ProducerTable::default(),
            transactions: Transactions::default(),
            producers_from: log_start,
            epochs: LeaderEpochs::from_entries(entries),
            report: RecoveryReport::default(),
            buffer: std::mem::take(buffer),
        };
        let mut pending = Pending::default();
        let mut index = IndexBuilder::new(0, self.config.index_interval_bytes);
        let mut log_end = log_start;
        let scan_from = if self.clean { i64::MAX } else { self.recovery_point.0 };
        let mut last_snapshot = -1;
        if !segments.is_empty() {
            last_snapshot = self.load_producers(&files, &segments, scan_from, &mut recovery)?;
            (log_end, index) = self.recover(&mut segments, scan_from, &mut recovery, &mut pending)?;
        }
        if segments.is_empty() || log_end < log_start {
            for segment in segments.drain(..) {
                tracing::warn!(segment = %segment.path(LOG_SUFFIX).display(), log_start, "the log ends before its start offset: removing it");
                remove_segment(&segment);
                recovery.report.removed_segments += 1;
            }
            pending = Pending::default();
            log_start = self.log_start.0;
            log_end = log_start;
            let segment = Segment::create(Arc::clone(&home), log_start, 0)?;
            index = IndexBuilder::new(log_start, self.config.index_interval_bytes);
            segments.push(Arc::new(segment));
            recovery.producers = ProducerTable::default();
            recovery.transactions = Transactions::default();
        }
        recovery.epochs.truncate_from_end(log_end);
        recovery.epochs.truncate_from_start(log_start);
        let newest = files.snapshots.range(..=log_end).next_back().copied();
        let is_base = |offset| segments.iter().any(|segment| segment.base_offset == offset);
        // Of those inside segments a later start wants the newest only, or the one that this start could use.
        for &offset in files.snapshots.iter().filter(|&&offset| {
            Some(offset) != newest && offset != last_snapshot && (offset > log_end || !is_base(offset))
        }) {
            let _ = std::fs::remove_file(self.path.join(file_name(offset, SNAPSHOT_SUFFIX)));
        }
        let active_size = segments.last().map_or(0, |active| active.size());
        let warm_from = if self.clean { active_size } else { 0 };
        let jitter_ms = jitter(&self.config);
        let mut view = View {
            segments,
            pending,
            tail: Default::default(),
            log_start,
            high_watermark: log_start,
            log_end,
            transactions: recovery.transactions,
            epochs: recovery.epochs,
            warm_from,
        };
        view.set_high_watermark(self.high_watermark.0);
        let log = PartitionLog {
            topic: self.topic,
            partition: self.partition,
            topic_id: RwLock::new(topic_id),
            place: ArcSwap::from_pointee(Place { directory: self.directory, home }),
            settling: RwLock::new(()),
            recovery_point: AtomicI64::new(if self.clean {
                log_end
            } else {
                self.recovery_point.0.min(log_end)
            }),
            synced_to: AtomicI64::new(0),
            unsynced_since_ms: AtomicI64::new(if !self.clean && self.recovery_point.0 < log_end {
                self.now_ms
            } else {
                i64::MAX
            }),
            names_made: AtomicU64::new(1),
            names_synced: AtomicU64::new(0),
            deleted: AtomicBool::new(false),
            used: AtomicBool::new(false),
            writer: Mutex::new(Writer {
                closed: false,
                producers: recovery.producers,
                index,
                first_timestamp: if active_size == 0 { FirstTimestamp::None } else { FirstTimestamp::Unread },
                created_ms: self.now_ms,
                jitter_ms,
                last_snapshot: last_snapshot.min(log_end),
                doomed: Vec::new(),
                reserved_to: 0,
            }),
            config: ArcSwap::from_pointee(self.config),
            follow_end: AtomicBool::new(false),
            listener: RwLock::new(None),
            on_roll: RwLock::new(None),
            view: Mutex::new(view),
        };
        let active = Arc::clone(log.view.lock().active());
        if log.view.lock().pending.is_full() {
            log.write_pending_index(&active)?;
        }
        active.release();
        *buffer = recovery.buffer;
        Ok((Arc::new(log), recovery.report))
    }

    fn topic_id(&self, files: &Listing) -> Result<Option<TopicId>, StorageError> {
        let found = match files.has_metadata {
            true => meta::read_partition_metadata(&self.path)?.map(TopicId),
            false => None,
        };
        if let (None, Some(id)) = (found, self.topic_id) {
            meta::write_partition_metadata(&self.path, id.0)?;
        }
        Ok(found.or(self.topic_id))
    }
}

impl PartitionLog {
    /// Gives a log whose `partition.metadata` was lost the id of its topic.
    pub(crate) fn adopt_topic_id(&self, topic_id: TopicId) -> Result<(), StorageError> {
        let mut known = self.topic_id.write();
        if known.is_some() {
            return Ok(());
        }
        tracing::warn!(topic = %self.topic, partition = self.partition, %topic_id, "partition.metadata was lost; writing it anew");
        let path = self.path();
        meta::write_partition_metadata(&path, topic_id.0)
            .and_then(|()| sync_if_there(&path.join(meta::PARTITION_METADATA)))
            .and_then(|()| sync_dir(&path))
            .map_err(|error| self.observe(error))?;
        *known = Some(topic_id);
        Ok(())
    }
}
