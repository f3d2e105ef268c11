//! Walking over the batches of a segment file, through a window that is read with few system calls.

use std::fs::File;
use std::io;

use moldau_protocol::records::{
    BATCH_HEADER_LEN, BatchHeader, BatchView, LOG_OVERHEAD, MAGIC_OFFSET, RecordsError,
};

use crate::files::hurry::read_at;

/// Window for finding one batch.
pub(crate) const SMALL_WINDOW: usize = 4 << 10;
/// Window for reading a whole segment.
pub(crate) const LARGE_WINDOW: usize = 256 << 10;

/// A batch found in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoundBatch {
    /// Where it starts.
    pub(crate) position: u64,
    /// Its bytes in all.
    pub(crate) size: u64,
    /// Offset of its first record; of its last one in formats before magic 2.
    pub(crate) base_offset: i64,
    /// Offset of its last record.
    pub(crate) last_offset: i64,
    /// Its largest timestamp, −1 if the format has none.
    pub(crate) max_timestamp: i64,
    /// The parsed header; `None` for formats before magic 2.
    pub(crate) header: Option<BatchHeader>,
}

impl FoundBatch {
    /// The leader epoch in the header.
    pub(crate) fn leader_epoch(&self) -> i32 {
        self.header.map_or(-1, |header| header.partition_leader_epoch)
    }
}

/// Why a walk did not reach the end.
#[derive(Debug)]
pub(crate) enum ScanError {
    /// The file could not be read.
    Io(io::Error),
    /// The last batch is cut off, or what follows is no batch.
    Torn {
        /// Where the sound part ends.
        position: u64,
        /// What was found there.
        reason: String,
    },
}

impl From<io::Error> for ScanError {
    fn from(error: io::Error) -> ScanError {
        ScanError::Io(error)
    }
}

/// See the module.
pub(crate) struct Scanner<'f> {
    file: &'f File,
    position: u64,
    end: u64,
    window: Vec<u8>,
    window_start: u64,
    window_len: usize,
}

impl<'f> Scanner<'f> {
    /// Walks from `start` to `end`, reading about `window` bytes at once.
    pub(crate) fn new(file: &'f File, start: u64, end: u64, window: usize) -> Scanner<'f> {
        Scanner::with_buffer(file, start, end, vec![0; window.max(BATCH_HEADER_LEN)])
    }

    /// Like `new` with a buffer of an earlier walk.
    pub(crate) fn with_buffer(file: &'f File, start: u64, end: u64, mut window: Vec<u8>) -> Scanner<'f> {
        if window.len() < BATCH_HEADER_LEN {
            window.resize(LARGE_WINDOW, 0);
        }
        Scanner { file, position: start, end, window, window_start: start, window_len: 0 }
    }

    /// Gives the buffer back.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.window
    }

    /// Where the next batch is expected.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next batch's header, without a look at its records. `None` at the end.
    pub(crate) fn next_header(&mut self) -> Result<Option<FoundBatch>, ScanError> {
        if self.position >= self.end {
            return Ok(None);
        }
        let found = self.parse()?;
        self.position += found.size;
        Ok(Some(found))
    }

    /// The next batch with all its bytes, its checksum verified.
    pub(crate) fn next_whole(&mut self) -> Result<Option<(FoundBatch, &[u8])>, ScanError> {
        let Some(found) = self.fill_next()? else { return Ok(None) };
        let at = (found.position - self.window_start) as usize;
        let bytes = &self.window[at..at + found.size as usize];
        if let Some(header) = &found.header {
            check(header, bytes)
                .map_err(|error| ScanError::Torn { position: found.position, reason: error.to_string() })?;
        }
        self.position += found.size;
        Ok(Some((found, bytes)))
    }

    /// The next batch with all its bytes, whatever its checksum.
    pub(crate) fn next_unchecked(&mut self) -> Result<Option<(FoundBatch, &[u8])>, ScanError> {
        let Some(found) = self.fill_next()? else { return Ok(None) };
        self.position += found.size;
        let at = (found.position - self.window_start) as usize;
        Ok(Some((found, &self.window[at..at + found.size as usize])))
    }

    /// Parses the next batch and makes the window hold all of it.
    fn fill_next(&mut self) -> Result<Option<FoundBatch>, ScanError> {
        if self.position >= self.end {
            return Ok(None);
        }
        let found = self.parse()?;
        self.fill(found.size as usize)?;
        Ok(Some(found))
    }

    fn torn(&self, reason: impl Into<String>) -> ScanError {
        ScanError::Torn { position: self.position, reason: reason.into() }
    }

    fn parse(&mut self) -> Result<FoundBatch, ScanError> {
        let rest = self.end - self.position;
        if rest < (MAGIC_OFFSET + 1) as u64 {
            return Err(self.torn(format!("{rest} bytes are no batch")));
        }
        self.fill((BATCH_HEADER_LEN as u64).min(rest) as usize)?;
        let at = (self.position - self.window_start) as usize;
        let head = &self.window[at..self.window_len.min(at + BATCH_HEADER_LEN)];
        let found = if head[MAGIC_OFFSET] < 2 {
            parse_legacy(head, self.position)
        } else {
            match BatchHeader::parse(head) {
                Ok(header) => Some(FoundBatch {
                    position: self.position,
                    size: header.size_in_bytes() as u64,
                    base_offset: header.base_offset,
                    last_offset: header.last_offset(),
                    max_timestamp: header.max_timestamp,
                    header: Some(header),
                }),
                Err(error) => return Err(self.torn(error.to_string())),
            }
        };
        let Some(found) = found else {
            return Err(self.torn("a message of an old format with an impossible size"));
        };
        if found.size > rest {
            return Err(self.torn(format!("a batch of {} bytes, {rest} are there", found.size)));
        }
        if found.base_offset < 0 || found.last_offset < found.base_offset {
            return Err(self.torn("a batch with impossible offsets"));
        }
        Ok(found)
    }

    /// Makes the window hold `needed` bytes from `position`; the caller has checked that they are before `end`.
    fn fill(&mut self, needed: usize) -> Result<(), ScanError> {
        let held_end = self.window_start + self.window_len as u64;
        if self.position >= self.window_start && self.position + needed as u64 <= held_end {
            return Ok(());
        }
        if self.window.len() < needed {
            self.window.resize(needed, 0);
        }
        let length = (self.end - self.position).min(self.window.len() as u64) as usize;
        self.window_start = self.position;
        self.window_len = 0;
        while self.window_len < length {
            let at = self.position + self.window_len as u64;
            match read_at(self.file, &mut self.window[self.window_len..length], at) {
                Ok(0) => break,
                Ok(read) => self.window_len += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // In a hurry what is in memory is enough if it has what is needed.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.window_len >= needed => break,
                Err(error) => return Err(error.into()),
            }
        }
        if self.window_len < needed {
            return Err(self.torn("the file ends early"));
        }
        Ok(())
    }
}

fn check(header: &BatchHeader, bytes: &[u8]) -> Result<(), RecordsError> {
    let view = BatchView::parse(bytes)?;
    debug_assert_eq!(view.header, *header);
    view.verify_crc()
}

/// A message of magic 0 or 1: offset (8), size (4), crc (4), magic (1), attributes (1), timestamp (8, magic 1).
fn parse_legacy(head: &[u8], position: u64) -> Option<FoundBatch> {
    let offset = i64::from_be_bytes(*head.first_chunk()?);
    let size = i32::from_be_bytes(head.get(8..12)?.try_into().ok()?);
    let least = if head[MAGIC_OFFSET] == 0 { 14 } else { 22 };
    if size < least {
        return None;
    }
    let max_timestamp =
        if head[MAGIC_OFFSET] == 1 { i64::from_be_bytes(head.get(18..26)?.try_into().ok()?) } else { -1 };
    Some(FoundBatch {
        position,
        size: LOG_OVERHEAD as u64 + size as u64,
        base_offset: offset,
        last_offset: offset,
        max_timestamp,
        header: None,
    })
}

/// The first batch from `start` on that ends at or after `offset`.
pub(crate) fn locate(
    file: &File,
    start: u64,
    end: u64,
    offset: i64,
) -> Result<Option<FoundBatch>, ScanError> {
    let mut scanner = Scanner::new(file, start, end, SMALL_WINDOW.min((end - start) as usize));
    while let Some(found) = scanner.next_header()? {
        if found.last_offset >= offset {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
