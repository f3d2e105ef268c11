//! One partition on disk in Kafka's format: segments, indexes, producer state, recovery, retention, compaction.
//!
//! [`PartitionLog`] is one partition: appends gather many requests' batches into one write, reads give stretches of
//! files for `sendfile`. All calls are synchronous and short except those that say that they sync. [`OpenLog`] opens
//! one; [`LogManager`] has all of a node.
//!
//! Invariants: the files are Kafka's, byte for byte; log start ≤ last stable offset ≤ high watermark ≤ log end; an
//! append makes one system call; an idle partition holds no descriptors and no buffers; an I/O error takes the log
//! directory offline, never the process; a full disk only turns appends away.
//!
//! It leaves to others: validating record data (`moldau-protocol`), who leads and what is replicated, the clock, and
//! when to run the background passes.

mod compaction;
mod config;
mod directory;
pub mod dump;
mod epochs;
mod error;
mod files;
mod index;
mod manager;
mod moving;
mod partition;
mod producers;
mod scan;
mod segment;
mod sound;

pub use compaction::{Cleanable, Cleaner, CleanerConfig, CompactionReport};
pub use config::{LogConfig, TimestampType};
pub use directory::{FailureListener, LogDir, SyncTimer};
pub use error::{AppendError, DeleteRecordsError, ReadError, StorageError};
pub use files::meta::{MetaProperties, read_meta_properties, write_meta_properties};
pub use index::txn::AbortedTransaction;
pub use manager::{
    CleanersSaw, CreateLogError, Durable, FutureLog, LoadReport, LogDirInfo, LogManager, METADATA_LOG_DIR,
    MetaError, MoveRefusal, MoveStep, NodeMeta, OpenDirsError, SyncResult,
};
pub use partition::{
    ActiveProducer, AppendBatch, AppendInfo, AppendOrigin, EpochEndOffset, FileSlice, LogOffsets,
    LogPosition, LogRead, OffsetsListener, OpenLog, PartitionLog, ReadUpTo, RecoveryReport, TimestampOffset,
};
pub use sound::{SoundPart, sound_part};
