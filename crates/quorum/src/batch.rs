//! Batches of the metadata log: metadata records without keys, or control records. Never compressed, no producer.
//!
//! What is read is checked (length, checksum, count) before anything is taken from it. What the records mean is left
//! to others.

use bytes::Bytes;
use moldau_protocol::records::{
    BATCH_HEADER_LEN, BatchHeader, BatchView, LOG_OVERHEAD, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE,
    update_crc,
};
use moldau_protocol::wire::writer as wire;
use moldau_protocol::{DecodeError, Reader};

const MAGIC: i8 = 2;
const CONTROL: i16 = 0x20;

/// Why a batch of the metadata log cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BatchError {
    #[error("the batch at offset {0} is torn or its checksum is wrong")]
    Damaged(i64),
    #[error("the batch at offset {0} is compressed, which a metadata log's is not")]
    Compressed(i64),
    #[error("a record of the batch at offset {offset}: {reason}")]
    Record { offset: i64, reason: String },
}

/// A record of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Bytes,
    /// Name of its one header, if it has one.
    pub(crate) header: Option<Bytes>,
}

impl Record {
    /// A metadata record.
    pub(crate) fn data(value: Bytes) -> Record {
        Record { key: None, value, header: None }
    }
}

/// Where a batch goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) base_offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) timestamp_ms: i64,
}

/// One batch of these records.
pub(crate) fn encode(place: Place, control: bool, records: &[Record]) -> Vec<u8> {
    let mut out = vec![0; BATCH_HEADER_LEN];
    let mut body = Vec::new();
    for (delta, record) in records.iter().enumerate() {
        encode_record(&mut body, delta as i32, record);
        wire::varint(&mut out, body.len() as i32);
        out.extend_from_slice(&body);
        body.clear();
    }
    let header = BatchHeader {
        base_offset: place.base_offset,
        batch_length: (out.len() - LOG_OVERHEAD) as i32,
        partition_leader_epoch: place.leader_epoch,
        magic: MAGIC,
        crc: 0,
        attributes: if control { CONTROL } else { 0 },
        last_offset_delta: records.len() as i32 - 1,
        base_timestamp: place.timestamp_ms,
        max_timestamp: place.timestamp_ms,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        base_sequence: NO_SEQUENCE,
        record_count: records.len() as i32,
    };
    if let Some(head) = out.first_chunk_mut::<BATCH_HEADER_LEN>() {
        header.write(head);
    }
    // Only fails for bytes shorter than a header.
    let _ = update_crc(&mut out);
    out
}

fn encode_record(body: &mut Vec<u8>, delta: i32, record: &Record) {
    body.push(0);
    wire::varlong(body, 0);
    wire::varint(body, delta);
    match &record.key {
        None => wire::varint(body, -1),
        Some(key) => {
            wire::varint(body, key.len() as i32);
            body.extend_from_slice(key);
        }
    }
    wire::varint(body, record.value.len() as i32);
    body.extend_from_slice(&record.value);
    match &record.header {
        None => wire::varint(body, 0),
        Some(name) => {
            wire::varint(body, 1);
            wire::varint(body, name.len() as i32);
            body.extend_from_slice(name);
            wire::varint(body, -1);
        }
    }
}

/// An upper bound of what a record takes in a batch.
pub(crate) fn size_bound(value_len: usize) -> usize {
    value_len + 24
}

/// The header of the batch that fills `bytes`, after its checksum.
pub(crate) fn check(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
    let at = bytes.first_chunk().map_or(-1, |first| i64::from_be_bytes(*first));
    let view = BatchView::parse(bytes).map_err(|_| BatchError::Damaged(at))?;
    view.verify_crc().map_err(|_| BatchError::Damaged(at))?;
    let header = view.header;
    let counted = header.record_count >= 0 && header.last_offset_delta >= header.record_count - 1;
    if !counted
        || header.last_offset_delta < 0
        || header.base_offset < 0
        || bytes.len() != header.size_in_bytes()
    {
        return Err(BatchError::Damaged(at));
    }
    if header.compression_id() != 0 {
        return Err(BatchError::Compressed(at));
    }
    Ok(header)
}

/// The records of the batch that fills `bytes`; their values are slices of it.
pub(crate) fn decode(bytes: &Bytes) -> Result<(BatchHeader, Vec<Record>), BatchError> {
    let header = check(bytes)?;
    let body = bytes.slice(BATCH_HEADER_LEN..);
    let mut reader = Reader::shared(&body);
    let mut records = Vec::new();
    for _ in 0..header.record_count {
        let record = read_record(&mut reader)
            .map_err(|error| BatchError::Record { offset: header.base_offset, reason: error.to_string() })?;
        records.push(record);
    }
    Ok((header, records))
}

fn read_record(reader: &mut Reader<'_>) -> Result<Record, DecodeError> {
    let length = reader.varint()?;
    let bytes = reader.take_bytes(length.max(0) as usize)?;
    let mut body = Reader::shared(&bytes);
    body.i8()?;
    body.varlong()?;
    body.varint()?;
    let key = read_bytes(&mut body)?;
    let value = read_bytes(&mut body)?.unwrap_or_default();
    let mut header = None;
    for _ in 0..body.varint()?.max(0) {
        header = read_bytes(&mut body)?;
        read_bytes(&mut body)?;
    }
    Ok(Record { key, value, header })
}

fn read_bytes(body: &mut Reader<'_>) -> Result<Option<Bytes>, DecodeError> {
    let length = body.varint()?;
    if length < 0 { Ok(None) } else { body.take_bytes(length as usize).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { base_offset: 7, leader_epoch: 3, timestamp_ms: 1_700_000_000_000 };

    #[test]
    fn a_batch_reads_back_as_written() {
        let records = vec![
            Record::data(Bytes::from_static(b"one")),
            Record {
                key: Some(Bytes::from_static(b"k")),
                value: Bytes::new(),
                header: Some(Bytes::from_static(b"h")),
            },
        ];
        let bytes = Bytes::from(encode(PLACE, true, &records));
        let (header, read) = decode(&bytes).unwrap();
        assert_eq!(read, records);
        assert_eq!((header.base_offset, header.last_offset(), header.partition_leader_epoch), (7, 8, 3));
        assert!(header.is_control());
        assert_eq!(header.max_timestamp, PLACE.timestamp_ms);
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let good = encode(PLACE, false, &[Record::data(Bytes::from_static(b"value"))]);
        for at in 16..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x55;
            assert!(decode(&Bytes::from(bad)).is_err(), "byte {at}");
        }
        assert!(decode(&Bytes::copy_from_slice(&good[..good.len() - 1])).is_err());
    }
}
