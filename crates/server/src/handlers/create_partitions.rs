//! CreatePartitions (api key 37): decided by the controller.

use std::sync::Arc;

use moldau_protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers a CreatePartitions request.
pub(crate) async fn handle(broker: Arc<Broker>, _context: RequestContext, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let submitted = broker.controller().submit(move |controller, context| controller.create_partitions(context, &request)).await;
    submitted.unwrap_or_else(|error| ERR)
}
