//! OffsetDelete (api key 47), version 0: offsets of topics that the group does not read any more go.

use std::sync::Arc;

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
    let unknown: Vec<_> =
        request.topics.extract_if(.., |topic| image.topics.by_name(&topic.name).is_none()).collect();
    drop(image);
    let mut response = broker.groups.delete_offsets(&request).await;
    if response.error_code == 0 {
        let refused = unknown.into_iter().map(|topic| OffsetDeleteResponseTopic {
            partitions: topic
                .partitions
                .iter()
                .map(|partition| OffsetDeleteResponsePartition {
                    partition_index: partition.partition_index,
                    error_code: ErrorCode::UnknownTopicOrPartition.code(),
                })
                .collect(),
            name: topic.name,
        });
        response.topics.extend(refused);
    }
    response
}
