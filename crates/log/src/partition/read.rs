//! Reading: a stretch of a segment file that begins with the batch of an offset, ready for `sendfile`.
//!
//! At the end of the log no system call is made. Elsewhere the offset index is searched and the batches from its entry
//! on are walked to the one that is wanted, outside all locks.

use std::fs::File;
use std::sync::Arc;

use moldau_types::Offset;

use super::{PartitionLog, View};
use crate::error::{ReadError, StorageError};
use crate::files::LOG_SUFFIX;
use crate::files::hurry::hurried;
use crate::index::floor;
use crate::index::txn::AbortedTransaction;
use crate::scan::{self, ScanError};
use crate::segment::Segment;

/// Bytes at the end of the active segment that are taken to be in the page cache still.
const NEAR_END_BYTES: u64 = 16 << 20;

/// How far a read may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadUpTo {
    /// Everything: followers.
    LogEnd,
    /// What is on all in-sync replicas: consumers.
    HighWatermark,
    /// What belongs to no open transaction: consumers of committed data.
    LastStable,
}

/// Bytes in a file. They stay readable while the `Arc` lives, even if the segment is deleted.
#[derive(Clone, Debug)]
pub struct FileSlice {
    /// The segment's file.
    pub file: Arc<File>,
    /// Where the bytes start.
    pub position: u64,
    /// How many there are.
    pub len: usize,
}

/// Where a read began, for `fetch.min.bytes` of a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPosition {
    /// The offset asked for.
    pub offset: Offset,
    /// Base offset of the segment.
    pub segment_base_offset: Offset,
    /// Position in the segment's file.
    pub position: u64,
}

/// What a read found.
#[derive(Clone, Debug)]
pub struct LogRead {
    /// Whole batches, except that the last may be cut off; `None` if there is nothing to read (yet).
    pub slice: Option<FileSlice>,
    /// Where it began.
    pub start: LogPosition,
    /// First offset that is not on all in-sync replicas.
    pub high_watermark: Offset,
    /// First offset that readers of committed data must not see yet.
    pub last_stable_offset: Offset,
    /// First offset that can be read.
    pub log_start_offset: Offset,
    /// Offset that the next record gets.
    pub log_end_offset: Offset,
    /// Aborted transactions in the data, ascending by first offset; only filled with [`ReadUpTo::LastStable`].
    pub aborted: Vec<AbortedTransaction>,
    /// The data is in a segment that gets no more of it.
    pub in_closed_segment: bool,
    /// The data was written or read by this process a moment ago: it is in the page cache.
    pub near_end: bool,
}

/// The part of a segment that a read may give.
struct Window {
    segment: Arc<Segment>,
    is_active: bool,
    /// Where the search for the offset begins, or its place if that is known.
    start: Start,
    /// End of the readable bytes; `None` if it has to be searched, from this hint on.
    end: Result<u64, Start>,
    warm_from: u64,
}

#[derive(Clone, Copy)]
enum Start {
    /// The batch, with its size.
    Exact(u64, u64),
    /// A batch boundary at or before it.
    AtLeast(u64),
    /// The index file knows.
    Index,
}

impl PartitionLog {
    /// Reads from the batch that holds `from` on, at most `max_bytes`. With `min_one_batch` the first batch is given
    /// whole even if it is larger; without it, a first batch that does not fit gives nothing.
    pub fn read(
        &self,
        from: Offset,
        max_bytes: usize,
        up_to: ReadUpTo,
        min_one_batch: bool,
    ) -> Result<LogRead, ReadError> {
        self.place.load().directory.check()?;
        self.used.store(true, std::sync::atomic::Ordering::Relaxed);
        let (mut read, limit, window) = {
            let view = self.view.lock();
            let offsets = view.offsets();
            if from < offsets.log_start || from > offsets.log_end {
                return Err(ReadError::OffsetOutOfRange {
                    offset: from,
                    log_start: offsets.log_start,
                    log_end: offsets.log_end,
                });
            }
            let limit = match up_to {
                ReadUpTo::LogEnd => offsets.log_end,
                ReadUpTo::HighWatermark => offsets.high_watermark,
                ReadUpTo::LastStable => offsets.last_stable,
            };
            let number = view.segment_of(from.0);
            let segment = &view.segments[number];
            let read = LogRead {
                slice: None,
                start: LogPosition {
                    offset: from,
                    segment_base_offset: Offset(segment.base_offset),
                    position: segment.size(),
                },
                high_watermark: offsets.high_watermark,
                last_stable_offset: offsets.last_stable,
                log_start_offset: offsets.log_start,
                log_end_offset: offsets.log_end,
                aborted: Vec::new(),
                in_closed_segment: false,
                near_end: true,
            };
            if from >= limit {
                return Ok(read);
            }
            (read, limit.0, view.window(number, from.0, limit.0))
        };
        let mut window = Some(window);
        while let Some(at) = window {
            match self.read_window(&at, from.0, limit, max_bytes, min_one_batch)? {
                Some((slice, position)) => {
                    read.start.segment_base_offset = Offset(at.segment.base_offset);
                    read.start.position = position;
                    let size = at.segment.size();
                    read.near_end = at.is_active
                        && position >= at.warm_from
                        && size - position.min(size) <= NEAR_END_BYTES;
                    if up_to == ReadUpTo::LastStable {
                        let upper = self.upper_bound(&at, &slice, limit)?;
                        read.aborted = self.aborted_transactions(from, Offset(upper))?;
                    }
                    read.slice = (slice.len > 0).then_some(slice);
                    read.in_closed_segment = !at.is_active && read.slice.is_some();
                    return Ok(read);
                }
                // The offset lies behind the last batch of its segment: compaction took what was there.
                None => {
                    let view = self.view.lock();
                    // Since the view was looked at the log may have moved or lost segments: then the search begins again.
                    let number = view.segment_of(at.segment.base_offset);
                    let same = Arc::ptr_eq(&view.segments[number], &at.segment);
                    let next = if same { number + 1 } else { view.segment_of(from.0) };
                    window = (next < view.segments.len()).then(|| view.window(next, from.0, limit));
                }
            }
        }
        Ok(read)
    }

    /// As [`read`](Self::read), but on memory alone: `None` if it would have to wait for the disk, or take long.
    pub fn read_at_once(
        &self,
        from: Offset,
        max_bytes: usize,
        up_to: ReadUpTo,
        min_one_batch: bool,
    ) -> Result<Option<LogRead>, ReadError> {
        match hurried(|| self.read(from, max_bytes, up_to, min_one_batch)) {
            Err(ReadError::Storage(StorageError::Io { source, .. }))
                if source.kind() == std::io::ErrorKind::WouldBlock =>
            {
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    fn read_window(
        &self,
        window: &Window,
        from: i64,
        limit: i64,
        max_bytes: usize,
        min_one_batch: bool,
    ) -> Result<Option<(FileSlice, u64)>, StorageError> {
        let segment = &window.segment;
        let size = segment.size();
        let Some((position, first_size)) = self.place(segment, window.start, from, size)? else {
            return Ok(None);
        };
        let end = match window.end {
            Ok(end) => end,
            Err(hint) => self.place(segment, hint, limit, size)?.map_or(size, |(position, _)| position),
        };
        let file = segment.file().map_err(|error| self.observe(error))?;
        let available = end.saturating_sub(position);
        let mut len = available.min(max_bytes as u64);
        if len < first_size && len < available {
            len = if min_one_batch { first_size.min(available) } else { 0 };
        }
        Ok(Some((FileSlice { file, position, len: len as usize }, position)))
    }

    /// Position and size of the first batch that ends at or after `offset`.
    fn place(
        &self,
        segment: &Segment,
        start: Start,
        offset: i64,
        size: u64,
    ) -> Result<Option<(u64, u64)>, StorageError> {
        let from = match start {
            Start::Exact(position, batch) => return Ok(Some((position, batch))),
            Start::AtLeast(position) => position,
            Start::Index => segment.floor_position(offset).map_err(|error| self.observe(error))?,
        };
        let located = self.locate(segment, from, size, offset)?;
        Ok(located.map(|found| (found.position, found.size)))
    }

    pub(super) fn locate(
        &self,
        segment: &Segment,
        from: u64,
        size: u64,
        offset: i64,
    ) -> Result<Option<scan::FoundBatch>, StorageError> {
        if from >= size {
            return Ok(None);
        }
        let file = segment.file().map_err(|error| self.observe(error))?;
        match scan::locate(&file, from, size, offset) {
            Ok(found) => Ok(found),
            Err(ScanError::Io(error)) => {
                Err(self.observe(StorageError::io("reading", &segment.path(LOG_SUFFIX), error)))
            }
            // The index pointed into a batch, or the file is damaged: the walk from the start tells.
            Err(ScanError::Torn { .. }) if from > 0 => self.locate(segment, 0, size, offset),
            Err(ScanError::Torn { position, reason }) => {
                let path = segment.path(LOG_SUFFIX);
                Err(StorageError::corrupt(&path, format!("at byte {position}: {reason}")))
            }
        }
    }

    /// An offset at or behind the end of the slice, as the offset index knows it.
    fn upper_bound(&self, window: &Window, slice: &FileSlice, limit: i64) -> Result<i64, StorageError> {
        let segment = &window.segment;
        let end = slice.position + slice.len as u64;
        if end >= segment.size() {
            return Ok(limit);
        }
        let path = || segment.path(crate::files::INDEX_SUFFIX);
        let failed = |error| self.observe(StorageError::io("reading", &path(), error));
        let after =
            segment.offsets.partition_point(path, |entry| u64::from(entry.position) < end).map_err(failed)?;
        let upper = segment.offsets.get(path, after).map_err(failed)?;
        Ok(upper.map_or(limit, |entry| limit.min(segment.base_offset + i64::from(entry.relative_offset))))
    }

    /// Transactions that were aborted and touch offsets from `from` up to, not including, `to`; ascending by first
    /// offset.
    pub fn aborted_transactions(
        &self,
        from: Offset,
        to: Offset,
    ) -> Result<Vec<AbortedTransaction>, StorageError> {
        let segments: Vec<Arc<Segment>> = {
            let view = self.view.lock();
            let first = view.segment_of(from.0);
            view.segments[first..].iter().filter(|segment| segment.has_aborted()).cloned().collect()
        };
        let mut aborted = Vec::new();
        'segments: for segment in segments {
            for entry in segment.aborted().map_err(|error| self.observe(error))? {
                if entry.last_offset >= from && entry.first_offset < to {
                    aborted.push(entry);
                }
                if entry.last_stable_offset >= to {
                    break 'segments;
                }
            }
        }
        aborted.sort_unstable_by_key(|entry| (entry.first_offset, entry.producer_id));
        Ok(aborted)
    }
}

impl View {
    /// What a read of `from` up to `limit` needs to know of a segment, found without a system call.
    fn window(&self, number: usize, from: i64, limit: i64) -> Window {
        let segment = Arc::clone(&self.segments[number]);
        let is_active = number + 1 == self.segments.len();
        let next_base = self.segments.get(number + 1).map_or(i64::MAX, |next| next.base_offset);
        let size = segment.size();
        let search = |offset: i64| {
            if !is_active {
                return Start::Index;
            }
            if let Some(place) = self.tail.find(offset) {
                return Start::Exact(place.position, place.size);
            }
            match floor(&self.pending.offsets, offset - segment.base_offset) {
                Some(entry) => Start::AtLeast(u64::from(entry.position)),
                None => Start::Index,
            }
        };
        let end = if limit >= self.log_end || limit >= next_base {
            Ok(size)
        } else {
            match search(limit) {
                Start::Exact(position, _) => Ok(position),
                hint => Err(hint),
            }
        };
        Window { start: search(from), end, segment, is_active, warm_from: self.warm_from }
    }
}
