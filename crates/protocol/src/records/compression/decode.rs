//! Decompression as a stream: each step appends some bytes to a window.

use zstd::zstd_safe::{self, DCtx, InBuffer, OutBuffer, ResetDirective};

use super::gzip::GzipDecoder;
use super::lz4::Lz4Decoder;
use super::scratch::{Lease, WINDOW_BYTES};
use super::snappy::SnappyDecoder;
use super::{Compression, RecordsError};

/// Decompresses one payload step by step, counting what it gives out.
pub(in crate::records) struct Decompressor<'a> {
    lease: Lease,
    stream: Stream<'a>,
    produced: usize,
    limit: usize,
}

#[expect(
    clippy::large_enum_variant,
    reason = "one is on the stack while a batch is read; a box would be an allocation a batch"
)]
enum Stream<'a> {
    Plain(&'a [u8]),
    Gzip(GzipDecoder<'a>),
    Snappy(SnappyDecoder<'a>),
    Lz4(Lz4Decoder<'a>),
    Zstd(ZstdDecoder<'a>),
}

impl<'a> Decompressor<'a> {
    pub(in crate::records) fn new(
        codec: Compression,
        data: &'a [u8],
        limit: usize,
    ) -> Result<Self, RecordsError> {
        let mut lease = lease_with_window();
        let stream = match codec {
            Compression::None => Stream::Plain(data),
            Compression::Gzip => Stream::Gzip(GzipDecoder::new(data)),
            Compression::Snappy => Stream::Snappy(SnappyDecoder::new(data)),
            Compression::Lz4 => Stream::Lz4(Lz4Decoder::new(data)),
            Compression::Zstd => Stream::Zstd(ZstdDecoder::new(data, &mut lease)?),
        };
        Ok(Decompressor { lease, stream, produced: 0, limit })
    }

    /// For lz4 in messages of magic 0.
    pub(in crate::records) fn lz4_without_header_checksum(data: &'a [u8], limit: usize) -> Self {
        let stream = Stream::Lz4(Lz4Decoder::without_header_checksum(data));
        Decompressor { lease: lease_with_window(), stream, produced: 0, limit }
    }

    /// Bytes that it gave out so far.
    pub(in crate::records) fn produced(&self) -> usize {
        self.produced
    }

    /// The window; what was filled stays until it is filled over.
    pub(in crate::records) fn window(&self) -> &[u8] {
        &self.lease.window
    }

    /// Moves the window's bytes `from..to` to its start.
    pub(in crate::records) fn shift(&mut self, from: usize, to: usize) {
        self.lease.window.copy_within(from..to, 0);
    }

    /// Writes more decompressed bytes to the window from `at` on, growing it when there is no room.
    /// Returns how many; 0 is the end of the data.
    pub(in crate::records) fn fill(&mut self, at: usize) -> Result<usize, RecordsError> {
        let scratch = &mut *self.lease;
        if at == scratch.window.len() {
            let grown = scratch.window.len() * 2;
            scratch.window.resize(grown, 0);
        }
        let left = self.limit - self.produced;
        let count = match &mut self.stream {
            Stream::Plain(data) => {
                let count = data.len().min(scratch.window.len() - at);
                scratch.window[at..at + count].copy_from_slice(&data[..count]);
                *data = &data[count..];
                count
            }
            Stream::Gzip(decoder) => decoder.fill(scratch, at)?,
            Stream::Snappy(decoder) => decoder.fill(scratch, at, left)?,
            Stream::Lz4(decoder) => decoder.fill(scratch, at)?,
            Stream::Zstd(decoder) => decoder.fill(scratch, at)?,
        };
        if count > left {
            return Err(RecordsError::TooLarge { limit: self.limit });
        }
        self.produced += count;
        Ok(count)
    }

    /// The next bytes, at the start of the window; empty at the end.
    pub(in crate::records) fn next_piece(&mut self) -> Result<&[u8], RecordsError> {
        let count = self.fill(0)?;
        Ok(&self.window()[..count])
    }
}

fn lease_with_window() -> Lease {
    let mut lease = Lease::take();
    if lease.window.len() < WINDOW_BYTES {
        lease.window.resize(WINDOW_BYTES, 0);
    }
    lease
}

struct ZstdDecoder<'a> {
    data: &'a [u8],
    /// Whether the last frame that was begun is finished.
    between_frames: bool,
}

fn zstd_error(code: usize) -> RecordsError {
    RecordsError::Decompression { codec: "zstd", reason: zstd_safe::get_error_name(code).to_owned() }
}

impl<'a> ZstdDecoder<'a> {
    fn new(data: &'a [u8], scratch: &mut super::scratch::Scratch) -> Result<Self, RecordsError> {
        let context = match &mut scratch.zstd_decoder {
            Some(context) => context,
            empty => empty.insert(DCtx::try_create().ok_or_else(|| RecordsError::Decompression {
                codec: "zstd",
                reason: "no memory".to_owned(),
            })?),
        };
        context.reset(ResetDirective::SessionOnly).map_err(zstd_error)?;
        Ok(ZstdDecoder { data, between_frames: true })
    }

    fn fill(&mut self, scratch: &mut super::scratch::Scratch, at: usize) -> Result<usize, RecordsError> {
        let Some(context) = &mut scratch.zstd_decoder else { return Ok(0) };
        let mut out = OutBuffer::around_pos(&mut scratch.window[..], at);
        let mut input = InBuffer::around(self.data);
        loop {
            if self.between_frames && input.pos() == self.data.len() {
                break;
            }
            let before = (input.pos(), out.pos());
            let hint = context.decompress_stream(&mut out, &mut input).map_err(zstd_error)?;
            self.between_frames = hint == 0;
            if out.pos() > at {
                break;
            }
            if before == (input.pos(), out.pos()) {
                return Err(RecordsError::Decompression {
                    codec: "zstd",
                    reason: "the data ends early".to_owned(),
                });
            }
        }
        let (consumed, end) = (input.pos(), out.pos());
        self.data = &self.data[consumed..];
        Ok(end - at)
    }
}
