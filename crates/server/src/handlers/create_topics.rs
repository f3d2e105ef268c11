//! CreateTopics (api key 19): decided by the controller.

use std::sync::Arc;

use moldau_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers a CreateTopics request.
pub(crate) async fn handle(broker: Arc<Broker>, _context: RequestContext, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let submitted = broker.controller().submit(move |controller, context| controller.create_topics(context, &request)).await;
    submitted.unwrap_or_else(|error| ERR)
}
