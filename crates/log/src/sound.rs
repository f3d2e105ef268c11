//! How far a log's files are sound, seen without opening or changing it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::StorageError;
use crate::files::{LOG_SUFFIX, offset_of_file_name};
use crate::scan::{LARGE_WINDOW, ScanError, Scanner};

/// The sound beginning of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoundPart {
    /// The offset behind its last whole batch; 0 if there is no segment.
    pub end: i64,
    /// Where it ends, and why, if something lies behind it: the file, the position in it, and what is wrong there.
    pub damage: Option<(PathBuf, u64, String)>,
}

/// Reads the segments of the log in `dir` from the first one on, up to the first batch that is not whole.
pub fn sound_part(dir: &Path) -> Result<SoundPart, StorageError> {
    let failed = |path: &Path, error| StorageError::io("reading", path, error);
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| failed(dir, error))? {
        let path = entry.map_err(|error| failed(dir, error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(base) = offset_of_file_name(name, LOG_SUFFIX) {
            segments.push((base, path));
        }
    }
    segments.sort();
    let mut end = segments.first().map_or(0, |(base, _)| *base);
    for (base, path) in segments {
        if base > end {
            let reason = format!("offsets {end} to {base} are missing before it");
            return Ok(SoundPart { end, damage: Some((path, 0, reason)) });
        }
        let file = File::open(&path).map_err(|error| failed(&path, error))?;
        let size = file.metadata().map_err(|error| failed(&path, error))?.len();
        let mut scanner = Scanner::new(&file, 0, size, LARGE_WINDOW);
        loop {
            match scanner.next_whole() {
                Ok(Some((found, _))) => end = found.last_offset + 1,
                Ok(None) => break,
                Err(ScanError::Io(error)) => return Err(failed(&path, error)),
                Err(ScanError::Torn { position, reason }) => {
                    return Ok(SoundPart { end, damage: Some((path, position, reason)) });
                }
            }
        }
    }
    Ok(SoundPart { end, damage: None })
}
