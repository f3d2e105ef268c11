//! One segment: a file of batches from its base offset on, with its indexes.
//!
//! Shared by readers and the writer. The writer alone changes the size and the index entries of the active segment;
//! a closed segment only changes by being replaced. Files open when first needed and close again while idle.

use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use crate::error::StorageError;
use crate::files::hurry::takes_time;
use crate::files::{
    DELETED_SUFFIX, INDEX_SUFFIX, LOG_SUFFIX, LazyFile, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, file_name,
};
use crate::index::txn::{self, AbortedTransaction};
use crate::index::{DiskIndex, IndexEntry, OffsetEntry, TimeEntry};
use crate::scan::{LARGE_WINDOW, SMALL_WINDOW, ScanError, Scanner};

/// The directory of a partition; its name changes when the partition is deleted or moved.
#[derive(Debug)]
pub(crate) struct Home(RwLock<PathBuf>);

impl Home {
    pub(crate) fn new(path: PathBuf) -> Home {
        Home(RwLock::new(path))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.read().clone()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.read().join(name)
    }

    /// Renames the directory, keeping out whoever is about to open a file in it.
    pub(crate) fn rename(&self, to: PathBuf) -> Result<(), StorageError> {
        let mut path = self.0.write();
        std::fs::rename(&*path, &to).map_err(|e| StorageError::io("renaming", &path, e))?;
        *path = to;
        Ok(())
    }
}

/// A timestamp and the offset of the last record of the batch that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimestampOffset {
    pub(crate) timestamp: i64,
    pub(crate) offset: i64,
}

impl TimestampOffset {
    pub(crate) const NONE: TimestampOffset = TimestampOffset { timestamp: -1, offset: -1 };
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Offset in the files' names; no batch in it begins before.
    pub(crate) base_offset: i64,
    home: Arc<Home>,
    log: LazyFile,
    size: AtomicU64,
    pub(crate) offsets: DiskIndex<OffsetEntry>,
    pub(crate) times: DiskIndex<TimeEntry>,
    /// The largest timestamp; `None` until it was looked up.
    largest: Mutex<Option<TimestampOffset>>,
    /// Whether there may be a transaction index.
    has_aborted: AtomicBool,
    /// The files have `.deleted` behind their names.
    deleted: AtomicBool,
    /// Held while the indexes are loaded or rebuilt.
    loading: Mutex<()>,
}

impl Segment {
    /// A segment whose log file is there with `size` sound bytes; nothing is opened.
    pub(crate) fn existing(home: Arc<Home>, base_offset: i64, size: u64, has_aborted: bool) -> Segment {
        Segment {
            base_offset,
            home,
            log: LazyFile::default(),
            size: AtomicU64::new(size),
            offsets: DiskIndex::unread(),
            times: DiskIndex::unread(),
            largest: Mutex::new(None),
            has_aborted: AtomicBool::new(has_aborted),
            deleted: AtomicBool::new(false),
            loading: Mutex::new(()),
        }
    }

    /// Makes an empty segment, replacing whatever has its name. Its index files are there from the beginning, empty: who reads the
    /// directory, such as Kafka's dump tool, looks for them. A failure leaves no file of it: an empty one would stand between
    /// the records before it and those that the old segment takes instead.
    pub(crate) fn create(
        home: Arc<Home>,
        base_offset: i64,
        preallocate: u64,
    ) -> Result<Segment, StorageError> {
        let created = Self::create_files(&home, base_offset, preallocate);
        let file = created.inspect_err(|_| {
            for suffix in [LOG_SUFFIX, INDEX_SUFFIX, TIME_INDEX_SUFFIX] {
                let _ = std::fs::remove_file(home.join(&file_name(base_offset, suffix)));
            }
        })?;
        let segment = Segment {
            offsets: DiskIndex::empty(),
            times: DiskIndex::empty(),
            largest: Mutex::new(Some(TimestampOffset::NONE)),
            ..Segment::existing(home, base_offset, 0, false)
        };
        segment.log.set(file);
        Ok(segment)
    }

    /// Makes the files of an empty segment, the log file last: a segment is there when that is.
    fn create_files(home: &Home, base_offset: i64, preallocate: u64) -> Result<File, StorageError> {
        for suffix in [INDEX_SUFFIX, TIME_INDEX_SUFFIX] {
            let path = home.join(&file_name(base_offset, suffix));
            File::create(&path).map_err(|e| StorageError::io("creating", &path, e))?;
        }
        let path = home.join(&file_name(base_offset, LOG_SUFFIX));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(|e| StorageError::io("creating", &path, e))?;
        if preallocate > 0 {
            file.set_len(preallocate).map_err(|e| StorageError::io("preallocating", &path, e))?;
        }
        Ok(file)
    }

    /// Sound bytes in the log file.
    pub(crate) fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    pub(crate) fn set_size(&self, size: u64) {
        self.size.store(size, Ordering::Release);
    }

    /// Path of one of the segment's files.
    pub(crate) fn path(&self, suffix: &str) -> PathBuf {
        let mut name = file_name(self.base_offset, suffix);
        if self.deleted.load(Ordering::Acquire) {
            name.push_str(DELETED_SUFFIX);
        }
        self.home.join(&name)
    }

    /// The log file, open for reading and writing.
    pub(crate) fn file(&self) -> Result<Arc<File>, StorageError> {
        match self.log.get(|| self.path(LOG_SUFFIX)) {
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && !self.deleted.load(Ordering::Acquire) =>
            {
                // It may have been renamed a moment ago: the segment is being deleted.
                let name = file_name(self.base_offset, LOG_SUFFIX) + DELETED_SUFFIX;
                self.log.get(|| self.home.join(&name)).map_err(|_| error)
            }
            result => result,
        }
        .map_err(|e| StorageError::io("opening", &self.path(LOG_SUFFIX), e))
    }

    /// Closes the files; they open again when needed.
    pub(crate) fn release(&self) {
        self.log.release();
        self.offsets.release();
        self.times.release();
    }

    pub(crate) fn set_largest(&self, largest: TimestampOffset) {
        *self.largest.lock() = Some(largest);
    }

    /// The largest timestamp in the segment, from the time index's last entry if it is not known yet.
    pub(crate) fn largest(&self) -> Result<TimestampOffset, StorageError> {
        if let Some(known) = *self.largest.lock() {
            return Ok(known);
        }
        self.load_indexes()?;
        let path = || self.path(TIME_INDEX_SUFFIX);
        let last = self.times.last(path).map_err(|e| StorageError::io("reading", &path(), e))?;
        let largest = last.map_or(TimestampOffset::NONE, |entry| TimestampOffset {
            timestamp: entry.timestamp,
            offset: self.base_offset + i64::from(entry.relative_offset),
        });
        *self.largest.lock() = Some(largest);
        Ok(largest)
    }

    /// Makes the number of index entries known, rebuilding indexes that are absent or cannot be right. Only for closed
    /// segments: those of the active one are as long as they may become.
    pub(crate) fn load_indexes(&self) -> Result<(), StorageError> {
        if self.offsets.known_len().is_some() && self.times.known_len().is_some() {
            return Ok(());
        }
        let _loading = self.loading.lock();
        if self.offsets.known_len().is_some() && self.times.known_len().is_some() {
            return Ok(());
        }
        let size = self.size();
        let sound = self
            .offsets
            .load(
                || self.path(INDEX_SUFFIX),
                |last| last.relative_offset > 0 && u64::from(last.position) < size,
            )
            .map_err(|e| StorageError::io("reading", &self.path(INDEX_SUFFIX), e))?
            && self
                .times
                .load(|| self.path(TIME_INDEX_SUFFIX), |last| last.timestamp >= 0 && size > 0)
                .map_err(|e| StorageError::io("reading", &self.path(TIME_INDEX_SUFFIX), e))?
            && (size == 0 || self.times.known_len() != Some(0) || self.lacks_timestamps()?);
        if !sound {
            self.rebuild_indexes()?;
        }
        Ok(())
    }

    /// Whether the segment's first batch and those behind the last entry of the offset index have no timestamps: then an empty
    /// time index is no damage.
    fn lacks_timestamps(&self) -> Result<bool, StorageError> {
        let path = || self.path(INDEX_SUFFIX);
        let last = self.offsets.last(path).map_err(|e| StorageError::io("reading", &path(), e))?;
        let tail = last.map_or(0, |entry| u64::from(entry.position));
        let file = self.file()?;
        for (start, batches) in [(0, 1), (tail, usize::MAX)] {
            let mut scanner = Scanner::new(&file, start, self.size(), SMALL_WINDOW);
            for _ in 0..batches {
                match scanner.next_header() {
                    Ok(Some(found)) if found.max_timestamp < 0 => {}
                    Ok(None) => break,
                    Ok(Some(_)) | Err(ScanError::Torn { .. }) => return Ok(false),
                    Err(ScanError::Io(error)) => {
                        return Err(StorageError::io("reading", &self.path(LOG_SUFFIX), error));
                    }
                }
            }
        }
        Ok(true)
    }

    /// Writes both indexes anew from the batches.
    fn rebuild_indexes(&self) -> Result<(), StorageError> {
        takes_time().map_err(|e| StorageError::io("reading", &self.path(LOG_SUFFIX), e))?;
        tracing::warn!(segment = %self.path(LOG_SUFFIX).display(), "rebuilding absent or damaged indexes");
        let mut builder = IndexBuilder::new(self.base_offset, 4096);
        let (mut offsets, mut times) = (Vec::new(), Vec::new());
        let file = self.file()?;
        let mut scanner = Scanner::new(&file, 0, self.size(), LARGE_WINDOW);
        loop {
            match scanner.next_header() {
                Ok(Some(found)) => {
                    let (offset, time) =
                        builder.add(found.position, found.size, found.last_offset, found.max_timestamp);
                    offsets.extend(offset);
                    times.extend(time);
                }
                Ok(None) => break,
                Err(ScanError::Io(error)) => {
                    return Err(StorageError::io("reading", &self.path(LOG_SUFFIX), error));
                }
                Err(ScanError::Torn { position, reason }) => {
                    let path = self.path(LOG_SUFFIX);
                    return Err(StorageError::corrupt(&path, format!("at byte {position}: {reason}")));
                }
            }
        }
        times.extend(builder.last_time_entry());
        self.replace_index(&self.offsets, INDEX_SUFFIX, &offsets)?;
        self.replace_index(&self.times, TIME_INDEX_SUFFIX, &times)?;
        *self.largest.lock() = Some(builder.largest);
        Ok(())
    }

    fn replace_index<E: IndexEntry>(
        &self,
        index: &DiskIndex<E>,
        suffix: &str,
        entries: &[E],
    ) -> Result<(), StorageError> {
        let path = self.path(suffix);
        index.release();
        index.keep(0);
        let written = match entries.is_empty() {
            true => Ok(()),
            false => index.append(&path, entries, 0),
        };
        written.and_then(|()| index.trim(&path)).map_err(|e| StorageError::io("writing", &path, e))
    }

    /// Where to begin a search for `offset` in the log file: a batch boundary at or before its batch, as far as the
    /// index files know.
    pub(crate) fn floor_position(&self, offset: i64) -> Result<u64, StorageError> {
        self.load_indexes()?;
        let path = || self.path(INDEX_SUFFIX);
        let found = self
            .offsets
            .floor(path, offset.saturating_sub(self.base_offset))
            .map_err(|e| StorageError::io("reading", &path(), e))?;
        Ok(found.map_or(0, |entry| u64::from(entry.position)))
    }

    /// The transactions whose abort markers are in this segment.
    pub(crate) fn aborted(&self) -> Result<Vec<AbortedTransaction>, StorageError> {
        if !self.has_aborted.load(Ordering::Acquire) {
            return Ok(Vec::new());
        }
        let path = self.path(TXN_INDEX_SUFFIX);
        match txn::read(&path).map_err(|e| StorageError::io("reading", &path, e))? {
            Some(entries) => Ok(entries),
            None => Err(StorageError::corrupt(&path, "not a transaction index")),
        }
    }

    /// Adds an aborted transaction.
    pub(crate) fn add_aborted(&self, entry: &AbortedTransaction) -> Result<(), StorageError> {
        let path = self.path(TXN_INDEX_SUFFIX);
        txn::append(&path, entry).map_err(|e| StorageError::io("writing", &path, e))?;
        self.has_aborted.store(true, Ordering::Release);
        Ok(())
    }

    /// Replaces the aborted transactions.
    pub(crate) fn set_aborted(&self, entries: &[AbortedTransaction]) -> Result<(), StorageError> {
        let path = self.path(TXN_INDEX_SUFFIX);
        txn::replace(&path, entries).map_err(|e| StorageError::io("writing", &path, e))?;
        self.has_aborted.store(!entries.is_empty(), Ordering::Release);
        Ok(())
    }

    pub(crate) fn has_aborted(&self) -> bool {
        self.has_aborted.load(Ordering::Acquire)
    }

    /// Notes that the files were renamed to end with `.deleted`.
    pub(crate) fn mark_deleted(&self) {
        self.deleted.store(true, Ordering::Release);
    }

    /// Every suffix of a file that the segment may have.
    pub(crate) const SUFFIXES: [&str; 4] = [LOG_SUFFIX, INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX];
}

/// Decides which batches of a segment get index entries; the same rule at an append, in recovery and after compaction.
#[derive(Clone, Debug)]
pub(crate) struct IndexBuilder {
    base_offset: i64,
    interval: u64,
    bytes_since_entry: u64,
    last_time: i64,
    /// The largest timestamp so far.
    pub(crate) largest: TimestampOffset,
}

impl IndexBuilder {
    /// For an empty segment.
    pub(crate) fn new(base_offset: i64, interval: u32) -> IndexBuilder {
        IndexBuilder {
            base_offset,
            interval: u64::from(interval),
            bytes_since_entry: 0,
            last_time: -1,
            largest: TimestampOffset::NONE,
        }
    }

    /// For a segment that goes on: its largest timestamp and the last one in its time index.
    pub(crate) fn resume(
        base_offset: i64,
        interval: u32,
        largest: TimestampOffset,
        last_time: i64,
    ) -> IndexBuilder {
        IndexBuilder { last_time, largest, ..IndexBuilder::new(base_offset, interval) }
    }

    pub(crate) fn set_interval(&mut self, interval: u32) {
        self.interval = u64::from(interval);
    }

    /// Counts the bytes to the next entry from here on, as the reference does when it opens a log.
    pub(crate) fn restart_interval(&mut self) {
        self.bytes_since_entry = 0;
    }

    /// Notes a batch and gives the entries it gets.
    pub(crate) fn add(
        &mut self,
        position: u64,
        size: u64,
        last_offset: i64,
        max_timestamp: i64,
    ) -> (Option<OffsetEntry>, Option<TimeEntry>) {
        if max_timestamp > self.largest.timestamp {
            self.largest = TimestampOffset { timestamp: max_timestamp, offset: last_offset };
        }
        let mut entries = (None, None);
        if self.bytes_since_entry > self.interval {
            entries.0 = Some(OffsetEntry {
                relative_offset: (last_offset - self.base_offset) as u32,
                position: position as u32,
            });
            entries.1 = self.last_time_entry();
            self.bytes_since_entry = 0;
        }
        self.bytes_since_entry += size;
        entries
    }

    /// The time index entry that a flush, a roll or a close adds, if the largest timestamp has none yet.
    pub(crate) fn last_time_entry(&mut self) -> Option<TimeEntry> {
        if self.largest.timestamp <= self.last_time {
            return None;
        }
        self.last_time = self.largest.timestamp;
        Some(TimeEntry {
            timestamp: self.largest.timestamp,
            relative_offset: (self.largest.offset - self.base_offset) as u32,
        })
    }
}
