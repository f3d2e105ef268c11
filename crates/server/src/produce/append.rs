//! Appends the batches of several produce requests, those of one partition together.
//!
//! Invariants: batches of one partition keep their order; each batch gets its own result; the bytes are changed only
//! where the log patches the base offset and the leader epoch.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use moldau_log::{AppendBatch, AppendError, AppendOrigin};
use moldau_types::Offset;

use super::validate::Validated;
use crate::blocking::unhurried;
use crate::broker::{Durable, Partition};

/// A validated batch and where its answer goes.
pub(crate) struct Batch<S> {
    pub(crate) slot: S,
    pub(crate) partition: Arc<Partition>,
    /// Where it is in the receive buffer.
    pub(crate) range: Range<usize>,
    pub(crate) validated: Validated,
}

/// What became of an appended batch.
pub(crate) struct Appended {
    pub(crate) base_offset: Offset,
    /// See [`moldau_log::AppendInfo`].
    pub(crate) log_append_time_ms: i64,
    pub(crate) log_start_offset: Offset,
    /// Records of the batch.
    pub(crate) records: u64,
    /// Its bytes in the log.
    pub(crate) bytes: u64,
    /// Set when the answer must wait for an fsync (`moldau.durability=fsync`).
    pub(crate) durable: Option<Durable>,
}

/// Appends all batches; their ranges lie in `bytes` one after another. Calls `answer` once for each.
pub(crate) fn append<S>(
    batches: Vec<Batch<S>>,
    bytes: &mut [u8],
    now_ms: i64,
    mut answer: impl FnMut(S, &Partition, Result<Appended, AppendError>),
) {
    let mut parts: Vec<Option<&mut [u8]>> = Vec::with_capacity(batches.len());
    let mut rest = bytes;
    let mut at = 0;
    for batch in &batches {
        let (_, from) = std::mem::take(&mut rest).split_at_mut(batch.range.start - at);
        let (part, after) = from.split_at_mut(batch.range.len());
        parts.push(Some(part));
        rest = after;
        at = batch.range.end;
    }
    for (partition, of_partition) in grouped(batches.into_iter().zip(parts)) {
        append_to(&partition, of_partition, now_ms, &mut answer);
    }
}

/// What is to be appended to one partition.
type OfPartition<'a, S> = (Arc<Partition>, Vec<Received<'a, S>>);
/// A batch and its bytes in the receive buffer.
type Received<'a, S> = (Batch<S>, Option<&'a mut [u8]>);

/// The batches by their partitions, in the order of each one's first batch; those of one partition keep their order.
fn grouped<'a, S>(batches: impl Iterator<Item = Received<'a, S>>) -> Vec<OfPartition<'a, S>> {
    let mut places: HashMap<*const Partition, usize> = HashMap::new();
    let mut groups: Vec<OfPartition<'a, S>> = Vec::new();
    for received in batches {
        let partition = &received.0.partition;
        let place = match groups.last() {
            Some((last, _)) if Arc::ptr_eq(last, partition) => groups.len() - 1,
            _ => *places.entry(Arc::as_ptr(partition)).or_insert_with(|| {
                groups.push((Arc::clone(partition), Vec::new()));
                groups.len() - 1
            }),
        };
        groups[place].1.push(received);
    }
    groups
}

fn append_to<S>(
    partition: &Partition,
    mut batches: Vec<Received<'_, S>>,
    now_ms: i64,
    answer: &mut impl FnMut(S, &Partition, Result<Appended, AppendError>),
) {
    let mut to_append: Vec<AppendBatch<'_>> = batches
        .iter_mut()
        .map(|(batch, received)| {
            let Validated { header, rebuilt, max_timestamp, offset_of_max_timestamp, .. } =
                &mut batch.validated;
            let bytes = match (rebuilt, received) {
                (Some(rebuilt), _) => rebuilt.as_mut_slice(),
                (None, Some(received)) => &mut **received,
                (None, None) => &mut [],
            };
            AppendBatch {
                bytes,
                header: *header,
                max_timestamp: *max_timestamp,
                offset_of_max_timestamp: *offset_of_max_timestamp,
                origin: AppendOrigin::Client,
            }
        })
        .collect();
    let results = partition.log.append_as_leader(&mut to_append, partition.leader_epoch(), now_ms);
    drop(to_append);
    if results.iter().any(Result::is_ok) {
        partition.moved();
    }
    // What is not on the disk although `flush.*` asks for it is not acknowledged. It stays in the log: a retry of an idempotent
    // producer is a duplicate then, which comes by here again.
    let unsynced = match partition.log.flush_is_due(now_ms) {
        // The records alone; whoever else this worker serves is taken over meanwhile.
        true => unhurried(|| partition.log.sync()).err().map(Arc::new),
        false => None,
    };
    for ((batch, _), result) in batches.into_iter().zip(results) {
        let result = result.and_then(|info| match &unsynced {
            Some(error) => Err(AppendError::Storage(Arc::clone(error))),
            None => Ok(info),
        });
        let appended = result.map(|info| Appended {
            base_offset: info.first_offset,
            log_append_time_ms: info.log_append_time_ms,
            log_start_offset: info.log_start_offset,
            records: u64::try_from(batch.validated.header.record_count).unwrap_or(0),
            bytes: batch.validated.rebuilt.as_ref().map_or(batch.range.len(), Vec::len) as u64,
            durable: partition.durable(info.last_offset),
        });
        answer(batch.slot, partition, appended);
    }
}

#[cfg(test)]
mod tests;
