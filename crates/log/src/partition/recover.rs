//! Recovery: the end of the log is found, and what lies behind the recovery point is read and noted as if it were appended.

use std::path::PathBuf;
use std::sync::Arc;

use super::open::OpenLog;
use super::replay::{Recovery, apply, replay, restore_aborted};
use crate::error::StorageError;
use crate::files::{INDEX_SUFFIX, LOG_SUFFIX, TIME_INDEX_SUFFIX};
use crate::index::Pending;
use crate::index::txn::AbortedTransaction;
use crate::scan::{ScanError, Scanner};
use crate::segment::{IndexBuilder, Segment, TimestampOffset};

/// What opening a log found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Bytes that were read and checked.
    pub scanned_bytes: u64,
    /// Bytes behind the last whole batch that were cut off.
    pub cut_bytes: u64,
    /// Segments removed because they lay behind a damaged one, or were empty before the end of the log.
    pub removed_segments: usize,
}

impl OpenLog {
    /// Finds the end of the log. Segments with records behind `scan_from` are read and checked; in those before, only
    /// what the producer snapshot does not cover is.
    pub(super) fn recover(
        &self,
        segments: &mut Vec<Arc<Segment>>,
        scan_from: i64,
        recovery: &mut Recovery,
        pending: &mut Pending,
    ) -> Result<(i64, IndexBuilder), StorageError> {
        self.drop_empty(segments, scan_from, recovery)?;
        let mut number = 0;
        let mut log_end = segments[0].base_offset;
        let mut builder = IndexBuilder::new(log_end, self.config.index_interval_bytes);
        while number < segments.len() {
            let segment = Arc::clone(&segments[number]);
            if let Some(next) = segments.get(number + 1).map(|next| next.base_offset)
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
            log_end = log_end.max(outcome.log_end);
            if let Some(next) = segments.get(number + 1)
                && next.size() == 0
                && next.base_offset < log_end
            {
                drop_segment(&segments.remove(number + 1), recovery);
            }
            let next = segments.get(number + 1).map(|next| next.base_offset);
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
            if next.is_some() {
                close_recovered(&segment, &mut builder, pending)?;
                segment.release();
            }
            number += 1;
        }
        builder.restart_interval();
        Ok((log_end, builder))
    }

    /// Drops empty segments that a roll left behind which failed, while the one before took the records: those that are not
    /// the last, and the last one where those before reach past its base offset.
    fn drop_empty(
        &self,
        segments: &mut Vec<Arc<Segment>>,
        scan_from: i64,
        recovery: &mut Recovery,
    ) -> Result<(), StorageError> {
        for number in (1..segments.len().saturating_sub(1)).rev() {
            // Compaction may leave one too; then its offsets go to the segment before, which has none of them either.
            if segments[number].size() == 0 {
                drop_segment(&segments.remove(number), recovery);
            }
        }
        let [.., before, last] = &segments[..] else { return Ok(()) };
        // What lies behind the recovery point is read all the same.
        if last.size() == 0 && last.base_offset <= scan_from && self.end_of(before)? > last.base_offset {
            drop_segment(last, recovery);
            segments.pop();
        }
        Ok(())
    }

    /// Offset behind the last batch of a segment that is not the last, as far as its batches are sound.
    fn end_of(&self, segment: &Segment) -> Result<i64, StorageError> {
        let file = segment.file()?;
        let start = if self.clean { segment.floor_position(i64::MAX).unwrap_or(0) } else { 0 };
        let mut scanner = Scanner::new(&file, start, segment.size(), crate::scan::SMALL_WINDOW);
        let mut end = segment.base_offset;
        while let Ok(Some(found)) = scanner.next_header() {
            end = found.last_offset + 1;
        }
        segment.release();
        Ok(end)
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

/// Removes an empty segment that is none.
fn drop_segment(segment: &Segment, recovery: &mut Recovery) {
    tracing::warn!(segment = %segment.path(LOG_SUFFIX).display(), "removing an empty segment that a failed roll left");
    recovery.report.removed_segments += 1;
    remove_segment(segment);
}

pub(super) fn remove_segment(segment: &Segment) {
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
