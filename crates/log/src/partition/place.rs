//! Where a partition's files are: a directory of its own in one of the log directories.
//!
//! The place changes only by a move to another log directory. Segments know the directory that they were opened in, so
//! a reader that has one of before a move goes on with it.

use std::path::PathBuf;
use std::sync::Arc;

use super::PartitionLog;
use crate::directory::LogDir;
use crate::error::StorageError;
use crate::segment::Home;

/// See the module.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) directory: Arc<LogDir>,
    pub(super) home: Arc<Home>,
}

impl PartitionLog {
    /// Where the files are.
    pub fn path(&self) -> PathBuf {
        self.place.load().home.path()
    }

    /// The log directory that the partition is in now.
    pub fn directory(&self) -> Arc<LogDir> {
        Arc::clone(&self.place.load().directory)
    }

    /// The partition's own directory.
    pub(super) fn home(&self) -> Arc<Home> {
        Arc::clone(&self.place.load().home)
    }

    /// Passes an error on, taking the directory offline where the error asks for it.
    pub(super) fn observe(&self, error: StorageError) -> StorageError {
        let place = self.place.load();
        match &error {
            // A read that began before a move fails in the directory that the log has left.
            StorageError::Io { path, .. } if !path.starts_with(place.directory.path()) => error,
            _ => place.directory.observe(error),
        }
    }
}
