//! The walk over the records of a batch that reads only lengths and deltas.

use super::super::RecordsError;
use super::super::compression::Decompressor;
use super::super::varint::{MAX_VARINT_LEN, MAX_VARLONG_LEN, read_varint, read_varlong};

const EARLY: RecordsError = RecordsError::InvalidRecord("it ends early");
const WRONG_SIZE: RecordsError = RecordsError::InvalidRecord("its size does not match its fields");
const WRONG_OFFSET: RecordsError = RecordsError::InvalidRecord("its offset delta is not the next one");
const WRONG_HEADERS: RecordsError = RecordsError::InvalidRecord("the number of headers is impossible");
const NO_HEADER_KEY: RecordsError = RecordsError::InvalidRecord("a header has no key");
const NEGATIVE: RecordsError = RecordsError::InvalidRecord("its length is negative");
const TOO_LONG: RecordsError = RecordsError::InvalidRecord("a varint is too long");
const MORE: RecordsError = RecordsError::InvalidBatch("there is data after the declared number of records");

/// What the walk found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Walk {
    pub(super) min_timestamp_delta: i64,
    pub(super) max_timestamp_delta: i64,
    /// Index, and so offset delta, of the first record with the max timestamp delta.
    pub(super) max_timestamp_index: i32,
    pub(super) null_key: bool,
}

impl Walk {
    fn new() -> Self {
        Walk {
            min_timestamp_delta: i64::MAX,
            max_timestamp_delta: i64::MIN,
            max_timestamp_index: 0,
            null_key: false,
        }
    }

    #[inline(always)]
    fn record(
        &mut self,
        index: u32,
        timestamp_delta: i64,
        offset_delta: i32,
        key_len: i32,
    ) -> Result<(), RecordsError> {
        if offset_delta != index as i32 {
            return Err(WRONG_OFFSET);
        }
        self.min_timestamp_delta = self.min_timestamp_delta.min(timestamp_delta);
        if timestamp_delta > self.max_timestamp_delta {
            self.max_timestamp_delta = timestamp_delta;
            self.max_timestamp_index = offset_delta;
        }
        self.null_key |= key_len < 0;
        Ok(())
    }
}

/// Walks over uncompressed records.
pub(super) fn walk_plain(payload: &[u8], count: u32) -> Result<Walk, RecordsError> {
    let mut walk = Walk::new();
    let mut pos = 0;
    for index in 0..count {
        let len = read_varint(payload, &mut pos)?;
        if len < 0 {
            return Err(NEGATIVE);
        }
        let end = pos + len as usize;
        let body = payload.get(pos..end).ok_or(EARLY)?;
        walk_body(body, index, &mut walk)?;
        pos = end;
    }
    if pos == payload.len() { Ok(walk) } else { Err(MORE) }
}

/// One record that is whole in memory, without its length.
#[inline(always)]
fn walk_body(body: &[u8], index: u32, walk: &mut Walk) -> Result<(), RecordsError> {
    let mut pos = 1;
    let timestamp_delta = read_varlong(body, &mut pos)?;
    let offset_delta = read_varint(body, &mut pos)?;
    let key_len = read_varint(body, &mut pos)?;
    pos += key_len.max(0) as usize;
    let value_len = read_varint(body, &mut pos)?;
    pos += value_len.max(0) as usize;
    let headers = read_varint(body, &mut pos)?;
    if headers != 0 {
        walk_headers(body, &mut pos, headers)?;
    }
    if pos != body.len() {
        return Err(WRONG_SIZE);
    }
    walk.record(index, timestamp_delta, offset_delta, key_len)
}

fn walk_headers(body: &[u8], pos: &mut usize, count: i32) -> Result<(), RecordsError> {
    if count < 0 || count as usize > body.len() / 2 {
        return Err(WRONG_HEADERS);
    }
    for _ in 0..count {
        let key_len = read_varint(body, pos)?;
        if key_len < 0 {
            return Err(NO_HEADER_KEY);
        }
        *pos += key_len as usize;
        let value_len = read_varint(body, pos)?;
        *pos += value_len.max(0) as usize;
    }
    Ok(())
}

/// Walks over records as they come out of decompression. One that crosses the end of the window is read byte by
/// byte, its key and value skipped, so no record needs more memory than the window.
/// `produced` grows by the bytes that were decompressed, whatever comes of it.
pub(super) fn walk_packed(
    decoder: Decompressor<'_>,
    count: u32,
    produced: &mut usize,
) -> Result<Walk, RecordsError> {
    let mut input = Packed { decoder, start: 0, end: 0, left: 0 };
    let walk = input.walk(count);
    *produced += input.decoder.produced();
    walk
}

/// The decompressed bytes as a stream. `left` is what remains of the current record.
struct Packed<'a> {
    decoder: Decompressor<'a>,
    start: usize,
    end: usize,
    left: usize,
}

impl Packed<'_> {
    fn walk(&mut self, count: u32) -> Result<Walk, RecordsError> {
        let mut walk = Walk::new();
        for index in 0..count {
            let ready = &self.decoder.window()[self.start..self.end];
            let mut pos = 0;
            if let Ok(len) = read_varint(ready, &mut pos) {
                if len < 0 {
                    return Err(NEGATIVE);
                }
                if let Some(body) = ready.get(pos..pos + len as usize) {
                    walk_body(body, index, &mut walk)?;
                    self.start += pos + len as usize;
                    continue;
                }
            }
            self.walk_crossing(index, &mut walk)?;
        }
        if self.start == self.end && self.decoder.fill(0)? == 0 { Ok(walk) } else { Err(MORE) }
    }

    fn walk_crossing(&mut self, index: u32, walk: &mut Walk) -> Result<(), RecordsError> {
        self.left = MAX_VARINT_LEN;
        let len = self.varint()?;
        self.left = usize::try_from(len).map_err(|_| NEGATIVE)?;
        self.byte()?;
        let timestamp_delta = self.varlong()?;
        let offset_delta = self.varint()?;
        let key_len = self.varint()?;
        self.skip(key_len.max(0) as usize)?;
        let value_len = self.varint()?;
        self.skip(value_len.max(0) as usize)?;
        let headers = self.varint()?;
        if headers < 0 || headers as usize > self.left / 2 {
            return Err(WRONG_HEADERS);
        }
        for _ in 0..headers {
            let key_len = usize::try_from(self.varint()?).map_err(|_| NO_HEADER_KEY)?;
            self.skip(key_len)?;
            let value_len = self.varint()?;
            self.skip(value_len.max(0) as usize)?;
        }
        if self.left != 0 {
            return Err(WRONG_SIZE);
        }
        walk.record(index, timestamp_delta, offset_delta, key_len)
    }

    fn refill(&mut self) -> Result<(), RecordsError> {
        if self.start == self.end {
            self.start = 0;
            self.end = self.decoder.fill(0)?;
            if self.end == 0 {
                return Err(EARLY);
            }
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, RecordsError> {
        self.left = self.left.checked_sub(1).ok_or(WRONG_SIZE)?;
        self.refill()?;
        let byte = self.decoder.window()[self.start];
        self.start += 1;
        Ok(byte)
    }

    fn skip(&mut self, mut count: usize) -> Result<(), RecordsError> {
        self.left = self.left.checked_sub(count).ok_or(WRONG_SIZE)?;
        while count > 0 {
            self.refill()?;
            let step = count.min(self.end - self.start);
            self.start += step;
            count -= step;
        }
        Ok(())
    }

    /// Collects a varint's bytes for the reader of slices.
    fn varint_bytes(&mut self) -> Result<([u8; MAX_VARLONG_LEN], usize), RecordsError> {
        let mut bytes = [0; MAX_VARLONG_LEN];
        for index in 0..MAX_VARLONG_LEN {
            bytes[index] = self.byte()?;
            if bytes[index] < 0x80 {
                return Ok((bytes, index + 1));
            }
        }
        Err(TOO_LONG)
    }

    fn varint(&mut self) -> Result<i32, RecordsError> {
        let (bytes, len) = self.varint_bytes()?;
        read_varint(&bytes[..len], &mut 0)
    }

    fn varlong(&mut self) -> Result<i64, RecordsError> {
        let (bytes, len) = self.varint_bytes()?;
        read_varlong(&bytes[..len], &mut 0)
    }
}
