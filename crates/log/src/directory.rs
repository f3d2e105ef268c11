//! One log directory's health: after an I/O error it is offline until the node starts again, and everything in it
//! answers with that error. A full disk is no such error, nor is a lack of descriptors or memory.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::StorageError;

/// A log directory as its logs know it.
#[derive(Debug)]
pub struct LogDir {
    path: PathBuf,
    failure: OnceLock<String>,
}

impl LogDir {
    /// A directory that is taken to be in order.
    pub fn new(path: impl Into<PathBuf>) -> LogDir {
        LogDir { path: path.into(), failure: OnceLock::new() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why it is offline, if it is.
    pub fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// Takes it out of service.
    pub fn take_offline(&self, reason: impl Into<String>) {
        let reason = reason.into();
        if self.failure.set(reason.clone()).is_ok() {
            tracing::error!(dir = %self.path.display(), %reason, "log directory goes offline");
        }
    }

    /// An error if it is offline.
    pub fn check(&self) -> Result<(), StorageError> {
        match self.failure.get() {
            None => Ok(()),
            Some(reason) => {
                Err(StorageError::DirectoryOffline { dir: self.path.clone(), reason: reason.clone() })
            }
        }
    }

    /// Takes the directory offline if `error` says that it cannot be trusted, and passes the error on.
    pub(crate) fn observe(&self, error: StorageError) -> StorageError {
        if let StorageError::Io { source, .. } = &error {
            let passing = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE, rustix::io::Errno::NOMEM];
            // A file that is gone may have been deleted with its segment meanwhile.
            let gone = source.kind() == std::io::ErrorKind::NotFound && self.path.is_dir();
            if !gone && !passing.iter().any(|errno| source.raw_os_error() == Some(errno.raw_os_error())) {
                self.take_offline(error.to_string());
            }
        }
        error
    }
}
