//! CreatePartitions (api key 37), versions 0 to 3: decided by the controller.

use std::sync::Arc;

use moldau_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use moldau_protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers a CreatePartitions request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let names: Vec<String> = request.topics.iter().map(|topic| topic.name.clone()).collect();
    let submitted = broker
        .controller()
        .submit(move |controller, context| controller.create_partitions(context, &request))
        .await;
    submitted.unwrap_or_else(|error| CreatePartitionsResponse {
        results: names
            .into_iter()
            .map(|name| CreatePartitionsTopicResult {
                name,
                error_code: error.code(),
                ..CreatePartitionsTopicResult::default()
            })
            .collect(),
        ..CreatePartitionsResponse::default()
    })
}
