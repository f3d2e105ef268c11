//! The 61 bytes at the head of every batch of magic 2, and the changes a broker makes in them in place.
//!
//! ```text
//!  0 base offset (8)   8 batch length (4)   12 partition leader epoch (4)   16 magic (1)   17 crc (4)
//! 21 attributes (2)   23 last offset delta (4)   27 base timestamp (8)   35 max timestamp (8)
//! 43 producer id (8)  51 producer epoch (2)      53 base sequence (4)    57 record count (4)   61 records
//! ```
//! The batch length counts from byte 12 on; the CRC-32C covers everything from byte 21 on.

use super::RecordsError;
use super::checksum::crc32c;
use super::compression::Compression;

/// Bytes before the records of a batch.
pub const BATCH_HEADER_LEN: usize = 61;
/// Bytes of base offset and batch length, which the batch length does not count.
pub const LOG_OVERHEAD: usize = 12;
/// Where the magic byte is, in every format version.
pub const MAGIC_OFFSET: usize = 16;
/// Where the CRC is.
pub const CRC_OFFSET: usize = 17;
/// Where the attributes are: the first byte the CRC covers.
pub const ATTRIBUTES_OFFSET: usize = 21;
/// Producer id of a batch from a producer without idempotence.
pub const NO_PRODUCER_ID: i64 = -1;
/// Producer epoch of a batch from a producer without idempotence.
pub const NO_PRODUCER_EPOCH: i16 = -1;
/// Base sequence of a batch from a producer without idempotence.
pub const NO_SEQUENCE: i32 = -1;
/// No timestamp.
pub const NO_TIMESTAMP: i64 = -1;
/// No leader epoch.
pub const NO_PARTITION_LEADER_EPOCH: i32 = -1;

const PARTITION_LEADER_EPOCH_OFFSET: usize = 12;
const LAST_OFFSET_DELTA_OFFSET: usize = 23;
const MAX_TIMESTAMP_OFFSET: usize = 35;

const COMPRESSION_MASK: i16 = 0x07;
const TIMESTAMP_TYPE_MASK: i16 = 0x08;
const TRANSACTIONAL_MASK: i16 = 0x10;
const CONTROL_MASK: i16 = 0x20;
const DELETE_HORIZON_MASK: i16 = 0x40;

/// What the timestamps of a batch say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum TimestampType {
    /// The producer's time.
    #[default]
    CreateTime,
    /// The broker's clock at the append: every record has the batch's max timestamp.
    LogAppendTime,
}

impl TimestampType {
    /// Kafka's name, as in `message.timestamp.type`.
    pub fn name(self) -> &'static str {
        match self {
            TimestampType::CreateTime => "CreateTime",
            TimestampType::LogAppendTime => "LogAppendTime",
        }
    }
}

/// The fields of a batch before its records, as they are in the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record.
    pub base_offset: i64,
    /// Bytes of the batch after this field.
    pub batch_length: i32,
    /// Epoch of the leader that appended it, or −1.
    pub partition_leader_epoch: i32,
    /// Format version: 2.
    pub magic: i8,
    /// CRC-32C from the attributes to the end.
    pub crc: u32,
    /// Bit field: see the methods.
    pub attributes: i16,
    /// Offset of the last record, less the base offset; stays when compaction removes records.
    pub last_offset_delta: i32,
    /// What the records' timestamp deltas count from, or the delete horizon if bit 6 is set.
    pub base_timestamp: i64,
    /// Largest timestamp of the records.
    pub max_timestamp: i64,
    /// Producer id, or −1.
    pub producer_id: i64,
    /// Producer epoch, or −1.
    pub producer_epoch: i16,
    /// Sequence number of the first record, or −1.
    pub base_sequence: i32,
    /// Number of records.
    pub record_count: i32,
}

#[inline]
fn take<const N: usize>(bytes: &[u8; BATCH_HEADER_LEN], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

impl BatchHeader {
    /// Reads the header at the start of `bytes`; the records need not be there. Fails for fewer than 61 bytes,
    /// another magic, or a batch length below that of an empty batch.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordsError> {
        if bytes.len() > MAGIC_OFFSET && bytes[MAGIC_OFFSET] != 2 {
            return Err(RecordsError::UnsupportedMagic(bytes[MAGIC_OFFSET] as i8));
        }
        let Some(head) = bytes.first_chunk::<BATCH_HEADER_LEN>() else {
            return Err(RecordsError::Truncated { needed: BATCH_HEADER_LEN, available: bytes.len() });
        };
        let header = BatchHeader {
            base_offset: i64::from_be_bytes(take(head, 0)),
            batch_length: i32::from_be_bytes(take(head, 8)),
            partition_leader_epoch: i32::from_be_bytes(take(head, PARTITION_LEADER_EPOCH_OFFSET)),
            magic: head[MAGIC_OFFSET] as i8,
            crc: u32::from_be_bytes(take(head, CRC_OFFSET)),
            attributes: i16::from_be_bytes(take(head, ATTRIBUTES_OFFSET)),
            last_offset_delta: i32::from_be_bytes(take(head, LAST_OFFSET_DELTA_OFFSET)),
            base_timestamp: i64::from_be_bytes(take(head, 27)),
            max_timestamp: i64::from_be_bytes(take(head, MAX_TIMESTAMP_OFFSET)),
            producer_id: i64::from_be_bytes(take(head, 43)),
            producer_epoch: i16::from_be_bytes(take(head, 51)),
            base_sequence: i32::from_be_bytes(take(head, 53)),
            record_count: i32::from_be_bytes(take(head, 57)),
        };
        if header.batch_length < (BATCH_HEADER_LEN - LOG_OVERHEAD) as i32 {
            return Err(RecordsError::InvalidBatchLength(header.batch_length));
        }
        Ok(header)
    }

    /// Writes the header, CRC field included, to the first 61 bytes of `out`.
    pub fn write(&self, out: &mut [u8; BATCH_HEADER_LEN]) {
        out[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        out[8..12].copy_from_slice(&self.batch_length.to_be_bytes());
        out[12..16].copy_from_slice(&self.partition_leader_epoch.to_be_bytes());
        out[16] = self.magic as u8;
        out[17..21].copy_from_slice(&self.crc.to_be_bytes());
        out[21..23].copy_from_slice(&self.attributes.to_be_bytes());
        out[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        out[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        out[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        out[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        out[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        out[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        out[57..61].copy_from_slice(&self.record_count.to_be_bytes());
    }

    /// Bytes of the whole batch, from the base offset to the last record's end.
    pub fn size_in_bytes(&self) -> usize {
        LOG_OVERHEAD + self.batch_length.max(0) as usize
    }

    /// Offset of the last record (or of where it was before compaction).
    pub fn last_offset(&self) -> i64 {
        self.base_offset.wrapping_add(i64::from(self.last_offset_delta))
    }

    /// The offset after this batch.
    pub fn next_offset(&self) -> i64 {
        self.last_offset().wrapping_add(1)
    }

    /// Number of the codec in attribute bits 0 to 2; 0 is none.
    pub fn compression_id(&self) -> u8 {
        (self.attributes & COMPRESSION_MASK) as u8
    }

    /// The codec of the records.
    pub fn compression(&self) -> Result<Compression, RecordsError> {
        Compression::from_id(self.compression_id())
    }

    /// Attribute bit 3.
    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes & TIMESTAMP_TYPE_MASK == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    /// Attribute bit 4.
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL_MASK != 0
    }

    /// Attribute bit 5: the batch holds one control record, not data.
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL_MASK != 0
    }

    /// Attribute bit 6: the base timestamp is the time after which compaction may drop the tombstones (KIP-534).
    pub fn has_delete_horizon(&self) -> bool {
        self.attributes & DELETE_HORIZON_MASK != 0
    }

    /// The delete horizon in milliseconds, if the batch has one.
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        self.has_delete_horizon().then_some(self.base_timestamp)
    }

    /// Whether a producer with an id wrote it.
    pub fn has_producer_id(&self) -> bool {
        self.producer_id > NO_PRODUCER_ID
    }

    /// Sequence number of the last record, wrapping after `i32::MAX` to 0; −1 without sequences.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence == NO_SEQUENCE {
            return NO_SEQUENCE;
        }
        let last = i64::from(self.base_sequence) + i64::from(self.last_offset_delta);
        if last > i64::from(i32::MAX) { (last - i64::from(i32::MAX) - 1) as i32 } else { last as i32 }
    }
}

/// The attribute bits of a batch.
pub(super) fn attributes_of(
    compression: Compression,
    timestamp_type: TimestampType,
    transactional: bool,
    control: bool,
    delete_horizon: bool,
) -> i16 {
    let mut bits = i16::from(compression.id());
    if timestamp_type == TimestampType::LogAppendTime {
        bits |= TIMESTAMP_TYPE_MASK;
    }
    if transactional {
        bits |= TRANSACTIONAL_MASK;
    }
    if control {
        bits |= CONTROL_MASK;
    }
    if delete_horizon {
        bits |= DELETE_HORIZON_MASK;
    }
    bits
}

/// `attributes` with another timestamp type.
pub(super) fn with_timestamp_type(attributes: i16, timestamp_type: TimestampType) -> i16 {
    match timestamp_type {
        TimestampType::CreateTime => attributes & !TIMESTAMP_TYPE_MASK,
        TimestampType::LogAppendTime => attributes | TIMESTAMP_TYPE_MASK,
    }
}

/// `attributes` with another codec.
pub(super) fn with_compression(attributes: i16, compression: Compression) -> i16 {
    attributes & !COMPRESSION_MASK | i16::from(compression.id())
}

fn check_len(batch: &[u8]) -> Result<(), RecordsError> {
    if batch.len() < BATCH_HEADER_LEN {
        return Err(RecordsError::Truncated { needed: BATCH_HEADER_LEN, available: batch.len() });
    }
    Ok(())
}

/// Gives the first batch in `batch` another base offset. The CRC stays valid.
pub fn set_base_offset(batch: &mut [u8], base_offset: i64) -> Result<(), RecordsError> {
    check_len(batch)?;
    batch[0..8].copy_from_slice(&base_offset.to_be_bytes());
    Ok(())
}

/// Moves the first batch in `batch` so that its last record has `last_offset`. The CRC stays valid.
pub fn set_last_offset(batch: &mut [u8], last_offset: i64) -> Result<(), RecordsError> {
    let header = BatchHeader::parse(batch)?;
    set_base_offset(batch, last_offset.wrapping_sub(i64::from(header.last_offset_delta)))
}

/// Writes the leader epoch of the first batch in `batch`. The CRC stays valid.
pub fn set_partition_leader_epoch(batch: &mut [u8], leader_epoch: i32) -> Result<(), RecordsError> {
    check_len(batch)?;
    batch[PARTITION_LEADER_EPOCH_OFFSET..MAGIC_OFFSET].copy_from_slice(&leader_epoch.to_be_bytes());
    Ok(())
}

/// Sets timestamp type and max timestamp of the first batch in `batch` and computes its CRC anew if they changed.
/// `batch` must hold the whole batch. With [`TimestampType::LogAppendTime`] this is the append time of all records.
pub fn set_max_timestamp(
    batch: &mut [u8],
    timestamp_type: TimestampType,
    max_timestamp: i64,
) -> Result<(), RecordsError> {
    let header = BatchHeader::parse(batch)?;
    if header.timestamp_type() == timestamp_type && header.max_timestamp == max_timestamp {
        return Ok(());
    }
    let attributes = with_timestamp_type(header.attributes, timestamp_type);
    batch[ATTRIBUTES_OFFSET..LAST_OFFSET_DELTA_OFFSET].copy_from_slice(&attributes.to_be_bytes());
    batch[MAX_TIMESTAMP_OFFSET..MAX_TIMESTAMP_OFFSET + 8].copy_from_slice(&max_timestamp.to_be_bytes());
    update_crc(batch)
}

/// Sets the attributes of the first batch in `batch`, which must be whole, and computes its CRC anew.
pub fn set_attributes(batch: &mut [u8], attributes: i16) -> Result<(), RecordsError> {
    check_len(batch)?;
    batch[ATTRIBUTES_OFFSET..LAST_OFFSET_DELTA_OFFSET].copy_from_slice(&attributes.to_be_bytes());
    update_crc(batch)
}

/// Computes the CRC of the first batch in `batch`, which must be whole, and stores it.
pub fn update_crc(batch: &mut [u8]) -> Result<(), RecordsError> {
    let size = BatchHeader::parse(batch)?.size_in_bytes();
    let Some(covered) = batch.get(ATTRIBUTES_OFFSET..size) else {
        return Err(RecordsError::Truncated { needed: size, available: batch.len() });
    };
    let crc = crc32c(covered);
    batch[CRC_OFFSET..ATTRIBUTES_OFFSET].copy_from_slice(&crc.to_be_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> BatchHeader {
        BatchHeader {
            base_offset: 7,
            batch_length: 49,
            partition_leader_epoch: 3,
            magic: 2,
            crc: 0xdead_beef,
            attributes: 0x34,
            last_offset_delta: 5,
            base_timestamp: 1_700_000_000_000,
            max_timestamp: 1_700_000_000_009,
            producer_id: 4,
            producer_epoch: 2,
            base_sequence: i32::MAX - 2,
            record_count: 6,
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut bytes = [0; BATCH_HEADER_LEN];
        sample().write(&mut bytes);
        let header = BatchHeader::parse(&bytes).unwrap();
        assert_eq!(header, sample());
        assert_eq!(header.last_offset(), 12);
        assert_eq!(header.size_in_bytes(), 61);
        assert_eq!(header.compression_id(), 4);
        assert!(header.is_transactional() && header.is_control() && !header.has_delete_horizon());
        assert_eq!(header.last_sequence(), 2, "sequence numbers wrap to 0");
    }

    #[test]
    fn changes_in_place_keep_the_checksum_right() {
        let mut bytes = [0; BATCH_HEADER_LEN];
        sample().write(&mut bytes);
        update_crc(&mut bytes).unwrap();
        let crc = BatchHeader::parse(&bytes).unwrap().crc;
        set_base_offset(&mut bytes, 100).unwrap();
        set_partition_leader_epoch(&mut bytes, 9).unwrap();
        assert_eq!(crc32c(&bytes[ATTRIBUTES_OFFSET..]), crc);
        set_max_timestamp(&mut bytes, TimestampType::LogAppendTime, 77).unwrap();
        let header = BatchHeader::parse(&bytes).unwrap();
        assert_ne!(header.crc, crc);
        assert_eq!(header.crc, crc32c(&bytes[ATTRIBUTES_OFFSET..]));
        assert_eq!((header.base_offset, header.partition_leader_epoch, header.max_timestamp), (100, 9, 77));
        assert_eq!(header.timestamp_type(), TimestampType::LogAppendTime);
        set_last_offset(&mut bytes, 50).unwrap();
        assert_eq!(BatchHeader::parse(&bytes).unwrap().base_offset, 45);
    }

    #[test]
    fn impossible_headers_are_refused() {
        let mut bytes = [0; BATCH_HEADER_LEN];
        sample().write(&mut bytes);
        assert_eq!(
            BatchHeader::parse(&bytes[..60]),
            Err(RecordsError::Truncated { needed: 61, available: 60 })
        );
        bytes[8..12].copy_from_slice(&48i32.to_be_bytes());
        assert_eq!(BatchHeader::parse(&bytes), Err(RecordsError::InvalidBatchLength(48)));
        bytes[MAGIC_OFFSET] = 1;
        assert_eq!(BatchHeader::parse(&bytes), Err(RecordsError::UnsupportedMagic(1)));
    }
}
