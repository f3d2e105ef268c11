//! One log directory's health: after an I/O error it is offline until the node starts again, and everything in it
//! answers with that error. A full disk is no such error, nor is a lack of descriptors or memory.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::error::StorageError;

type Observe = dyn Fn(Duration) + Send + Sync;

/// Hears how long each sync of a segment took.
#[derive(Clone)]
pub struct SyncTimer(Arc<Observe>);

impl SyncTimer {
    /// One that calls `observe` after each sync.
    pub fn new(observe: impl Fn(Duration) + Send + Sync + 'static) -> SyncTimer {
        SyncTimer(Arc::new(observe))
    }
}

impl std::fmt::Debug for SyncTimer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SyncTimer")
    }
}

/// Hears that a log directory goes offline.
#[derive(Clone)]
pub struct FailureListener(Arc<dyn Fn() + Send + Sync>);

impl FailureListener {
    /// One that calls `tell` when a directory goes offline.
    pub fn new(tell: impl Fn() + Send + Sync + 'static) -> FailureListener {
        FailureListener(Arc::new(tell))
    }
}

impl std::fmt::Debug for FailureListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FailureListener")
    }
}

/// A log directory as its logs know it.
#[derive(Debug)]
pub struct LogDir {
    path: PathBuf,
    failure: OnceLock<String>,
    sync_timer: OnceLock<SyncTimer>,
    failure_listener: OnceLock<FailureListener>,
}

impl LogDir {
    /// A directory that is taken to be in order.
    pub fn new(path: impl Into<PathBuf>) -> LogDir {
        LogDir {
            path: path.into(),
            failure: OnceLock::new(),
            sync_timer: OnceLock::new(),
            failure_listener: OnceLock::new(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// From now on `timer` hears of each sync of a segment; only the first one that is given counts.
    pub fn time_syncs(&self, timer: SyncTimer) {
        let _ = self.sync_timer.set(timer);
    }

    /// From now on `listener` hears when the directory goes offline; only the first one that is given counts.
    pub fn tell_of_failure(&self, listener: FailureListener) {
        let _ = self.failure_listener.set(listener);
    }

    /// Does the sync of a segment.
    pub(crate) fn timed<E>(&self, sync: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let began = Instant::now();
        let result = sync();
        if let Some(SyncTimer(observe)) = self.sync_timer.get() {
            observe(began.elapsed());
        }
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
            if let Some(FailureListener(tell)) = self.failure_listener.get() {
                tell();
            }
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
            let later = source.kind() == std::io::ErrorKind::WouldBlock;
            // A file that is gone may have been deleted with its segment meanwhile.
            let gone = source.kind() == std::io::ErrorKind::NotFound && self.path.is_dir();
            if !later
                && !gone
                && !passing.iter().any(|errno| source.raw_os_error() == Some(errno.raw_os_error()))
            {
                self.take_offline(error.to_string());
            }
        }
        error
    }
}
