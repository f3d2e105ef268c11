//! All logs of a node, in one or more log directories.
//!
//! Life: [`LogManager::lock`] takes the directories for this process, [`LogManager::ensure_meta`] says whose they are,
//! [`LogManager::load`] opens and recovers every partition in parallel, then logs are looked up, made and deleted;
//! the background passes ([`checkpoint`](LogManager::checkpoint), [`apply_retention`](LogManager::apply_retention), …)
//! are plain calls for the owner's timers; [`LogManager::close`] ends it cleanly. The metadata log's directory is left
//! to the quorum.
//!
//! Invariants: a partition is in one directory, and its copy in another while it is being moved; a failed directory takes its partitions offline and nothing else; a
//! recovery point on disk is never ahead of what was synced of the log that has its name now.

mod compaction;
mod flusher;
mod load;
mod lock;
mod moves;
mod passes;
mod strays;
mod twice;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use moldau_types::{Offset, TopicId, Uuid};
use parking_lot::{Mutex, RwLock};

pub use compaction::CleanersSaw;
pub use flusher::{Durable, SyncResult};
pub use load::LoadReport;
pub use lock::{MetaError, NodeMeta, OpenDirsError};
pub use moves::{FutureLog, MoveRefusal, MoveStep};

use crate::config::LogConfig;
use crate::directory::{FailureListener, LogDir, SyncTimer};
use crate::error::StorageError;
use crate::files::checkpoint::PartitionOffsets;
use crate::partition::{OpenLog, PartitionLog};
use flusher::Flusher;
use strays::Failed;

/// Directory of the metadata log, which is the quorum's.
pub const METADATA_LOG_DIR: &str = "__cluster_metadata-0";

type Logs = HashMap<Arc<str>, HashMap<i32, Arc<PartitionLog>>>;

/// See the module.
pub struct LogManager {
    dirs: Vec<Dir>,
    logs: RwLock<Logs>,
    /// Partitions that were found but could not be opened, and why.
    failed: Mutex<HashMap<(String, i32), Failed>>,
    deletes: Mutex<Vec<(PathBuf, i64)>>,
    /// Logs that a cleaner is at.
    compacting: Mutex<HashSet<(String, i32)>>,
    /// Logs that no cleaner can compact.
    uncleanable: Mutex<HashSet<(String, i32)>>,
    /// What the cleaners saw when they last looked.
    cleaners_saw: Mutex<CleanersSaw>,
    /// Directories that get no new logs.
    cordoned: Mutex<Vec<PathBuf>>,
    moves: moves::Moves,
    flusher: Flusher,
}

/// One log directory.
struct Dir {
    health: Arc<LogDir>,
    /// Held as long as the directory is ours.
    _lock: Option<std::fs::File>,
    id: Mutex<Option<Uuid>>,
    /// What the checkpoint files say, by file name.
    written: Mutex<HashMap<&'static str, PartitionOffsets>>,
}

/// A log directory as DescribeLogDirs shows it.
#[derive(Clone, Debug)]
pub struct LogDirInfo {
    /// Whether it gets no new logs.
    pub cordoned: bool,
    /// Where it is.
    pub path: PathBuf,
    /// Its id in `meta.properties`.
    pub id: Option<Uuid>,
    /// Why it is offline, if it is.
    pub failure: Option<String>,
    /// Bytes of its file system, −1 if unknown.
    pub total_bytes: i64,
    /// Bytes that can still be used, −1 if unknown.
    pub usable_bytes: i64,
}

/// Why a partition's log was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateLogError {
    /// No log directory is online.
    #[error("all log directories are offline")]
    AllOffline,
    /// The log of another topic with this name is here.
    #[error("the log of {topic}-{partition} belongs to topic id {found}, not {wanted}")]
    OtherTopicId {
        /// The topic's name.
        topic: String,
        /// The partition's number.
        partition: i32,
        /// What the log says.
        found: TopicId,
        /// What was asked for.
        wanted: TopicId,
    },
    /// The partition was found at the start but could not be opened.
    #[error("{0}")]
    Failed(String),
    /// The files failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl LogManager {
    /// The log of a partition.
    pub fn get(&self, topic: &str, partition: i32) -> Option<Arc<PartitionLog>> {
        self.logs.read().get(topic)?.get(&partition).cloned()
    }

    /// From now on `timer` hears of each sync of a segment.
    pub fn time_syncs(&self, timer: &SyncTimer) {
        self.dirs.iter().for_each(|dir| dir.health.time_syncs(timer.clone()));
    }

    /// From now on `listener` hears of each directory that goes offline.
    pub fn tell_of_failures(&self, listener: &FailureListener) {
        self.dirs.iter().for_each(|dir| dir.health.tell_of_failure(listener.clone()));
    }

    /// All logs.
    pub fn logs(&self) -> Vec<Arc<PartitionLog>> {
        self.logs.read().values().flat_map(|partitions| partitions.values().cloned()).collect()
    }

    /// Why a partition that is on disk could not be opened.
    pub fn failure_of(&self, topic: &str, partition: i32) -> Option<String> {
        self.failed.lock().get(&(topic.to_owned(), partition)).map(|failed| failed.reason.clone())
    }

    /// The log of a partition, made if there is none: in `dir` if that is given, or where a move wished it, otherwise in
    /// the online directory with the fewest logs that is not cordoned.
    pub fn get_or_create(
        &self,
        topic: &str,
        partition: i32,
        topic_id: Option<TopicId>,
        config: LogConfig,
        dir: Option<&Path>,
        now_ms: i64,
    ) -> Result<Arc<PartitionLog>, CreateLogError> {
        let mut logs = self.logs.write();
        if let Some(log) = logs.get(topic).and_then(|partitions| partitions.get(&partition)) {
            return match (log.topic_id(), topic_id) {
                (Some(found), Some(wanted)) if found != wanted => {
                    Err(CreateLogError::OtherTopicId { topic: topic.to_owned(), partition, found, wanted })
                }
                (None, Some(wanted)) => {
                    log.adopt_topic_id(wanted)?;
                    Ok(Arc::clone(log))
                }
                _ => Ok(Arc::clone(log)),
            };
        }
        if let Some(failed) = self.failed.lock().get(&(topic.to_owned(), partition)) {
            return Err(CreateLogError::Failed(failed.reason.clone()));
        }
        let wished = self.wished_dir(topic, partition);
        let home = self.choose_dir(&logs, dir.or(wished.as_deref())).ok_or(CreateLogError::AllOffline)?;
        self.forget_checkpoints(home, topic, partition)?;
        let name: Arc<str> =
            logs.get_key_value(topic).map_or_else(|| topic.into(), |(name, _)| Arc::clone(name));
        let (log, _) = OpenLog {
            path: home.health.path().join(format!("{topic}-{partition}")),
            topic: Arc::clone(&name),
            partition,
            topic_id,
            directory: Arc::clone(&home.health),
            config,
            log_start: Offset(0),
            recovery_point: Offset(0),
            high_watermark: Offset(0),
            clean: false,
            now_ms,
        }
        .open()?;
        self.watch(&log);
        logs.entry(name).or_default().insert(partition, Arc::clone(&log));
        Ok(log)
    }

    /// Sets the directories that get no new logs (`cordoned.log.dirs`); the logs that are there stay.
    pub fn set_cordoned(&self, paths: Vec<PathBuf>) {
        *self.cordoned.lock() = paths.into_iter().map(lock::absolute).collect();
    }

    /// The id of the log directory that a log is in.
    pub fn directory_id(&self, log: &PartitionLog) -> Option<Uuid> {
        *self.dir_of(log)?.id.lock()
    }

    fn choose_dir(&self, logs: &Logs, wanted: Option<&Path>) -> Option<&Dir> {
        let online = || self.dirs.iter().filter(|dir| dir.health.failure().is_none());
        if let Some(path) = wanted
            && let Some(dir) = online().find(|dir| dir.health.path() == path)
        {
            return Some(dir);
        }
        if self.dirs.len() == 1 {
            return online().next();
        }
        let count = |dir: &Dir| {
            logs.values()
                .flat_map(HashMap::values)
                .filter(|log| Arc::ptr_eq(&log.directory(), &dir.health))
                .count()
        };
        // A partition that was placed here before all directories were cordoned still needs a home.
        let cordoned = self.cordoned.lock();
        online().min_by_key(|dir| (cordoned.iter().any(|path| path == dir.health.path()), count(dir)))
    }

    /// Closes a partition's log and renames its directory; the files go at a later [`remove_deleted`](Self::remove_deleted),
    /// after `file.delete.delay.ms`. So does the directory of one that could not be opened. False if there is no such log.
    pub fn delete(&self, topic: &str, partition: i32, now_ms: i64) -> Result<bool, StorageError> {
        self.delete_failed(topic, partition, now_ms)?;
        let Some(log) = self.take_out(topic, partition) else { return Ok(false) };
        // A move that begins now finds no log any more.
        self.cancel_move(topic, partition, now_ms);
        let path = log.delete()?;
        self.remove_later(path, &log, now_ms);
        Ok(true)
    }

    /// The log directories and how they are.
    pub fn dirs(&self) -> Vec<LogDirInfo> {
        let info = |dir: &Dir| {
            let space = rustix::fs::statvfs(dir.health.path()).ok();
            let bytes =
                |blocks: u64, size: u64| i64::try_from(blocks.saturating_mul(size)).unwrap_or(i64::MAX);
            LogDirInfo {
                path: dir.health.path().to_owned(),
                id: *dir.id.lock(),
                cordoned: self.cordoned.lock().iter().any(|path| path == dir.health.path()),
                failure: dir.health.failure().map(str::to_owned),
                total_bytes: space.as_ref().map_or(-1, |s| bytes(s.f_blocks, s.f_frsize)),
                usable_bytes: space.as_ref().map_or(-1, |s| bytes(s.f_bavail, s.f_frsize)),
            }
        };
        self.dirs.iter().map(info).collect()
    }

    /// Calls `done` when everything before `up_to` is on the disk: at once, on this thread, if it is already, otherwise
    /// on a flusher thread, after one sync for all who wait for this log by then.
    pub fn durable(&self, log: &Arc<PartitionLog>, up_to: Offset, done: Durable) {
        self.flusher.durable(log, up_to, done);
    }

    /// Lets the flusher sync closed segments after a roll.
    fn watch(&self, log: &Arc<PartitionLog>) {
        log.set_roll_listener(Some(self.flusher.roll_listener(log)));
    }
}

impl std::fmt::Debug for LogManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogManager").field("dirs", &self.dirs()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
