//! Putting compacted segments in the place of old ones.
//!
//! A [`CleanedSegment`] is written beside the log under names that end in `.cleaned`. [`PartitionLog::replace_segments`]
//! then renames its files to `….swap`, takes the old ones away and gives it its names. While a `….cleaned` file of it is
//! left nothing has happened, and opening the log after a crash removes what is there; after that, opening finishes it.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::PartitionLog;
use crate::error::StorageError;
use crate::files::{
    CLEANED_SUFFIX, INDEX_SUFFIX, LOG_SUFFIX, SWAP_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, file_name,
    sync_dir,
};
use crate::index::txn::{self, AbortedTransaction};
use crate::index::{IndexEntry, OffsetEntry, TimeEntry};
use crate::segment::{IndexBuilder, Segment};

/// A segment in the making.
pub(crate) struct CleanedSegment {
    home: PathBuf,
    base_offset: i64,
    out: BufWriter<File>,
    position: u64,
    index: IndexBuilder,
    offsets: Vec<OffsetEntry>,
    times: Vec<TimeEntry>,
    aborted: Vec<AbortedTransaction>,
}

/// Every suffix of a segment's files, the log file last.
const SUFFIXES: [&str; 4] = [INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, LOG_SUFFIX];

impl CleanedSegment {
    /// Bytes written so far.
    pub(crate) fn size(&self) -> u64 {
        self.position
    }

    fn path(&self, suffix: &str, end: &str) -> PathBuf {
        self.home.join(file_name(self.base_offset, suffix) + end)
    }

    /// Adds a whole batch. Its offsets must be behind those before it.
    pub(crate) fn append(
        &mut self,
        batch: &[u8],
        last_offset: i64,
        max_timestamp: i64,
    ) -> Result<(), StorageError> {
        let size = batch.len() as u64;
        self.out
            .write_all(batch)
            .map_err(|e| StorageError::io("writing", &self.path(LOG_SUFFIX, CLEANED_SUFFIX), e))?;
        let (offset, time) = self.index.add(self.position, size, last_offset, max_timestamp);
        self.offsets.extend(offset);
        self.times.extend(time);
        self.position += size;
        Ok(())
    }

    /// Keeps an aborted transaction, some of whose records are still there.
    pub(crate) fn keep_aborted(&mut self, entry: AbortedTransaction) {
        self.aborted.push(entry);
    }

    /// Removes what was written.
    pub(crate) fn discard(self) {
        for suffix in SUFFIXES {
            let _ = std::fs::remove_file(self.path(suffix, CLEANED_SUFFIX));
        }
    }

    /// Writes the indexes and syncs everything.
    fn finish(&mut self) -> Result<(), StorageError> {
        let path = self.path(LOG_SUFFIX, CLEANED_SUFFIX);
        self.out
            .flush()
            .and_then(|()| self.out.get_ref().sync_data())
            .map_err(|e| StorageError::io("writing", &path, e))?;
        self.times.extend(self.index.last_time_entry());
        write_entries(self.path(INDEX_SUFFIX, CLEANED_SUFFIX), &self.offsets)?;
        write_entries(self.path(TIME_INDEX_SUFFIX, CLEANED_SUFFIX), &self.times)?;
        let path = self.path(TXN_INDEX_SUFFIX, CLEANED_SUFFIX);
        txn::replace(&path, &self.aborted)
            .and_then(|()| if self.aborted.is_empty() { Ok(()) } else { File::open(&path)?.sync_all() })
            .map_err(|e| StorageError::io("writing", &path, e))
    }

    /// Renames the files that are there from one ending to another, the log file last on the way to `.swap` and first
    /// on the way to its name.
    fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        let mut suffixes = SUFFIXES;
        if to.is_empty() {
            suffixes.reverse();
        }
        for suffix in suffixes {
            let path = self.path(suffix, from);
            match std::fs::rename(&path, self.path(suffix, to)) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && suffix == TXN_INDEX_SUFFIX => {}
                Err(error) => return Err(StorageError::io("renaming", &path, error)),
                Ok(()) => {}
            }
        }
        Ok(())
    }
}

fn write_entries<E: IndexEntry>(path: PathBuf, entries: &[E]) -> Result<(), StorageError> {
    let mut bytes = Vec::with_capacity(entries.len() * E::SIZE);
    for entry in entries {
        entry.write(&mut bytes);
    }
    File::create(&path)
        .and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_data()
        })
        .map_err(|e| StorageError::io("writing", &path, e))
}

impl PartitionLog {
    /// Begins a segment that is to take the place of others from `base_offset` on.
    pub(crate) fn begin_cleaned(&self, base_offset: i64) -> Result<CleanedSegment, StorageError> {
        let home = self.path();
        let path = home.join(file_name(base_offset, LOG_SUFFIX) + CLEANED_SUFFIX);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(|e| self.observe(StorageError::io("creating", &path, e)))?;
        Ok(CleanedSegment {
            home,
            base_offset,
            out: BufWriter::with_capacity(128 << 10, file),
            position: 0,
            index: IndexBuilder::new(base_offset, self.config.load().index_interval_bytes),
            offsets: Vec::new(),
            times: Vec::new(),
            aborted: Vec::new(),
        })
    }

    /// Puts `new` in the place of `old`, which must be neighbours that begin at its base offset. False, with nothing
    /// changed, if one of them is not in the log any more.
    pub(crate) fn replace_segments(
        &self,
        old: &[Arc<Segment>],
        mut new: CleanedSegment,
        now_ms: i64,
    ) -> Result<bool, StorageError> {
        new.finish().map_err(|error| self.observe(error))?;
        // Readers that have an old segment go on with its open files, whatever their names become. Only the age of segments
        // without timestamps depends on the file's time.
        for segment in old {
            segment.file()?;
            segment.largest()?;
            segment.floor_position(i64::MAX)?;
        }
        if let Some(modified) = old.last().and_then(|last| last.file().ok()?.metadata().ok()?.modified().ok())
        {
            let _ = new.out.get_ref().set_modified(modified);
        }
        let config = self.config.load_full();
        let mut writer = self.open_writer()?;
        let at = {
            let view = self.view.lock();
            let at = view
                .segments
                .iter()
                .position(|segment| old.first().is_some_and(|old| Arc::ptr_eq(old, segment)));
            at.filter(|&at| {
                at + old.len() < view.segments.len()
                    && old.iter().zip(&view.segments[at..]).all(|(a, b)| Arc::ptr_eq(a, b))
                    && new.base_offset == old[0].base_offset
            })
        };
        let Some(at) = at else {
            new.discard();
            return Ok(false);
        };
        new.rename(CLEANED_SUFFIX, SWAP_SUFFIX).map_err(|error| self.observe(error))?;
        sync_dir(&self.path()).map_err(|error| self.observe(error))?;
        self.doom_segments(&mut writer, old, &config, now_ms, false);
        new.rename(SWAP_SUFFIX, "").map_err(|error| self.observe(error))?;
        let segment = Segment::existing(self.home(), new.base_offset, new.position, !new.aborted.is_empty());
        segment.set_largest(new.index.largest);
        self.view.lock().segments.splice(at..at + old.len(), [Arc::new(segment)]);
        sync_dir(&self.path()).map_err(|error| self.observe(error))?;
        Ok(true)
    }
}
