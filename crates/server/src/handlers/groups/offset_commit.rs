//! OffsetCommit (api key 8), versions 2 to 10: how far a group has read.
//!
//! Up to version 4 a retention time can be asked for; 6 adds leader epochs, 7 static members, 9 answers GROUP_ID_NOT_FOUND, 10 names
//! topics by id (KIP-848). Only partitions that exist are committed to.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use moldau_coordinator_runtime::offset_commit_error;
use moldau_protocol::messages::offset_commit_request::OffsetCommitRequestTopic;
use moldau_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse};
use moldau_types::{ErrorCode, Uuid};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers an OffsetCommit request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    mut request: OffsetCommitRequest,
) -> OffsetCommitResponse {
    let by_id = context.api_version >= 10;
    let image = broker.image();
    let known = |topic: &mut OffsetCommitRequestTopic| {
        let found =
            if by_id { image.topics.by_id(topic.topic_id) } else { image.topics.by_name(&topic.name) };
        let Some(found) = found else { return false };
        if by_id {
            topic.name = found.name.to_string();
        } else {
            topic.topic_id = found.id;
        }
        true
    };
    let unknown: Vec<_> = request.topics.extract_if(.., |topic| !known(topic)).collect();
    let mut missing = Vec::new();
    for topic in &mut request.topics {
        let is_missing = |index: i32| image.topics.partition_by_id(topic.topic_id, index.into()).is_none();
        let partitions: Vec<_> =
            topic.partitions.extract_if(.., |partition| is_missing(partition.partition_index)).collect();
        if !partitions.is_empty() {
            let (name, topic_id) = (topic.name.clone(), topic.topic_id);
            missing.push(OffsetCommitRequestTopic { name, topic_id, partitions });
        }
    }
    request.topics.retain(|topic| !topic.partitions.is_empty());
    drop(image);
    let mut response = if request.topics.is_empty() {
        OffsetCommitResponse::default()
    } else {
        broker.groups.commit_offsets(context.api_version, &request).await
    };
    let unknown_topic = if by_id { ErrorCode::UnknownTopicId } else { ErrorCode::UnknownTopicOrPartition };
    let mut places: HashMap<_, _> = response
        .topics
        .iter()
        .enumerate()
        .map(|(at, topic)| ((topic.name.clone(), topic.topic_id), at))
        .collect();
    for (topics, error) in [(unknown, unknown_topic), (missing, ErrorCode::UnknownTopicOrPartition)] {
        if topics.is_empty() {
            continue;
        }
        for refused in
            offset_commit_error(&OffsetCommitRequest { topics, ..Default::default() }, error).topics
        {
            match places.entry((refused.name.clone(), refused.topic_id)) {
                Entry::Occupied(place) => response.topics[*place.get()].partitions.extend(refused.partitions),
                Entry::Vacant(place) => {
                    place.insert(response.topics.len());
                    response.topics.push(refused);
                }
            }
        }
    }
    for topic in &mut response.topics {
        if by_id {
            topic.name.clear();
        } else {
            topic.topic_id = Uuid::ZERO;
        }
    }
    response
}
