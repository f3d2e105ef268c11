//! What a leader checks of a batch before it appends it, and the few fields it then changes.
//!
//! Invariants: the batch given is never changed or copied; an uncompressed batch costs its CRC and a walk over the
//! lengths of its records, a compressed one passes through a fixed window. What is wrong with single records
//! (KIP-467) is only looked for once the walk has seen that something is.
//!
//! It leaves to others: assigning base offset and leader epoch, duplicates and sequence gaps, transactions.

mod walk;

use crc_fast::{CrcAlgorithm, Digest};

use super::RecordsError;
use super::batch::BatchView;
use super::compression::{Compression, Decompressor, Encoder, default_decompressed_limit};
use super::header::{
    ATTRIBUTES_OFFSET, BATCH_HEADER_LEN, BatchHeader, LOG_OVERHEAD, NO_TIMESTAMP, TimestampType,
    with_compression, with_timestamp_type,
};
use walk::Walk;

/// No more errors of single records than this are listed.
pub const MAX_RECORD_ERRORS: usize = 1000;

/// Who appends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AppendOrigin {
    /// A producer: no control records, base offset 0, a sequence number where there is a producer id.
    #[default]
    Client,
    /// This broker's own coordinators.
    Coordinator,
}

/// What a topic asks of the batches that are appended to it.
#[derive(Clone, Debug)]
pub struct ValidationRules {
    /// The broker's clock.
    pub now_ms: i64,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`.
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`.
    pub timestamp_after_max_ms: i64,
    /// Whether `cleanup.policy` has `compact`: every record needs a key.
    pub compacted: bool,
    /// `compression.type` with its level; `None` keeps the producer's.
    pub compression: Option<(Compression, Option<i32>)>,
    /// `max.message.bytes`, for the batch as it came and as it is stored.
    pub max_batch_bytes: usize,
    /// Who appends.
    pub origin: AppendOrigin,
    /// Limit of the decompressed records; `None` is [`default_decompressed_limit`].
    pub max_decompressed_bytes: Option<usize>,
}

impl Default for ValidationRules {
    /// A topic with default configs, at time 0 with no limit on timestamps.
    fn default() -> Self {
        ValidationRules {
            now_ms: 0,
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: i64::MAX,
            compacted: false,
            compression: None,
            max_batch_bytes: 1_048_588,
            origin: AppendOrigin::Client,
            max_decompressed_bytes: None,
        }
    }
}

/// A batch that may be appended: write `header`, with base offset and leader epoch put in, then the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatedBatch {
    /// The header to store: timestamp type, max timestamp, codec, length and CRC are final. If
    /// [`ValidatedBatch::header_changed`] is false it is the batch's own.
    pub header: BatchHeader,
    /// The payload to store instead of the batch's own, if the topic asks for another codec.
    pub payload: Option<Vec<u8>>,
    /// Whether anything the CRC covers was changed.
    pub header_changed: bool,
    /// Offset delta of the first record that has the max timestamp; 0 with append time; `None` if no record has a time.
    pub max_timestamp_offset_delta: Option<i32>,
}

/// Why a batch is not appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidationError {
    /// The bytes were damaged on their way.
    #[error("the record batch is corrupt: stored checksum {stored:#010x}, computed {computed:#010x}")]
    Corrupt {
        /// What the header says.
        stored: u32,
        /// What the bytes give.
        computed: u32,
    },
    /// The batch is larger than `max.message.bytes`.
    #[error("the record batch has {size} bytes, more than the maximum of {limit}")]
    TooLarge {
        /// Size of the batch; a lower bound if it was found while recompressing.
        size: usize,
        /// `max.message.bytes`.
        limit: usize,
    },
    /// The batch as a whole is not valid.
    #[error(transparent)]
    Invalid(#[from] RecordsError),
    /// Single records are not what the topic accepts.
    #[error("{} records were rejected, the first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Records(Vec<RecordError>),
}

impl ValidationError {
    /// Whether a record's timestamp is among what is wrong: that decides the error of the whole batch.
    pub fn has_invalid_timestamp(&self) -> bool {
        matches!(self, ValidationError::Records(errors)
            if errors.iter().any(|error| !matches!(error.kind, RecordErrorKind::NoKey)))
    }

    /// Whether a record has no key and the topic, since it is compacted, wants one.
    pub fn misses_key(&self) -> bool {
        matches!(self, ValidationError::Records(errors)
            if errors.iter().any(|error| matches!(error.kind, RecordErrorKind::NoKey)))
    }
}

/// A record that the topic does not accept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {batch_index}: {kind}")]
pub struct RecordError {
    /// Index in the batch.
    pub batch_index: i32,
    /// What is wrong with it.
    pub kind: RecordErrorKind,
}

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordErrorKind {
    /// No key, but the topic is compacted.
    #[error("Compacted topic cannot accept message without key.")]
    NoKey,
    /// The timestamp is too far from the broker's clock.
    #[error(
        "Timestamp {timestamp} of message with offset {offset} is out of range. The timestamp should be within [{earliest}, {latest}]"
    )]
    InvalidTimestamp {
        /// The record's.
        timestamp: i64,
        /// The record's offset delta.
        offset: i64,
        /// First that is accepted.
        earliest: i64,
        /// Last that is accepted.
        latest: i64,
    },
    /// The producer says that the leader gave the time.
    #[error(
        "Invalid timestamp type in message with offset {offset}. Producer should not set timestamp type to LogAppendTime."
    )]
    AppendTime {
        /// The record's offset delta.
        offset: i64,
    },
}

/// Checks the one batch in `batch` as a leader does before an append, and says what is to be stored.
pub fn validate_batch(batch: &[u8], rules: &ValidationRules) -> Result<ValidatedBatch, ValidationError> {
    validate_batch_counting(batch, rules, &mut 0)
}

/// The same. `decompressed` grows by the bytes that the batch decompressed to, also when it is refused.
pub fn validate_batch_counting(
    batch: &[u8],
    rules: &ValidationRules,
    decompressed: &mut usize,
) -> Result<ValidatedBatch, ValidationError> {
    let view = BatchView::parse(batch)?;
    if view.bytes().len() != batch.len() {
        return Err(RecordsError::InvalidBatch("there is something after the batch").into());
    }
    let header = &view.header;
    if rules.origin == AppendOrigin::Client && header.base_offset != 0 {
        return Err(RecordsError::InvalidBatch("the base offset of a new batch is not 0").into());
    }
    if batch.len() > rules.max_batch_bytes {
        return Err(ValidationError::TooLarge { size: batch.len(), limit: rules.max_batch_bytes });
    }
    view.verify_crc().map_err(|error| match error {
        RecordsError::CrcMismatch { stored, computed } => ValidationError::Corrupt { stored, computed },
        other => ValidationError::Invalid(other),
    })?;
    let count = check_header(header, rules.origin)?;
    let codec = header.compression()?;
    let limit =
        rules.max_decompressed_bytes.unwrap_or_else(|| default_decompressed_limit(view.payload().len()));
    let walk = match codec {
        Compression::None => walk::walk_plain(view.payload(), count)?,
        codec => walk::walk_packed(Decompressor::new(codec, view.payload(), limit)?, count, decompressed)?,
    };
    if let Some(errors) = check_records(&view, &walk, rules, limit)? {
        return Err(ValidationError::Records(errors));
    }
    finish(&view, codec, &walk, rules, limit)
}

/// Checks what the header says of itself; returns the number of records.
fn check_header(header: &BatchHeader, origin: AppendOrigin) -> Result<u32, RecordsError> {
    let count = u32::try_from(header.record_count)
        .ok()
        .filter(|&count| count > 0)
        .ok_or(RecordsError::InvalidBatch("the number of records is not positive"))?;
    if i64::from(header.last_offset_delta) + 1 != i64::from(count) {
        return Err(RecordsError::InvalidBatch("the number of records does not match the offsets"));
    }
    if origin == AppendOrigin::Client {
        if header.is_control() {
            return Err(RecordsError::InvalidBatch("clients are not allowed to write control records"));
        }
        if header.has_producer_id() && header.base_sequence < 0 {
            return Err(RecordsError::InvalidBatch("a batch with a producer id has no sequence number"));
        }
    }
    Ok(count)
}

/// First and last timestamp that are accepted, if there is a limit that records must be checked for.
fn accepted_timestamps(rules: &ValidationRules) -> Option<(i64, i64)> {
    (rules.timestamp_type == TimestampType::CreateTime).then(|| {
        (
            rules.now_ms.saturating_sub(rules.timestamp_before_max_ms),
            rules.now_ms.saturating_add(rules.timestamp_after_max_ms),
        )
    })
}

/// The one time of all records of a batch that says it was given by a leader. A producer has no business to say so; the
/// reference then goes by this time on a topic with the producers' times.
fn append_time(header: &BatchHeader) -> Option<i64> {
    (header.timestamp_type() == TimestampType::LogAppendTime).then_some(header.max_timestamp)
}

/// Goes through the records again if the walk found a time out of range or a null key that matters.
fn check_records(
    view: &BatchView<'_>,
    walk: &Walk,
    rules: &ValidationRules,
    limit: usize,
) -> Result<Option<Vec<RecordError>>, RecordsError> {
    let range = accepted_timestamps(rules);
    let base = view.header.base_timestamp;
    let append_time = append_time(&view.header);
    let only_append_time = append_time.is_some_and(|time| range.is_none() || time == NO_TIMESTAMP);
    let in_range = range.is_none_or(|(earliest, latest)| {
        let first = append_time.or(base.checked_add(walk.min_timestamp_delta));
        let last = append_time.or(base.checked_add(walk.max_timestamp_delta));
        first.is_some_and(|first| first >= earliest) && last.is_some_and(|last| last <= latest)
    });
    if in_range && !only_append_time && !(rules.compacted && walk.null_key) {
        return Ok(None);
    }
    let mut errors = Vec::new();
    let mut records = view.records_within(limit)?;
    let mut batch_index = 0;
    while let Some(record) = records.next_record()? {
        let timestamp = append_time.unwrap_or(base.wrapping_add(record.timestamp_delta));
        let kind = if rules.compacted && record.key.is_none() {
            Some(RecordErrorKind::NoKey)
        } else if only_append_time {
            Some(RecordErrorKind::AppendTime { offset: record.offset })
        } else {
            range
                .filter(|&(earliest, latest)| {
                    timestamp != NO_TIMESTAMP && !(earliest..=latest).contains(&timestamp)
                })
                .map(|(earliest, latest)| RecordErrorKind::InvalidTimestamp {
                    timestamp,
                    offset: record.offset,
                    earliest,
                    latest,
                })
        };
        if let Some(kind) = kind {
            errors.push(RecordError { batch_index, kind });
            if errors.len() == MAX_RECORD_ERRORS {
                break;
            }
        }
        batch_index += 1;
    }
    Ok(if errors.is_empty() { None } else { Some(errors) })
}

/// The header and, if need be, the payload to store.
fn finish(
    view: &BatchView<'_>,
    codec: Compression,
    walk: &Walk,
    rules: &ValidationRules,
    limit: usize,
) -> Result<ValidatedBatch, ValidationError> {
    let mut header = view.header;
    let (max_timestamp, max_timestamp_offset_delta) = match rules.timestamp_type {
        TimestampType::LogAppendTime => (rules.now_ms, Some(0)),
        TimestampType::CreateTime => {
            let of_records =
                (header.base_timestamp.wrapping_add(walk.max_timestamp_delta), walk.max_timestamp_index);
            let (max, index) = append_time(&header).map_or(of_records, |time| (time, 0));
            if max > NO_TIMESTAMP { (max, Some(index)) } else { (NO_TIMESTAMP, None) }
        }
    };
    header.max_timestamp = max_timestamp;
    header.attributes = with_timestamp_type(header.attributes, rules.timestamp_type);
    let mut payload = None;
    if let Some((target, level)) = rules.compression
        && target != codec
    {
        let room = rules.max_batch_bytes.saturating_sub(BATCH_HEADER_LEN);
        let repacked = recompress(view.payload(), codec, target, level, limit, room)?;
        let size = BATCH_HEADER_LEN + repacked.len();
        header.batch_length = i32::try_from(size - LOG_OVERHEAD)
            .map_err(|_| ValidationError::TooLarge { size, limit: rules.max_batch_bytes })?;
        header.attributes = with_compression(header.attributes, target);
        payload = Some(repacked);
    }
    let header_changed = header != view.header;
    if header_changed {
        header.crc = crc_of(&header, payload.as_deref().unwrap_or(view.payload()));
    }
    Ok(ValidatedBatch { header, payload, header_changed, max_timestamp_offset_delta })
}

fn crc_of(header: &BatchHeader, payload: &[u8]) -> u32 {
    let mut head = [0; BATCH_HEADER_LEN];
    header.write(&mut head);
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    digest.update(&head[ATTRIBUTES_OFFSET..]);
    digest.update(payload);
    digest.finalize() as u32
}

/// Passes the payload from one codec to another, in pieces; the records' bytes stay as they are.
fn recompress(
    payload: &[u8],
    from: Compression,
    to: Compression,
    level: Option<i32>,
    limit: usize,
    room: usize,
) -> Result<Vec<u8>, ValidationError> {
    let mut decoder = Decompressor::new(from, payload, limit)?;
    let mut encoder = Encoder::new(to, level)?;
    let mut out = Vec::new();
    let fits = |out: &Vec<u8>| {
        if out.len() > room {
            let overhead = BATCH_HEADER_LEN;
            return Err(ValidationError::TooLarge { size: overhead + out.len(), limit: overhead + room });
        }
        Ok(())
    };
    loop {
        let piece = decoder.next_piece()?;
        if piece.is_empty() {
            break;
        }
        encoder.write(piece, &mut out)?;
        fits(&out)?;
    }
    encoder.finish(&mut out)?;
    fits(&out)?;
    Ok(out)
}

#[cfg(test)]
mod tests;
