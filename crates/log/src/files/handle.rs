//! A file that is opened when it is first used and may be closed again while idle: thousands of partitions then need
//! few descriptors.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

/// See the module. The path is passed at each use, since directories are renamed.
#[derive(Debug, Default)]
pub(crate) struct LazyFile(Mutex<Option<Arc<File>>>);

impl LazyFile {
    /// The open file, for reading and writing; it must exist.
    pub(crate) fn get(&self, path: impl FnOnce() -> std::path::PathBuf) -> io::Result<Arc<File>> {
        let mut slot = self.0.lock();
        if let Some(file) = &*slot {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(open(&path())?);
        *slot = Some(Arc::clone(&file));
        Ok(file)
    }

    /// Puts an open file in.
    pub(crate) fn set(&self, file: File) -> Arc<File> {
        let file = Arc::new(file);
        *self.0.lock() = Some(Arc::clone(&file));
        file
    }

    /// Closes the file; whoever still has the `Arc` keeps it.
    pub(crate) fn release(&self) {
        *self.0.lock() = None;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.0.lock().is_some()
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}
