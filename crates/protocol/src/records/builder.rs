//! Writing batches: records are gathered uncompressed, the batch is made at once at the end.

use super::RecordsError;
use super::checksum::crc32c;
use super::compression::Compression;
use super::header::{
    ATTRIBUTES_OFFSET, BATCH_HEADER_LEN, BatchHeader, CRC_OFFSET, LOG_OVERHEAD, NO_PARTITION_LEADER_EPOCH,
    NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP, TimestampType, attributes_of,
};
use super::record::write_record;
use super::stream::RecordStream;

/// A header as it is given to a builder: key and value.
pub type HeaderRef<'h> = (&'h [u8], Option<&'h [u8]>);

/// Builds one batch of magic 2. Set what differs from a plain producer's batch, append records, finish.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    compression: Compression,
    level: Option<i32>,
    header: BatchHeader,
    timestamp_type: TimestampType,
    append_time: i64,
    transactional: bool,
    control: bool,
    delete_horizon_ms: Option<i64>,
    last_offset: Option<i64>,
    payload: Vec<u8>,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        BatchBuilder {
            compression: Compression::None,
            level: None,
            header: BatchHeader {
                base_offset: 0,
                batch_length: 0,
                partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
                magic: 2,
                crc: 0,
                attributes: 0,
                last_offset_delta: -1,
                base_timestamp: NO_TIMESTAMP,
                max_timestamp: NO_TIMESTAMP,
                producer_id: NO_PRODUCER_ID,
                producer_epoch: NO_PRODUCER_EPOCH,
                base_sequence: NO_SEQUENCE,
                record_count: 0,
            },
            timestamp_type: TimestampType::CreateTime,
            append_time: NO_TIMESTAMP,
            transactional: false,
            control: false,
            delete_horizon_ms: None,
            last_offset: None,
            payload: Vec::new(),
        }
    }
}

impl BatchBuilder {
    /// A builder of a plain batch at offset 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// A builder of a batch that takes over everything of `header` but the records: for rewriting a batch.
    /// The last offset stays, whatever records are appended.
    pub fn like(header: &BatchHeader) -> Result<Self, RecordsError> {
        Ok(BatchBuilder {
            compression: header.compression()?,
            header: BatchHeader {
                record_count: 0,
                base_timestamp: NO_TIMESTAMP,
                max_timestamp: NO_TIMESTAMP,
                ..*header
            },
            timestamp_type: header.timestamp_type(),
            append_time: header.max_timestamp,
            transactional: header.is_transactional(),
            control: header.is_control(),
            delete_horizon_ms: header.delete_horizon_ms(),
            last_offset: Some(header.last_offset()),
            ..Self::default()
        })
    }

    /// Codec and level (see [`Compression::compress`]).
    pub fn compression(mut self, codec: Compression, level: Option<i32>) -> Self {
        (self.compression, self.level) = (codec, level);
        self
    }

    /// Offset of the first record.
    pub fn base_offset(mut self, base_offset: i64) -> Self {
        self.header.base_offset = base_offset;
        self
    }

    /// Epoch of the leader that writes it.
    pub fn partition_leader_epoch(mut self, leader_epoch: i32) -> Self {
        self.header.partition_leader_epoch = leader_epoch;
        self
    }

    /// Producer id, producer epoch, sequence number of the first record.
    pub fn producer(mut self, producer_id: i64, producer_epoch: i16, base_sequence: i32) -> Self {
        self.header.producer_id = producer_id;
        self.header.producer_epoch = producer_epoch;
        self.header.base_sequence = base_sequence;
        self
    }

    /// Marks it as part of a transaction.
    pub fn transactional(mut self, transactional: bool) -> Self {
        self.transactional = transactional;
        self
    }

    /// Marks it as a control batch.
    pub fn control(mut self, control: bool) -> Self {
        self.control = control;
        self
    }

    /// Gives all records the broker's time instead of the producer's.
    pub fn log_append_time(mut self, now_ms: i64) -> Self {
        self.timestamp_type = TimestampType::LogAppendTime;
        self.append_time = now_ms;
        self
    }

    /// Puts a delete horizon in place of the base timestamp (KIP-534).
    pub fn delete_horizon(mut self, delete_horizon_ms: Option<i64>) -> Self {
        self.delete_horizon_ms = delete_horizon_ms;
        self
    }

    /// Declares a last offset beyond that of the last record, as compaction keeps it.
    pub fn last_offset(mut self, last_offset: i64) -> Self {
        self.last_offset = Some(last_offset);
        self
    }

    /// Number of records so far.
    pub fn record_count(&self) -> usize {
        self.header.record_count as usize
    }

    /// Size of the batch if it were finished now and not compressed.
    pub fn uncompressed_size(&self) -> usize {
        BATCH_HEADER_LEN + self.payload.len()
    }

    /// Appends a record at the next offset.
    pub fn append(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[HeaderRef<'_>],
    ) -> Result<&mut Self, RecordsError> {
        let delta = if self.last_offset.is_some() {
            self.header.record_count
        } else {
            self.header.last_offset_delta.saturating_add(1)
        };
        self.append_iter(delta, timestamp, key, value, headers.iter().copied())
    }

    /// Appends a record at `offset`, which must be behind the last one's.
    pub fn append_at(
        &mut self,
        offset: i64,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[HeaderRef<'_>],
    ) -> Result<&mut Self, RecordsError> {
        let delta = self.delta_of(offset)?;
        self.append_iter(delta, timestamp, key, value, headers.iter().copied())
    }

    /// Appends a record that was read from another batch, at its own offset.
    pub fn append_record(&mut self, record: &super::RecordView<'_>) -> Result<&mut Self, RecordsError> {
        let delta = self.delta_of(record.offset)?;
        let headers = record.headers.map(as_pair as fn(super::Header<'_>) -> HeaderRef<'_>);
        self.append_iter(delta, record.timestamp, record.key, record.value, headers)
    }

    fn delta_of(&self, offset: i64) -> Result<i32, RecordsError> {
        i32::try_from(offset.wrapping_sub(self.header.base_offset))
            .ok()
            .filter(|&delta| delta >= 0)
            .ok_or(RecordsError::InvalidBatch("a record's offset is too far from the base offset"))
    }

    fn append_iter<'h>(
        &mut self,
        offset_delta: i32,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl ExactSizeIterator<Item = HeaderRef<'h>> + Clone,
    ) -> Result<&mut Self, RecordsError> {
        let header = &mut self.header;
        if header.record_count == 0 {
            header.base_timestamp = self.delete_horizon_ms.unwrap_or(timestamp);
        }
        let timestamp_delta = timestamp.wrapping_sub(header.base_timestamp);
        write_record(timestamp_delta, offset_delta, key, value, headers, &mut self.payload)?;
        header.record_count += 1;
        if self.last_offset.is_none() {
            header.last_offset_delta = offset_delta;
        }
        header.max_timestamp = header.max_timestamp.max(timestamp);
        Ok(self)
    }

    /// Makes the batch. Without records it is the empty one that compaction leaves to keep a last offset.
    pub fn build(self) -> Result<Vec<u8>, RecordsError> {
        let mut out = Vec::new();
        self.build_into(&mut out)?;
        Ok(out)
    }

    /// As [`BatchBuilder::build`], appended to `out`.
    pub fn build_into(mut self, out: &mut Vec<u8>) -> Result<(), RecordsError> {
        let start = out.len();
        out.reserve(BATCH_HEADER_LEN + self.payload.len());
        out.resize(start + BATCH_HEADER_LEN, 0);
        if self.header.record_count > 0 {
            self.compression.compress(self.level, &self.payload, out)?;
        } else {
            // An empty batch has no payload to compress, no horizon, and the times of the one it stands for.
            self.compression = Compression::None;
            self.delete_horizon_ms = None;
            (self.header.base_timestamp, self.header.max_timestamp) = (self.append_time, self.append_time);
        }
        if let Some(last_offset) = self.last_offset {
            self.header.last_offset_delta = i32::try_from(last_offset.wrapping_sub(self.header.base_offset))
                .map_err(|_| RecordsError::InvalidBatch("the last offset is too far from the base offset"))?;
        }
        if self.timestamp_type == TimestampType::LogAppendTime {
            self.header.max_timestamp = self.append_time;
        }
        if let Some(delete_horizon_ms) = self.delete_horizon_ms {
            self.header.base_timestamp = delete_horizon_ms;
        }
        self.header.attributes = attributes_of(
            self.compression,
            self.timestamp_type,
            self.transactional,
            self.control,
            self.delete_horizon_ms.is_some(),
        );
        finish_batch(&mut self.header, &mut out[start..])
    }
}

fn as_pair(header: super::Header<'_>) -> HeaderRef<'_> {
    (header.key, header.value)
}

/// Writes `header` over the first bytes of `batch`, with the length and CRC of what `batch` is.
fn finish_batch(header: &mut BatchHeader, batch: &mut [u8]) -> Result<(), RecordsError> {
    let too_large = RecordsError::TooLarge { limit: i32::MAX as usize };
    header.batch_length = i32::try_from(batch.len() - LOG_OVERHEAD).map_err(|_| too_large)?;
    let Some(head) = batch.first_chunk_mut::<BATCH_HEADER_LEN>() else {
        return Err(RecordsError::Truncated { needed: BATCH_HEADER_LEN, available: batch.len() });
    };
    header.write(head);
    header.crc = crc32c(&batch[ATTRIBUTES_OFFSET..]);
    batch[CRC_OFFSET..ATTRIBUTES_OFFSET].copy_from_slice(&header.crc.to_be_bytes());
    Ok(())
}

/// Copies every record of `stream` for which `keep` says so to `builder`; returns how many.
pub fn copy_records(
    stream: &mut RecordStream<'_>,
    builder: &mut BatchBuilder,
    mut keep: impl FnMut(&super::RecordView<'_>) -> bool,
) -> Result<usize, RecordsError> {
    let mut copied = 0;
    while let Some(record) = stream.next_record()? {
        if keep(&record) {
            builder.append_record(&record)?;
            copied += 1;
        }
    }
    Ok(copied)
}
