//! Record batches: Kafka's one format of records on the wire and on disk (magic 2, KIP-98), read in place.
//!
//! Invariants: nothing here allocates by a number found in the data without bounding it first; no input
//! makes it panic; a valid batch is never rebuilt, the broker only changes its first 16 bytes
//! ([`set_base_offset`], [`set_partition_leader_epoch`]), which lie outside the checksum.
//!
//! It leaves to others: where batches are stored (`moldau-log`) and which error code a failure becomes.

mod batch;
mod builder;
mod checksum;
mod compression;
mod control;
mod error;
mod header;
mod legacy;
mod record;
mod stream;
mod validate;
mod varint;

pub use batch::{BatchView, Batches, batches};
pub use builder::{BatchBuilder, HeaderRef, copy_records};
pub use checksum::crc32c;
pub use compression::{Compression, Encoder, default_decompressed_limit};
pub use control::{ControlRecord, ControlRecordType, end_transaction_batch};
pub use error::RecordsError;
pub use header::{
    ATTRIBUTES_OFFSET, BATCH_HEADER_LEN, BatchHeader, CRC_OFFSET, LOG_OVERHEAD, MAGIC_OFFSET,
    NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP, TimestampType,
    set_attributes, set_base_offset, set_last_offset, set_max_timestamp, set_partition_leader_epoch,
    update_crc,
};
pub use legacy::{LegacyEntry, LegacyRecord, legacy_records};
pub use record::{Header, Headers, RecordView};
pub use stream::{RecordIter, RecordStream};
pub use validate::{
    AppendOrigin, MAX_RECORD_ERRORS, RecordError, RecordErrorKind, ValidatedBatch, ValidationError,
    ValidationRules, validate_batch, validate_batch_counting,
};

#[cfg(test)]
mod tests;
