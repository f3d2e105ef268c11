//! Reads a partition of `__consumer_offsets` from its start into a [`GroupShard`].
//!
//! A record that cannot be read is passed over with a warning: one bad record must not take away every group of its partition.
//! Transactional offsets stay pending until the marker of their producer.

use std::sync::Arc;

use moldau_coordinator::{GroupConfig, GroupRecord, GroupShard};
use moldau_protocol::records::{BatchView, RecordView, RecordsError, batches};
use moldau_types::ErrorCode;

use crate::partition::CoordinatorPartition;

/// How much is read at a time.
const READ_BYTES: usize = 1 << 20;

/// What a load found.
#[derive(Debug, Default)]
pub(crate) struct LoadStats {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) unreadable: u64,
}

/// Replays the whole log. `stop` is asked now and then whether to give up.
pub(crate) fn load(
    partition: &dyn CoordinatorPartition,
    config: Arc<GroupConfig>,
    stop: impl Fn() -> bool,
) -> Result<Option<(GroupShard, LoadStats)>, ErrorCode> {
    let mut groups = GroupShard::new(config);
    let mut stats = LoadStats::default();
    let end = partition.log_end_offset();
    let mut offset = partition.log_start_offset();
    while offset < end {
        if stop() {
            return Ok(None);
        }
        let bytes = partition.read(offset, READ_BYTES)?;
        stats.bytes += bytes.len() as u64;
        let mut next_offset = offset;
        for batch in batches(&bytes) {
            let Ok(batch) = batch else { break };
            next_offset = batch.header.next_offset();
            replay_batch(&mut groups, &batch, &mut stats);
        }
        if next_offset <= offset {
            break;
        }
        offset = next_offset;
    }
    Ok(Some((groups, stats)))
}

fn replay_batch(groups: &mut GroupShard, batch: &BatchView<'_>, stats: &mut LoadStats) {
    let header = &batch.header;
    let producer_id = if header.is_transactional() { header.producer_id } else { -1 };
    let mut replay_all = || -> Result<(), RecordsError> {
        let mut records = batch.records()?;
        while let Some(record) = records.next_record()? {
            stats.records += 1;
            if header.is_control() {
                replay_marker(groups, &record, header.producer_id);
            } else if let Err(error) = replay_record(groups, &record, producer_id) {
                stats.unreadable += 1;
                tracing::error!(offset = record.offset, error, "unreadable record");
            }
        }
        Ok(())
    };
    if let Err(error) = replay_all() {
        stats.unreadable += 1;
        tracing::error!(base_offset = header.base_offset, %error, "unreadable batch");
    }
}

fn replay_record(groups: &mut GroupShard, record: &RecordView<'_>, producer_id: i64) -> Result<(), String> {
    let key = record.key.ok_or("a record without key")?;
    let decoded = GroupRecord::decode(key, record.value, record.offset).map_err(|error| error.to_string())?;
    groups.replay(decoded, producer_id);
    Ok(())
}

fn replay_marker(groups: &mut GroupShard, record: &RecordView<'_>, producer_id: i64) {
    match record.key {
        Some([_, _, 0, 0]) => groups.replay_end_transaction(producer_id, false),
        Some([_, _, 0, 1]) => groups.replay_end_transaction(producer_id, true),
        _ => {}
    }
}
