//! What a start makes of a partition that is there more than once: a log and its copy of an unfinished move, or two logs
//! where a crash came between the last two steps of one.
//!
//! Invariants: what may hold acknowledged records that are nowhere else is never deleted here; at worst it is renamed
//! and left to a person.

use std::sync::Arc;

use super::LogManager;
use super::strays::Failed;
use crate::error::StorageError;
use crate::files::{STRAY_DIR_SUFFIX, sync_dir};
use crate::partition::PartitionLog;

impl LogManager {
    /// Takes an open log in; false if it gave way to the same partition's log in another directory, or that one to it.
    pub(super) fn add(&self, log: Arc<PartitionLog>, now_ms: i64) -> bool {
        self.watch(&log);
        let mut logs = self.logs.write();
        let partitions = logs.entry(Arc::clone(log.topic())).or_default();
        let Some(other) = partitions.get(&log.partition()) else {
            partitions.insert(log.partition(), log);
            return true;
        };
        // The one that went on after the move has more; if none did they are the same.
        let (used, ignored) =
            if extent(&log) > extent(other) { (log, Arc::clone(other)) } else { (Arc::clone(other), log) };
        partitions.insert(used.partition(), Arc::clone(&used));
        drop(logs);
        self.set_aside(&used, &ignored, now_ms);
        false
    }

    /// Takes the open copies in. Gives how many became logs, since their moves were all but done.
    pub(super) fn take_copies(&self, copies: Vec<Arc<PartitionLog>>, now_ms: i64) -> usize {
        copies.into_iter().filter(|copy| self.take_copy(copy, now_ms)).count()
    }

    fn take_copy(&self, copy: &Arc<PartitionLog>, now_ms: i64) -> bool {
        let (topic, partition) = (copy.topic(), copy.partition());
        if self.failure_of(topic, partition).is_some() {
            tracing::warn!(path = %copy.path().display(), "the log of this copy cannot be opened; the copy is left alone");
            return false;
        }
        if let Some(log) = self.get(topic, partition) {
            let same_topic = log.topic_id() == copy.topic_id();
            if same_topic
                && !Arc::ptr_eq(&log.directory(), &copy.directory())
                && !self.is_moving(&(topic.to_string(), partition))
            {
                tracing::info!(%topic, partition, to = %copy.directory().path().display(), "a move goes on");
                self.resume_move(Arc::clone(copy));
            } else {
                self.give_up(copy, now_ms);
            }
            return false;
        }
        if self.dirs.iter().any(|dir| dir.health.failure().is_some()) {
            let reason = "its log may be in a log directory that is offline; only an unfinished copy is here";
            tracing::error!(path = %copy.path().display(), "a partition is offline: {reason}");
            self.failed.lock().insert((topic.to_string(), partition), Failed::because(reason));
            return false;
        }
        tracing::error!(path = %copy.path().display(), "the log of this copy is in no log directory: the copy takes its place, and may lack records");
        match copy.promote() {
            Ok(()) => self.add(Arc::clone(copy), now_ms),
            Err(error) => {
                tracing::error!(%topic, partition, %error, "the copy cannot be used; the partition is offline");
                self.failed.lock().insert((topic.to_string(), partition), Failed::because(error.to_string()));
                false
            }
        }
    }

    /// Renames what gave way: to be deleted where it says nothing else, else to be looked at.
    fn set_aside(&self, used: &PartitionLog, ignored: &PartitionLog, now_ms: i64) {
        let same = extent(used) == extent(ignored)
            && used.topic_id() == ignored.topic_id()
            && used.leader_epochs().last() == ignored.leader_epochs().last();
        if same {
            tracing::warn!(used = %used.path().display(), removed = %ignored.path().display(), "a move was cut short after its end; what it left is removed");
            return self.give_up(ignored, now_ms);
        }
        let old = ignored.path();
        let renamed = ignored.rename_as(STRAY_DIR_SUFFIX);
        match renamed {
            Ok(path) => tracing::error!(
                used = %used.path().display(), kept = %path.display(),
                "a partition was in two log directories; the one with more records is used, the other is kept for you to look at"
            ),
            Err(error) => tracing::error!(
                used = %used.path().display(), ignored = %old.display(), %error,
                "a partition is in two log directories; only one is used"
            ),
        }
    }
}

/// How far a log goes: its end, then its start.
fn extent(log: &PartitionLog) -> (i64, i64) {
    let offsets = log.offsets();
    (offsets.log_end.0, offsets.log_start.0)
}

impl PartitionLog {
    /// Gives a copy's directory the partition's own name.
    fn promote(&self) -> Result<(), StorageError> {
        let parent = self.directory();
        self.rename_to(parent.path().join(format!("{}-{}", self.topic(), self.partition())))?;
        sync_dir(parent.path())
    }
}
