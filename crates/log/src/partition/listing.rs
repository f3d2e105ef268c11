//! What is in a partition's directory, after what a stopped compaction or deletion left there is finished or undone.

use std::collections::BTreeSet;
use std::path::Path;

use crate::error::StorageError;
use crate::files::{
    CLEANED_SUFFIX, DELETED_SUFFIX, LOG_SUFFIX, SNAPSHOT_SUFFIX, SWAP_SUFFIX, TXN_INDEX_SUFFIX, file_name,
    meta, offset_of_file_name,
};
use crate::scan::Scanner;
use crate::segment::Segment;

/// What is in a partition's directory.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Base offsets and file sizes, ascending.
    pub(super) segments: Vec<(i64, u64)>,
    /// Offsets of producer snapshots.
    pub(super) snapshots: BTreeSet<i64>,
    /// Base offsets of segments with a transaction index.
    pub(super) aborted: BTreeSet<i64>,
    pub(super) has_metadata: bool,
}

impl Listing {
    /// Lists `dir`, making it if it is absent, and finishes or undoes what a stopped compaction or deletion left.
    pub(super) fn of(dir: &Path) -> Result<Listing, StorageError> {
        let failed = |e| StorageError::io("listing", dir, e);
        let entries = match std::fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                std::fs::create_dir_all(dir).map_err(|e| StorageError::io("creating", dir, e))?;
                return Ok(Listing::default());
            }
            Err(error) => return Err(failed(error)),
        };
        let mut listing = Listing::default();
        let mut unfinished = BTreeSet::new();
        let mut swaps = false;
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if let Some(base) = offset_of_file_name(name, LOG_SUFFIX) {
                listing.segments.push((base, entry.metadata().map_err(failed)?.len()));
            } else if let Some(offset) = offset_of_file_name(name, SNAPSHOT_SUFFIX) {
                listing.snapshots.insert(offset);
            } else if let Some(base) = offset_of_file_name(name, TXN_INDEX_SUFFIX) {
                listing.aborted.insert(base);
            } else if name == meta::PARTITION_METADATA {
                listing.has_metadata = true;
            } else if name.ends_with(SWAP_SUFFIX) || name.ends_with(CLEANED_SUFFIX) {
                swaps |= name.ends_with(SWAP_SUFFIX);
                unfinished.insert(name.to_owned());
            } else if [DELETED_SUFFIX, ".tmp"].iter().any(|suffix| name.ends_with(suffix)) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        super::compact::undo_unfinished(dir, &unfinished)?;
        if swaps {
            finish_swaps(dir)?;
            return Listing::of(dir);
        }
        listing.segments.sort_unstable();
        Ok(listing)
    }
}

/// Finishes a replacement of segments by a compacted one that was cut short after the new one was complete: removes the
/// segments whose offsets it covers and gives it its name.
fn finish_swaps(dir: &Path) -> Result<(), StorageError> {
    let failed = |e| StorageError::io("listing", dir, e);
    let names: Vec<String> = std::fs::read_dir(dir)
        .map_err(failed)?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str().map(str::to_owned))
        .collect();
    for name in &names {
        let Some(base) =
            name.strip_suffix(SWAP_SUFFIX).and_then(|name| offset_of_file_name(name, LOG_SUFFIX))
        else {
            continue;
        };
        let path = dir.join(name);
        let file = std::fs::File::open(&path).map_err(|e| StorageError::io("opening", &path, e))?;
        let size = file.metadata().map_err(|e| StorageError::io("reading", &path, e))?.len();
        let mut scanner = Scanner::new(&file, 0, size, crate::scan::LARGE_WINDOW);
        let mut end = base + 1;
        while let Ok(Some(found)) = scanner.next_header() {
            end = found.last_offset + 1;
        }
        for other in &names {
            if let Some(other_base) = offset_of_file_name(other, LOG_SUFFIX)
                && (base..end).contains(&other_base)
            {
                for suffix in Segment::SUFFIXES {
                    let _ = std::fs::remove_file(dir.join(file_name(other_base, suffix)));
                }
            }
        }
    }
    for name in names.iter().filter(|name| name.ends_with(SWAP_SUFFIX)) {
        let from = dir.join(name);
        let to = dir.join(name.trim_end_matches(SWAP_SUFFIX));
        std::fs::rename(&from, &to).map_err(|e| StorageError::io("renaming", &from, e))?;
    }
    Ok(())
}
