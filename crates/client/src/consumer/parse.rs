//! Turns the bytes of a fetch answer into records, batch by batch.
//!
//! Always: records before the position asked for are left out (an answer begins with the whole batch around it); control
//! batches are not given out; in `read_committed`, neither are records of aborted transactions. What is broken is an error,
//! never a panic, and what came before it is still given out.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use moldau_protocol::messages::fetch_response::{AbortedTransaction, PartitionData};
use moldau_protocol::records::{self, BatchView, RecordView, RecordsError, default_decompressed_limit};

use super::fetch_metrics::Tally;
use super::record::{ConsumerRecord, TimestampType, TopicPartition};
use crate::error::{ClientError, Result};
use crate::producer::Header;

/// One partition's part of a fetch answer, given out bit by bit.
pub(super) struct Fetched {
    partition: TopicPartition,
    next_offset: i64,
    leader_epoch: Option<i32>,
    bytes: Bytes,
    decoded: VecDeque<ConsumerRecord>,
    /// The offset after the batch that `decoded` is of.
    after_decoded: i64,
    committed_only: bool,
    check_crcs: bool,
    /// Aborted transactions that begin further on, the last first.
    aborted: Vec<AbortedTransaction>,
    /// Producers whose transaction around here was aborted.
    aborting: BTreeSet<i64>,
    tally: Arc<Tally>,
}

impl Fetched {
    pub(super) fn new(
        partition: TopicPartition,
        offset: i64,
        data: PartitionData,
        committed_only: bool,
        check_crcs: bool,
        tally: Arc<Tally>,
    ) -> Self {
        let mut aborted = data.aborted_transactions.unwrap_or_default();
        aborted.sort_by_key(|transaction| std::cmp::Reverse(transaction.first_offset));
        Self {
            partition,
            next_offset: offset,
            leader_epoch: None,
            bytes: data.records.unwrap_or_default(),
            decoded: VecDeque::new(),
            after_decoded: offset,
            committed_only,
            check_crcs,
            aborted,
            aborting: BTreeSet::new(),
            tally,
        }
    }

    pub(super) fn partition(&self) -> &TopicPartition {
        &self.partition
    }

    /// The offset after what was given out.
    pub(super) fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// The leader epoch of what was given out last.
    pub(super) fn leader_epoch(&self) -> Option<i32> {
        self.leader_epoch
    }

    /// Whether all was given out.
    pub(super) fn is_done(&self) -> bool {
        self.decoded.is_empty() && self.bytes.is_empty()
    }

    /// Gives out up to `count` records.
    pub(super) fn take(&mut self, count: usize, out: &mut Vec<ConsumerRecord>) -> Result<()> {
        let (began, undecoded) = (out.len(), self.bytes.len());
        let taken = self.take_some(count, out);
        self.tally.add(&self.partition.topic, undecoded - self.bytes.len(), out.len() - began);
        taken
    }

    fn take_some(&mut self, count: usize, out: &mut Vec<ConsumerRecord>) -> Result<()> {
        let wanted = out.len() + count;
        while out.len() < wanted {
            match self.decoded.pop_front() {
                Some(record) => {
                    self.next_offset = record.offset + 1;
                    self.leader_epoch = record.leader_epoch;
                    out.push(record);
                }
                None if self.bytes.is_empty() => break,
                None => self.decode_next()?,
            }
            if self.decoded.is_empty() {
                self.next_offset = self.next_offset.max(self.after_decoded);
            }
        }
        Ok(())
    }

    /// Decodes the next batch. Afterwards `bytes` is what lies behind it, or empty.
    fn decode_next(&mut self) -> Result<()> {
        let bytes = std::mem::take(&mut self.bytes);
        match self.decode_batch(&bytes) {
            Ok(size) => {
                self.bytes = bytes.slice(size.min(bytes.len())..);
                Ok(())
            }
            Err(RecordsError::Truncated { .. }) => Ok(()),
            Err(error) => Err(ClientError::Malformed {
                address: format!("partition {} at offset {}", self.partition, self.next_offset),
                what: "a batch".to_owned(),
                why: error.to_string(),
            }),
        }
    }

    /// Decodes the batch at the start of `bytes`; its size.
    fn decode_batch(&mut self, bytes: &Bytes) -> std::result::Result<usize, RecordsError> {
        let batch = BatchView::parse(bytes)?;
        if self.check_crcs {
            batch.verify_crc()?;
        }
        let header = batch.header;
        let size = header.size_in_bytes();
        self.after_decoded = header.next_offset();
        if self.committed_only && self.is_aborted(&batch)? {
            return Ok(size);
        }
        if header.is_control() {
            return Ok(size);
        }
        let payload: Bytes = match batch.uncompressed_payload(default_decompressed_limit(size))? {
            std::borrow::Cow::Borrowed(payload) => bytes.slice_ref(payload),
            std::borrow::Cow::Owned(payload) => payload.into(),
        };
        let timestamp_type = match header.timestamp_type() {
            records::TimestampType::CreateTime => TimestampType::CreateTime,
            records::TimestampType::LogAppendTime => TimestampType::LogAppendTime,
        };
        let leader_epoch = (header.partition_leader_epoch >= 0).then_some(header.partition_leader_epoch);
        for record in batch.records_in(&payload) {
            let record = record?;
            if record.offset >= self.next_offset {
                self.decoded.push_back(self.record(&record, &payload, timestamp_type, leader_epoch));
            }
        }
        Ok(size)
    }

    fn record(
        &self,
        record: &RecordView<'_>,
        payload: &Bytes,
        timestamp_type: TimestampType,
        leader_epoch: Option<i32>,
    ) -> ConsumerRecord {
        let slice = |part: &[u8]| payload.slice_ref(part);
        let headers = record
            .headers
            .map(|header| Header { key: header.key_text().into_owned(), value: header.value.map(slice) })
            .collect();
        ConsumerRecord {
            topic: self.partition.topic.clone(),
            partition: self.partition.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            timestamp_type,
            leader_epoch,
            key: record.key.map(slice),
            value: record.value.map(slice),
            headers,
        }
    }

    /// Whether a batch belongs to an aborted transaction; keeps track of which are aborted here.
    fn is_aborted(&mut self, batch: &BatchView<'_>) -> std::result::Result<bool, RecordsError> {
        let header = &batch.header;
        while self.aborted.last().is_some_and(|transaction| transaction.first_offset <= header.last_offset())
        {
            if let Some(transaction) = self.aborted.pop() {
                self.aborting.insert(transaction.producer_id);
            }
        }
        if header.is_control() {
            if self.aborting.contains(&header.producer_id) && is_abort_marker(batch)? {
                self.aborting.remove(&header.producer_id);
            }
            return Ok(false);
        }
        Ok(header.is_transactional() && self.aborting.contains(&header.producer_id))
    }
}

/// Whether a control batch ends a transaction by an abort: the record's key is a version and the type 0, two bytes each.
fn is_abort_marker(batch: &BatchView<'_>) -> std::result::Result<bool, RecordsError> {
    let mut records = batch.records()?;
    let record = records.next_record()?;
    Ok(record.and_then(|record| record.key).is_some_and(|key| key.get(2..4) == Some(&[0, 0])))
}

#[cfg(test)]
mod tests;
