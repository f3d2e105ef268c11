//! One log directory's health: after an I/O error it is offline until the node starts again, and everything in it
//! answers with that error. A full disk is no such error, nor is a lack of descriptors or memory.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::error::StorageError;

type Timed = dyn Fn(&mut dyn FnMut()) + Send + Sync;

/// Calls the sync of a segment that it is given, and may take the time.
#[derive(Clone)]
pub struct SyncTimer(Arc<Timed>);

impl SyncTimer {
    /// One that calls `timed` with each sync; `timed` must call what it is given once.
    pub fn new(timed: impl Fn(&mut dyn FnMut()) + Send + Sync + 'static) -> SyncTimer {
        SyncTimer(Arc::new(timed))
    }
}

impl std::fmt::Debug for SyncTimer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SyncTimer")
    }
}

/// A log directory as its logs know it.
#[derive(Debug)]
pub struct LogDir {
    path: PathBuf,
    failure: OnceLock<String>,
    sync_timer: OnceLock<SyncTimer>,
}

impl LogDir {
    /// A directory that is taken to be in order.
    pub fn new(path: impl Into<PathBuf>) -> LogDir {
        LogDir { path: path.into(), failure: OnceLock::new(), sync_timer: OnceLock::new() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// From now on each sync of a segment goes through `timer`; only the first one that is given counts.
    pub fn time_syncs(&self, timer: SyncTimer) {
        let _ = self.sync_timer.set(timer);
    }

    /// Does the sync of a segment.
    pub(crate) fn timed<E>(&self, mut sync: impl FnMut() -> Result<(), E>) -> Result<(), E> {
        let Some(SyncTimer(timer)) = self.sync_timer.get() else { return sync() };
        let mut result = Ok(());
        timer(&mut || result = sync());
        result
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
