//! DeleteTopics (api key 20), versions 1 to 6, by name or (version 6) by id: decided by the controller.
//!
//! Version 3 added TOPIC_DELETION_DISABLED; before it that is INVALID_REQUEST.

use std::sync::Arc;

use moldau_protocol::messages::delete_topics_response::DeletableTopicResult;
use moldau_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse};
use moldau_types::{ErrorCode, Uuid};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers a DeleteTopics request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: DeleteTopicsRequest,
) -> DeleteTopicsResponse {
    let by_name = request.topic_names.iter().map(|name| (Some(name.clone()), Uuid::ZERO));
    let asked: Vec<_> =
        by_name.chain(request.topics.iter().map(|topic| (topic.name.clone(), topic.topic_id))).collect();
    let submitted = broker
        .controller()
        .submit(move |controller, context| controller.delete_topics(context, &request))
        .await;
    let mut answer = submitted.unwrap_or_else(|error| DeleteTopicsResponse {
        responses: asked
            .into_iter()
            .map(|(name, topic_id)| DeletableTopicResult {
                name,
                topic_id,
                error_code: error.code(),
                ..DeletableTopicResult::default()
            })
            .collect(),
        ..DeleteTopicsResponse::default()
    });
    if context.api_version < 3 {
        let disabled = answer.responses.iter_mut();
        for topic in disabled.filter(|topic| topic.error_code == ErrorCode::TopicDeletionDisabled.code()) {
            topic.error_code = ErrorCode::InvalidRequest.code();
        }
    }
    answer
}
