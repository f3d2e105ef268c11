//! CreateTopics (api key 19), versions 2 to 7: decided by the controller. When it is answered the topics are ready.

use std::sync::Arc;

use moldau_protocol::messages::create_topics_response::CreatableTopicResult;
use moldau_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers a CreateTopics request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: CreateTopicsRequest,
) -> CreateTopicsResponse {
    let names: Vec<String> = request.topics.iter().map(|topic| topic.name.clone()).collect();
    let submitted = broker
        .controller()
        .submit(move |controller, context| controller.create_topics(context, &request))
        .await;
    submitted.unwrap_or_else(|error| CreateTopicsResponse {
        topics: names
            .into_iter()
            .map(|name| CreatableTopicResult {
                name,
                error_code: error.code(),
                ..CreatableTopicResult::default()
            })
            .collect(),
        ..CreateTopicsResponse::default()
    })
}
