//! What stays of one batch.

use std::collections::HashMap;

use moldau_protocol::records::{BatchBuilder, BatchView, RecordView, RecordsError};

use super::offset_map::OffsetMap;
use super::transactions::CleanedTransactions;

/// The last thing a producer that is still remembered wrote: to be kept, for its sequence numbers and its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastRecord {
    /// Offset of its last data record in its epoch; `None` if a marker was last.
    pub(crate) last_data_offset: Option<i64>,
    /// Its epoch.
    pub(crate) producer_epoch: i16,
}

/// What decides on all batches of a compaction.
#[derive(Debug)]
pub(crate) struct Filter<'a> {
    pub(crate) map: &'a OffsetMap,
    pub(crate) now_ms: i64,
    pub(crate) delete_retention_ms: i64,
    /// The first offset behind the compacted part: the batch before it stays, so that the offsets before are
    /// accounted for.
    pub(crate) end_offset: i64,
    pub(crate) last_records: &'a HashMap<i64, LastRecord>,
}

/// What was appended to the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) last_offset: i64,
    pub(crate) max_timestamp: i64,
}

impl Filter<'_> {
    /// Appends what stays of `batch` to `out`; `None` if nothing does. Batches must come in the log's order.
    pub(crate) fn keep(
        &self,
        batch: &BatchView<'_>,
        transactions: &mut CleanedTransactions,
        out: &mut Vec<u8>,
    ) -> Result<Option<Kept>, RecordsError> {
        let header = &batch.header;
        let discardable = transactions.discardable(header, batch.bytes());
        let horizon = header.delete_horizon_ms();
        let past_horizon = horizon.is_some_and(|horizon| horizon <= self.now_ms);
        // A marker whose transaction is gone waits for its horizon like a tombstone.
        let discard = discardable && (!header.is_control() || past_horizon);
        let keep_empty = self.is_last_of_producer(batch) || header.next_offset() == self.end_offset;
        if discard && !keep_empty {
            return Ok(None);
        }
        let mut stays = Vec::new();
        let mut tombstones = false;
        if !discard {
            let mut records = batch.records()?;
            while let Some(record) = records.next_record()? {
                let keep = header.is_control() || self.keeps(&record, past_horizon);
                tombstones |= keep && record.value.is_none();
                stays.push(keep);
            }
        }
        let start = out.len();
        if !stays.contains(&true) {
            if !keep_empty {
                return Ok(None);
            }
            BatchBuilder::like(header)?.build_into(out)?;
        } else {
            let needs_horizon = (tombstones || (header.is_control() && discardable)) && horizon.is_none();
            if !needs_horizon && !stays.contains(&false) {
                out.extend_from_slice(batch.bytes());
            } else {
                let horizon = if needs_horizon {
                    Some(self.now_ms.saturating_add(self.delete_retention_ms))
                } else {
                    horizon
                };
                rewrite(batch, &stays, horizon, out)?;
            }
        }
        let written = moldau_protocol::records::BatchHeader::parse(&out[start..])?;
        Ok(Some(Kept { last_offset: written.last_offset(), max_timestamp: written.max_timestamp }))
    }

    fn keeps(&self, record: &RecordView<'_>, past_horizon: bool) -> bool {
        if record.offset > self.map.latest() {
            return true;
        }
        // A record without a key has no place in a compacted topic.
        let Some(key) = record.key else { return false };
        let is_last = self.map.get(key).is_none_or(|last| record.offset >= last);
        is_last && (record.value.is_some() || !past_horizon)
    }

    fn is_last_of_producer(&self, batch: &BatchView<'_>) -> bool {
        let header = &batch.header;
        header.has_producer_id()
            && self.last_records.get(&header.producer_id).is_some_and(|last| match last.last_data_offset {
                Some(offset) => header.last_offset() == offset,
                None => header.is_control() && header.producer_epoch == last.producer_epoch,
            })
    }
}

fn rewrite(
    batch: &BatchView<'_>,
    stays: &[bool],
    delete_horizon_ms: Option<i64>,
    out: &mut Vec<u8>,
) -> Result<(), RecordsError> {
    let mut builder = BatchBuilder::like(&batch.header)?.delete_horizon(delete_horizon_ms);
    let mut records = batch.records()?;
    let mut stays = stays.iter();
    while let Some(record) = records.next_record()? {
        if stays.next() == Some(&true) {
            builder.append_record(&record)?;
        }
    }
    builder.build_into(out)
}
