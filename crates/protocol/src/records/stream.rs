//! Reading the records of a batch one after the other, decompressing as it goes.
//!
//! Memory: none for an uncompressed batch; otherwise the window, grown only as far as one record's real bytes need.

use std::borrow::Cow;

use super::RecordsError;
use super::batch::BatchView;
use super::compression::{Compression, Decompressor, default_decompressed_limit};
use super::record::{RecordBase, RecordView, read_body};
use super::varint::{MAX_VARINT_LEN, read_varint};

const MORE_THAN_DECLARED: RecordsError =
    RecordsError::InvalidBatch("there is data after the declared number of records");
const LESS_THAN_DECLARED: RecordsError = RecordsError::InvalidBatch("there are fewer records than declared");

/// The records of one batch. Not an [`Iterator`]: a record borrows the window until the next one is asked for.
pub struct RecordStream<'a> {
    base: RecordBase,
    left: usize,
    source: Source<'a>,
}

#[expect(
    clippy::large_enum_variant,
    reason = "one is on the stack while a batch is read; a box would be an allocation a batch"
)]
enum Source<'a> {
    Plain { bytes: &'a [u8], pos: usize },
    // `start..end` of the window is not yet read.
    Packed { decoder: Decompressor<'a>, start: usize, end: usize },
}

impl<'a> BatchView<'a> {
    /// The codec of the records.
    pub fn compression(&self) -> Result<Compression, RecordsError> {
        self.header.compression()
    }

    /// The records, decompressing no more than [`default_decompressed_limit`]. The CRC is not verified.
    pub fn records(&self) -> Result<RecordStream<'a>, RecordsError> {
        self.records_within(default_decompressed_limit(self.payload().len()))
    }

    /// The records, decompressing no more than `limit` bytes.
    pub fn records_within(&self, limit: usize) -> Result<RecordStream<'a>, RecordsError> {
        let left = usize::try_from(self.header.record_count)
            .map_err(|_| RecordsError::InvalidBatch("the number of records is negative"))?;
        let source = match self.compression()? {
            Compression::None => Source::Plain { bytes: self.payload(), pos: 0 },
            codec => {
                Source::Packed { decoder: Decompressor::new(codec, self.payload(), limit)?, start: 0, end: 0 }
            }
        };
        Ok(RecordStream { base: RecordBase::of(&self.header), left, source })
    }

    /// The payload without compression, to be read with [`BatchView::records_in`]; at most `limit` bytes of it.
    pub fn uncompressed_payload(&self, limit: usize) -> Result<Cow<'a, [u8]>, RecordsError> {
        match self.compression()? {
            Compression::None => Ok(Cow::Borrowed(self.payload())),
            codec => codec.decompress(self.payload(), limit).map(Cow::Owned),
        }
    }

    /// An iterator of the records in `payload`, which [`BatchView::uncompressed_payload`] gave.
    pub fn records_in<'p>(&self, payload: &'p [u8]) -> RecordIter<'p> {
        RecordIter {
            stream: RecordStream {
                base: RecordBase::of(&self.header),
                left: usize::try_from(self.header.record_count).unwrap_or(0),
                source: Source::Plain { bytes: payload, pos: 0 },
            },
        }
    }
}

impl RecordStream<'_> {
    /// Records that were not given out yet, as the header declares them.
    pub fn declared_left(&self) -> usize {
        self.left
    }

    /// The next record, or `None` behind the last; that there is nothing behind it is checked then.
    pub fn next_record(&mut self) -> Result<Option<RecordView<'_>>, RecordsError> {
        if self.left == 0 {
            let empty = match &mut self.source {
                Source::Plain { bytes, pos } => *pos == bytes.len(),
                Source::Packed { decoder, start, end } => start == end && decoder.fill(0)? == 0,
            };
            return if empty { Ok(None) } else { Err(MORE_THAN_DECLARED) };
        }
        self.left -= 1;
        match &mut self.source {
            Source::Plain { bytes, pos } => read_plain(bytes, pos, &self.base).map(Some),
            Source::Packed { decoder, start, end } => {
                let body = buffer_record(decoder, start, end)?;
                read_body(&decoder.window()[body], &self.base).map(Some)
            }
        }
    }
}

fn read_plain<'p>(
    bytes: &'p [u8],
    pos: &mut usize,
    base: &RecordBase,
) -> Result<RecordView<'p>, RecordsError> {
    if *pos == bytes.len() {
        return Err(LESS_THAN_DECLARED);
    }
    let len = body_len(read_varint(bytes, pos)?)?;
    let body = bytes
        .get(*pos..*pos + len)
        .ok_or(RecordsError::InvalidRecord("it is longer than the rest of the batch"))?;
    *pos += len;
    read_body(body, base)
}

fn body_len(len: i32) -> Result<usize, RecordsError> {
    usize::try_from(len).map_err(|_| RecordsError::InvalidRecord("its length is negative"))
}

/// Brings the next record wholly into the window and returns where its body is.
fn buffer_record(
    decoder: &mut Decompressor<'_>,
    start: &mut usize,
    end: &mut usize,
) -> Result<std::ops::Range<usize>, RecordsError> {
    loop {
        let ready = &decoder.window()[*start..*end];
        let mut pos = 0;
        match read_varint(ready, &mut pos) {
            Ok(len) => {
                let len = body_len(len)?;
                if len <= ready.len() - pos {
                    let body = *start + pos..*start + pos + len;
                    *start = body.end;
                    return Ok(body);
                }
            }
            Err(error) if ready.len() >= MAX_VARINT_LEN => return Err(error),
            Err(_) => {}
        }
        if *start > 0 {
            decoder.shift(*start, *end);
            *end -= *start;
            *start = 0;
        }
        let more = decoder.fill(*end)?;
        if more == 0 {
            return Err(if *end == 0 {
                LESS_THAN_DECLARED
            } else {
                RecordsError::InvalidRecord("it ends early")
            });
        }
        *end += more;
    }
}

/// Iterator of [`BatchView::records_in`]; ends after the first error.
pub struct RecordIter<'p> {
    stream: RecordStream<'p>,
}

impl<'p> Iterator for RecordIter<'p> {
    type Item = Result<RecordView<'p>, RecordsError>;

    fn next(&mut self) -> Option<Self::Item> {
        let RecordStream { base, left, source: Source::Plain { bytes, pos } } = &mut self.stream else {
            return None;
        };
        if *left == 0 {
            let rest = *pos != bytes.len();
            *pos = bytes.len();
            return rest.then_some(Err(MORE_THAN_DECLARED));
        }
        *left -= 1;
        let record = read_plain(bytes, pos, base);
        if record.is_err() {
            (*left, *pos) = (0, bytes.len());
        }
        Some(record)
    }
}
