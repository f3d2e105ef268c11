//! Coordinator records to record batches and back.
//!
//! The group coordinator's batches have no producer, yet base sequence 0, as the reference's.

use moldau_coordinator::{EncodedRecord, GroupRecord};
use moldau_protocol::records::{
    BATCH_HEADER_LEN, BatchHeader, BatchView, LOG_OVERHEAD, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID, update_crc,
};
use moldau_protocol::wire::writer as wire;
use moldau_protocol::{DecodeError, Reader};
use moldau_types::ErrorCode;

/// Makes batches in the compression of the topic's config.
#[derive(Clone, Debug)]
pub(crate) struct BatchEncoder {}

/// A batch to append.
pub(crate) struct EncodedBatch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: usize,
}

impl BatchEncoder {
    pub(crate) fn new(_codec: i32) -> Self {
        BatchEncoder {}
    }

    /// As few batches as `max_bytes` allows. A single record above it is RECORD_LIST_TOO_LARGE.
    pub(crate) fn encode(
        &self,
        records: &[GroupRecord],
        timestamp_ms: i64,
        max_bytes: usize,
    ) -> Result<Vec<EncodedBatch>, ErrorCode> {
        let mut batches: Vec<EncodedBatch> = Vec::new();
        let mut body = Vec::new();
        let mut count = 0;
        for record in records {
            let record = record.encode().map_err(|_| ErrorCode::UnknownServerError)?;
            let Some(record) = record else { return Err(ErrorCode::UnknownServerError) };
            let mut bytes = encode_record(count, &record);
            if BATCH_HEADER_LEN + body.len() + bytes.len() > max_bytes {
                if count > 0 {
                    batches.push(finish(std::mem::take(&mut body), count, timestamp_ms));
                }
                count = 0;
                bytes = encode_record(0, &record);
                if BATCH_HEADER_LEN + bytes.len() > max_bytes {
                    return Err(ErrorCode::RecordListTooLarge);
                }
            }
            body.extend_from_slice(&bytes);
            count += 1;
        }
        batches.push(finish(body, count, timestamp_ms));
        Ok(batches)
    }
}

fn encode_record(offset_delta: usize, record: &EncodedRecord) -> Vec<u8> {
    let mut body = vec![0u8];
    wire::varlong(&mut body, 0);
    wire::varint(&mut body, offset_delta as i32);
    wire::varint(&mut body, record.key.len() as i32);
    body.extend_from_slice(&record.key);
    match &record.value {
        None => wire::varint(&mut body, -1),
        Some(value) => {
            wire::varint(&mut body, value.len() as i32);
            body.extend_from_slice(value);
        }
    }
    wire::varint(&mut body, 0);
    let mut out = Vec::with_capacity(body.len() + 5);
    wire::varint(&mut out, body.len() as i32);
    out.extend_from_slice(&body);
    out
}

fn finish(body: Vec<u8>, count: usize, timestamp_ms: i64) -> EncodedBatch {
    let header = BatchHeader {
        base_offset: 0,
        batch_length: (BATCH_HEADER_LEN - LOG_OVERHEAD + body.len()) as i32,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        magic: 2,
        crc: 0,
        attributes: 0,
        last_offset_delta: count as i32 - 1,
        base_timestamp: timestamp_ms,
        max_timestamp: timestamp_ms,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        base_sequence: 0,
        record_count: count as i32,
    };
    let mut head = [0; BATCH_HEADER_LEN];
    header.write(&mut head);
    let mut bytes = head.to_vec();
    bytes.extend_from_slice(&body);
    let _ = update_crc(&mut bytes);
    EncodedBatch { bytes, records: count }
}

/// A record of a batch.
pub(crate) struct LogRecord<'a> {
    pub(crate) offset: i64,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
}

pub(crate) fn records<'a>(batch: &BatchView<'a>) -> Vec<Result<LogRecord<'a>, DecodeError>> {
    let mut reader = Reader::new(batch.payload());
    let mut out = Vec::new();
    for _ in 0..batch.header.record_count {
        let record = read_record(&mut reader, batch.header.base_offset);
        let failed = record.is_err();
        out.push(record);
        if failed {
            break;
        }
    }
    out
}

fn read_record<'a>(reader: &mut Reader<'a>, base_offset: i64) -> Result<LogRecord<'a>, DecodeError> {
    let length = reader.varint()?;
    let mut body = Reader::new(reader.take(length.max(0) as usize)?);
    body.i8()?;
    body.varlong()?;
    let offset = base_offset + i64::from(body.varint()?);
    let mut bytes = || {
        let length = body.varint()?;
        if length < 0 { Ok(None) } else { body.take(length as usize).map(Some) }
    };
    let (key, value) = (bytes()?, bytes()?);
    Ok(LogRecord { offset, key, value })
}
