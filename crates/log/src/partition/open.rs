//! Opening a log, and recovering it after an unclean stop.
//!
//! Everything before the recovery point was synced with its indexes and producers, so only what lies behind it is
//! read: each batch's checksum is verified, index entries, aborted transactions, leader epochs and producers are
//! noted as if the batch were appended, and the log ends where the first batch is not whole. After a clean stop
//! nothing is read but the end of the last segment. Files are closed again when a log is open: an idle partition has
//! no descriptors.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};

use arc_swap::ArcSwap;
use moldau_types::{Offset, ProducerId, TopicId};
use parking_lot::{Mutex, RwLock};

use super::place::Place;
use super::roll::jitter;
use super::{FirstTimestamp, PartitionLog, View, Writer};
use crate::AppendOrigin;
use crate::config::LogConfig;
use crate::directory::LogDir;
use crate::epochs::LeaderEpochs;
use crate::error::StorageError;
use crate::files::{
    CLEANED_SUFFIX, DELETED_SUFFIX, INDEX_SUFFIX, LOG_SUFFIX, SNAPSHOT_SUFFIX, SWAP_SUFFIX,
    TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, checkpoint, file_name, meta, offset_of_file_name,
};
use crate::index::Pending;
use crate::index::txn::AbortedTransaction;
use crate::producers::{ProducerTable, TransactionChange, Transactions, marker, snapshot};
use crate::scan::{FoundBatch, ScanError, Scanner};
use crate::segment::{Home, IndexBuilder, Segment, TimestampOffset};

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

/// What opening a log found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Bytes that were read and checked.
    pub scanned_bytes: u64,
    /// Bytes behind the last whole batch that were cut off.
    pub cut_bytes: u64,
    /// Segments removed because they lay behind a damaged one.
    pub removed_segments: usize,
}

/// The state that recovery builds up.
struct Recovery {
    producers: ProducerTable,
    transactions: Transactions,
    /// Batches from here on are not in `producers` yet.
    producers_from: i64,
    epochs: LeaderEpochs,
    report: RecoveryReport,
    buffer: Vec<u8>,
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
        for &offset in files.snapshots.iter().filter(|&&offset| offset > log_end) {
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
                unflushed_since_ms: (!self.clean && self.recovery_point.0 < log_end).then_some(self.now_ms),
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

    /// Loads the newest snapshot that is not behind the point where reading begins, and replays what lies between.
    /// Gives the snapshot's offset, −1 without one.
    fn load_producers(
        &self,
        files: &Listing,
        segments: &[Arc<Segment>],
        scan_from: i64,
        recovery: &mut Recovery,
    ) -> Result<i64, StorageError> {
        // A snapshot inside the first segment to be read is good as long as it is not behind the recovery point.
        let bound = scan_from.max(segments[0].base_offset);
        for &offset in files.snapshots.iter().rev().filter(|&&offset| offset <= bound) {
            let path = self.path.join(file_name(offset, SNAPSHOT_SUFFIX));
            let loaded = snapshot::load(&path, self.now_ms, self.config.producer_id_expiration_ms)?;
            if let Some((producers, transactions)) = loaded {
                (recovery.producers, recovery.transactions) = (producers, transactions);
                recovery.producers_from = offset;
                return Ok(offset);
            }
        }
        recovery.producers_from = segments[0].base_offset;
        Ok(-1)
    }

    /// Finds the end of the log. Segments with records behind `scan_from` are read and checked; in those before, only
    /// what the producer snapshot does not cover is.
    fn recover(
        &self,
        segments: &mut Vec<Arc<Segment>>,
        scan_from: i64,
        recovery: &mut Recovery,
        pending: &mut Pending,
    ) -> Result<(i64, IndexBuilder), StorageError> {
        let mut number = 0;
        let mut log_end = segments[0].base_offset;
        let mut builder = IndexBuilder::new(log_end, self.config.index_interval_bytes);
        while number < segments.len() {
            let segment = Arc::clone(&segments[number]);
            let next = segments.get(number + 1).map(|next| next.base_offset);
            let is_last = next.is_none();
            if let Some(next) = next
                && next <= scan_from
            {
                if recovery.producers_from < next {
                    replay(&segment, i64::MAX, recovery)?;
                }
                log_end = next;
                number += 1;
                continue;
            }
            let outcome = self.recover_segment(&segment, scan_from, recovery, pending)?;
            builder = outcome.builder;
            log_end = outcome.log_end;
            if let Some((position, reason)) = outcome.torn {
                self.cut(segments, number, position, &reason, recovery)?;
                break;
            }
            if let Some(next) = next
                && log_end < next
                && !self.clean
                && !self.config.compact
            {
                // The machine lost the end of a segment but not the next one: keep what has no hole.
                let reason = format!("offsets {log_end} to {next} are missing");
                self.cut(segments, number, segment.size(), &reason, recovery)?;
                break;
            }
            if !is_last {
                close_recovered(&segment, &mut builder, pending)?;
                segment.release();
            }
            number += 1;
        }
        builder.restart_interval();
        Ok((log_end, builder))
    }

    /// Reads a segment from the recovery point on, or after a clean stop from its last index entry on.
    fn recover_segment(
        &self,
        segment: &Segment,
        scan_from: i64,
        recovery: &mut Recovery,
        pending: &mut Pending,
    ) -> Result<Outcome, StorageError> {
        *pending = Pending::default();
        let trusted = scan_from > segment.base_offset && load_trusted_indexes(segment, scan_from)?;
        if !trusted {
            segment.offsets.keep(0);
            segment.times.keep(0);
        }
        let io = |path: PathBuf, e| StorageError::io("reading", &path, e);
        let last_time = segment
            .times
            .last(|| segment.path(TIME_INDEX_SUFFIX))
            .map_err(|e| io(segment.path(TIME_INDEX_SUFFIX), e))?;
        let start = if trusted { segment.floor_position(i64::MAX)? } else { 0 };
        let largest = last_time.map_or(TimestampOffset::NONE, |entry| TimestampOffset {
            timestamp: entry.timestamp,
            offset: segment.base_offset + i64::from(entry.relative_offset),
        });
        let mut builder = IndexBuilder::resume(
            segment.base_offset,
            self.config.index_interval_bytes,
            largest,
            largest.timestamp,
        );
        let size = segment.size();
        let mut outcome_end = segment.base_offset;
        let mut producers_from = recovery.producers_from;
        let mut torn = None;
        let mut aborted: Vec<AbortedTransaction> = Vec::new();
        let mut first_scanned = i64::MAX;
        if start < size {
            if start > 0 {
                let first = self.offset_at(segment, start)?;
                if recovery.producers_from < first {
                    replay(segment, first, recovery)?;
                }
            }
            producers_from = recovery.producers_from;
            let file = segment.file()?;
            let mut scanner = Scanner::with_buffer(&file, start, size, std::mem::take(&mut recovery.buffer));
            loop {
                match scanner.next_whole() {
                    Ok(None) => break,
                    Ok(Some((found, bytes))) => {
                        if found.base_offset < outcome_end {
                            torn = Some((
                                found.position,
                                "a batch with an offset that was there before".to_owned(),
                            ));
                            break;
                        }
                        first_scanned = first_scanned.min(found.base_offset);
                        let (offset, time) =
                            builder.add(found.position, found.size, found.last_offset, found.max_timestamp);
                        pending.offsets.extend(offset);
                        pending.times.extend(time);
                        apply(
                            &found,
                            bytes,
                            producers_from,
                            &mut recovery.producers,
                            &mut recovery.transactions,
                            &mut aborted,
                        );
                        if recovery.epochs.epoch_of(found.base_offset) != Some(found.leader_epoch()) {
                            recovery.epochs.assign(found.leader_epoch(), found.base_offset);
                        }
                        outcome_end = found.last_offset + 1;
                    }
                    Err(ScanError::Io(error)) => return Err(io(segment.path(LOG_SUFFIX), error)),
                    Err(ScanError::Torn { position, reason }) => {
                        torn = Some((position, reason));
                        break;
                    }
                }
            }
            recovery.report.scanned_bytes += scanner.position() - start;
            recovery.buffer = scanner.into_buffer();
        }
        recovery.producers_from = recovery.producers_from.max(outcome_end);
        segment.set_largest(builder.largest);
        if !self.clean {
            restore_aborted(segment, &aborted, first_scanned.max(producers_from).min(outcome_end))?;
        }
        Ok(Outcome { log_end: outcome_end, builder, torn })
    }

    fn offset_at(&self, segment: &Segment, position: u64) -> Result<i64, StorageError> {
        let file = segment.file()?;
        let mut scanner = Scanner::new(&file, position, segment.size(), crate::scan::SMALL_WINDOW);
        match scanner.next_header() {
            Ok(Some(found)) => Ok(found.base_offset),
            Ok(None) | Err(ScanError::Torn { .. }) => Ok(i64::MAX),
            Err(error) => Err(scan_failed(segment, error)),
        }
    }

    /// Cuts a damaged segment and removes those behind it.
    fn cut(
        &self,
        segments: &mut Vec<Arc<Segment>>,
        number: usize,
        position: u64,
        reason: &str,
        recovery: &mut Recovery,
    ) -> Result<(), StorageError> {
        let segment = &segments[number];
        let path = segment.path(LOG_SUFFIX);
        let cut = segment.size() - position;
        tracing::warn!(segment = %path.display(), position, bytes = cut, %reason, "cutting off an incomplete tail");
        segment.file()?.set_len(position).map_err(|e| StorageError::io("cutting", &path, e))?;
        segment.set_size(position);
        recovery.report.cut_bytes += cut;
        for segment in segments.drain(number + 1..) {
            tracing::warn!(segment = %segment.path(LOG_SUFFIX).display(), "removing a segment behind a damaged one");
            recovery.report.cut_bytes += segment.size();
            recovery.report.removed_segments += 1;
            remove_segment(&segment);
        }
        Ok(())
    }
}

struct Outcome {
    log_end: i64,
    builder: IndexBuilder,
    torn: Option<(u64, String)>,
}

/// Takes the entries of the active segment's index files for batches before `scan_from`. The files may be preallocated
/// and hold anything behind those; false if there are none.
fn load_trusted_indexes(segment: &Segment, scan_from: i64) -> Result<bool, StorageError> {
    let (path, times) = (|| segment.path(INDEX_SUFFIX), || segment.path(TIME_INDEX_SUFFIX));
    let (Ok(length), Ok(times_length)) = (std::fs::metadata(path()), std::fs::metadata(times())) else {
        return Ok(false);
    };
    let size = segment.size();
    let below = |relative: u32| segment.base_offset + i64::from(relative) < scan_from;
    segment.offsets.keep((length.len() / 8).min(u64::from(u32::MAX - 1)) as u32);
    let entries = segment
        .offsets
        .partition_point(path, |e| {
            e.relative_offset > 0 && below(e.relative_offset) && u64::from(e.position) < size
        })
        .map_err(|e| StorageError::io("reading", &path(), e))?;
    segment.offsets.keep(entries);
    segment.times.keep((times_length.len() / 12).min(u64::from(u32::MAX - 1)) as u32);
    let entries = segment
        .times
        .partition_point(times, |e| e.timestamp > 0 && below(e.relative_offset))
        .map_err(|e| StorageError::io("reading", &times(), e))?;
    segment.times.keep(entries);
    Ok(true)
}

/// Notes in the producers what the batches of a segment before `until` did, as far as they do not know it yet.
fn replay(segment: &Segment, until: i64, recovery: &mut Recovery) -> Result<(), StorageError> {
    let file = segment.file()?;
    let mut scanner = Scanner::with_buffer(&file, 0, segment.size(), std::mem::take(&mut recovery.buffer));
    let mut aborted = Vec::new();
    let mut end = recovery.producers_from;
    loop {
        match scanner.next_whole() {
            Ok(Some((found, bytes))) if found.base_offset < until => {
                let (producers, transactions) = (&mut recovery.producers, &mut recovery.transactions);
                apply(&found, bytes, recovery.producers_from, producers, transactions, &mut aborted);
                end = end.max(found.last_offset + 1);
            }
            Ok(_) => break,
            Err(ScanError::Torn { position, reason }) => {
                tracing::warn!(segment = %segment.path(LOG_SUFFIX).display(), position, reason, "producers are known up to here only");
                break;
            }
            Err(error) => return Err(scan_failed(segment, error)),
        }
    }
    recovery.producers_from = end;
    recovery.report.scanned_bytes += scanner.position();
    recovery.buffer = scanner.into_buffer();
    segment.release();
    Ok(())
}

/// Notes what a batch in the log did.
fn apply(
    found: &FoundBatch,
    bytes: &[u8],
    producers_from: i64,
    producers: &mut ProducerTable,
    transactions: &mut Transactions,
    aborted: &mut Vec<AbortedTransaction>,
) {
    let Some(header) = found.header.filter(|h| h.has_producer_id() && found.base_offset >= producers_from)
    else {
        return;
    };
    let marker = marker::end_transaction(&header, bytes);
    if header.is_control() && marker.is_none() {
        return;
    }
    let noted = producers.append(
        &header,
        marker.as_ref(),
        header.base_offset,
        header.max_timestamp,
        AppendOrigin::Replication,
    );
    match noted {
        Ok(change) => {
            transactions.apply(header.producer_id, change);
            if let TransactionChange::Ended { first, marker, aborted: true } = change {
                aborted.push(AbortedTransaction {
                    producer_id: ProducerId(header.producer_id),
                    first_offset: Offset(first),
                    last_offset: Offset(marker),
                    last_stable_offset: Offset(transactions.last_stable_offset_after(marker)),
                });
            }
        }
        Err(error) => {
            tracing::warn!(%error, offset = header.base_offset, "a batch in the log breaks its producer's order")
        }
    }
}

/// Brings the transaction index in line with the markers found from `first_scanned` on.
fn restore_aborted(
    segment: &Segment,
    found: &[AbortedTransaction],
    first_scanned: i64,
) -> Result<(), StorageError> {
    if found.is_empty() && !segment.has_aborted() {
        return Ok(());
    }
    let before = match segment.aborted() {
        Ok(entries) => Some(entries),
        Err(StorageError::Corrupt { .. }) => None,
        Err(error) => return Err(error),
    };
    let mut entries = before.clone().unwrap_or_default();
    entries.retain(|entry| entry.last_offset.0 < first_scanned);
    entries.extend_from_slice(found);
    if before.as_ref() == Some(&entries) { Ok(()) } else { segment.set_aborted(&entries) }
}

/// Writes the indexes of a recovered segment that is not the active one.
fn close_recovered(
    segment: &Segment,
    builder: &mut IndexBuilder,
    pending: &mut Pending,
) -> Result<(), StorageError> {
    pending.times.extend(builder.last_time_entry());
    let path = segment.path(INDEX_SUFFIX);
    let written = match pending.offsets.is_empty() {
        true => Ok(()),
        false => segment.offsets.append(&path, &pending.offsets, 0),
    };
    written.and_then(|()| segment.offsets.trim(&path)).map_err(|e| StorageError::io("writing", &path, e))?;
    let path = segment.path(TIME_INDEX_SUFFIX);
    let written = match pending.times.is_empty() {
        true => Ok(()),
        false => segment.times.append(&path, &pending.times, 0),
    };
    written.and_then(|()| segment.times.trim(&path)).map_err(|e| StorageError::io("writing", &path, e))?;
    *pending = Pending::default();
    Ok(())
}

fn remove_segment(segment: &Segment) {
    segment.release();
    for suffix in Segment::SUFFIXES {
        let _ = std::fs::remove_file(segment.path(suffix));
    }
}

/// A failed walk over a segment that should be sound.
pub(super) fn scan_failed(segment: &Segment, error: ScanError) -> StorageError {
    let path = segment.path(LOG_SUFFIX);
    match error {
        ScanError::Io(error) => StorageError::io("reading", &path, error),
        ScanError::Torn { position, reason } => {
            StorageError::corrupt(&path, format!("at byte {position}: {reason}"))
        }
    }
}

impl PartitionLog {
    /// Builds the producers anew from a snapshot and the log, after a truncation.
    pub(super) fn reload_producers(
        &self,
        writer: &mut Writer,
        config: &LogConfig,
        now_ms: i64,
    ) -> Result<(), StorageError> {
        let (segments, log_end) = {
            let view = self.view.lock();
            (view.segments.clone(), view.log_end)
        };
        self.remove_snapshots(|offset| offset > log_end)?;
        let mut snapshots = Listing::of(&self.path())?.snapshots;
        let mut recovery = Recovery {
            producers: ProducerTable::default(),
            transactions: Transactions::default(),
            producers_from: segments[0].base_offset,
            epochs: LeaderEpochs::default(),
            report: RecoveryReport::default(),
            buffer: Vec::new(),
        };
        writer.last_snapshot = -1;
        while let Some(offset) = snapshots.pop_last() {
            let path = self.home().join(&file_name(offset, SNAPSHOT_SUFFIX));
            if let Some((producers, transactions)) =
                snapshot::load(&path, now_ms, config.producer_id_expiration_ms)?
            {
                (recovery.producers, recovery.transactions) = (producers, transactions);
                recovery.producers_from = offset;
                writer.last_snapshot = offset;
                break;
            }
        }
        for (number, segment) in segments.iter().enumerate() {
            let next = segments.get(number + 1).map_or(log_end, |next| next.base_offset);
            if recovery.producers_from < next {
                replay(segment, i64::MAX, &mut recovery)?;
            }
        }
        writer.producers = recovery.producers;
        let mut view = self.view.lock();
        view.transactions = recovery.transactions;
        let high_watermark = view.high_watermark;
        view.set_high_watermark(high_watermark);
        Ok(())
    }
}

/// What is in a partition's directory.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Base offsets and file sizes, ascending.
    segments: Vec<(i64, u64)>,
    /// Offsets of producer snapshots.
    snapshots: BTreeSet<i64>,
    /// Base offsets of segments with a transaction index.
    aborted: BTreeSet<i64>,
    has_metadata: bool,
}

impl Listing {
    /// Lists `dir`, making it if it is absent, and finishes or undoes what a stopped compaction or deletion left.
    fn of(dir: &Path) -> Result<Listing, StorageError> {
        let failed = |e| StorageError::io("listing", dir, e);
        let entries = match std::fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                std::fs::create_dir_all(dir).map_err(|e| StorageError::io("creating", dir, e))?;
                return Ok(Listing::default());
            }
            Err(error) => return Err(failed(error)),
        };
        let mut listing = Listing::default();
        let mut unfinished = BTreeSet::new();
        let mut swaps = false;
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if let Some(base) = offset_of_file_name(name, LOG_SUFFIX) {
                listing.segments.push((base, entry.metadata().map_err(failed)?.len()));
            } else if let Some(offset) = offset_of_file_name(name, SNAPSHOT_SUFFIX) {
                listing.snapshots.insert(offset);
            } else if let Some(base) = offset_of_file_name(name, TXN_INDEX_SUFFIX) {
                listing.aborted.insert(base);
            } else if name == meta::PARTITION_METADATA {
                listing.has_metadata = true;
            } else if name.ends_with(SWAP_SUFFIX) || name.ends_with(CLEANED_SUFFIX) {
                swaps |= name.ends_with(SWAP_SUFFIX);
                unfinished.insert(name.to_owned());
            } else if [DELETED_SUFFIX, ".tmp"].iter().any(|suffix| name.ends_with(suffix)) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        super::compact::undo_unfinished(dir, &unfinished)?;
        if swaps {
            finish_swaps(dir)?;
            return Listing::of(dir);
        }
        listing.segments.sort_unstable();
        Ok(listing)
    }
}

/// Finishes a replacement of segments by a compacted one that was cut short after the new one was complete: removes the
/// segments whose offsets it covers and gives it its name.
fn finish_swaps(dir: &Path) -> Result<(), StorageError> {
    let failed = |e| StorageError::io("listing", dir, e);
    let names: Vec<String> = std::fs::read_dir(dir)
        .map_err(failed)?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str().map(str::to_owned))
        .collect();
    for name in &names {
        let Some(base) =
            name.strip_suffix(SWAP_SUFFIX).and_then(|name| offset_of_file_name(name, LOG_SUFFIX))
        else {
            continue;
        };
        let path = dir.join(name);
        let file = std::fs::File::open(&path).map_err(|e| StorageError::io("opening", &path, e))?;
        let size = file.metadata().map_err(|e| StorageError::io("reading", &path, e))?.len();
        let mut scanner = Scanner::new(&file, 0, size, crate::scan::LARGE_WINDOW);
        let mut end = base + 1;
        while let Ok(Some(found)) = scanner.next_header() {
            end = found.last_offset + 1;
        }
        for other in &names {
            if let Some(other_base) = offset_of_file_name(other, LOG_SUFFIX)
                && (base..end).contains(&other_base)
            {
                for suffix in Segment::SUFFIXES {
                    let _ = std::fs::remove_file(dir.join(file_name(other_base, suffix)));
                }
            }
        }
    }
    for name in names.iter().filter(|name| name.ends_with(SWAP_SUFFIX)) {
        let from = dir.join(name);
        let to = dir.join(name.trim_end_matches(SWAP_SUFFIX));
        std::fs::rename(&from, &to).map_err(|e| StorageError::io("renaming", &from, e))?;
    }
    Ok(())
}
