//! Record batches to send: built once. Values are words of a small vocabulary, which compress about as text does.

use std::fmt::Write as _;

use anyhow::Result;
use moldau_protocol::records::{BatchBuilder, Compression};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// A batch and what is in it.
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    /// Bytes that it would have without compression.
    pub(crate) plain_bytes: usize,
    pub(crate) records: usize,
}

/// A batch of about `bytes` before compression, of records of `record` bytes.
pub(crate) fn batch(bytes: usize, record: usize, codec: Compression) -> Result<Batch> {
    let mut random = SmallRng::seed_from_u64(1);
    let mut builder = BatchBuilder::new().compression(codec, None);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis() as i64;
    while builder.record_count() == 0 || builder.uncompressed_size() + record < bytes {
        let mut value = String::with_capacity(record + 16);
        while value.len() < record {
            let _ = write!(value, "{:x} ", random.random_range(0..4096));
        }
        builder.append(now, None, Some(&value.as_bytes()[..record]), &[])?;
    }
    let (records, plain_bytes) = (builder.record_count(), builder.uncompressed_size());
    Ok(Batch { bytes: builder.build()?, plain_bytes, records })
}
