//! Reads what a fetch asks for: per partition the offsets, the checks of epochs, and a region of a segment file.
//!
//! Invariants: partitions are served in the order given; only the first that has records may exceed the limits, and by
//! no more than one batch; nothing is read here but indexes and batch headers: the bytes go from the file to the socket.
//! A pass on memory alone never waits for the disk; where that does not do, the pass is made again on a blocking thread.

use std::sync::Arc;

use moldau_log::{FileSlice, LogRead, ReadError, ReadUpTo, StorageError};
use moldau_protocol::messages::fetch_response::{AbortedTransaction, EpochEndOffset, PartitionData};
use moldau_types::{ErrorCode, LeaderEpoch, Offset};

use super::session::{Asked, FetchTopic, SessionKey, Told};
use crate::broker::{Broker, Partition};

/// One partition of a fetch, found or not.
pub(crate) struct Target {
    pub(crate) key: SessionKey,
    pub(crate) asked: Asked,
    pub(crate) partition: Result<Arc<Partition>, ErrorCode>,
}

/// The limits of a fetch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_bytes: usize,
    pub(crate) read_committed: bool,
}

/// What a partition is answered.
pub(crate) struct PartitionAnswer {
    pub(crate) key: SessionKey,
    /// Everything but the records.
    pub(crate) data: PartitionData,
    pub(crate) records: Option<FileSlice>,
    /// Whether the region may be out of the page cache.
    pub(crate) maybe_cold: bool,
    /// Whether the region is in a segment that is not written to any more.
    pub(crate) in_closed_segment: bool,
}

impl PartitionAnswer {
    pub(crate) fn told(&self) -> Told {
        Told {
            high_watermark: self.data.high_watermark,
            log_start_offset: self.data.log_start_offset,
            error_code: self.data.error_code,
            has_records: self.records.is_some(),
            must_tell: self.data.diverging_epoch.epoch >= 0,
        }
    }

    fn error(key: SessionKey, error: ErrorCode) -> Self {
        let data = PartitionData {
            partition_index: key.partition,
            error_code: error.code(),
            high_watermark: -1,
            aborted_transactions: None,
            ..PartitionData::default()
        };
        PartitionAnswer { key, data, records: None, maybe_cold: false, in_closed_segment: false }
    }
}

/// All answers of one pass.
#[derive(Default)]
pub(crate) struct Pass {
    pub(crate) answers: Vec<PartitionAnswer>,
    pub(crate) bytes: usize,
    /// There is no reason to wait: an error or a diverging epoch, data before the active segment, which the wait would not
    /// add to, or nothing to wait for.
    pub(crate) urgent: bool,
}

/// Finds the partition that a key names.
pub(crate) fn find(broker: &Broker, key: &SessionKey) -> Result<Arc<Partition>, ErrorCode> {
    match &key.topic {
        FetchTopic::Name(name) => broker.led_by_name(name, key.partition),
        FetchTopic::Id(id) => broker.led_by_id(*id, key.partition),
    }
}

/// What is said of a partition whose topic there is not, or not any more.
fn not_there(key: &SessionKey) -> ErrorCode {
    match key.topic {
        FetchTopic::Name(_) => ErrorCode::UnknownTopicOrPartition,
        FetchTopic::Id(_) => ErrorCode::UnknownTopicId,
    }
}

/// Reads all partitions once, on memory alone: `None` if that would have to wait for the disk.
pub(crate) fn read_at_once(targets: &[Target], limits: Limits) -> Option<Pass> {
    read(targets, limits, &|partition, from, max_bytes, upto, min_one_batch| {
        partition.log.read_at_once(from, max_bytes, upto, min_one_batch)
    })
}

/// Reads all partitions once. Blocks.
pub(crate) fn read_all(targets: &[Target], limits: Limits) -> Pass {
    let patient = |partition: &Partition, from, max_bytes, upto, min_one_batch| {
        partition.log.read(from, max_bytes, upto, min_one_batch).map(Some)
    };
    // Whoever waits is never without an answer.
    read(targets, limits, &patient).unwrap_or_default()
}

/// A read of a log: from where, how much, up to where, whether a first batch may be larger. `None` if it would have to wait.
type ReadLog = dyn Fn(&Partition, Offset, usize, ReadUpTo, bool) -> Result<Option<LogRead>, ReadError>;

fn read(targets: &[Target], limits: Limits, log: &ReadLog) -> Option<Pass> {
    let nothing_found = targets.iter().all(|target| target.partition.is_err());
    let mut pass = Pass { answers: Vec::with_capacity(targets.len()), bytes: 0, urgent: nothing_found };
    for target in targets {
        let answer = match &target.partition {
            Err(error) => {
                let mut answer = PartitionAnswer::error(target.key.clone(), *error);
                // As the reference, which tells a partition that is not there from one that cannot be read.
                answer.data.aborted_transactions = Some(Vec::new());
                // What is not there does not hurry the others, as in the reference: a client may go on asking for it.
                pass.urgent |=
                    !matches!(error, ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId);
                answer
            }
            Ok(partition) => {
                let answer = read_one(target, partition, limits, &pass, log)?;
                pass.urgent |= answer.data.error_code != 0
                    || answer.data.diverging_epoch.epoch >= 0
                    || answer.in_closed_segment;
                answer
            }
        };
        pass.bytes += answer.records.as_ref().map_or(0, |records| records.len);
        pass.answers.push(answer);
    }
    Some(pass)
}

/// Whether the request's idea of the leader epoch is this broker's.
pub(crate) fn check_leader_epoch(partition: &Partition, current_leader_epoch: i32) -> Result<(), ErrorCode> {
    let ours = partition.leader_epoch();
    match LeaderEpoch(current_leader_epoch) {
        LeaderEpoch(-1) => Ok(()),
        theirs if theirs < ours => Err(ErrorCode::FencedLeaderEpoch),
        theirs if theirs > ours => Err(ErrorCode::UnknownLeaderEpoch),
        _ => Ok(()),
    }
}

fn read_one(
    target: &Target,
    partition: &Partition,
    limits: Limits,
    so_far: &Pass,
    log: &ReadLog,
) -> Option<PartitionAnswer> {
    let Target { key, asked, .. } = target;
    if partition.log.is_deleted() {
        return Some(PartitionAnswer::error(key.clone(), not_there(key)));
    }
    if let Err(error) = check_leader_epoch(partition, asked.current_leader_epoch) {
        return Some(PartitionAnswer::error(key.clone(), error));
    }
    if asked.last_fetched_epoch > partition.leader_epoch().0 {
        // No record of that epoch can have come from here.
        return Some(PartitionAnswer::error(key.clone(), ErrorCode::OffsetOutOfRange));
    }
    let from = Offset(asked.fetch_offset);
    if let Some(diverging) = diverging_epoch(partition, *asked) {
        let offsets = partition.log.offsets();
        let data = PartitionData {
            partition_index: key.partition,
            high_watermark: offsets.high_watermark.0,
            last_stable_offset: offsets.last_stable.0,
            log_start_offset: offsets.log_start.0,
            diverging_epoch: diverging,
            aborted_transactions: None,
            ..PartitionData::default()
        };
        return Some(PartitionAnswer {
            key: key.clone(),
            data,
            records: None,
            maybe_cold: false,
            in_closed_segment: false,
        });
    }
    let upto = if limits.read_committed { ReadUpTo::LastStable } else { ReadUpTo::HighWatermark };
    let left = limits.max_bytes.saturating_sub(so_far.bytes);
    let max_bytes = usize::try_from(asked.max_bytes).unwrap_or(0).min(left);
    Some(match log(partition, from, max_bytes, upto, so_far.bytes == 0) {
        Ok(None) => return None,
        Ok(Some(read)) => {
            let aborted = limits.read_committed.then(|| {
                let mut aborted: Vec<_> = read
                    .aborted
                    .iter()
                    .map(|a| AbortedTransaction {
                        producer_id: a.producer_id.0,
                        first_offset: a.first_offset.0,
                    })
                    .collect();
                aborted.sort_by_key(|a| a.first_offset);
                aborted
            });
            let data = PartitionData {
                partition_index: key.partition,
                high_watermark: read.high_watermark.0,
                last_stable_offset: read.last_stable_offset.0,
                log_start_offset: read.log_start_offset.0,
                aborted_transactions: aborted,
                ..PartitionData::default()
            };
            let records = read.slice.filter(|slice| slice.len > 0);
            let in_closed_segment = read.in_closed_segment && records.is_some();
            PartitionAnswer { key: key.clone(), data, records, maybe_cold: !read.near_end, in_closed_segment }
        }
        Err(ReadError::OffsetOutOfRange { .. }) => {
            PartitionAnswer::error(key.clone(), ErrorCode::OffsetOutOfRange)
        }
        Err(ReadError::Storage(error)) => {
            tracing::warn!(topic = %partition.topic, partition = partition.index.0, "fetch: {error}");
            let code = match error {
                StorageError::Corrupt { .. } => ErrorCode::CorruptMessage,
                _ => ErrorCode::KafkaStorageError,
            };
            PartitionAnswer::error(key.clone(), code)
        }
    })
}

/// Where the client's log parts from ours, when the epoch of its last record says that it does (KIP-595).
fn diverging_epoch(partition: &Partition, asked: Asked) -> Option<EpochEndOffset> {
    if asked.last_fetched_epoch < 0 {
        return None;
    }
    let end = partition.log.epoch_end_offset(LeaderEpoch(asked.last_fetched_epoch));
    if end.leader_epoch.0 < 0 {
        return None;
    }
    let parts = end.leader_epoch.0 < asked.last_fetched_epoch || end.end_offset.0 < asked.fetch_offset;
    parts.then_some(EpochEndOffset { epoch: end.leader_epoch.0, end_offset: end.end_offset.0 })
}
