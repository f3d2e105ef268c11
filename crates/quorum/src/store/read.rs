//! Reading the log: entries by index for openraft, batches by offset for everyone else.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use moldau_protocol::records::{BatchHeader, LOG_OVERHEAD};
use moldau_types::{BrokerId, LeaderEpoch, Offset};

use super::{Store, corrupt};
use crate::batch;
use crate::control::Control;
use crate::raft::{Entry, Payload, StoredBatch, log_id};
use crate::{CommittedBatch, ControlBatch, Leader};

/// How much is read from the medium at once.
const CHUNK_BYTES: usize = 1 << 20;

impl Store {
    /// The entries of these indexes that the log has.
    pub(crate) fn entries(&self, range: Range<u64>) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut next = range.start.max(self.inner.lock().first_index);
        while next < range.end {
            let chunk = self.chunk(next, range.end)?;
            if chunk.is_empty() {
                break;
            }
            next += chunk.len() as u64;
            if entries.is_empty() {
                entries = chunk;
            } else {
                entries.extend(chunk);
            }
        }
        Ok(entries)
    }

    /// Some of the entries from `from`, one at least if the log has it.
    fn chunk(&self, from: u64, to: u64) -> io::Result<Vec<Entry>> {
        let inner = self.inner.lock();
        let from = from.max(inner.first_index);
        let to = to.min(inner.next_index());
        if from >= to {
            return Ok(Vec::new());
        }
        let tail_first = inner.next_index() - inner.tail.len() as u64;
        let mut batches = Vec::new();
        if from >= tail_first {
            let tail = inner.tail.range((from - tail_first) as usize..(to - tail_first) as usize);
            batches.extend(tail.cloned());
        } else if let Some(slot) = inner.slot(from) {
            let bytes = self.medium.read(slot.base_offset, CHUNK_BYTES)?;
            batches.extend(split(&bytes)?.into_iter().take((to - from) as usize));
        }
        let mut entries = Vec::with_capacity(batches.len());
        for (index, bytes) in (from..).zip(batches) {
            let header = BatchHeader::parse(&bytes).map_err(corrupt)?;
            let Some(slot) = inner.slot(index) else { break };
            if header.base_offset != slot.base_offset {
                return Err(corrupt(format!(
                    "found the batch at {} where the one at {} was",
                    header.base_offset, slot.base_offset
                )));
            }
            let stored = StoredBatch {
                bytes,
                base_offset: header.base_offset,
                last_offset: header.last_offset(),
                membership: inner.memberships.get(&index).cloned(),
            };
            entries
                .push(Entry { log_id: log_id(slot.leader_epoch, index), payload: Payload::Stored(stored) });
        }
        Ok(entries)
    }

    /// Whole batches from the one that holds `offset`, not decoded, up to the committed end; empty if there is none.
    pub(crate) fn committed_batches(&self, offset: i64, max_bytes: usize) -> io::Result<Vec<Bytes>> {
        let committed = self.bounds().committed;
        let inner = self.inner.lock();
        if offset < inner.start_offset || offset >= committed.min(inner.end_offset) {
            return Ok(Vec::new());
        }
        let at = inner.slots.partition_point(|slot| slot.base_offset <= offset).saturating_sub(1);
        let tail_first = inner.slots.len() - inner.tail.len();
        let mut batches = if at >= tail_first {
            let mut left = max_bytes;
            let mut batches = Vec::new();
            for bytes in inner.tail.range(at - tail_first..) {
                if !batches.is_empty() && bytes.len() > left {
                    break;
                }
                left = left.saturating_sub(bytes.len());
                batches.push(bytes.clone());
            }
            batches
        } else {
            split(&self.medium.read(offset, max_bytes)?)?
        };
        let begins_before =
            |bytes: &Bytes| BatchHeader::parse(bytes).is_ok_and(|h| h.base_offset < committed);
        batches.truncate(batches.iter().take_while(|bytes| begins_before(bytes)).count());
        Ok(batches)
    }
}

/// The batches in a stretch of the log.
pub(super) fn split(bytes: &Bytes) -> io::Result<Vec<Bytes>> {
    let mut batches = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let header = BatchHeader::parse(&bytes[at..]).map_err(corrupt)?;
        let end = at + LOG_OVERHEAD + header.batch_length.max(0) as usize;
        if end > bytes.len() {
            break;
        }
        batches.push(bytes.slice(at..end));
        at = end;
    }
    Ok(batches)
}

/// A batch as readers get it.
pub(crate) fn decode_committed(bytes: &Bytes) -> io::Result<CommittedBatch> {
    let (header, records) = batch::decode(bytes).map_err(corrupt)?;
    let leader_epoch = LeaderEpoch(header.partition_leader_epoch);
    let mut control = None;
    if header.is_control() {
        let mut found = ControlBatch::Other;
        for record in &records {
            match Control::decode(record).map_err(corrupt)? {
                Control::LeaderChange { leader, .. } => {
                    found = ControlBatch::LeaderChange(Leader { id: BrokerId(leader), epoch: leader_epoch });
                }
                Control::Voters(voters) if !matches!(found, ControlBatch::LeaderChange(_)) => {
                    found = ControlBatch::Voters(voters);
                }
                _ => {}
            }
        }
        control = Some(found);
    }
    let records = if control.is_some() { Vec::new() } else { records.into_iter().map(|r| r.value).collect() };
    Ok(CommittedBatch {
        base_offset: Offset(header.base_offset),
        last_offset: Offset(header.last_offset()),
        leader_epoch,
        append_timestamp: header.max_timestamp,
        records,
        control,
    })
}
