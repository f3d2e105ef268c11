//! Reading the formats before batches: message sets of magic 0 and 1, with compressed wrapper messages.
//!
//! ```text
//! offset (8)  size (4)  crc (4)  magic (1)  attributes (1)  [timestamp (8), magic 1]  key (4 + n)  value (4 + n)
//! ```
//! The CRC-32 covers everything from the magic on. A wrapper's value is a compressed message set: in magic 0 its
//! messages have absolute offsets, in magic 1 the wrapper has the last one's and the inner ones count from 0.

use crc_fast::crc32_iso_hdlc;

use super::RecordsError;
use super::compression::{Compression, default_decompressed_limit};
use super::header::{LOG_OVERHEAD, MAGIC_OFFSET, NO_TIMESTAMP, TimestampType};

const CRC_OFFSET: usize = 12;
const COMPRESSION_MASK: u8 = 7;
const TIMESTAMP_TYPE_MASK: u8 = 8;
/// Bytes before the key's length, from the message's start.
const HEADER_LEN: [usize; 2] = [18, 26];

/// A message that is not compressed itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyRecord {
    /// Absolute offset.
    pub offset: i64,
    /// 0 or 1.
    pub magic: i8,
    /// Milliseconds, or −1 in magic 0.
    pub timestamp: i64,
    /// What the timestamp says.
    pub timestamp_type: TimestampType,
    /// Key; `None` is null.
    pub key: Option<Vec<u8>>,
    /// Value; `None` is null.
    pub value: Option<Vec<u8>>,
}

/// One entry of a message set, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegacyEntry<'a> {
    /// The offset field.
    pub offset: i64,
    /// Bytes of the entry with offset and size.
    pub size_in_bytes: usize,
    /// 0 or 1.
    pub magic: i8,
    /// Codec of the value, if it is a wrapper.
    pub compression: Compression,
    /// Milliseconds, or −1 in magic 0.
    pub timestamp: i64,
    /// What the timestamp says.
    pub timestamp_type: TimestampType,
    /// Key; `None` is null.
    pub key: Option<&'a [u8]>,
    /// Value; `None` is null.
    pub value: Option<&'a [u8]>,
}

impl<'a> LegacyEntry<'a> {
    /// Reads the entry at the start of `bytes` and verifies its CRC.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RecordsError> {
        let early = |needed| RecordsError::Truncated { needed, available: bytes.len() };
        let magic = *bytes.get(MAGIC_OFFSET).ok_or_else(|| early(MAGIC_OFFSET + 1))?;
        let header_len =
            *HEADER_LEN.get(usize::from(magic)).ok_or(RecordsError::UnsupportedMagic(magic as i8))?;
        let size = i32::from_be_bytes(chunk(bytes, 8)?);
        let size_in_bytes = LOG_OVERHEAD + usize::try_from(size).unwrap_or(0);
        if size_in_bytes < header_len + 8 {
            return Err(RecordsError::InvalidBatchLength(size));
        }
        let message = bytes.get(..size_in_bytes).ok_or_else(|| early(size_in_bytes))?;
        let stored = u32::from_be_bytes(chunk(message, CRC_OFFSET)?);
        let computed = crc32_iso_hdlc(&message[MAGIC_OFFSET..]);
        if stored != computed {
            return Err(RecordsError::CrcMismatch { stored, computed });
        }
        let attributes = message[MAGIC_OFFSET + 1];
        let mut pos = header_len;
        let key = field(message, &mut pos)?;
        let value = field(message, &mut pos)?;
        if pos != message.len() {
            return Err(RecordsError::InvalidRecord("its size does not match its fields"));
        }
        Ok(LegacyEntry {
            offset: i64::from_be_bytes(chunk(message, 0)?),
            size_in_bytes,
            magic: magic as i8,
            compression: Compression::from_id(attributes & COMPRESSION_MASK)?,
            timestamp: if magic == 0 {
                NO_TIMESTAMP
            } else {
                i64::from_be_bytes(chunk(message, MAGIC_OFFSET + 2)?)
            },
            timestamp_type: if magic == 1 && attributes & TIMESTAMP_TYPE_MASK != 0 {
                TimestampType::LogAppendTime
            } else {
                TimestampType::CreateTime
            },
            key,
            value,
        })
    }

    /// The messages in it: itself, or those that its value wraps.
    pub fn records(&self) -> Result<Vec<LegacyRecord>, RecordsError> {
        if self.compression == Compression::None {
            return Ok(vec![self.to_record(self.offset, self.timestamp)]);
        }
        if self.compression == Compression::Zstd {
            return Err(RecordsError::InvalidRecord("zstd needs batches of magic 2"));
        }
        let packed = self.value.ok_or(RecordsError::InvalidRecord("a compressed message has no value"))?;
        let limit = default_decompressed_limit(packed.len());
        let data = if self.magic == 0 && self.compression == Compression::Lz4 {
            Compression::decompress_lz4_without_header_checksum(packed, limit)?
        } else {
            self.compression.decompress(packed, limit)?
        };
        let mut inner = Vec::new();
        let mut rest = data.as_slice();
        while !rest.is_empty() {
            let entry = LegacyEntry::parse(rest)?;
            if entry.compression != Compression::None || entry.magic != self.magic {
                return Err(RecordsError::InvalidRecord(
                    "a message in a wrapper is compressed or of another magic",
                ));
            }
            rest = &rest[entry.size_in_bytes..];
            inner.push(entry);
        }
        let last = inner.last().ok_or(RecordsError::InvalidRecord("a wrapper is empty"))?;
        // Producers that did not know relative offsets sent absolute ones; the difference is then 0.
        let shift = if self.magic == 0 { 0 } else { self.offset.wrapping_sub(last.offset) };
        let append_time = (self.timestamp_type == TimestampType::LogAppendTime).then_some(self.timestamp);
        Ok(inner
            .iter()
            .map(|entry| LegacyRecord {
                timestamp_type: self.timestamp_type,
                ..entry.to_record(entry.offset.wrapping_add(shift), append_time.unwrap_or(entry.timestamp))
            })
            .collect())
    }

    fn to_record(self, offset: i64, timestamp: i64) -> LegacyRecord {
        LegacyRecord {
            offset,
            magic: self.magic,
            timestamp,
            timestamp_type: self.timestamp_type,
            key: self.key.map(<[u8]>::to_vec),
            value: self.value.map(<[u8]>::to_vec),
        }
    }
}

/// All records of a message set of magic 0 or 1; a cut-off last entry is left out.
pub fn legacy_records(mut bytes: &[u8]) -> Result<Vec<LegacyRecord>, RecordsError> {
    let mut out = Vec::new();
    while bytes.len() >= LOG_OVERHEAD {
        match LegacyEntry::parse(bytes) {
            Ok(entry) => {
                out.extend(entry.records()?);
                bytes = &bytes[entry.size_in_bytes..];
            }
            Err(RecordsError::Truncated { .. }) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(out)
}

fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], RecordsError> {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .copied()
        .ok_or(RecordsError::InvalidRecord("a field is longer than the record"))
}

fn field<'a>(message: &'a [u8], pos: &mut usize) -> Result<Option<&'a [u8]>, RecordsError> {
    let len = i32::from_be_bytes(chunk(message, *pos)?);
    *pos += 4;
    let Ok(len) = usize::try_from(len) else { return Ok(None) };
    let taken = message
        .get(*pos..*pos + len)
        .ok_or(RecordsError::InvalidRecord("a field is longer than the record"))?;
    *pos += len;
    Ok(Some(taken))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(
        magic: u8,
        attributes: u8,
        offset: i64,
        time: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Vec<u8> {
        let mut body = vec![magic, attributes];
        if magic == 1 {
            body.extend_from_slice(&time.to_be_bytes());
        }
        for field in [key, value] {
            body.extend_from_slice(&field.map_or(-1, |f| f.len() as i32).to_be_bytes());
            body.extend_from_slice(field.unwrap_or_default());
        }
        let mut out = offset.to_be_bytes().to_vec();
        out.extend_from_slice(&(body.len() as i32 + 4).to_be_bytes());
        out.extend_from_slice(&crc32_iso_hdlc(&body).to_be_bytes());
        out.extend_from_slice(&body);
        out
    }

    #[test]
    fn plain_messages_of_both_formats_are_read() {
        let mut data = message(0, 0, 5, 0, Some(b"k"), None);
        data.extend(message(1, 8, 6, 77, None, Some(b"v")));
        data.extend(&message(1, 0, 7, 1, None, None)[..20]);
        let records = legacy_records(&data).unwrap();
        assert_eq!(records.len(), 2, "the cut-off one is left out");
        assert_eq!(
            (records[0].offset, records[0].timestamp, records[0].key.as_deref()),
            (5, -1, Some(&b"k"[..]))
        );
        assert_eq!((records[1].timestamp, records[1].timestamp_type), (77, TimestampType::LogAppendTime));
    }

    #[test]
    fn wrappers_give_absolute_offsets() {
        for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4] {
            for (magic, inner) in [(0u8, [40, 41]), (1, [0, 1]), (1, [40, 41])] {
                let set = [
                    message(magic, 0, inner[0], 10, None, Some(b"a")),
                    message(magic, 0, inner[1], 20, None, Some(b"b")),
                ]
                .concat();
                let mut packed = vec![];
                codec.compress(None, &set, &mut packed).unwrap();
                if magic == 0 && codec == Compression::Lz4 {
                    packed[6] ^= 0x55; // Kafka's producers of that time wrote a wrong header checksum.
                }
                let data = message(magic, codec.id(), 41, 20, None, Some(&packed));
                let records = legacy_records(&data).unwrap();
                assert_eq!(records.iter().map(|r| r.offset).collect::<Vec<_>>(), [40, 41], "{codec} {magic}");
                assert_eq!(records[0].timestamp, if magic == 0 { -1 } else { 10 });
            }
        }
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let good = message(1, 0, 0, 1, Some(b"key"), Some(b"value"));
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                let _ = legacy_records(&bad);
                let _ = LegacyEntry::parse(&bad[..at]);
            }
        }
        let mut bad = good;
        bad[30] ^= 1;
        assert!(matches!(legacy_records(&bad), Err(RecordsError::CrcMismatch { .. })));
    }
}
