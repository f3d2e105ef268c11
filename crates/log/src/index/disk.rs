//! The entries of one index file: appending a run of them, and binary search by pages.

use std::fs::OpenOptions;
use std::io;
use std::marker::PhantomData;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::IndexEntry;
use crate::files::LazyFile;
use crate::files::hurry::read_exact_at;

/// Number of entries not known: the file was not looked at yet.
const UNKNOWN: u32 = u32::MAX;
/// Entries read at once at the end of a search.
const PAGE_ENTRIES: u32 = 256;
const PAGE_BYTES: usize = PAGE_ENTRIES as usize * 12;

/// One index file. Its length is not the number of its entries while the segment is active.
#[derive(Debug)]
pub(crate) struct DiskIndex<E> {
    file: LazyFile,
    entries: AtomicU32,
    /// The file may have old entries behind those that count.
    stale: AtomicBool,
    kind: PhantomData<E>,
}

impl<E: IndexEntry> DiskIndex<E> {
    /// The index of a segment that was just made: no entries, no file yet.
    pub(crate) fn empty() -> DiskIndex<E> {
        DiskIndex {
            file: LazyFile::default(),
            entries: AtomicU32::new(0),
            stale: AtomicBool::new(false),
            kind: PhantomData,
        }
    }

    /// The index of a segment found on disk; the file is looked at when it is first needed.
    pub(crate) fn unread() -> DiskIndex<E> {
        DiskIndex { entries: AtomicU32::new(UNKNOWN), ..DiskIndex::empty() }
    }

    /// Number of entries in the file; `None` before it was looked at.
    pub(crate) fn known_len(&self) -> Option<u32> {
        let entries = self.entries.load(Ordering::Acquire);
        (entries != UNKNOWN).then_some(entries)
    }

    /// Forgets all entries but the first ones: those behind a truncation, or all before a rebuild. The file has them
    /// still, until the next [`append`](Self::append), [`clear_stale`](Self::clear_stale) or [`trim`](Self::trim).
    pub(crate) fn keep(&self, entries: u32) {
        self.entries.store(entries, Ordering::Release);
        self.stale.store(true, Ordering::Release);
    }

    /// Closes the file.
    pub(crate) fn release(&self) {
        self.file.release();
    }

    /// Looks at a file found on disk: every entry counts, so a closed segment's file must be whole and in order at its
    /// end. `Ok(false)` if it is absent or cannot be right, and then the index has to be rebuilt.
    pub(crate) fn load(
        &self,
        path: impl FnOnce() -> PathBuf,
        plausible: impl Fn(&E) -> bool,
    ) -> io::Result<bool> {
        let file = match self.file.get(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        if length % E::SIZE as u64 != 0 || length / E::SIZE as u64 >= u64::from(UNKNOWN) {
            return Ok(false);
        }
        let entries = (length / E::SIZE as u64) as u32;
        if entries > 0 {
            let mut bytes = [0; 24];
            let from = entries.saturating_sub(2);
            let tail = &mut bytes[..(entries - from) as usize * E::SIZE];
            read_exact_at(&file, tail, u64::from(from) * E::SIZE as u64)?;
            let last = E::read(&tail[tail.len() - E::SIZE..]);
            if !plausible(&last) || (entries > 1 && E::read(tail).key() >= last.key()) {
                return Ok(false);
            }
        }
        self.entries.store(entries, Ordering::Release);
        Ok(true)
    }

    /// The last entry whose key is not above `key`.
    pub(crate) fn floor(&self, path: impl FnOnce() -> PathBuf, key: i64) -> io::Result<Option<E>> {
        let (mut low, mut high) = (0, self.known_len().unwrap_or(0));
        if high == 0 {
            return Ok(None);
        }
        let file = self.file.get(path)?;
        // Invariant: entries before `low` have keys ≤ key, those from `high` on have greater ones.
        while high - low > PAGE_ENTRIES {
            let middle = low + (high - low) / 2;
            let mut bytes = [0; 12];
            read_exact_at(&file, &mut bytes[..E::SIZE], u64::from(middle) * E::SIZE as u64)?;
            if E::read(&bytes).key() <= key {
                low = middle;
            } else {
                high = middle;
            }
        }
        let mut page = [0; PAGE_BYTES];
        let page = &mut page[..(high - low) as usize * E::SIZE];
        read_exact_at(&file, page, u64::from(low) * E::SIZE as u64)?;
        let mut found = None;
        for bytes in page.chunks_exact(E::SIZE) {
            let entry = E::read(bytes);
            if entry.key() > key {
                break;
            }
            found = Some(entry);
        }
        Ok(found)
    }

    /// The entry with this number.
    pub(crate) fn get(&self, path: impl FnOnce() -> PathBuf, number: u32) -> io::Result<Option<E>> {
        if number >= self.known_len().unwrap_or(0) {
            return Ok(None);
        }
        let mut bytes = [0; 12];
        let file = self.file.get(path)?;
        read_exact_at(&file, &mut bytes[..E::SIZE], u64::from(number) * E::SIZE as u64)?;
        Ok(Some(E::read(&bytes)))
    }

    /// The last entry.
    pub(crate) fn last(&self, path: impl FnOnce() -> PathBuf) -> io::Result<Option<E>> {
        match self.known_len() {
            None | Some(0) => Ok(None),
            Some(entries) => self.get(path, entries - 1),
        }
    }

    /// Number of leading entries that satisfy `keep`, by binary search.
    pub(crate) fn partition_point(
        &self,
        path: impl Fn() -> PathBuf,
        keep: impl Fn(&E) -> bool,
    ) -> io::Result<u32> {
        let (mut low, mut high) = (0, self.known_len().unwrap_or(0));
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(&path, middle)? {
                Some(entry) if keep(&entry) => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// Appends entries. A file that is not there yet is made, as long as `preallocate` says but sparse.
    pub(crate) fn append(&self, path: &Path, entries: &[E], preallocate: u64) -> io::Result<()> {
        let at = self.known_len().unwrap_or(0);
        self.clear_stale(path)?;
        let file = if self.file.is_open() {
            self.file.get(|| path.to_owned())?
        } else {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
            if file.metadata()?.len() < preallocate {
                file.set_len(preallocate)?;
            }
            self.file.set(file)
        };
        let mut bytes = Vec::with_capacity(entries.len() * E::SIZE);
        for entry in entries {
            entry.write(&mut bytes);
        }
        file.write_all_at(&bytes, u64::from(at) * E::SIZE as u64)?;
        self.entries.store(at + entries.len() as u32, Ordering::Release);
        Ok(())
    }

    /// Cuts old entries off that do not count any more: after a crash nothing tells them from new ones.
    pub(crate) fn clear_stale(&self, path: &Path) -> io::Result<()> {
        if !self.stale.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let length = u64::from(self.known_len().unwrap_or(0)) * E::SIZE as u64;
        self.file.release();
        match OpenOptions::new().write(true).open(path).and_then(|file| {
            let old = file.metadata()?.len();
            // What lies behind is zeros again after that, in a file that is as long as it was.
            if old > length {
                file.set_len(length)?;
                file.set_len(old)?;
            }
            Ok(())
        }) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                self.stale.store(true, Ordering::Release);
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// Cuts the file to its entries, making an empty one where there is none, and closes it.
    pub(crate) fn trim(&self, path: &Path) -> io::Result<()> {
        let length = u64::from(self.known_len().unwrap_or(0)) * E::SIZE as u64;
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        if file.metadata()?.len() != length {
            file.set_len(length)?;
        }
        self.file.release();
        Ok(())
    }
}
