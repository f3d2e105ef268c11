//! Checks what a producer sent for a partition, by the topic's configs, and picks the wire code of a refusal.
//!
//! A valid batch stays as it came; only `compression.type` of the topic makes it anew. `min.insync.replicas` is not asked: it counts
//! no more replicas than a partition has, and here each has one, the leader.

use moldau_config::TopicConfig;
use moldau_config::topic::{CompressionType, TimestampType as ConfiguredTimestamp};
use moldau_protocol::records::{
    AppendOrigin, BATCH_HEADER_LEN, BatchHeader, Compression, RecordErrorKind, RecordsError, TimestampType,
    ValidationError, ValidationRules, default_decompressed_limit, validate_batch_counting,
};
use moldau_types::ErrorCode;

use super::Unpacking;
use crate::broker::{Partition, is_internal_topic};

/// The first version of Produce that may carry zstd (KIP-110).
const FIRST_VERSION_WITH_ZSTD: i16 = 7;

/// What a batch is refused with for its records' timestamps, as Kafka words it.
const INVALID_TIMESTAMP_MESSAGE: &str = "One or more records have been rejected due to invalid timestamp";

/// A batch that may be appended.
pub(crate) struct Validated {
    pub(crate) header: BatchHeader,
    /// Set when the batch had to be written anew, as `compression.type` asks.
    pub(crate) rebuilt: Option<Vec<u8>>,
    pub(crate) max_timestamp: i64,
    /// Counted from the batch's first record.
    pub(crate) offset_of_max_timestamp: i64,
}

/// Why, where the code does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The batch's format is not taken.
    Magic,
    /// A compacted topic was sent records without a key.
    NoKey,
    Other,
}

/// Why a batch is refused.
pub(crate) struct Refusal {
    pub(crate) error: ErrorCode,
    pub(crate) message: String,
    /// The records that are at fault: number in the batch, and what is wrong.
    pub(crate) records: Vec<(i32, String)>,
    /// What the metrics tell apart beyond the code.
    pub(crate) cause: Cause,
}

impl Refusal {
    pub(crate) fn new(error: ErrorCode, message: impl Into<String>) -> Self {
        Refusal { error, message: message.into(), records: Vec::new(), cause: Cause::Other }
    }
}

/// Checks the records that a client sent for a partition.
pub(crate) fn validate(
    partition: &Partition,
    bytes: &mut [u8],
    version: i16,
    now_ms: i64,
    unpacking: &mut Unpacking,
) -> Result<Validated, Refusal> {
    if is_internal_topic(&partition.topic) {
        return Err(Refusal::new(
            ErrorCode::InvalidTopicException,
            "only the system writes to internal topics",
        ));
    }
    let config = partition.config.load();
    if bytes.is_empty() {
        return Err(Refusal::new(
            ErrorCode::InvalidRecord,
            "a produce request needs a record batch for each partition",
        ));
    }
    let validated = unpacking.work(|left, decompressed| {
        let mut rules = rules(&config, now_ms);
        rules.max_decompressed_bytes = Some(default_decompressed_limit(bytes.len()).min(left));
        validate_batch_counting(bytes, &rules, decompressed)
    });
    let validated = validated.map_err(|error| refusal(error, partition))?;
    let mut header = validated.header;
    if header.is_transactional() {
        // It would open a transaction that nobody can end, and hold up read_committed readers for ever.
        let message = "a transactional batch needs the transactional id of its producer";
        return Err(Refusal::new(ErrorCode::TransactionalIdAuthorizationFailed, message));
    }
    if version < FIRST_VERSION_WITH_ZSTD && matches!(header.compression(), Ok(Compression::Zstd)) {
        let message = format!("Produce version {version} does not know zstd");
        return Err(Refusal::new(ErrorCode::UnsupportedCompressionType, message));
    }
    let mut head = [0; BATCH_HEADER_LEN];
    let rebuilt = validated.payload.map(|payload| {
        header.write(&mut head);
        [&head[..], &payload].concat()
    });
    if rebuilt.is_none() && validated.header_changed {
        header.write(&mut head);
        bytes[..BATCH_HEADER_LEN].copy_from_slice(&head);
    }
    header.base_offset = 0;
    Ok(Validated {
        max_timestamp: header.max_timestamp,
        offset_of_max_timestamp: i64::from(
            validated.max_timestamp_offset_delta.unwrap_or(header.last_offset_delta),
        ),
        header,
        rebuilt,
    })
}

fn rules(config: &TopicConfig, now_ms: i64) -> ValidationRules {
    let compression = match config.compression_type {
        CompressionType::Producer => None,
        CompressionType::Uncompressed => Some((Compression::None, None)),
        CompressionType::Gzip => Some((Compression::Gzip, Some(config.compression_gzip_level))),
        CompressionType::Snappy => Some((Compression::Snappy, None)),
        CompressionType::Lz4 => Some((Compression::Lz4, None)),
        CompressionType::Zstd => Some((Compression::Zstd, Some(config.compression_zstd_level))),
    };
    ValidationRules {
        now_ms,
        timestamp_type: match config.message_timestamp_type {
            ConfiguredTimestamp::CreateTime => TimestampType::CreateTime,
            ConfiguredTimestamp::LogAppendTime => TimestampType::LogAppendTime,
        },
        timestamp_before_max_ms: config.message_timestamp_before_max_ms,
        timestamp_after_max_ms: config.message_timestamp_after_max_ms,
        compacted: config.cleanup_policy.compact,
        compression,
        max_batch_bytes: usize::try_from(config.max_message_bytes).unwrap_or(0),
        origin: AppendOrigin::Client,
        max_decompressed_bytes: None,
    }
}

/// What is wrong with a record; the reference names the partition with a missing key only.
fn words(kind: &RecordErrorKind, partition: &Partition) -> String {
    match kind {
        RecordErrorKind::NoKey => {
            let (topic, index) = (&partition.topic, partition.index.0);
            format!("Compacted topic cannot accept message without key in topic partition {topic}-{index}")
        }
        other => other.to_string(),
    }
}

fn refusal(error: ValidationError, partition: &Partition) -> Refusal {
    let code = match &error {
        ValidationError::Corrupt { .. } => ErrorCode::CorruptMessage,
        ValidationError::TooLarge { .. } => ErrorCode::MessageTooLarge,
        ValidationError::Records(_) if error.has_invalid_timestamp() => ErrorCode::InvalidTimestamp,
        ValidationError::Records(_) => ErrorCode::InvalidRecord,
        ValidationError::Invalid(reason) => match reason {
            RecordsError::InvalidBatchLength(_)
            | RecordsError::CrcMismatch { .. }
            | RecordsError::Decompression { .. } => ErrorCode::CorruptMessage,
            // Formats of old are no longer taken; a later one does not exist.
            RecordsError::UnsupportedMagic(0 | 1) => ErrorCode::InvalidRecord,
            RecordsError::UnsupportedMagic(_) => ErrorCode::CorruptMessage,
            RecordsError::UnknownCompression(_) => ErrorCode::UnsupportedCompressionType,
            RecordsError::TooLarge { .. } => ErrorCode::MessageTooLarge,
            _ => ErrorCode::InvalidRecord,
        },
    };
    let message = match &error {
        // Clients show this text as it is, and find the records in the list beside it.
        _ if error.has_invalid_timestamp() => INVALID_TIMESTAMP_MESSAGE.to_owned(),
        ValidationError::Invalid(RecordsError::UnsupportedMagic(magic)) if *magic > 1 => {
            format!("Invalid magic found in record: {magic}")
        }
        _ => error.to_string(),
    };
    let cause = match &error {
        ValidationError::Invalid(RecordsError::UnsupportedMagic(_)) => Cause::Magic,
        _ if error.misses_key() => Cause::NoKey,
        _ => Cause::Other,
    };
    let records = match error {
        ValidationError::Records(errors) => {
            errors.into_iter().map(|error| (error.batch_index, words(&error.kind, partition))).collect()
        }
        _ => Vec::new(),
    };
    Refusal { error: code, message, records, cause }
}
