//! The codecs of record batches: none, gzip, snappy, lz4, zstd.
//!
//! Invariants: decompression gives bytes in pieces of a window and counts them, so a bomb is refused at its limit
//! with no more memory than the window; contexts and buffers are kept by thread and given back when small.
//! Decoders accept what Java, librdkafka and others write: several gzip members or frames in a row, snappy with
//! xerial's framing and raw.

mod decode;
mod encode;
mod gzip;
mod lz4;
mod scratch;
mod snappy;

pub(super) use decode::Decompressor;
pub use encode::Encoder;

use super::RecordsError;

/// The codec of a batch: attribute bits 0 to 2, and the names of `compression.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Compression {
    /// Not compressed.
    #[default]
    None,
    /// RFC 1952.
    Gzip,
    /// Snappy in xerial's framing.
    Snappy,
    /// LZ4 frames.
    Lz4,
    /// Zstandard (KIP-110).
    Zstd,
}

/// A total of decompressed bytes that no honest batch passes: 256 MiB, or 32 times its size if that is more.
pub fn default_decompressed_limit(compressed_len: usize) -> usize {
    (256 << 20).max(compressed_len.saturating_mul(32))
}

impl Compression {
    /// All codecs, by id.
    pub const ALL: [Compression; 5] =
        [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

    /// Number in a batch's attributes.
    pub fn id(self) -> u8 {
        self as u8
    }

    /// The codec of that number.
    pub fn from_id(id: u8) -> Result<Self, RecordsError> {
        Self::ALL.get(usize::from(id)).copied().ok_or(RecordsError::UnknownCompression(id))
    }

    /// Kafka's name.
    pub fn name(self) -> &'static str {
        ["none", "gzip", "snappy", "lz4", "zstd"][self as usize]
    }

    /// The codec of that name, in lower case; `uncompressed`, as topics call it, is [`Compression::None`].
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "uncompressed" {
            return Some(Compression::None);
        }
        Self::ALL.into_iter().find(|codec| codec.name() == name)
    }

    /// Appends the compressed `data` to `out`. `level` is the codec's own: gzip −1 (default) to 9, lz4 1 to 17,
    /// zstd −131072 to 22; snappy has none. The lz4 encoder has one speed, near level 1, and takes any level.
    pub fn compress(self, level: Option<i32>, data: &[u8], out: &mut Vec<u8>) -> Result<(), RecordsError> {
        let mut encoder = Encoder::new(self, level)?;
        encoder.set_size(data.len());
        encoder.write(data, out)?;
        encoder.finish(out)
    }

    /// Decompresses all of `data`, failing with [`RecordsError::TooLarge`] past `limit` bytes.
    pub fn decompress(self, data: &[u8], limit: usize) -> Result<Vec<u8>, RecordsError> {
        collect(Decompressor::new(self, data, limit)?)
    }

    /// Decompresses lz4 as Kafka's producers of magic 0 wrote it, with a wrong header checksum.
    pub(super) fn decompress_lz4_without_header_checksum(
        data: &[u8],
        limit: usize,
    ) -> Result<Vec<u8>, RecordsError> {
        collect(Decompressor::lz4_without_header_checksum(data, limit))
    }
}

fn collect(mut decoder: Decompressor<'_>) -> Result<Vec<u8>, RecordsError> {
    let mut out = Vec::new();
    loop {
        let piece = decoder.next_piece()?;
        if piece.is_empty() {
            return Ok(out);
        }
        out.extend_from_slice(piece);
    }
}

impl std::fmt::Display for Compression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
