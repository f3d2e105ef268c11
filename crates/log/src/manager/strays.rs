//! Logs that nobody wants: those that no topic owns are kept apart, those that could not be opened go with their topic.

use std::path::PathBuf;
use std::sync::Arc;

use super::LogManager;
use crate::error::StorageError;
use crate::files::{DELETE_DIR_SUFFIX, STRAY_DIR_SUFFIX, named_apart, sync_dir};

/// A partition that was found but could not be opened.
pub(super) struct Failed {
    /// Why.
    pub(super) reason: String,
    /// Its directory, if it is the only one.
    pub(super) path: Option<PathBuf>,
}

impl Failed {
    pub(super) fn because(reason: impl Into<String>) -> Failed {
        Failed { reason: reason.into(), path: None }
    }
}

impl LogManager {
    /// Closes the log of a partition that no topic owns and renames its directory to `…-stray`, where the files stay for
    /// whoever runs the node. `None` if there is no such log.
    pub fn set_stray_aside(
        &self,
        topic: &str,
        partition: i32,
        now_ms: i64,
    ) -> Result<Option<PathBuf>, StorageError> {
        let Some(log) = self.take_out(topic, partition) else { return Ok(None) };
        self.cancel_move(topic, partition, now_ms);
        log.rename_as(STRAY_DIR_SUFFIX).map(Some)
    }

    /// Forgets that a partition could not be opened; its directory is renamed to be removed later.
    pub(super) fn delete_failed(&self, topic: &str, partition: i32, now_ms: i64) -> Result<(), StorageError> {
        let failed = self.failed.lock().remove(&(topic.to_owned(), partition));
        let Some(from) = failed.and_then(|failed| failed.path) else { return Ok(()) };
        let to = named_apart(&from, topic, partition, DELETE_DIR_SUFFIX);
        match std::fs::rename(&from, &to) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(StorageError::io("renaming", &from, error)),
        }
        if let Some(parent) = to.parent() {
            sync_dir(parent)?;
        }
        self.deletes.lock().push((to, now_ms));
        Ok(())
    }

    /// Takes a log out of the list.
    pub(super) fn take_out(&self, topic: &str, partition: i32) -> Option<Arc<crate::PartitionLog>> {
        let mut logs = self.logs.write();
        let partitions = logs.get_mut(topic)?;
        let log = partitions.remove(&partition)?;
        if partitions.is_empty() {
            logs.remove(topic);
        }
        Some(log)
    }
}
