//! What can go wrong with a log, one enum for each kind of operation. Wire codes are the handlers' choice.

use std::io;
use std::path::{Path, PathBuf};

use moldau_protocol::records::RecordsError;
use moldau_types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId};

/// A failure below all operations: the files.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The log directory was taken out of service after an earlier error.
    #[error("log directory {} is offline: {reason}", dir.display())]
    DirectoryOffline {
        /// The directory.
        dir: PathBuf,
        /// What went wrong first.
        reason: String,
    },
    /// The disk, or the quota on it, is full; reads and deletes still work.
    #[error("no space left for {}", path.display())]
    NoSpace {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// Another error of the operating system.
    #[error("{} {}: {source}", doing, path.display())]
    Io {
        /// What was being done, such as "writing".
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file holds what it cannot hold.
    #[error("{}: {problem}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The log was closed or deleted.
    #[error("the log is closed")]
    Closed,
}

impl StorageError {
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> StorageError {
        if is_no_space(&source) {
            StorageError::NoSpace { path: path.to_owned() }
        } else {
            StorageError::Io { doing, path: path.to_owned(), source }
        }
    }

    pub(crate) fn corrupt(path: &Path, problem: impl Into<String>) -> StorageError {
        StorageError::Corrupt { path: path.to_owned(), problem: problem.into() }
    }
}

/// Whether an error says that the disk or a quota is full.
pub(crate) fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Why one batch was not appended.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// The sequence number does not follow the producer's last one.
    #[error(
        "out of order sequence number for producer {producer_id} at offset {offset}: {sequence} (incoming), {last_sequence} (last)"
    )]
    OutOfOrderSequence {
        /// The producer.
        producer_id: ProducerId,
        /// The offset the batch would have had.
        offset: Offset,
        /// First sequence number of the batch.
        sequence: i32,
        /// The producer's last one.
        last_sequence: i32,
    },
    /// The batch is of an older epoch of its producer.
    #[error(
        "epoch of producer {producer_id} at offset {offset} is {epoch}, smaller than the last seen {last_epoch}"
    )]
    InvalidProducerEpoch {
        /// The producer.
        producer_id: ProducerId,
        /// The offset the batch would have had.
        offset: Offset,
        /// The epoch of the batch.
        epoch: ProducerEpoch,
        /// The epoch the log has seen.
        last_epoch: ProducerEpoch,
    },
    /// A record outside a transaction came while one of the producer is open.
    #[error(
        "producer {producer_id} sent a non-transactional batch in an open transaction at offset {offset}"
    )]
    InvalidTransactionState {
        /// The producer.
        producer_id: ProducerId,
        /// The offset the batch would have had.
        offset: Offset,
    },
    /// A marker of a transaction coordinator that was replaced.
    #[error("coordinator epoch {epoch} is smaller than the last seen {last_epoch} of producer {producer_id}")]
    CoordinatorFenced {
        /// The producer.
        producer_id: ProducerId,
        /// The coordinator epoch of the marker.
        epoch: i32,
        /// The coordinator epoch the log has seen.
        last_epoch: i32,
    },
    /// The appender is not the leader any more.
    #[error("leader epoch {epoch} is smaller than the log's {current}")]
    FencedLeaderEpoch {
        /// The appender's epoch.
        epoch: LeaderEpoch,
        /// The log's.
        current: LeaderEpoch,
    },
    /// The batch is larger than `max.message.bytes`.
    #[error("the batch has {size} bytes, more than the {max} of max.message.bytes")]
    BatchTooLarge {
        /// Bytes of the batch.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// The batch is larger than a segment may be.
    #[error("the batch has {size} bytes, more than the {max} of segment.bytes")]
    BatchLargerThanSegment {
        /// Bytes of the batch.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// The bytes given are not the batch the header describes.
    #[error("the batch is malformed: {0}")]
    Malformed(String),
    /// A follower's batch does not continue the log.
    #[error("the batch starts at offset {offset}, the log ends at {log_end}")]
    UnexpectedOffset {
        /// First offset of the batch.
        offset: Offset,
        /// The log end offset.
        log_end: Offset,
    },
    /// The files failed.
    #[error("{0}")]
    Storage(std::sync::Arc<StorageError>),
}

impl From<StorageError> for AppendError {
    fn from(error: StorageError) -> AppendError {
        AppendError::Storage(std::sync::Arc::new(error))
    }
}

/// Why a read gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The offset is before the log start or after the log end.
    #[error("offset {offset} is out of range: the log has {log_start} to {log_end}")]
    OffsetOutOfRange {
        /// The offset asked for.
        offset: Offset,
        /// The log start offset.
        log_start: Offset,
        /// The log end offset.
        log_end: Offset,
    },
    /// The files failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why records were not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteRecordsError {
    /// The offset is beyond the high watermark or negative.
    #[error("offset {offset} is out of range: the log has {log_start} to {high_watermark}")]
    OffsetOutOfRange {
        /// The offset asked for.
        offset: Offset,
        /// The log start offset.
        log_start: Offset,
        /// The high watermark.
        high_watermark: Offset,
    },
    /// The files failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A record batch in a file that cannot be read.
pub(crate) fn unreadable(path: &Path, position: u64, error: &RecordsError) -> StorageError {
    StorageError::corrupt(path, format!("the batch at byte {position} is unreadable: {error}"))
}
