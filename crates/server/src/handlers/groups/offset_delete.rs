//! OffsetDelete (api key 47), version 0: offsets of topics that the group does not read any more go. A topic or partition that is not
//! there is UNKNOWN_TOPIC_OR_PARTITION, whether it has an offset or not.

use std::collections::HashMap;
use std::sync::Arc;

use moldau_protocol::messages::offset_delete_request::OffsetDeleteRequestPartition;
use moldau_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use moldau_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse};
use moldau_types::ErrorCode;

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers an OffsetDelete request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    mut request: OffsetDeleteRequest,
) -> OffsetDeleteResponse {
    let image = broker.image();
    let mut unknown = Vec::new();
    for topic in &mut request.topics {
        let is_unknown = |partition: &mut OffsetDeleteRequestPartition| {
            image.topics.partition(&topic.name, partition.partition_index.into()).is_none()
        };
        let partitions: Vec<_> = topic.partitions.extract_if(.., is_unknown).collect();
        if !partitions.is_empty() {
            unknown.push((topic.name.clone(), partitions));
        }
    }
    request.topics.retain(|topic| !topic.partitions.is_empty());
    drop(image);
    let mut response = broker.groups.delete_offsets(&request).await;
    if response.error_code != 0 {
        return response;
    }
    let mut places: HashMap<String, usize> =
        response.topics.iter().enumerate().map(|(at, topic)| (topic.name.clone(), at)).collect();
    for (name, partitions) in unknown {
        let refused = partitions.into_iter().map(|partition| OffsetDeleteResponsePartition {
            partition_index: partition.partition_index,
            error_code: ErrorCode::UnknownTopicOrPartition.code(),
        });
        match places.get(&name) {
            Some(at) => response.topics[*at].partitions.extend(refused),
            None => {
                places.insert(name.clone(), response.topics.len());
                response.topics.push(OffsetDeleteResponseTopic { partitions: refused.collect(), name });
            }
        }
    }
    response
}
