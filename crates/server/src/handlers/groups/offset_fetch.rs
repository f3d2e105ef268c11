//! OffsetFetch (api key 9), versions 1 to 10: how far groups have read.
//!
//! Version 2 can ask for all topics and has an error for the whole group, 5 answers leader epochs, 7 can insist on stable offsets
//! (KIP-447), 8 asks for many groups (KIP-709), 10 names topics by id (KIP-848). Below 8 the one group is treated as a list of one.

use std::collections::HashSet;
use std::sync::Arc;

use moldau_coordinator_runtime::no_offset;
use moldau_metadata::MetadataImage;
use moldau_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use moldau_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use moldau_protocol::messages::{OffsetFetchRequest, OffsetFetchResponse};
use moldau_types::{ErrorCode, Uuid};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

const FIRST_VERSION_WITH_GROUP_ERRORS: i16 = 2;
const FIRST_VERSION_WITH_MANY_GROUPS: i16 = 8;
const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 10;

/// Answers an OffsetFetch request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: OffsetFetchRequest,
) -> OffsetFetchResponse {
    let version = context.api_version;
    if version < FIRST_VERSION_WITH_MANY_GROUPS {
        let topics = request.topics.map(|topics| {
            let topics = topics.into_iter().map(|topic| OffsetFetchRequestTopics {
                name: topic.name,
                partition_indexes: topic.partition_indexes,
                ..Default::default()
            });
            topics.collect()
        });
        let group = OffsetFetchRequestGroup { group_id: request.group_id, topics, ..Default::default() };
        return single(fetch(&broker, version, group, request.require_stable).await);
    }
    let mut response = OffsetFetchResponse::default();
    // All offsets of a group are told once, however often it is named.
    let mut told = HashSet::new();
    let groups = request.groups.into_iter();
    for group in groups.filter(|group| group.topics.is_some() || told.insert(group.group_id.clone())) {
        response.groups.push(fetch(&broker, version, group, request.require_stable).await);
    }
    response
}

async fn fetch(
    broker: &Arc<Broker>,
    version: i16,
    mut group: OffsetFetchRequestGroup,
    require_stable: bool,
) -> OffsetFetchResponseGroup {
    let by_id = version >= FIRST_VERSION_WITH_TOPIC_IDS;
    let image = broker.image();
    let mut unknown = Vec::new();
    if let Some(topics) = &mut group.topics {
        unknown = topics.extract_if(.., |topic| !complete(&image, topic, by_id)).collect();
    }
    let mut response = broker.groups.fetch_offsets(&group, require_stable).await;
    if response.error_code != 0 && version >= FIRST_VERSION_WITH_GROUP_ERRORS {
        response.topics.clear();
        return response;
    }
    if by_id {
        response.topics.retain_mut(|topic| match image.topics.by_name(&topic.name) {
            Some(found) => {
                topic.topic_id = found.id;
                topic.name.clear();
                true
            }
            None => false,
        });
    } else {
        response.topics.iter_mut().for_each(|topic| topic.topic_id = Uuid::ZERO);
    }
    let refused = unknown.into_iter().map(|topic| OffsetFetchResponseTopics {
        name: String::new(),
        topic_id: topic.topic_id,
        partitions: topic
            .partition_indexes
            .iter()
            .map(|&partition| no_offset(partition, ErrorCode::UnknownTopicId))
            .collect(),
    });
    response.topics.extend(refused);
    response
}

/// Fills in a topic's name or id; false when it is asked for by an id that is not known.
fn complete(image: &MetadataImage, topic: &mut OffsetFetchRequestTopics, by_id: bool) -> bool {
    if !by_id {
        // A topic that is gone has perhaps offsets still.
        topic.topic_id = image.topics.by_name(&topic.name).map_or(Uuid::ZERO, |found| found.id);
        return true;
    }
    match image.topics.by_id(topic.topic_id) {
        Some(found) => {
            topic.name = found.name.to_string();
            true
        }
        None => false,
    }
}

/// The shape before version 8.
fn single(group: OffsetFetchResponseGroup) -> OffsetFetchResponse {
    let topics = group.topics.into_iter().map(|topic| OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic
            .partitions
            .into_iter()
            .map(|partition| OffsetFetchResponsePartition {
                partition_index: partition.partition_index,
                committed_offset: partition.committed_offset,
                committed_leader_epoch: partition.committed_leader_epoch,
                metadata: partition.metadata,
                error_code: partition.error_code,
            })
            .collect(),
    });
    OffsetFetchResponse {
        topics: topics.collect(),
        error_code: group.error_code,
        ..OffsetFetchResponse::default()
    }
}
