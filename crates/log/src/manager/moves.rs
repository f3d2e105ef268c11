//! Moving logs between the log directories (KIP-113).
//!
//! Whoever has threads calls [`LogManager::move_next`] until there is nothing to do; each call takes one step of one
//! move, and no two work on one log. What is said here survives a restart: the copies are found in their directories,
//! `<topic>-<partition>.<unique>-future`, and go on.
//!
//! Invariants: a log has at most one copy, in another directory than its own; a log that is being moved is not
//! compacted; a move that is given up leaves the log as it was.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use moldau_types::Offset;
use parking_lot::Mutex;

use super::{Dir, LogManager};
use crate::error::{AppendError, StorageError};
use crate::files::FUTURE_DIR_SUFFIX;
use crate::files::checkpoint::{HIGH_WATERMARKS, LOG_STARTS, RECOVERY_POINTS};
use crate::moving::{COPY_BYTES, Progress, Seen, Step};
use crate::partition::{MoveError, Moved, OpenLog, PartitionLog};

/// How long a move rests that found no space.
const NO_SPACE_REST_MS: i64 = 1000;
/// For how many partitions that are not here a directory is remembered.
const WISHES_MAX: usize = 10_000;
/// Characters of a directory's name that file systems allow.
const NAME_MAX: usize = 255;

/// A partition: topic and number.
type Key = (String, i32);

/// All moves of a node.
#[derive(Default)]
pub(super) struct Moves {
    under_way: Mutex<HashMap<Key, Arc<Move>>>,
    /// Where partitions are to be made that are not here yet.
    wishes: Mutex<HashMap<Key, PathBuf>>,
}

/// One move.
struct Move {
    copy: Arc<PartitionLog>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    progress: Progress,
    busy: bool,
    failed: bool,
    rests_until_ms: i64,
}

/// A copy in the making, as DescribeLogDirs shows it.
#[derive(Clone, Debug)]
pub struct FutureLog {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
    /// The log directory that the log is moved to.
    pub dir: PathBuf,
    /// Bytes that are there.
    pub size: u64,
    /// Offsets that are missing.
    pub offset_lag: i64,
}

/// Why a log is not moved.
#[derive(Debug, thiserror::Error)]
pub enum MoveRefusal {
    /// No log directory has this path.
    #[error("{} is no log directory of this node", .0.display())]
    UnknownDir(PathBuf),
    /// The name of the copy's directory would be longer than file systems allow.
    #[error("the topic's name is too long for a copy's directory")]
    NameTooLong,
    /// The directory takes no new logs.
    #[error("log directory {} is cordoned", .0.display())]
    Cordoned(PathBuf),
    /// The partition is not here. If it comes, it is made in that directory.
    #[error("the partition is not on this node")]
    NotHere,
    /// Another log directory is offline: it may hold the partition, or a copy of it, too.
    #[error("log directory {} is offline", .0.display())]
    OtherOffline(PathBuf),
    /// The partition could not be opened.
    #[error("{0}")]
    Failed(String),
    /// The files failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What [`LogManager::move_next`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveStep {
    /// There is nothing to do.
    Idle,
    /// There are moves, but none can go on now: others work on them, a compaction has to end, or space is missing.
    Waiting,
    /// One came on.
    Worked,
    /// One is done: this partition's log is in another directory now.
    Moved {
        /// The topic's name.
        topic: Arc<str>,
        /// The partition's number.
        partition: i32,
    },
}

impl LogManager {
    /// Begins to move a partition's log to another log directory; a move elsewhere is given up. To the directory where it
    /// is nothing is moved.
    pub fn begin_move(
        &self,
        topic: &str,
        partition: i32,
        dir: &Path,
        now_ms: i64,
    ) -> Result<(), MoveRefusal> {
        let target = self.dirs.iter().find(|target| target.health.path() == dir);
        let target = target.ok_or_else(|| MoveRefusal::UnknownDir(dir.to_owned()))?;
        let name =
            format!("{topic}-{partition}.{:032x}{FUTURE_DIR_SUFFIX}", moldau_types::Uuid::random().as_u128());
        if name.len() > NAME_MAX {
            return Err(MoveRefusal::NameTooLong);
        }
        target.health.check()?;
        if self.cordoned.lock().iter().any(|path| path == dir) {
            return Err(MoveRefusal::Cordoned(dir.to_owned()));
        }
        let key = (topic.to_owned(), partition);
        // Held to the end, so that two of these, or one and a deletion, do not meet.
        let mut under_way = self.moves.under_way.lock();
        let Some(log) = self.get(topic, partition) else {
            if let Some(reason) = self.failure_of(topic, partition) {
                return Err(MoveRefusal::Failed(reason));
            }
            self.wish(key, dir);
            return Err(MoveRefusal::NotHere);
        };
        if let Some(known) = under_way.get(&key) {
            if known.copy.directory().path() == dir {
                let mut state = known.state.lock();
                state.failed = false;
                state.rests_until_ms = 0;
                return Ok(());
            }
            let known = under_way.remove(&key);
            known.into_iter().for_each(|known| self.give_up(&known.copy, now_ms));
        }
        if log.directory().path() == dir {
            return Ok(());
        }
        if let Some(offline) = self.dirs.iter().find(|dir| dir.health.failure().is_some()) {
            return Err(MoveRefusal::OtherOffline(offline.health.path().to_owned()));
        }
        let copy = self.make_copy(&log, target, &name, now_ms)?;
        tracing::info!(%topic, partition, from = %log.directory().path().display(), to = %dir.display(), "moving a log");
        under_way.insert(key, Arc::new(Move { copy, state: Mutex::default() }));
        Ok(())
    }

    fn wish(&self, key: Key, dir: &Path) {
        let mut wishes = self.moves.wishes.lock();
        if wishes.len() < WISHES_MAX || wishes.contains_key(&key) {
            wishes.insert(key, dir.to_owned());
        }
    }

    /// Where a partition that is made now was wished to be.
    pub(super) fn wished_dir(&self, topic: &str, partition: i32) -> Option<PathBuf> {
        let mut wishes = self.moves.wishes.lock();
        if wishes.is_empty() { None } else { wishes.remove(&(topic.to_owned(), partition)) }
    }

    fn make_copy(
        &self,
        log: &PartitionLog,
        target: &Dir,
        name: &str,
        now_ms: i64,
    ) -> Result<Arc<PartitionLog>, StorageError> {
        let (topic, partition) = (Arc::clone(log.topic()), log.partition());
        self.forget_checkpoints(target, &topic, partition)?;
        let log_start = log.offsets().log_start;
        let (copy, _) = OpenLog {
            path: target.health.path().join(name),
            topic,
            partition,
            topic_id: log.topic_id(),
            directory: Arc::clone(&target.health),
            config: log.config().as_ref().clone(),
            log_start,
            recovery_point: log_start,
            high_watermark: log_start,
            clean: false,
            now_ms,
        }
        .open()?;
        log.begin_copy_at(&copy, log_start, now_ms)?;
        // Also says that offsets may be missing, should recovery have to read the copy.
        if let Some(clean_to) = self.cleaner_offset(log) {
            self.set_cleaner_offset_in(target, log, Some(clean_to))?;
        }
        self.watch(&copy);
        Ok(copy)
    }

    /// Takes a copy in that a start has found.
    pub(super) fn resume_move(&self, copy: Arc<PartitionLog>) {
        self.watch(&copy);
        let key = (copy.topic().to_string(), copy.partition());
        self.moves.under_way.lock().insert(key, Arc::new(Move { copy, state: Mutex::default() }));
    }

    /// Gives up the move of a partition, if there is one.
    pub(super) fn cancel_move(&self, topic: &str, partition: i32, now_ms: i64) {
        let mut under_way = self.moves.under_way.lock();
        if let Some(known) = under_way.remove(&(topic.to_owned(), partition)) {
            self.give_up(&known.copy, now_ms);
        }
    }

    /// Has the copy's files removed, unless it has become the log a moment ago.
    pub(super) fn give_up(&self, copy: &PartitionLog, now_ms: i64) {
        match copy.delete_if_open() {
            Ok(None) => {}
            Ok(Some(path)) => {
                tracing::info!(topic = %copy.topic(), partition = copy.partition(), path = %path.display(), "a log is not moved here any more");
                self.remove_later(path, copy, now_ms);
            }
            Err(error) => {
                tracing::warn!(topic = %copy.topic(), partition = copy.partition(), %error, "the copy of a log stays");
            }
        }
        if let Some(dir) = self.dir_of(copy)
            && let Err(error) = self.forget_checkpoints(dir, copy.topic(), copy.partition())
        {
            tracing::warn!(%error, "a checkpoint speaks of a copy that is gone");
        }
    }

    pub(super) fn is_moving(&self, key: &Key) -> bool {
        self.moves.under_way.lock().contains_key(key)
    }

    /// The copies themselves.
    pub(super) fn copies(&self) -> Vec<Arc<PartitionLog>> {
        self.moves.under_way.lock().values().map(|known| Arc::clone(&known.copy)).collect()
    }

    /// The logs that are being moved, and how far.
    pub fn future_logs(&self) -> Vec<FutureLog> {
        let describe = |copy: Arc<PartitionLog>| {
            let log = self.get(copy.topic(), copy.partition())?;
            let directory = copy.directory();
            (!Arc::ptr_eq(&directory, &log.directory())).then(|| FutureLog {
                topic: Arc::clone(copy.topic()),
                partition: copy.partition(),
                dir: directory.path().to_owned(),
                size: copy.size(),
                offset_lag: (log.offsets().log_end.0 - copy.offsets().log_end.0).max(0),
            })
        };
        self.copies().into_iter().filter_map(describe).collect()
    }

    /// Takes one step of one move. `buffer` may be used again for the next.
    pub fn move_next(&self, buffer: &mut Vec<u8>, now_ms: i64) -> MoveStep {
        let (key, known) = {
            let under_way = self.moves.under_way.lock();
            let free = under_way.iter().find(|(_, known)| {
                let mut state = known.state.lock();
                let free = !state.busy && !state.failed && state.rests_until_ms <= now_ms;
                state.busy |= free;
                free
            });
            match free {
                Some((key, known)) => (key.clone(), Arc::clone(known)),
                None if under_way.values().all(|known| known.state.lock().failed) => return MoveStep::Idle,
                None => return MoveStep::Waiting,
            }
        };
        let result = match self.get(&key.0, key.1) {
            Some(log) => self.step(&key, &log, &known, buffer, now_ms),
            None => Err(StorageError::Closed.into()),
        };
        let mut state = known.state.lock();
        state.busy = false;
        match result {
            Ok(Some(step)) => step,
            Ok(None) => {
                // Whoever compacts it is at it for a while.
                state.rests_until_ms = now_ms + 10;
                MoveStep::Waiting
            }
            Err(MoveError::Storage(StorageError::Closed)) => {
                // Given up meanwhile, or about to be.
                state.failed = true;
                MoveStep::Worked
            }
            Err(MoveError::Overtaken(_)) => MoveStep::Worked,
            Err(error) if is_no_space(&error) => {
                if state.rests_until_ms == 0 {
                    tracing::warn!(topic = %key.0, partition = key.1, %error, "a move waits for space");
                }
                state.rests_until_ms = now_ms + NO_SPACE_REST_MS;
                MoveStep::Waiting
            }
            Err(error) => {
                tracing::error!(topic = %key.0, partition = key.1, %error, "a log cannot be moved; it stays where it is");
                state.failed = true;
                MoveStep::Worked
            }
        }
    }

    fn step(
        &self,
        key: &Key,
        log: &Arc<PartitionLog>,
        known: &Move,
        buffer: &mut Vec<u8>,
        now_ms: i64,
    ) -> Result<Option<MoveStep>, MoveError> {
        let copy = &known.copy;
        let progress = known.state.lock().progress;
        let seen = Seen {
            compacting: self.compacting.lock().contains(key),
            log_start: log.offsets().log_start.0,
            copy_base: copy.start_offsets().1.0,
            copy_end: copy.offsets().log_end.0,
            agreed_to: log.agrees_with(copy).0,
        };
        let note = |change: &dyn Fn(&mut Progress)| change(&mut known.state.lock().progress);
        match progress.next(seen) {
            Step::Wait => return Ok(None),
            Step::Restart(at) => {
                log.begin_copy_at(copy, Offset(at), now_ms)?;
                note(&Progress::cut);
            }
            Step::Truncate(at) => {
                self.truncate_to(copy, Offset(at), now_ms)?;
                note(&Progress::cut);
            }
            Step::Copy => {
                let copied = log.copy_to(copy, COPY_BYTES, buffer, now_ms)?;
                note(&|progress| progress.copied(copied.bytes, copied.at_end));
            }
            Step::Settle => {
                copy.flush()?;
                self.write_checkpoint_of(copy)?;
                note(&Progress::settled);
            }
            Step::Exchange(bytes) => {
                let left = log.directory();
                match log.continue_in(copy, bytes, buffer, now_ms)? {
                    Moved::Behind => note(&Progress::behind),
                    Moved::Done(old) => {
                        self.moves.under_way.lock().remove(key);
                        tracing::info!(
                            topic = %key.0, partition = key.1, from = %left.path().display(),
                            to = %log.directory().path().display(), "moved a log"
                        );
                        self.remove_later(old, log, now_ms);
                        if let Some(dir) = self.dirs.iter().find(|dir| Arc::ptr_eq(&dir.health, &left)) {
                            self.forget_checkpoints(dir, &key.0, key.1)?;
                        }
                        self.write_checkpoint_of(log)?;
                        return Ok(Some(MoveStep::Moved {
                            topic: Arc::clone(log.topic()),
                            partition: key.1,
                        }));
                    }
                }
            }
        }
        Ok(Some(MoveStep::Worked))
    }

    /// Writes what the checkpoints say of a log's directory.
    fn write_checkpoint_of(&self, log: &PartitionLog) -> Result<(), StorageError> {
        let Some(dir) = self.dir_of(log) else { return Ok(()) };
        for file in [RECOVERY_POINTS, LOG_STARTS, HIGH_WATERMARKS] {
            self.write_checkpoint(dir, file)?;
        }
        Ok(())
    }
}

fn is_no_space(error: &MoveError) -> bool {
    match error {
        MoveError::Storage(error) => matches!(error, StorageError::NoSpace { .. }),
        MoveError::Append(AppendError::Storage(error)) => matches!(**error, StorageError::NoSpace { .. }),
        _ => false,
    }
}
