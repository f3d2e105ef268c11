//! LZ4 frames (version 1.6 of the frame format), read and written block by block straight from and to the payload.
//!
//! Header, block and content checksums are verified where present. Dictionaries are refused.

use std::hash::Hasher;

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};
use twox_hash::XxHash32;

use super::RecordsError;
use super::scratch::Scratch;

const MAGIC: [u8; 4] = 0x184D_2204u32.to_le_bytes();
const VERSION: u8 = 0b0100_0000;
const VERSION_MASK: u8 = 0b1100_0000;
const FLAG_INDEPENDENT: u8 = 0b0010_0000;
const FLAG_BLOCK_CHECKSUM: u8 = 0b0001_0000;
const FLAG_CONTENT_SIZE: u8 = 0b0000_1000;
const FLAG_CONTENT_CHECKSUM: u8 = 0b0000_0100;
const FLAG_DICTIONARY: u8 = 0b0000_0001;
const UNCOMPRESSED: u32 = 1 << 31;
/// Block size written: 64 KiB, as Kafka's producers.
pub(super) const BLOCK_BYTES: usize = 64 << 10;
const BLOCK_SIZE_CODE: u8 = 4 << 4;
/// How far back linked blocks may refer.
const HISTORY_BYTES: usize = 64 << 10;
/// No sequence of the block format gives more.
const MAX_RATIO: usize = 255;

fn failed(reason: impl Into<String>) -> RecordsError {
    RecordsError::Decompression { codec: "lz4", reason: reason.into() }
}

fn early() -> RecordsError {
    failed("the data ends early")
}

#[derive(Clone, Copy)]
struct Frame {
    flags: u8,
    max_block: usize,
}

pub(super) struct Lz4Decoder<'a> {
    data: &'a [u8],
    frame: Option<Frame>,
    content: XxHash32,
    check_header: bool,
}

impl<'a> Lz4Decoder<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Lz4Decoder { data, frame: None, content: XxHash32::with_seed(0), check_header: true }
    }

    /// For the frames of magic 0, whose writers got the header's checksum wrong.
    pub(super) fn without_header_checksum(data: &'a [u8]) -> Self {
        Lz4Decoder { check_header: false, ..Self::new(data) }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], RecordsError> {
        let (taken, rest) = self.data.split_at_checked(len).ok_or_else(early)?;
        self.data = rest;
        Ok(taken)
    }

    fn take_u32(&mut self) -> Result<u32, RecordsError> {
        let (taken, rest) = self.data.split_first_chunk::<4>().ok_or_else(early)?;
        self.data = rest;
        Ok(u32::from_le_bytes(*taken))
    }

    fn begin_frame(&mut self) -> Result<Frame, RecordsError> {
        if self.take(4)? != MAGIC {
            return Err(failed("no lz4 frame"));
        }
        let descriptor_start = self.data;
        let (flags, block_size) = match self.take(2)? {
            [flags, block_size] => (*flags, *block_size),
            _ => return Err(early()),
        };
        if flags & VERSION_MASK != VERSION || flags & 2 != 0 || flags & FLAG_DICTIONARY != 0 {
            return Err(failed("the frame has a version or flag that is not supported"));
        }
        if flags & FLAG_CONTENT_SIZE != 0 {
            self.take(8)?;
        }
        let descriptor = &descriptor_start[..descriptor_start.len() - self.data.len()];
        let checksum = (XxHash32::oneshot(0, descriptor) >> 8) as u8;
        if self.take(1)? != [checksum] && self.check_header {
            return Err(failed("the header checksum does not match"));
        }
        let max_block = match block_size {
            0x40 => 64 << 10,
            0x50 => 256 << 10,
            0x60 => 1 << 20,
            0x70 => 4 << 20,
            _ => return Err(failed("the block size is unknown")),
        };
        self.content = XxHash32::with_seed(0);
        Ok(Frame { flags, max_block })
    }

    pub(super) fn fill(&mut self, scratch: &mut Scratch, at: usize) -> Result<usize, RecordsError> {
        loop {
            let frame = match self.frame {
                Some(frame) => frame,
                None if self.data.is_empty() => return Ok(0),
                None => {
                    scratch.block.clear();
                    let frame = self.begin_frame()?;
                    self.frame = Some(frame);
                    frame
                }
            };
            let word = self.take_u32()?;
            if word == 0 {
                self.end_frame(frame)?;
                continue;
            }
            let count = self.block(frame, word, scratch, at)?;
            if count > 0 {
                return Ok(count);
            }
        }
    }

    fn end_frame(&mut self, frame: Frame) -> Result<(), RecordsError> {
        if frame.flags & FLAG_CONTENT_CHECKSUM != 0 && self.take_u32()? != self.content.finish_32() {
            return Err(failed("the content checksum does not match"));
        }
        self.frame = None;
        Ok(())
    }

    fn block(
        &mut self,
        frame: Frame,
        word: u32,
        scratch: &mut Scratch,
        at: usize,
    ) -> Result<usize, RecordsError> {
        let len = (word & !UNCOMPRESSED) as usize;
        if len > frame.max_block {
            return Err(failed("a block is larger than the frame allows"));
        }
        let block = self.take(len)?;
        if frame.flags & FLAG_BLOCK_CHECKSUM != 0 && self.take_u32()? != XxHash32::oneshot(0, block) {
            return Err(failed("a block checksum does not match"));
        }
        let stored = word & UNCOMPRESSED != 0;
        let room = if stored { len } else { frame.max_block.min(len.saturating_mul(MAX_RATIO)) };
        if scratch.window.len() < at + room {
            scratch.window.resize(at + room, 0);
        }
        let out = &mut scratch.window[at..at + room];
        let linked = frame.flags & FLAG_INDEPENDENT == 0;
        let count = if stored {
            out.copy_from_slice(block);
            len
        } else if linked {
            lz4_flex::block::decompress_into_with_dict(block, out, &scratch.block)
                .map_err(|error| failed(error.to_string()))?
        } else {
            lz4_flex::block::decompress_into(block, out).map_err(|error| failed(error.to_string()))?
        };
        let out = &out[..count];
        if frame.flags & FLAG_CONTENT_CHECKSUM != 0 {
            self.content.write(out);
        }
        if linked {
            let keep = HISTORY_BYTES.saturating_sub(count);
            let drop = scratch.block.len().saturating_sub(keep);
            scratch.block.drain(..drop);
            scratch.block.extend_from_slice(&out[count.saturating_sub(HISTORY_BYTES)..]);
        }
        Ok(count)
    }
}

/// Appends a frame header: independent blocks of 64 KiB, no checksums.
pub(super) fn write_header(out: &mut Vec<u8>) {
    let descriptor = [VERSION | FLAG_INDEPENDENT, BLOCK_SIZE_CODE];
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&descriptor);
    out.push((XxHash32::oneshot(0, &descriptor) >> 8) as u8);
}

/// Appends one block of at most [`BLOCK_BYTES`]; what does not shrink is stored.
pub(super) fn write_block(
    block: &[u8],
    table: &mut Option<CompressTable>,
    out: &mut Vec<u8>,
) -> Result<(), RecordsError> {
    let table = table.get_or_insert_with(CompressTable::large);
    let start = out.len();
    out.resize(start + 4 + get_maximum_output_size(block.len()), 0);
    let len = compress_into_with_table(block, &mut out[start + 4..], table)
        .map_err(|error| RecordsError::Compression { codec: "lz4", reason: error.to_string() })?;
    let (len, word) = if len < block.len() {
        (len, len as u32)
    } else {
        out[start + 4..start + 4 + block.len()].copy_from_slice(block);
        (block.len(), block.len() as u32 | UNCOMPRESSED)
    };
    out[start..start + 4].copy_from_slice(&word.to_le_bytes());
    out.truncate(start + 4 + len);
    Ok(())
}

/// Appends the end mark.
pub(super) fn write_end(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; 4]);
}
