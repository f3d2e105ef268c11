//! Checks what a producer sent for a partition.

use moldau_protocol::records::{BatchHeader, BatchView};
use moldau_types::ErrorCode;

use crate::broker::{Partition, is_internal_topic};

/// A batch that may be appended.
pub(crate) struct Validated {
    pub(crate) header: BatchHeader,
    /// Set when the batch had to be written anew, as `compression.type` asks.
    pub(crate) rebuilt: Option<Vec<u8>>,
    pub(crate) max_timestamp: i64,
    /// Counted from the batch's first record.
    pub(crate) offset_of_max_timestamp: i64,
}

/// Why a batch is refused.
pub(crate) struct Refusal {
    pub(crate) error: ErrorCode,
    pub(crate) message: String,
    /// The records that are at fault: number in the batch, and what is wrong.
    pub(crate) records: Vec<(i32, String)>,
}

impl Refusal {
    fn new(error: ErrorCode, message: impl Into<String>) -> Self {
        Refusal { error, message: message.into(), records: Vec::new() }
    }
}

/// Checks the records that a client sent for a partition.
pub(crate) fn validate(
    partition: &Partition,
    bytes: &mut [u8],
    acks: i16,
    _version: i16,
    _now_ms: i64,
) -> Result<Validated, Refusal> {
    if is_internal_topic(&partition.topic) {
        return Err(Refusal::new(ErrorCode::InvalidTopicException, "only the system writes to internal topics"));
    }
    let config = partition.config.load();
    if acks == -1 && config.min_insync_replicas > 1 {
        return Err(Refusal::new(ErrorCode::NotEnoughReplicas, "there are fewer in-sync replicas than min.insync.replicas"));
    }
    let view = BatchView::parse(bytes).map_err(|e| Refusal::new(ErrorCode::CorruptMessage, e.to_string()))?;
    view.verify_crc().map_err(|e| Refusal::new(ErrorCode::CorruptMessage, e.to_string()))?;
    Ok(Validated {
        header: view.header,
        rebuilt: None,
        max_timestamp: view.header.max_timestamp,
        offset_of_max_timestamp: i64::from(view.header.last_offset_delta),
    })
}
