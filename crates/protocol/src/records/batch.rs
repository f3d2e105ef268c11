//! Walking over the batches in a stretch of bytes, as a segment, a produce request or a fetch answer has it.

use super::RecordsError;
use super::checksum::crc32c;
use super::header::{ATTRIBUTES_OFFSET, BATCH_HEADER_LEN, BatchHeader, LOG_OVERHEAD};

/// One whole batch of magic 2, borrowed. Its bytes were not checked beyond the header's plausibility.
#[derive(Clone, Copy, Debug)]
pub struct BatchView<'a> {
    /// The parsed header.
    pub header: BatchHeader,
    bytes: &'a [u8],
}

impl<'a> BatchView<'a> {
    /// The batch at the start of `bytes`, which may go on after it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RecordsError> {
        let header = BatchHeader::parse(bytes)?;
        let size = header.size_in_bytes();
        let Some(bytes) = bytes.get(..size) else {
            return Err(RecordsError::Truncated { needed: size, available: bytes.len() });
        };
        Ok(BatchView { header, bytes })
    }

    /// All bytes of the batch.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes after the header: the records, compressed if the header says so.
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[BATCH_HEADER_LEN..]
    }

    /// Compares the stored checksum with the bytes.
    #[inline]
    pub fn verify_crc(&self) -> Result<(), RecordsError> {
        let computed = crc32c(&self.bytes[ATTRIBUTES_OFFSET..]);
        if computed == self.header.crc {
            Ok(())
        } else {
            Err(RecordsError::CrcMismatch { stored: self.header.crc, computed })
        }
    }
}

/// The batches of `bytes`, in order. Checksums are not verified.
pub fn batches(bytes: &[u8]) -> Batches<'_> {
    Batches { bytes, position: 0, failed: false }
}

/// Iterator of [`batches`]: ends before a batch that is cut off (see [`Batches::remainder`]), and after the first error.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    bytes: &'a [u8],
    position: usize,
    failed: bool,
}

impl<'a> Batches<'a> {
    /// Where the next batch starts.
    pub fn position(&self) -> usize {
        self.position
    }

    /// What was not given out yet; after the end, the bytes of a cut-off or unreadable batch.
    pub fn remainder(&self) -> &'a [u8] {
        &self.bytes[self.position..]
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<BatchView<'a>, RecordsError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.remainder();
        if self.failed || rest.len() < LOG_OVERHEAD {
            return None;
        }
        match BatchView::parse(rest) {
            Ok(view) => {
                self.position += view.bytes.len();
                Some(Ok(view))
            }
            Err(RecordsError::Truncated { .. }) => None,
            Err(error) => {
                self.failed = true;
                Some(Err(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::header::update_crc;
    use super::*;

    fn empty_batch(base_offset: i64) -> [u8; BATCH_HEADER_LEN] {
        let mut bytes = [0; BATCH_HEADER_LEN];
        bytes[0..8].copy_from_slice(&base_offset.to_be_bytes());
        bytes[8..12].copy_from_slice(&49i32.to_be_bytes());
        bytes[16] = 2;
        update_crc(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_cut_off_batch_ends_the_walk_and_stays_in_the_remainder() {
        let mut data = Vec::new();
        data.extend_from_slice(&empty_batch(0));
        data.extend_from_slice(&empty_batch(1));
        data.extend_from_slice(&empty_batch(2)[..30]);
        let mut walk = batches(&data);
        let offsets: Vec<i64> = walk.by_ref().map(|b| b.unwrap().header.base_offset).collect();
        assert_eq!(offsets, [0, 1]);
        assert_eq!(walk.position(), 122);
        assert_eq!(walk.remainder().len(), 30);
    }

    #[test]
    fn an_unreadable_batch_is_an_error_and_then_the_end() {
        let mut data = empty_batch(0).to_vec();
        data.extend_from_slice(&empty_batch(1));
        data[61 + 16] = 7;
        let mut walk = batches(&data);
        walk.next().unwrap().unwrap().verify_crc().unwrap();
        assert_eq!(walk.next().unwrap().unwrap_err(), RecordsError::UnsupportedMagic(7));
        assert!(walk.next().is_none());
    }

    #[test]
    fn a_flipped_bit_is_found_by_the_checksum() {
        let mut data = empty_batch(0);
        data[40] ^= 1;
        assert!(matches!(
            BatchView::parse(&data).unwrap().verify_crc(),
            Err(RecordsError::CrcMismatch { .. })
        ));
    }
}
