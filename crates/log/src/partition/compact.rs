//! Compacting a log: reading the dirty part into the map, and writing its segments and those before anew. No lock is
//! held but while a new segment takes the place of old ones.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use moldau_protocol::records::{BatchView, RecordsError};
use moldau_types::Offset;

use super::PartitionLog;
use super::recover::scan_failed;
use super::replace::CleanedSegment;
use super::roll::first_timestamp;
use super::trim::age_of;
use crate::compaction::filter::{Filter, LastRecord};
use crate::compaction::group::{SegmentSize, group};
use crate::compaction::transactions::CleanedTransactions;
use crate::compaction::{Cleanable, Cleaner, CompactionReport, OffsetMap, Pace, SegmentAge, plan};
use crate::error::StorageError;
use crate::files::{CLEANED_SUFFIX, LOG_SUFFIX, SWAP_SUFFIX};
use crate::index::{IndexEntry, OffsetEntry, TimeEntry};
use crate::scan::Scanner;
use crate::segment::Segment;

impl PartitionLog {
    /// What a compaction would go over, if the log was compacted up to `checkpoint`.
    pub fn cleanable(&self, checkpoint: Option<Offset>, now_ms: i64) -> Result<Cleanable, StorageError> {
        let (segments, bounds) = {
            let view = self.view.lock();
            (view.segments.clone(), (view.log_start, view.last_stable(), view.log_end))
        };
        let config = self.config.load();
        let last = segments.len() - 1;
        let dirty_from = checkpoint.map_or(0, |offset| {
            segments.partition_point(|segment| segment.base_offset <= offset.0).saturating_sub(1)
        });
        let mut ages = Vec::with_capacity(segments.len());
        for (number, segment) in segments.iter().enumerate() {
            // Only dirty segments are asked for times, and only as far as a lag depends on them.
            let dirty = (dirty_from..last).contains(&number);
            let min_lag = dirty && config.min_compaction_lag_ms > 0;
            let max_lag = dirty && config.max_compaction_lag_ms < i64::MAX;
            ages.push(SegmentAge {
                base_offset: segment.base_offset,
                bytes: segment.size(),
                largest_timestamp: if min_lag { age_of(segment)? } else { -1 },
                first_timestamp: if max_lag { first_timestamp(segment)?.unwrap_or(-1) } else { -1 },
            });
        }
        Ok(plan(&ages, bounds, checkpoint.map(|offset| offset.0), &config, now_ms))
    }

    /// Compacts what `cleanable` says. Only one compaction of a log may run at a time; appends, reads, retention and
    /// truncation go on meanwhile. If segments of it go away meanwhile, nothing more is replaced.
    pub fn compact(
        &self,
        cleaner: &mut Cleaner,
        cleanable: &Cleanable,
        now_ms: i64,
    ) -> Result<CompactionReport, StorageError> {
        if cleanable.first_uncleanable <= cleanable.first_dirty {
            return Ok(CompactionReport { clean_to: cleanable.first_dirty, ..CompactionReport::default() });
        }
        // Recovery must not read a compacted segment: it would take a missing offset for a lost one.
        self.flush_closed_segments()?;
        cleaner.map.clear();
        let result = self.compact_with(&mut cleaner.map, &mut cleaner.pace, cleanable, now_ms);
        cleaner.map.clear();
        result.map_err(|error| self.observe(error))
    }

    fn compact_with(
        &self,
        map: &mut OffsetMap,
        pace: &mut Pace,
        cleanable: &Cleanable,
        now_ms: i64,
    ) -> Result<CompactionReport, StorageError> {
        let config = self.config.load_full();
        let (all, start) = {
            let view = self.view.lock();
            let end = view.segments.partition_point(|s| s.base_offset < cleanable.first_uncleanable.0);
            (view.segments[..end.min(view.segments.len() - 1)].to_vec(), view.segments[0].base_offset)
        };
        let dirty_from = all.partition_point(|s| s.base_offset <= cleanable.first_dirty.0).saturating_sub(1);
        let dirty = &all[dirty_from.min(all.len())..];
        // Also those whose marker lies behind: their keys must not push out committed records. Not those whose marker
        // lies before: it would not be met, and the producer's later transactions be taken for aborted ones.
        let aborted = self.aborted_transactions(cleanable.first_dirty, cleanable.first_uncleanable)?;
        let all_read =
            fill_map(map, dirty, cleanable.first_dirty.0, CleanedTransactions::new(aborted), pace)?;
        let end_offset = map.latest() + 1;
        let clean_to = if all_read { cleanable.first_uncleanable } else { Offset(end_offset) };
        let mut report = CompactionReport {
            clean_to: clean_to.max(cleanable.first_dirty),
            keys: map.len(),
            ..CompactionReport::default()
        };
        if end_offset <= cleanable.first_dirty.0 {
            // Nothing but empty segments lies there, or one batch has more keys than the map can hold.
            return Ok(report);
        }
        let segments = &all[..all.partition_point(|s| s.base_offset < end_offset)];
        let aborted = self.aborted_transactions(Offset(start), Offset(end_offset))?;
        let mut transactions = CleanedTransactions::new(aborted);
        let last_records = self.last_records();
        let filter = Filter {
            map,
            now_ms,
            delete_retention_ms: config.delete_retention_ms,
            end_offset,
            last_records: &last_records,
        };
        let sizes = sizes(segments)?;
        let index_bytes = u64::from(config.segment_index_bytes);
        let groups =
            group(&sizes, u64::from(config.segment_bytes), index_bytes, cleanable.first_uncleanable.0);
        let mut from = 0;
        for count in groups {
            let old = &segments[from..from + count];
            from += count;
            let before: u64 = old.iter().map(|s| s.size()).sum();
            let cleaned = self.write_cleaned(old, &filter, &mut transactions, pace)?;
            report.bytes_before += before;
            report.bytes_after += cleaned.size();
            report.segments_before += count;
            report.segments_after += 1;
            if !self.replace_segments(old, cleaned, now_ms)? {
                tracing::info!(topic = %self.topic, partition = self.partition, "segments went away while they were compacted");
                report.clean_to = cleanable.first_dirty;
                return Ok(report);
            }
        }
        Ok(report)
    }

    fn last_records(&self) -> HashMap<i64, LastRecord> {
        let writer = self.writer.lock();
        let of = |entry: &crate::producers::ProducerEntry| LastRecord {
            last_data_offset: Some(entry.last_data_offset()).filter(|&offset| offset >= 0),
            producer_epoch: entry.epoch,
        };
        writer.producers.iter().map(|(id, entry)| (id, of(entry))).collect()
    }

    /// Writes what stays of `old` to a segment that nobody sees yet.
    fn write_cleaned(
        &self,
        old: &[Arc<Segment>],
        filter: &Filter<'_>,
        transactions: &mut CleanedTransactions,
        pace: &mut Pace,
    ) -> Result<CleanedSegment, StorageError> {
        let mut cleaned = self.begin_cleaned(old[0].base_offset)?;
        match fill_cleaned(&mut cleaned, old, filter, transactions, pace) {
            Ok(()) => Ok(cleaned),
            Err(error) => {
                cleaned.discard();
                Err(error)
            }
        }
    }
}

fn fill_cleaned(
    cleaned: &mut CleanedSegment,
    old: &[Arc<Segment>],
    filter: &Filter<'_>,
    transactions: &mut CleanedTransactions,
    pace: &mut Pace,
) -> Result<(), StorageError> {
    let mut kept_bytes = Vec::new();
    for segment in old {
        let file = segment.file()?;
        let mut scanner = Scanner::new(&file, 0, segment.size(), pace.window);
        while let Some((found, bytes)) = scanner.next_whole().map_err(|error| scan_failed(segment, error))? {
            if found.header.is_none() {
                // Messages of the formats before magic 2 stay as they are.
                cleaned.append(bytes, found.last_offset, found.max_timestamp)?;
                continue;
            }
            let corrupt = |error: RecordsError| {
                let problem = format!("at byte {}: {error}", found.position);
                StorageError::corrupt(&segment.path(LOG_SUFFIX), problem)
            };
            let batch = BatchView::parse(bytes).map_err(corrupt)?;
            kept_bytes.clear();
            pace.moved(found.size)?;
            if let Some(kept) = filter.keep(&batch, transactions, &mut kept_bytes).map_err(corrupt)? {
                cleaned.append(&kept_bytes, kept.last_offset, kept.max_timestamp)?;
            }
        }
    }
    transactions.take_kept().into_iter().for_each(|transaction| cleaned.keep_aborted(transaction));
    Ok(())
}

/// Notes where each key of the dirty part is last. False if the map was full before the end.
fn fill_map(
    map: &mut OffsetMap,
    dirty: &[Arc<Segment>],
    from: i64,
    mut transactions: CleanedTransactions,
    pace: &mut Pace,
) -> Result<bool, StorageError> {
    for segment in dirty {
        let file = segment.file()?;
        let start = segment.floor_position(from)?;
        let mut scanner = Scanner::new(&file, start, segment.size(), pace.window);
        while let Some((found, bytes)) = scanner.next_whole().map_err(|error| scan_failed(segment, error))? {
            if let Some(header) = &found.header {
                let discardable = transactions.discardable(header, bytes);
                if !header.is_control() && !discardable && found.last_offset >= from {
                    let room = add_keys(map, bytes, from).map_err(|error| {
                        let problem = format!("at byte {}: {error}", found.position);
                        StorageError::corrupt(&segment.path(LOG_SUFFIX), problem)
                    })?;
                    if !room {
                        return Ok(false);
                    }
                }
            }
            pace.moved(found.size)?;
            if found.last_offset >= from {
                map.advance(found.last_offset);
            }
        }
        segment.release();
    }
    Ok(true)
}

/// False if the map had no room for a key.
fn add_keys(map: &mut OffsetMap, bytes: &[u8], from: i64) -> Result<bool, RecordsError> {
    let batch = BatchView::parse(bytes)?;
    let mut records = batch.records()?;
    while let Some(record) = records.next_record()? {
        if let Some(key) = record.key
            && record.offset >= from
            && !map.put(key, record.offset)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

fn sizes(segments: &[Arc<Segment>]) -> Result<Vec<SegmentSize>, StorageError> {
    segments
        .iter()
        .map(|segment| {
            segment.load_indexes()?;
            let entries = u64::from(segment.offsets.known_len().unwrap_or(0));
            let times = u64::from(segment.times.known_len().unwrap_or(0));
            segment.release();
            Ok(SegmentSize {
                base_offset: segment.base_offset,
                log_bytes: segment.size(),
                offset_index_bytes: entries * OffsetEntry::SIZE as u64,
                time_index_bytes: times * TimeEntry::SIZE as u64,
            })
        })
        .collect()
}

/// Takes back replacements that had not begun for good when the process stopped, in whichever order the files are renamed:
/// where a `.cleaned` file of a segment is left, its `.swap` files are removed, and then it.
pub(super) fn undo_unfinished(dir: &Path, names: &BTreeSet<String>) -> Result<(), StorageError> {
    let base = |name: &str| name.get(..20).and_then(|digits| digits.parse::<i64>().ok());
    let unfinished: BTreeSet<i64> =
        names.iter().filter(|name| name.ends_with(CLEANED_SUFFIX)).filter_map(|name| base(name)).collect();
    let remove = |name: &String| {
        let path = dir.join(name);
        std::fs::remove_file(&path).map_err(|e| StorageError::io("removing", &path, e))
    };
    names
        .iter()
        .filter(|name| {
            name.ends_with(SWAP_SUFFIX) && base(name).is_some_and(|base| unfinished.contains(&base))
        })
        .try_for_each(remove)?;
    names.iter().filter(|name| name.ends_with(CLEANED_SUFFIX)).try_for_each(remove)
}
