//! Compression as a stream, so that a batch can pass from one codec to another without being held whole.

use crc_fast::{CrcAlgorithm, Digest};
use flate2::{Compress, FlushCompress, Status};
use zstd::zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd::zstd_safe::{self, CCtx, CParameter, InBuffer, OutBuffer, ResetDirective};

use super::scratch::{Lease, Scratch};
use super::{Compression, RecordsError, lz4, snappy};

/// Room that is made in the output at a time.
const STEP_BYTES: usize = 16 << 10;
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0];

/// Compresses what is written to it; the output is whole after [`Encoder::finish`].
pub struct Encoder {
    codec: Compression,
    lease: Lease,
    checksum: Digest,
    size: u32,
    begun: bool,
}

fn zstd_error(code: usize) -> RecordsError {
    RecordsError::Compression { codec: "zstd", reason: zstd_safe::get_error_name(code).to_owned() }
}

impl Encoder {
    /// An encoder; the level is as for [`Compression::compress`].
    pub fn new(codec: Compression, level: Option<i32>) -> Result<Self, RecordsError> {
        let mut lease = Lease::take();
        match codec {
            Compression::Gzip => begin_deflate(&mut lease, level)?,
            Compression::Zstd => begin_zstd(&mut lease, level)?,
            _ => {}
        }
        let checksum = Digest::new(CrcAlgorithm::Crc32IsoHdlc);
        Ok(Encoder { codec, lease, checksum, size: 0, begun: false })
    }

    /// Tells how many bytes will be written in all, which helps some codecs. To be called before the first write.
    pub fn set_size(&mut self, len: usize) {
        if self.codec == Compression::Zstd
            && let Some(context) = &mut self.lease.zstd_encoder
        {
            // A context that does not take the hint only compresses a little worse.
            let _ = context.set_pledged_src_size(Some(len as u64));
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        match self.codec {
            Compression::Gzip => out.extend_from_slice(&GZIP_HEADER),
            Compression::Snappy => snappy::write_header(out),
            Compression::Lz4 => lz4::write_header(out),
            Compression::None | Compression::Zstd => {}
        }
    }

    /// Takes more data; compressed bytes may be appended to `out`.
    pub fn write(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), RecordsError> {
        self.begin(out);
        match self.codec {
            Compression::None => {
                out.extend_from_slice(data);
                Ok(())
            }
            Compression::Gzip => {
                self.checksum.update(data);
                self.size = self.size.wrapping_add(data.len() as u32);
                deflate(&mut self.lease, data, FlushCompress::None, out)
            }
            Compression::Snappy => self.blocks(data, snappy::BLOCK_BYTES, out),
            Compression::Lz4 => self.blocks(data, lz4::BLOCK_BYTES, out),
            Compression::Zstd => {
                compress_zstd(&mut self.lease, data, ZSTD_EndDirective::ZSTD_e_continue, out)
            }
        }
    }

    /// Writes what is left and the codec's end.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), RecordsError> {
        self.begin(out);
        match self.codec {
            Compression::None => {}
            Compression::Gzip => {
                deflate(&mut self.lease, &[], FlushCompress::Finish, out)?;
                out.extend_from_slice(&(self.checksum.finalize() as u32).to_le_bytes());
                out.extend_from_slice(&self.size.to_le_bytes());
            }
            Compression::Snappy | Compression::Lz4 => {
                let rest = std::mem::take(&mut self.lease.block);
                if !rest.is_empty() {
                    self.block(&rest, out)?;
                }
                self.lease.block = rest;
                if self.codec == Compression::Lz4 {
                    lz4::write_end(out);
                }
            }
            Compression::Zstd => compress_zstd(&mut self.lease, &[], ZSTD_EndDirective::ZSTD_e_end, out)?,
        }
        Ok(())
    }

    fn block(&mut self, block: &[u8], out: &mut Vec<u8>) -> Result<(), RecordsError> {
        if self.codec == Compression::Snappy {
            snappy::write_block(block, out)
        } else {
            lz4::write_block(block, &mut self.lease.lz4_table, out)
        }
    }

    /// Cuts the data into blocks, keeping the part of one that is not full for the next call.
    fn blocks(&mut self, mut data: &[u8], size: usize, out: &mut Vec<u8>) -> Result<(), RecordsError> {
        let mut pending = std::mem::take(&mut self.lease.block);
        if !pending.is_empty() {
            let (head, rest) = data.split_at(data.len().min(size - pending.len()));
            pending.extend_from_slice(head);
            data = rest;
            if pending.len() == size {
                self.block(&pending, out)?;
                pending.clear();
            }
        }
        let mut whole = data.chunks_exact(size);
        for block in &mut whole {
            self.block(block, out)?;
        }
        pending.extend_from_slice(whole.remainder());
        self.lease.block = pending;
        Ok(())
    }
}

fn begin_deflate(scratch: &mut Scratch, level: Option<i32>) -> Result<(), RecordsError> {
    let level = match level {
        None | Some(-1) => flate2::Compression::default(),
        Some(level @ 0..=9) => flate2::Compression::new(level as u32),
        Some(level) => {
            return Err(RecordsError::Compression { codec: "gzip", reason: format!("no level {level}") });
        }
    };
    let failed =
        |error: flate2::CompressError| RecordsError::Compression { codec: "gzip", reason: error.to_string() };
    match &mut scratch.deflate {
        Some(deflate) => {
            deflate.reset();
            deflate.set_level(level).map_err(failed)?;
        }
        empty => *empty = Some(Box::new(Compress::new(level, false))),
    }
    Ok(())
}

fn deflate(
    scratch: &mut Scratch,
    data: &[u8],
    flush: FlushCompress,
    out: &mut Vec<u8>,
) -> Result<(), RecordsError> {
    let Some(deflate) = &mut scratch.deflate else { return Ok(()) };
    let mut data = data;
    loop {
        out.reserve(STEP_BYTES);
        let before = deflate.total_in();
        let status = deflate
            .compress_vec(data, out, flush)
            .map_err(|error| RecordsError::Compression { codec: "gzip", reason: error.to_string() })?;
        data = &data[(deflate.total_in() - before) as usize..];
        let done = match flush {
            FlushCompress::Finish => status == Status::StreamEnd,
            _ => data.is_empty(),
        };
        if done {
            return Ok(());
        }
    }
}

fn begin_zstd(scratch: &mut Scratch, level: Option<i32>) -> Result<(), RecordsError> {
    let context = match &mut scratch.zstd_encoder {
        Some(context) => context,
        empty => empty.insert(
            CCtx::try_create()
                .ok_or_else(|| RecordsError::Compression { codec: "zstd", reason: "no memory".to_owned() })?,
        ),
    };
    context.reset(ResetDirective::SessionAndParameters).map_err(zstd_error)?;
    let level = level.unwrap_or(zstd_safe::CLEVEL_DEFAULT);
    context.set_parameter(CParameter::CompressionLevel(level)).map_err(zstd_error)?;
    Ok(())
}

fn compress_zstd(
    scratch: &mut Scratch,
    data: &[u8],
    end: ZSTD_EndDirective,
    out: &mut Vec<u8>,
) -> Result<(), RecordsError> {
    let Some(context) = &mut scratch.zstd_encoder else { return Ok(()) };
    let mut input = InBuffer::around(data);
    loop {
        out.reserve(STEP_BYTES);
        let at = out.len();
        let mut output = OutBuffer::around_pos(out, at);
        let left = context.compress_stream2(&mut output, &mut input, end).map_err(zstd_error)?;
        let done = match end {
            ZSTD_EndDirective::ZSTD_e_continue => input.pos() == data.len(),
            _ => left == 0,
        };
        if done {
            return Ok(());
        }
    }
}
