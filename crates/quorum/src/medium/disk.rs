//! The metadata log in Kafka's files: `__cluster_metadata-0` of a log directory, its batches in a [`PartitionLog`].
//!
//! One thread syncs: whatever was appended while it was busy shares its next sync. After a failed sync nothing is
//! acknowledged any more, as the kernel may have dropped what it could not write.
//!
//! Space is taken in advance, so that a full disk is met when something is proposed and not when it is written.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use bytes::Bytes;
use moldau_log::{
    AppendBatch, AppendError, AppendOrigin, LogConfig, LogDir, OpenLog, PartitionLog, ReadUpTo, StorageError,
};
use moldau_protocol::records::BatchHeader;
use moldau_types::{Offset, TopicId, Uuid};
use parking_lot::Mutex;

use super::synced::Synced;
use super::{Medium, SyncDone};
use crate::anchors::{self, Anchors};

/// Bytes that are taken in advance, so that much can be written down when the disk is full: deletions of topics too.
const RESERVE_BYTES: u64 = 1 << 20;
/// Of these, what is kept for batches that are not proposals.
const KEPT_BYTES: u64 = 16 << 10;

/// The metadata log's topic.
const TOPIC: &str = "__cluster_metadata";

/// Where and how the log is kept.
#[derive(Clone, Debug)]
pub(crate) struct DiskConfig {
    /// The log directory (`metadata.log.dir`).
    pub(crate) dir: Arc<LogDir>,
    /// `metadata.log.segment.bytes`.
    pub(crate) segment_bytes: u32,
    /// `metadata.log.segment.ms`.
    pub(crate) segment_ms: i64,
    /// The last stop was a clean one.
    pub(crate) clean: bool,
}

/// See the module.
pub(crate) struct Disk {
    path: PathBuf,
    log: Arc<PartitionLog>,
    syncs: Mutex<Option<mpsc::Sender<SyncDone>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    synced: Arc<Synced>,
}

impl Disk {
    /// Opens the log, or makes it; cuts a torn tail off. A log that lacks what was synced is an error.
    pub(crate) fn open(config: DiskConfig, now_ms: i64) -> io::Result<Disk> {
        let path = config.dir.path().join(format!("{TOPIC}-0"));
        let anchors = match fs::read(path.join(anchors::FILE_NAME)) {
            Ok(bytes) => Anchors::decode(&bytes).map_err(super::super::store::corrupt)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Anchors::default(),
            Err(error) => return Err(error),
        };
        fs::create_dir_all(&path)?;
        let synced = Arc::new(Synced::open(&path)?);
        check_sound(&path, synced.offset())?;
        let log_start = anchors.purged.map_or(0, |(_, offset)| offset);
        let open = OpenLog {
            path: path.clone(),
            topic: TOPIC.into(),
            partition: 0,
            topic_id: Some(TopicId(Uuid::METADATA_TOPIC_ID)),
            directory: config.dir,
            config: LogConfig {
                segment_bytes: config.segment_bytes,
                segment_ms: config.segment_ms,
                retention_ms: -1,
                retention_bytes: -1,
                max_message_bytes: i32::MAX as u32,
                ..LogConfig::default()
            },
            log_start: Offset(log_start),
            recovery_point: Offset(if config.clean { i64::MAX } else { log_start }),
            high_watermark: Offset(log_start),
            clean: config.clean,
            now_ms,
        };
        let (log, report) = open.open().map_err(io::Error::other)?;
        if report.cut_bytes > 0 {
            tracing::warn!(bytes = report.cut_bytes, "cut a torn tail off the metadata log");
        }
        log.set_high_watermark_follows_log_end(true);
        if let Err(error) = log.reserve(0, RESERVE_BYTES) {
            tracing::warn!(%error, "changes of metadata may find no space");
        }
        let (syncs, queue) = mpsc::channel();
        let thread = std::thread::Builder::new().name("metadata-sync".to_owned()).spawn({
            let (log, synced) = (Arc::clone(&log), Arc::clone(&synced));
            move || sync_all(&log, &synced, &queue)
        })?;
        Ok(Disk { path, log, syncs: Mutex::new(Some(syncs)), thread: Mutex::new(Some(thread)), synced })
    }

    fn stop(&self) {
        drop(self.syncs.lock().take());
        if let Some(thread) = self.thread.lock().take() {
            // It only panics if a callback does, and then there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Refuses a log that ends before what was synced: cutting that off would undo what is acknowledged.
fn check_sound(path: &Path, synced: i64) -> io::Result<()> {
    if synced == 0 {
        return Ok(());
    }
    let sound = moldau_log::sound_part(path).map_err(io::Error::other)?;
    if sound.end >= synced {
        return Ok(());
    }
    let place = sound.damage.map_or_else(
        || "segments are missing at its end".to_owned(),
        |(file, position, reason)| format!("{} is damaged at byte {position}: {reason}", file.display()),
    );
    let end = sound.end;
    let why = format!(
        "the metadata log lacks records that were acknowledged: it is sound up to offset {end} and was synced up to {synced}; \
         {place}. Nothing was changed. Put back a copy of {}, or, to go on without those changes (topics that they made \
         are set aside), remove {} there",
        path.display(),
        super::synced::FILE_NAME
    );
    Err(io::Error::new(io::ErrorKind::InvalidData, why))
}

fn sync_all(log: &PartitionLog, synced: &Synced, queue: &mpsc::Receiver<SyncDone>) {
    let mut failed = None;
    while let Ok(first) = queue.recv() {
        let mut waiting = vec![first];
        waiting.extend(queue.try_iter());
        if failed.is_none() {
            // The order of these two matters: a cut between them makes the offset too large, but is noticed.
            let cuts = synced.cuts();
            let end = log.offsets().log_end.0;
            failed = log.sync().err().map(|error| error.to_string());
            if failed.is_none()
                && let Err(error) = synced.raise(end, cuts)
            {
                // It only says less then.
                tracing::warn!(%error, "how far the metadata log is synced was not noted");
            }
        }
        for done in waiting {
            done(failed.clone().map_or(Ok(()), |error| Err(io::Error::other(error))));
        }
    }
}

impl Medium for Disk {
    fn bounds(&self) -> (i64, i64) {
        let offsets = self.log.offsets();
        (offsets.log_start.0, offsets.log_end.0)
    }

    fn reserve(&self, bytes: u64) -> io::Result<()> {
        self.log.reserve(bytes + KEPT_BYTES, RESERVE_BYTES).map_err(storage)
    }

    fn append(&self, batches: &[Bytes], now_ms: i64) -> io::Result<()> {
        let mut owned: Vec<(Vec<u8>, BatchHeader)> = Vec::with_capacity(batches.len());
        for bytes in batches {
            owned.push((bytes.to_vec(), BatchHeader::parse(bytes).map_err(io::Error::other)?));
        }
        let mut appends: Vec<AppendBatch<'_>> = owned
            .iter_mut()
            .map(|(bytes, header)| AppendBatch {
                bytes,
                header: *header,
                max_timestamp: header.max_timestamp,
                offset_of_max_timestamp: i64::from(header.last_offset_delta),
                origin: AppendOrigin::Replication,
            })
            .collect();
        let end = self.log.offsets().log_end;
        let results = self.log.append_as_follower(&mut appends, now_ms);
        let Some(error) = results.into_iter().find_map(Result::err) else { return Ok(()) };
        // Those before a roll may be there.
        self.log.truncate_to(end, now_ms).map_err(io::Error::other)?;
        Err(match error {
            AppendError::Storage(error) if matches!(*error, StorageError::NoSpace { .. }) => {
                io::Error::new(io::ErrorKind::StorageFull, error)
            }
            error => io::Error::other(error),
        })
    }

    fn sync(&self, done: SyncDone) {
        let refused = match &*self.syncs.lock() {
            Some(syncs) => syncs.send(done).err().map(|refused| refused.0),
            None => Some(done),
        };
        if let Some(done) = refused {
            done(Err(io::Error::other("the metadata log is closed")));
        }
    }

    fn read(&self, from: i64, max_bytes: usize) -> io::Result<Bytes> {
        let read =
            self.log.read(Offset(from), max_bytes, ReadUpTo::LogEnd, true).map_err(io::Error::other)?;
        let Some(slice) = read.slice else { return Ok(Bytes::new()) };
        let mut bytes = vec![0; slice.len];
        slice.file.read_exact_at(&mut bytes, slice.position)?;
        Ok(Bytes::from(bytes))
    }

    fn truncate_to(&self, offset: i64, now_ms: i64) -> io::Result<()> {
        self.synced.lower(offset)?;
        self.log.truncate_to(Offset(offset), now_ms).map_err(io::Error::other)?;
        self.log.sync().map_err(io::Error::other)?;
        Ok(())
    }

    fn restart_at(&self, offset: i64, now_ms: i64) -> io::Result<()> {
        // Until the log has begun anew it may end anywhere.
        self.synced.lower(0)?;
        self.log.truncate_fully_and_start_at(Offset(offset), now_ms).map_err(io::Error::other)
    }

    fn raise_start(&self, offset: i64, now_ms: i64) -> io::Result<()> {
        self.log.raise_log_start(Offset(offset)).map_err(io::Error::other)?;
        self.log.apply_retention(now_ms).map_err(io::Error::other)?;
        self.log.remove_deleted_files(now_ms);
        Ok(())
    }

    fn size(&self) -> u64 {
        self.log.size()
    }

    fn write_file(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let (path, temporary) = (self.path.join(name), self.path.join(format!("{name}.tmp")));
        let written = File::create(&temporary).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_data()
        });
        if let Err(error) = written {
            // Best effort: the next start ignores it as well.
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        fs::rename(&temporary, &path)?;
        sync_dir(&self.path)
    }

    fn read_file(&self, name: &str) -> io::Result<Option<Bytes>> {
        match fs::read(self.path.join(name)) {
            Ok(bytes) => Ok(Some(Bytes::from(bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn remove_file(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn files(&self) -> io::Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string() {
                files.push((name, entry.metadata().map_or(0, |metadata| metadata.len())));
            }
        }
        Ok(files)
    }

    fn close(&self) -> io::Result<()> {
        self.stop();
        self.log.close().map_err(io::Error::other)
    }
}

fn storage(error: StorageError) -> io::Error {
    match error {
        StorageError::NoSpace { .. } => io::Error::new(io::ErrorKind::StorageFull, error),
        error => io::Error::other(error),
    }
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests;
