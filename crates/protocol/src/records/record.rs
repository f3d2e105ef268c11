//! One record: length, attributes, deltas, key, value, headers. Read in place, written by [`write_record`].

use std::borrow::Cow;

use super::RecordsError;
use super::header::{BatchHeader, TimestampType};
use super::varint::{read_varint, read_varlong, varint_len, varlong_len, write_varint, write_varlong};

/// A record, borrowed from the batch's payload or from the window its decompressed bytes pass through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordView<'a> {
    /// Absolute offset.
    pub offset: i64,
    /// Milliseconds: the producer's, or the append time if the batch has that.
    pub timestamp: i64,
    /// Key; `None` is null.
    pub key: Option<&'a [u8]>,
    /// Value; `None` is null, a tombstone.
    pub value: Option<&'a [u8]>,
    /// Headers, checked when the record was read.
    pub headers: Headers<'a>,
    /// The record's own attributes; no bit has a meaning.
    pub attributes: i8,
    /// Sequence number, or −1.
    pub sequence: i32,
    /// The timestamp as it is stored: relative to the batch's base timestamp.
    pub timestamp_delta: i64,
}

/// The headers of a record: an iterator in their order, with duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Headers<'a> {
    bytes: &'a [u8],
    left: usize,
}

/// One header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Key: UTF-8 if its writer kept to the rule.
    pub key: &'a [u8],
    /// Value; `None` is null.
    pub value: Option<&'a [u8]>,
}

impl<'a> Header<'a> {
    /// The key as text, with replacement characters where it is not UTF-8.
    pub fn key_text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.key)
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        if self.left == 0 {
            return None;
        }
        let mut pos = 0;
        let header = read_header(self.bytes, &mut pos).ok()?;
        self.left -= 1;
        self.bytes = &self.bytes[pos..];
        Some(header)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Headers<'_> {}

fn read_header<'a>(bytes: &'a [u8], pos: &mut usize) -> Result<Header<'a>, RecordsError> {
    let key = read_nullable(bytes, pos)?.ok_or(RecordsError::InvalidRecord("a header has no key"))?;
    Ok(Header { key, value: read_nullable(bytes, pos)? })
}

#[inline]
fn read_nullable<'a>(bytes: &'a [u8], pos: &mut usize) -> Result<Option<&'a [u8]>, RecordsError> {
    let len = read_varint(bytes, pos)?;
    if len < 0 {
        return Ok(None);
    }
    let end = *pos + len as usize;
    let taken =
        bytes.get(*pos..end).ok_or(RecordsError::InvalidRecord("a field is longer than the record"))?;
    *pos = end;
    Ok(Some(taken))
}

/// What the fields of a record are relative to.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordBase {
    offset: i64,
    timestamp: i64,
    append_time: Option<i64>,
    sequence: i32,
}

impl RecordBase {
    pub(super) fn of(header: &BatchHeader) -> Self {
        RecordBase {
            offset: header.base_offset,
            timestamp: header.base_timestamp,
            append_time: (header.timestamp_type() == TimestampType::LogAppendTime)
                .then_some(header.max_timestamp),
            sequence: header.base_sequence,
        }
    }
}

/// Reads a record's bytes after its length; they must be used up exactly.
pub(super) fn read_body<'a>(body: &'a [u8], base: &RecordBase) -> Result<RecordView<'a>, RecordsError> {
    let Some(&attributes) = body.first() else {
        return Err(RecordsError::InvalidRecord("it ends early"));
    };
    let mut pos = 1;
    let timestamp_delta = read_varlong(body, &mut pos)?;
    let offset_delta = read_varint(body, &mut pos)?;
    let key = read_nullable(body, &mut pos)?;
    let value = read_nullable(body, &mut pos)?;
    let count = read_varint(body, &mut pos)?;
    let headers = &body[pos..];
    // Each header takes two bytes at least, so a count beyond the rest is found before the walk.
    let left = usize::try_from(count)
        .ok()
        .filter(|&count| count <= headers.len() / 2)
        .ok_or(RecordsError::InvalidRecord("the number of headers is impossible"))?;
    for _ in 0..left {
        read_header(body, &mut pos)?;
    }
    if pos != body.len() {
        return Err(RecordsError::InvalidRecord("its size does not match its fields"));
    }
    Ok(RecordView {
        offset: base.offset.wrapping_add(i64::from(offset_delta)),
        timestamp: base.append_time.unwrap_or_else(|| base.timestamp.wrapping_add(timestamp_delta)),
        key,
        value,
        headers: Headers { bytes: headers, left },
        attributes: attributes as i8,
        timestamp_delta,
        sequence: if base.sequence < 0 {
            -1
        } else {
            // Sequence numbers wrap from i32::MAX to 0.
            base.sequence.wrapping_add(offset_delta) & i32::MAX
        },
    })
}

/// Appends a record. `headers` is walked twice and must give the same both times. Fails for fields beyond 2 GiB.
pub(super) fn write_record<'h>(
    timestamp_delta: i64,
    offset_delta: i32,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: impl ExactSizeIterator<Item = (&'h [u8], Option<&'h [u8]>)> + Clone,
    out: &mut Vec<u8>,
) -> Result<(), RecordsError> {
    let count = field_len(headers.len())?;
    let mut size = 1
        + varlong_len(timestamp_delta)
        + varint_len(offset_delta)
        + nullable_size(key)?
        + nullable_size(value)?
        + varint_len(count);
    for (key, value) in headers.clone() {
        size += nullable_size(Some(key))? + nullable_size(value)?;
    }
    let len = field_len(size)?;
    out.reserve(varint_len(len) + size);
    write_varint(len, out);
    out.push(0);
    write_varlong(timestamp_delta, out);
    write_varint(offset_delta, out);
    write_nullable(key, out);
    write_nullable(value, out);
    write_varint(count, out);
    for (key, value) in headers {
        write_nullable(Some(key), out);
        write_nullable(value, out);
    }
    Ok(())
}

fn field_len(len: usize) -> Result<i32, RecordsError> {
    i32::try_from(len).map_err(|_| RecordsError::TooLarge { limit: i32::MAX as usize })
}

fn nullable_size(field: Option<&[u8]>) -> Result<usize, RecordsError> {
    match field {
        None => Ok(1),
        Some(bytes) => Ok(varint_len(field_len(bytes.len())?) + bytes.len()),
    }
}

fn write_nullable(field: Option<&[u8]>, out: &mut Vec<u8>) {
    match field {
        None => write_varint(-1, out),
        Some(bytes) => {
            write_varint(bytes.len() as i32, out);
            out.extend_from_slice(bytes);
        }
    }
}
