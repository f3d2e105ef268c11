//! OffsetCommit (api key 8), versions 2 to 10: how far a group has read.
//!
//! Up to version 4 a retention time can be asked for; 6 adds leader epochs, 7 static members, 9 answers GROUP_ID_NOT_FOUND, 10 names
//! topics by id (KIP-848). Only topics that exist are committed to; whether the partition exists is not asked, as in the reference.

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
    drop(image);
    let mut response = if request.topics.is_empty() {
        OffsetCommitResponse::default()
    } else {
        broker.groups.commit_offsets(context.api_version, &request).await
    };
    if !unknown.is_empty() {
        let error = if by_id { ErrorCode::UnknownTopicId } else { ErrorCode::UnknownTopicOrPartition };
        let refused =
            offset_commit_error(&OffsetCommitRequest { topics: unknown, ..Default::default() }, error);
        response.topics.splice(0..0, refused.topics);
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
