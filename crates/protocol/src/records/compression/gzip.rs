//! Gzip members (RFC 1952) around raw deflate, several in a row allowed; checksum and size are verified.

use crc_fast::{CrcAlgorithm, Digest};
use flate2::{Decompress, FlushDecompress, Status};

use super::RecordsError;
use super::scratch::Scratch;

const HEADER_LEN: usize = 10;
const TRAILER_LEN: usize = 8;
const FLAG_HEADER_CRC: u8 = 2;
const FLAG_EXTRA: u8 = 4;
const FLAG_NAME: u8 = 8;
const FLAG_COMMENT: u8 = 16;

fn failed(reason: impl Into<String>) -> RecordsError {
    RecordsError::Decompression { codec: "gzip", reason: reason.into() }
}

pub(super) struct GzipDecoder<'a> {
    data: &'a [u8],
    in_member: bool,
    checksum: Digest,
    size: u32,
}

impl<'a> GzipDecoder<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        GzipDecoder { data, in_member: false, checksum: Digest::new(CrcAlgorithm::Crc32IsoHdlc), size: 0 }
    }

    pub(super) fn fill(&mut self, scratch: &mut Scratch, at: usize) -> Result<usize, RecordsError> {
        let inflate = scratch.inflate.get_or_insert_with(|| Box::new(Decompress::new(false)));
        loop {
            if !self.in_member {
                if self.data.is_empty() {
                    return Ok(0);
                }
                self.data = &self.data[header_len(self.data)?..];
                inflate.reset(false);
                self.checksum.reset();
                self.size = 0;
                self.in_member = true;
            }
            let (consumed_before, produced_before) = (inflate.total_in(), inflate.total_out());
            let out = &mut scratch.window[at..];
            let status = inflate
                .decompress(self.data, out, FlushDecompress::None)
                .map_err(|error| failed(error.to_string()))?;
            let consumed = (inflate.total_in() - consumed_before) as usize;
            let produced = (inflate.total_out() - produced_before) as usize;
            self.checksum.update(&out[..produced]);
            self.size = self.size.wrapping_add(produced as u32);
            self.data = &self.data[consumed..];
            if status == Status::StreamEnd {
                self.check_trailer()?;
            } else if produced == 0 && consumed == 0 {
                return Err(failed("the data ends early"));
            }
            if produced > 0 {
                return Ok(produced);
            }
        }
    }

    fn check_trailer(&mut self) -> Result<(), RecordsError> {
        let Some((trailer, rest)) = self.data.split_first_chunk::<TRAILER_LEN>() else {
            return Err(failed("the data ends early"));
        };
        let [c0, c1, c2, c3, s0, s1, s2, s3] = *trailer;
        if u64::from(u32::from_le_bytes([c0, c1, c2, c3])) != self.checksum.finalize() {
            return Err(failed("the checksum does not match"));
        }
        if u32::from_le_bytes([s0, s1, s2, s3]) != self.size {
            return Err(failed("the size does not match"));
        }
        self.data = rest;
        self.in_member = false;
        Ok(())
    }
}

/// Length of the member header at the start of `data`.
fn header_len(data: &[u8]) -> Result<usize, RecordsError> {
    let early = || failed("the header ends early");
    let head = data.first_chunk::<HEADER_LEN>().ok_or_else(early)?;
    if head[..3] != [0x1f, 0x8b, 8] {
        return Err(failed("no gzip header"));
    }
    let flags = head[3];
    let mut at = HEADER_LEN;
    if flags & FLAG_EXTRA != 0 {
        let len = data.get(at..at + 2).ok_or_else(early)?;
        at += 2 + usize::from(u16::from_le_bytes([len[0], len[1]]));
    }
    for flag in [FLAG_NAME, FLAG_COMMENT] {
        if flags & flag != 0 {
            let text = data.get(at..).ok_or_else(early)?;
            at += text.iter().position(|&byte| byte == 0).ok_or_else(early)? + 1;
        }
    }
    if flags & FLAG_HEADER_CRC != 0 {
        at += 2;
    }
    if at > data.len() { Err(early()) } else { Ok(at) }
}
