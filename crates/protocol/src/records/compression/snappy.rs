//! Snappy: raw blocks, alone or in the framing of xerial's Java library, which Kafka's producers use.
//!
//! xerial: 8 bytes of magic, two big-endian version numbers, then blocks, each after its big-endian length.

use super::RecordsError;
use super::scratch::Scratch;

/// First bytes of xerial's framing.
const MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const HEADER_LEN: usize = 16;
/// Uncompressed bytes of a block, as xerial's stream has them in Kafka's producers.
pub(super) const BLOCK_BYTES: usize = 32 << 10;
/// No element of the format gives more than 64 bytes for 3.
const MAX_RATIO: usize = 22;

fn failed(reason: impl Into<String>) -> RecordsError {
    RecordsError::Decompression { codec: "snappy", reason: reason.into() }
}

pub(super) struct SnappyDecoder<'a> {
    data: &'a [u8],
    framed: bool,
}

impl<'a> SnappyDecoder<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        SnappyDecoder { data, framed: data.starts_with(&MAGIC) }
    }

    fn next_block(&mut self) -> Result<Option<&'a [u8]>, RecordsError> {
        if !self.framed {
            let block = std::mem::take(&mut self.data);
            return Ok((!block.is_empty()).then_some(block));
        }
        // A stream may be several ones put together, each with its header.
        while self.data.starts_with(&MAGIC) {
            self.data = self.data.get(HEADER_LEN..).ok_or_else(|| failed("the header ends early"))?;
        }
        if self.data.is_empty() {
            return Ok(None);
        }
        let (len, rest) = self.data.split_first_chunk::<4>().ok_or_else(|| failed("the data ends early"))?;
        let len = u32::from_be_bytes(*len) as usize;
        if len > rest.len() {
            return Err(failed("a block is longer than the data"));
        }
        let (block, rest) = rest.split_at(len);
        self.data = rest;
        Ok(Some(block))
    }

    pub(super) fn fill(
        &mut self,
        scratch: &mut Scratch,
        at: usize,
        left: usize,
    ) -> Result<usize, RecordsError> {
        while let Some(block) = self.next_block()? {
            let len = snap::raw::decompress_len(block).map_err(|error| failed(error.to_string()))?;
            if len > block.len().saturating_mul(MAX_RATIO) {
                return Err(failed("a block cannot hold what it says"));
            }
            if len > left {
                return Ok(len);
            }
            if scratch.window.len() < at + len {
                scratch.window.resize(at + len, 0);
            }
            let count = snap::raw::Decoder::new()
                .decompress(block, &mut scratch.window[at..at + len])
                .map_err(|error| failed(error.to_string()))?;
            if count > 0 {
                return Ok(count);
            }
        }
        Ok(0)
    }
}

/// Appends the header of xerial's framing, version 1 compatible to 1.
pub(super) fn write_header(out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1]);
}

/// Appends one block of at most [`BLOCK_BYTES`].
pub(super) fn write_block(block: &[u8], out: &mut Vec<u8>) -> Result<(), RecordsError> {
    let start = out.len();
    out.resize(start + 4 + snap::raw::max_compress_len(block.len()), 0);
    let len = snap::raw::Encoder::new()
        .compress(block, &mut out[start + 4..])
        .map_err(|error| RecordsError::Compression { codec: "snappy", reason: error.to_string() })?;
    out[start..start + 4].copy_from_slice(&(len as u32).to_be_bytes());
    out.truncate(start + 4 + len);
    Ok(())
}
