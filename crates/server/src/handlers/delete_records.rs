//! DeleteRecords (api key 21), versions 0 to 2 (KIP-107): moves the log start offset; −1 means the high watermark.

use std::sync::Arc;

use moldau_log::DeleteRecordsError;
use moldau_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use moldau_protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};
use moldau_types::{ErrorCode, Offset};

use crate::broker::{Broker, is_internal_topic};
use crate::dispatch::RequestContext;

/// Answers a DeleteRecords request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let deleted = delete(&broker, &topic.name, asked.partition_index, asked.offset);
            let error = deleted.as_ref().err().copied().unwrap_or(ErrorCode::None);
            DeleteRecordsPartitionResult {
                partition_index: asked.partition_index,
                low_watermark: deleted.map_or(-1, |offset| offset.0),
                error_code: error.code(),
            }
        });
        DeleteRecordsTopicResult { partitions: partitions.collect(), name: topic.name.clone() }
    });
    DeleteRecordsResponse { topics: topics.collect(), ..DeleteRecordsResponse::default() }
}

fn delete(broker: &Broker, topic: &str, index: i32, offset: i64) -> Result<Offset, ErrorCode> {
    if is_internal_topic(topic) {
        return Err(ErrorCode::InvalidTopicException);
    }
    let partition = broker.partitions().get(topic, index).ok_or_else(|| broker.why_not_led(topic, index))?;
    if !partition.config.load().cleanup_policy.delete {
        return Err(ErrorCode::PolicyViolation);
    }
    let target = if offset == -1 { partition.log.offsets().high_watermark } else { Offset(offset) };
    match partition.log.delete_records(target) {
        Ok(log_start) => {
            partition.moved();
            Ok(log_start)
        }
        Err(DeleteRecordsError::OffsetOutOfRange { .. }) => Err(ErrorCode::OffsetOutOfRange),
        Err(DeleteRecordsError::Storage(error)) => {
            tracing::warn!(topic, partition = index, "delete records: {error}");
            Err(ErrorCode::KafkaStorageError)
        }
    }
}
