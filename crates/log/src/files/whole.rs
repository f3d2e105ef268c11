//! Small files that are written as a whole: to a temporary name, synced, and renamed over the old one, so that a
//! crash leaves the old or the new text and never half of it.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::error::StorageError;

/// Replaces the file at `path` by one with these bytes. With `sync` the bytes and the rename are on the disk after it.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], sync: bool) -> Result<(), StorageError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = Path::new(&temporary);
    let written = File::create(temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        if sync { file.sync_data() } else { Ok(()) }
    });
    if let Err(error) = written {
        let _ = fs::remove_file(temporary);
        return Err(StorageError::io("writing", path, error));
    }
    fs::rename(temporary, path).map_err(|e| StorageError::io("renaming", path, e))?;
    match path.parent() {
        Some(parent) if sync => sync_dir(parent),
        _ => Ok(()),
    }
}

/// Makes names that were added to or removed from a directory survive a crash of the machine.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StorageError> {
    File::open(dir).and_then(|file| file.sync_all()).map_err(|e| StorageError::io("syncing", dir, e))
}
