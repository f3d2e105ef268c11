//! Opening every partition found in the log directories, several at once, with the progress logged.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use moldau_types::{Offset, TopicId};
use parking_lot::Mutex;

use super::strays::Failed;
use super::{Dir, LogManager, METADATA_LOG_DIR};
use crate::config::LogConfig;
use crate::error::StorageError;
use crate::files::checkpoint::{
    CLEANER_OFFSETS, HIGH_WATERMARKS, LOG_STARTS, PartitionOffsets, RECOVERY_POINTS, read_offsets,
};
use crate::files::{DELETE_DIR_SUFFIX, STRAY_DIR_SUFFIX, meta, split_dir_name, split_future_dir_name};
use crate::partition::{OpenLog, PartitionLog};

/// How often the progress is logged.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// What loading found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Partitions that were opened.
    pub partitions: usize,
    /// Partitions that could not be opened.
    pub failed: usize,
    /// Directories whose last stop was not clean.
    pub unclean_dirs: usize,
    /// Bytes of records that were read and checked.
    pub scanned_bytes: u64,
    /// Bytes that were cut off as incomplete.
    pub cut_bytes: u64,
    /// The broker epoch at the clean stop, −1 if unknown or not clean.
    pub previous_broker_epoch: i64,
}

/// A partition's directory to be opened.
struct Found<'a> {
    dir: &'a Dir,
    path: PathBuf,
    topic: Arc<str>,
    partition: i32,
    /// It is the copy of a log that is being moved here.
    copy: bool,
    clean: bool,
    recovery_point: i64,
    high_watermark: i64,
    log_start: i64,
    /// The cleaner has been here: offsets may be missing although the topic is not compacted any more.
    compacted: bool,
}

impl LogManager {
    /// Opens all partitions with `threads` threads. `config_of` gives the settings by topic name and id. A partition
    /// that cannot be opened is reported by [`failure_of`](LogManager::failure_of); the others are not held up.
    pub fn load(
        &self,
        config_of: &(dyn Fn(&str, Option<TopicId>) -> LogConfig + Sync),
        threads: usize,
        now_ms: i64,
    ) -> LoadReport {
        let started = Instant::now();
        let mut report = LoadReport { previous_broker_epoch: -1, ..LoadReport::default() };
        let mut found = Vec::new();
        let mut names: HashMap<String, Arc<str>> = HashMap::new();
        for dir in self.dirs.iter().filter(|dir| dir.health.failure().is_none()) {
            match self.list(dir, &mut names, now_ms) {
                Ok((mut partitions, clean)) => {
                    match clean {
                        Some(epoch) => report.previous_broker_epoch = report.previous_broker_epoch.max(epoch),
                        None => report.unclean_dirs += 1,
                    }
                    found.append(&mut partitions);
                }
                Err(error) => dir.health.take_offline(error.to_string()),
            }
        }
        if report.unclean_dirs > 0 {
            report.previous_broker_epoch = -1;
            if !found.is_empty() {
                tracing::info!(partitions = found.len(), "recovering logs: the last stop was not clean");
            }
        }
        let total = found.len();
        let next = AtomicUsize::new(0);
        let shared = Mutex::new((report, started));
        let copies = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            let work = || {
                let mut buffer = Vec::new();
                while let Some(partition) = found.get(next.fetch_add(1, Ordering::Relaxed)) {
                    self.open_one(partition, config_of, &mut buffer, now_ms, total, &shared, &copies);
                }
            };
            for _ in 1..threads.min(total) {
                scope.spawn(work);
            }
            work();
        });
        let (mut report, _) = shared.into_inner();
        report.partitions += self.take_copies(copies.into_inner(), now_ms);
        tracing::info!(
            partitions = report.partitions,
            failed = report.failed,
            scanned_bytes = report.scanned_bytes,
            cut_bytes = report.cut_bytes,
            elapsed_ms = started.elapsed().as_millis() as u64,
            "logs are open"
        );
        report
    }

    #[allow(clippy::too_many_arguments)]
    fn open_one(
        &self,
        found: &Found<'_>,
        config_of: &(dyn Fn(&str, Option<TopicId>) -> LogConfig + Sync),
        buffer: &mut Vec<u8>,
        now_ms: i64,
        total: usize,
        shared: &Mutex<(LoadReport, Instant)>,
        copies: &Mutex<Vec<Arc<PartitionLog>>>,
    ) {
        let opened = meta::read_partition_metadata(&found.path).and_then(|id| {
            let topic_id = id.map(TopicId);
            let config = config_of(&found.topic, topic_id);
            let opened = OpenLog {
                path: found.path.clone(),
                topic: Arc::clone(&found.topic),
                partition: found.partition,
                topic_id,
                directory: Arc::clone(&found.dir.health),
                config: LogConfig { compact: config.compact || found.compacted, ..config.clone() },
                log_start: Offset(found.log_start),
                recovery_point: Offset(found.recovery_point),
                high_watermark: Offset(found.high_watermark),
                clean: found.clean,
                now_ms,
            }
            .open_with(buffer)?;
            opened.0.set_config(config);
            Ok(opened)
        });
        match opened {
            Ok((log, recovery)) => {
                let added = match found.copy {
                    true => {
                        copies.lock().push(log);
                        None
                    }
                    false => Some(self.add(log, now_ms)),
                };
                let mut shared = shared.lock();
                let (report, last) = &mut *shared;
                report.scanned_bytes += recovery.scanned_bytes;
                report.cut_bytes += recovery.cut_bytes;
                match added {
                    Some(true) => report.partitions += 1,
                    Some(false) => report.failed += 1,
                    None => {}
                }
                if last.elapsed() >= PROGRESS_EVERY {
                    *last = Instant::now();
                    tracing::info!(
                        done = report.partitions,
                        total,
                        scanned_bytes = report.scanned_bytes,
                        "opening logs"
                    );
                }
            }
            Err(error) if found.copy => {
                tracing::error!(path = %found.path.display(), %error, "cannot open the copy of a log that is moved; the log stays where it is");
            }
            Err(error) => {
                tracing::error!(topic = %found.topic, partition = found.partition, %error, "cannot open a log; the partition is offline");
                let failed = Failed { reason: error.to_string(), path: Some(found.path.clone()) };
                self.failed.lock().insert((found.topic.to_string(), found.partition), failed);
                shared.lock().0.failed += 1;
            }
        }
    }

    /// The partitions in a directory, and the broker epoch of its clean stop if it was one.
    fn list<'a>(
        &self,
        dir: &'a Dir,
        names: &mut HashMap<String, Arc<str>>,
        now_ms: i64,
    ) -> Result<(Vec<Found<'a>>, Option<i64>), StorageError> {
        let root = dir.health.path();
        let read = |name: &'static str| -> PartitionOffsets {
            read_offsets(&root.join(name)).unwrap_or_else(|error| {
                tracing::warn!(%error, "a checkpoint file is not used");
                PartitionOffsets::new()
            })
        };
        let [recovery_points, high_watermarks, log_starts, cleaner] =
            [RECOVERY_POINTS, HIGH_WATERMARKS, LOG_STARTS, CLEANER_OFFSETS].map(read);
        let clean = meta::take_clean_shutdown(root)?;
        let mut found = Vec::new();
        let failed = |e| StorageError::io("listing", root, e);
        for entry in std::fs::read_dir(root).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if name == METADATA_LOG_DIR || !entry.file_type().map_err(failed)?.is_dir() {
                continue;
            }
            if name.ends_with(DELETE_DIR_SUFFIX) {
                self.deletes.lock().push((entry.path(), now_ms));
                continue;
            }
            let copied = split_future_dir_name(name);
            let Some((topic, partition)) = copied.or_else(|| split_dir_name(name)) else {
                if !name.ends_with(STRAY_DIR_SUFFIX) {
                    tracing::warn!(path = %entry.path().display(), "not the directory of a partition; left alone");
                }
                continue;
            };
            let key = (topic.to_owned(), partition);
            let topic = names.entry(topic.to_owned()).or_insert_with(|| topic.into());
            found.push(Found {
                dir,
                path: entry.path(),
                topic: Arc::clone(topic),
                partition,
                copy: copied.is_some(),
                clean: clean.is_some(),
                compacted: cleaner.contains_key(&key),
                recovery_point: recovery_points.get(&key).copied().unwrap_or(0),
                high_watermark: high_watermarks.get(&key).copied().unwrap_or(0),
                log_start: log_starts.get(&key).copied().unwrap_or(0),
            });
        }
        let mut written = dir.written.lock();
        written.insert(RECOVERY_POINTS, recovery_points);
        written.insert(HIGH_WATERMARKS, high_watermarks);
        written.insert(LOG_STARTS, log_starts);
        written.insert(CLEANER_OFFSETS, cleaner);
        Ok((found, clean))
    }
}
