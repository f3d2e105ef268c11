//! Questions about a log: offsets by time, ends of leader epochs, producers.

use std::sync::Arc;

use moldau_protocol::records::BatchView;
use moldau_types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId};

use super::PartitionLog;
use crate::error::StorageError;
use crate::files::{LOG_SUFFIX, TIME_INDEX_SUFFIX};
use crate::index::floor;
use crate::scan::{LARGE_WINDOW, Scanner};
use crate::segment::Segment;

/// A batch that is in the log was small enough when it came; this only stops a damaged one.
const DECOMPRESSED_MAX: usize = 1 << 30;

/// A record's timestamp and offset, and the epoch of the leader that appended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampOffset {
    /// Milliseconds; −1 where the question was not about time.
    pub timestamp: i64,
    /// The offset.
    pub offset: Offset,
    /// The leader epoch, if it is known.
    pub leader_epoch: Option<LeaderEpoch>,
}

/// The end of a leader epoch: its answer to OffsetForLeaderEpoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEndOffset {
    /// The largest epoch not above the one asked for, −1 if unknown.
    pub leader_epoch: LeaderEpoch,
    /// Where it ends, −1 if unknown.
    pub end_offset: Offset,
}

/// A producer as DescribeProducers shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActiveProducer {
    /// The producer.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: ProducerEpoch,
    /// Sequence number of its last record, −1 if unknown.
    pub last_sequence: i32,
    /// Timestamp of its last batch or marker.
    pub last_timestamp: i64,
    /// Epoch of the coordinator of its last marker, −1 if none.
    pub coordinator_epoch: i32,
    /// First offset of its open transaction.
    pub current_txn_first_offset: Option<Offset>,
}

impl PartitionLog {
    /// The log start offset, with the epoch of the record there.
    pub fn earliest_offset(&self) -> TimestampOffset {
        let view = self.view.lock();
        TimestampOffset {
            timestamp: -1,
            offset: Offset(view.log_start),
            leader_epoch: view.epochs.epoch_of(view.log_start).map(LeaderEpoch),
        }
    }

    /// The log end offset, with the newest epoch. Callers bound it by what their client may see.
    pub fn latest_offset(&self) -> TimestampOffset {
        let view = self.view.lock();
        TimestampOffset {
            timestamp: -1,
            offset: Offset(view.log_end),
            leader_epoch: view.epochs.latest().map(LeaderEpoch),
        }
    }

    /// The first record whose timestamp is at least `timestamp`.
    pub fn offset_for_timestamp(&self, timestamp: i64) -> Result<Option<TimestampOffset>, StorageError> {
        let (segments, log_start) = {
            let view = self.view.lock();
            (view.segments[view.segment_of(view.log_start)..].to_vec(), view.log_start)
        };
        for segment in segments {
            if self.largest_of(&segment)?.timestamp < timestamp {
                continue;
            }
            let found = self.search_segment(&segment, timestamp, log_start)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The first record with the largest timestamp of the log.
    pub fn max_timestamp_offset(&self) -> Result<Option<TimestampOffset>, StorageError> {
        let (segments, log_start) = {
            let view = self.view.lock();
            (view.segments[view.segment_of(view.log_start)..].to_vec(), view.log_start)
        };
        let mut best: Option<(i64, Arc<Segment>)> = None;
        for segment in segments {
            let largest = self.largest_of(&segment)?.timestamp;
            if largest >= 0 && best.as_ref().is_none_or(|(timestamp, _)| largest > *timestamp) {
                best = Some((largest, segment));
            }
        }
        match best {
            Some((timestamp, segment)) => self.search_segment(&segment, timestamp, log_start),
            None => Ok(None),
        }
    }

    fn largest_of(&self, segment: &Segment) -> Result<crate::segment::TimestampOffset, StorageError> {
        segment.largest().map_err(|error| self.observe(error))
    }

    /// The first record of a segment, from `log_start` on, whose timestamp is at least `timestamp`.
    fn search_segment(
        &self,
        segment: &Arc<Segment>,
        timestamp: i64,
        log_start: i64,
    ) -> Result<Option<TimestampOffset>, StorageError> {
        let start = self.search_start(segment, timestamp, log_start)?;
        let file = segment.file().map_err(|error| self.observe(error))?;
        let path = segment.path(LOG_SUFFIX);
        let mut scanner =
            Scanner::new(&file, start, segment.size(), LARGE_WINDOW.min(segment.size() as usize));
        loop {
            let failed = |error| self.observe(super::recover::scan_failed(segment, error));
            let Some(found) = scanner.next_header().map_err(failed)? else { return Ok(None) };
            if found.max_timestamp < timestamp || found.last_offset < log_start {
                continue;
            }
            if found.header.is_none() {
                return Ok(Some(TimestampOffset {
                    timestamp: found.max_timestamp,
                    offset: Offset(found.base_offset),
                    leader_epoch: None,
                }));
            }
            let mut whole =
                Scanner::new(&file, found.position, found.position + found.size, found.size as usize);
            let Some((_, bytes)) = whole.next_whole().map_err(failed)? else { continue };
            let unreadable = |error| crate::error::unreadable(&path, found.position, &error);
            let mut records = BatchView::parse(bytes)
                .and_then(|view| view.records_within(DECOMPRESSED_MAX))
                .map_err(unreadable)?;
            while let Some(record) = records.next_record().map_err(unreadable)? {
                if record.timestamp >= timestamp && record.offset >= log_start {
                    let epoch = found.leader_epoch();
                    return Ok(Some(TimestampOffset {
                        timestamp: record.timestamp,
                        offset: Offset(record.offset),
                        leader_epoch: (epoch >= 0).then_some(LeaderEpoch(epoch)),
                    }));
                }
            }
        }
    }

    /// A position before which the segment has no record with such a timestamp, or none from `log_start` on.
    fn search_start(
        &self,
        segment: &Arc<Segment>,
        timestamp: i64,
        log_start: i64,
    ) -> Result<u64, StorageError> {
        let (times, offsets) = {
            let view = self.view.lock();
            match Arc::ptr_eq(view.active(), segment) {
                true => (view.pending.times.clone(), view.pending.offsets.clone()),
                false => (Vec::new(), Vec::new()),
            }
        };
        let path = || segment.path(TIME_INDEX_SUFFIX);
        // Entries with a smaller timestamp: everything up to their offset is older than what is sought.
        let before = match floor(&times, timestamp - 1) {
            Some(entry) => Some(entry),
            None => segment
                .times
                .floor(path, timestamp - 1)
                .map_err(|error| self.observe(StorageError::io("reading", &path(), error)))?,
        };
        let offset =
            before.map_or(0, |entry| segment.base_offset + i64::from(entry.relative_offset)).max(log_start);
        match floor(&offsets, offset - segment.base_offset) {
            Some(entry) => Ok(u64::from(entry.position)),
            None => segment.floor_position(offset).map_err(|error| self.observe(error)),
        }
    }

    /// Where `epoch` ends in this log: the answer to OffsetForLeaderEpoch.
    pub fn epoch_end_offset(&self, epoch: LeaderEpoch) -> EpochEndOffset {
        let view = self.view.lock();
        let (epoch, end) = view.epochs.end_offset_of(epoch.0, view.log_end);
        EpochEndOffset { leader_epoch: LeaderEpoch(epoch), end_offset: Offset(end) }
    }

    /// The leader epoch in which `offset` was appended.
    pub fn leader_epoch_of(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.view.lock().epochs.epoch_of(offset.0).map(LeaderEpoch)
    }

    /// All leader epochs with their start offsets, ascending.
    pub fn leader_epochs(&self) -> Vec<(LeaderEpoch, Offset)> {
        self.view.lock().epochs.entries().iter().map(|&(e, s)| (LeaderEpoch(e), Offset(s))).collect()
    }

    /// The producers that the log remembers, by producer id.
    pub fn active_producers(&self) -> Vec<ActiveProducer> {
        let writer = self.writer.lock();
        let mut producers: Vec<ActiveProducer> = writer
            .producers
            .iter()
            .map(|(id, entry)| ActiveProducer {
                producer_id: ProducerId(id),
                producer_epoch: ProducerEpoch(entry.epoch),
                last_sequence: entry.last_sequence(),
                last_timestamp: entry.last_timestamp,
                coordinator_epoch: entry.coordinator_epoch,
                current_txn_first_offset: entry.transaction_first_offset.map(Offset),
            })
            .collect();
        producers.sort_unstable_by_key(|producer| producer.producer_id);
        producers
    }
}
