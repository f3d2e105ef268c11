//! ListOffsets (api key 2), versions 1 to 11.
//!
//! Special timestamps: −1 latest, −2 earliest, −3 the offset of the largest timestamp (version 7, KIP-734), −4 earliest
//! local (version 8), −5 latest tiered (version 9), −6 earliest that waits for tiering (version 11). Nothing is tiered
//! here, so earliest local is the log start, and the last two know no offset (−1).

use std::collections::HashMap;
use std::sync::Arc;

use moldau_protocol::messages::list_offsets_request::ListOffsetsPartition;
use moldau_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use moldau_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};
use moldau_types::ErrorCode;

use crate::broker::{Broker, Partition};
use crate::dispatch::RequestContext;
use crate::fetch::check_leader_epoch;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// Answers a ListOffsets request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: ListOffsetsRequest,
) -> ListOffsetsResponse {
    let version = context.api_version;
    // A time is looked up in the records themselves, and the disk may have to be waited for.
    let by_time = |asked: &ListOffsetsPartition| matches!(asked.timestamp, 0.. | MAX_TIMESTAMP);
    if !request.topics.iter().flat_map(|topic| &topic.partitions).any(by_time) {
        return answer(&broker, version, request);
    }
    let answered = tokio::task::spawn_blocking(move || answer(&broker, version, request)).await;
    answered.unwrap_or_else(|error| {
        tracing::error!("looking up offsets panicked: {error}");
        ListOffsetsResponse::default()
    })
}

fn answer(broker: &Broker, version: i16, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let read_committed = request.isolation_level == 1;
    let mut times_asked: HashMap<(String, i32), u32> = HashMap::new();
    for topic in &request.topics {
        for asked in &topic.partitions {
            *times_asked.entry((topic.name.clone(), asked.partition_index)).or_default() += 1;
        }
    }
    let topics = request.topics.into_iter().map(|topic| {
        let answer = |asked: &ListOffsetsPartition| {
            // A partition that is asked for twice is refused, once.
            let times = times_asked.remove(&(topic.name.clone(), asked.partition_index))?;
            let found = match broker.partitions().get(&topic.name, asked.partition_index) {
                _ if times > 1 => Err(ErrorCode::InvalidRequest),
                _ if !is_timestamp(asked.timestamp, version) => Err(ErrorCode::UnsupportedVersion),
                Some(partition) => look_up(&partition, asked, read_committed, version),
                None => Err(broker.why_not_led(&topic.name, asked.partition_index)),
            };
            Some(found.unwrap_or_else(|error| ListOffsetsPartitionResponse {
                partition_index: asked.partition_index,
                error_code: error.code(),
                ..ListOffsetsPartitionResponse::default()
            }))
        };
        let partitions = topic.partitions.iter().filter_map(answer).collect();
        ListOffsetsTopicResponse { name: topic.name.clone(), partitions }
    });
    ListOffsetsResponse { topics: topics.collect(), ..ListOffsetsResponse::default() }
}

/// Whether the version has this timestamp: one of a record, or a special one.
fn is_timestamp(timestamp: i64, version: i16) -> bool {
    match timestamp {
        0.. | LATEST | EARLIEST => true,
        MAX_TIMESTAMP => version >= 7,
        EARLIEST_LOCAL => version >= 8,
        LATEST_TIERED => version >= 9,
        EARLIEST_PENDING_UPLOAD => version >= 11,
        _ => false,
    }
}

fn look_up(
    partition: &Partition,
    asked: &ListOffsetsPartition,
    read_committed: bool,
    version: i16,
) -> Result<ListOffsetsPartitionResponse, ErrorCode> {
    check_leader_epoch(partition, asked.current_leader_epoch)?;
    let offsets = partition.log.offsets();
    let leader_epoch = partition.leader_epoch().0;
    let last = if read_committed { offsets.last_stable } else { offsets.high_watermark };
    let epoch_at = |offset| partition.log.leader_epoch_of(offset).map_or(leader_epoch, |epoch| epoch.0);
    let (timestamp, offset, leader_epoch) = match asked.timestamp {
        LATEST => (-1, last.0, leader_epoch),
        EARLIEST => (-1, offsets.log_start.0, epoch_at(offsets.log_start)),
        EARLIEST_LOCAL => (-1, offsets.log_start.0, epoch_at(offsets.log_start)),
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => (-1, -1, -1),
        MAX_TIMESTAMP => match partition.log.max_timestamp_offset() {
            Ok(Some(found)) => (found.timestamp, found.offset.0, epoch_at(found.offset)),
            Ok(None) => (-1, -1, -1),
            Err(error) => return Err(storage_error(partition, &error)),
        },
        timestamp => match partition.log.offset_for_timestamp(timestamp) {
            Ok(Some(found)) if found.offset < last => {
                (found.timestamp, found.offset.0, epoch_at(found.offset))
            }
            Ok(_) => (-1, -1, -1),
            Err(error) => return Err(storage_error(partition, &error)),
        },
    };
    Ok(ListOffsetsPartitionResponse {
        partition_index: asked.partition_index,
        error_code: 0,
        timestamp,
        offset,
        leader_epoch: if version >= 4 { leader_epoch } else { -1 },
    })
}

fn storage_error(partition: &Partition, error: &dyn std::fmt::Display) -> ErrorCode {
    tracing::warn!(topic = %partition.topic, partition = partition.index.0, "list offsets: {error}");
    ErrorCode::KafkaStorageError
}
