//! Reads a partition of `__consumer_offsets` from its start into a [`GroupShard`].
//!
//! What was read is all there is, or the load fails: a group that is served without some of its offsets would begin elsewhere. Only
//! records of types that nobody here knows are passed over, as in Kafka. Transactional offsets stay pending until the
//! marker of their producer.

use std::sync::Arc;

use moldau_coordinator::{GroupConfig, GroupRecord, GroupShard};
use moldau_protocol::records::{BatchView, RecordView, RecordsError, batches};
use moldau_types::ErrorCode;

use crate::partition::CoordinatorPartition;

/// How much is read at a time.
const READ_BYTES: usize = 1 << 20;
/// The key of a marker: its version and its type, two bytes each.
const MARKER_KEY_BYTES: usize = 4;

/// What a load found.
#[derive(Debug, Default)]
pub(crate) struct LoadStats {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) unknown: u64,
}

/// Why a load failed.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// The log could not be read, or its start has moved; another try may pass.
    Read { offset: i64, error: ErrorCode },
    /// What is in the log cannot be understood.
    Unreadable { offset: i64, reason: String },
}

/// Replays the whole log. `stop` is asked now and then whether to give up.
pub(crate) fn load(
    partition: &dyn CoordinatorPartition,
    config: Arc<GroupConfig>,
    stop: impl Fn() -> bool,
) -> Result<Option<(GroupShard, LoadStats)>, LoadError> {
    let mut groups = GroupShard::new(config);
    let mut stats = LoadStats::default();
    let end = partition.log_end_offset();
    let mut offset = partition.log_start_offset();
    while offset < end {
        if stop() {
            return Ok(None);
        }
        let bytes = partition.read(offset, READ_BYTES).map_err(|error| LoadError::Read { offset, error })?;
        if bytes.is_empty() {
            // Compaction took the last records of a closed segment.
            break;
        }
        stats.bytes += bytes.len() as u64;
        let mut next_offset = offset;
        let mut damage = None;
        for batch in batches(&bytes) {
            match batch {
                Ok(batch) => {
                    replay_batch(&mut groups, &batch, &mut stats)?;
                    next_offset = batch.header.next_offset();
                }
                Err(error) => damage = Some(error.to_string()),
            }
        }
        // A batch that was cut off at the end of what was read is the first of the next read.
        if damage.is_some() || next_offset <= offset {
            let reason = damage.unwrap_or_else(|| "the batch is cut off".to_owned());
            return Err(LoadError::Unreadable { offset: next_offset, reason });
        }
        offset = next_offset;
    }
    Ok(Some((groups, stats)))
}

fn replay_batch(
    groups: &mut GroupShard,
    batch: &BatchView<'_>,
    stats: &mut LoadStats,
) -> Result<(), LoadError> {
    let header = &batch.header;
    let producer_id = if header.is_transactional() { header.producer_id } else { -1 };
    let damaged =
        |error: RecordsError| LoadError::Unreadable { offset: header.base_offset, reason: error.to_string() };
    let mut records = batch.records().map_err(damaged)?;
    while let Some(record) = records.next_record().map_err(damaged)? {
        stats.records += 1;
        let replayed = if header.is_control() {
            replay_marker(groups, &record, header.producer_id)
        } else {
            replay_record(groups, &record, producer_id, stats)
        };
        replayed.map_err(|reason| LoadError::Unreadable { offset: record.offset, reason })?;
    }
    Ok(())
}

fn replay_record(
    groups: &mut GroupShard,
    record: &RecordView<'_>,
    producer_id: i64,
    stats: &mut LoadStats,
) -> Result<(), String> {
    let key = record.key.ok_or("a record without key")?;
    let decoded = GroupRecord::decode(key, record.value, record.offset).map_err(|error| error.to_string())?;
    stats.unknown += u64::from(matches!(decoded, GroupRecord::Unknown { .. }));
    groups.replay(decoded, producer_id);
    Ok(())
}

fn replay_marker(groups: &mut GroupShard, record: &RecordView<'_>, producer_id: i64) -> Result<(), String> {
    match record.key {
        Some([_, _, 0, 0, ..]) => groups.replay_end_transaction(producer_id, false),
        Some([_, _, 0, 1, ..]) => groups.replay_end_transaction(producer_id, true),
        Some(key) if key.len() >= MARKER_KEY_BYTES => {}
        _ => return Err("a marker without a type".to_owned()),
    }
    Ok(())
}
