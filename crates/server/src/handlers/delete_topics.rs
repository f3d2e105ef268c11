//! DeleteTopics (api key 20): decided by the controller.

use std::sync::Arc;

use moldau_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers a DeleteTopics request.
pub(crate) async fn handle(broker: Arc<Broker>, _context: RequestContext, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let submitted = broker.controller().submit(move |controller, context| controller.delete_topics(context, &request)).await;
    submitted.unwrap_or_else(|error| ERR)
}
