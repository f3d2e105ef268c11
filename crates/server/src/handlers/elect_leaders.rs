//! ElectLeaders (api key 43): decided by the controller.

use std::sync::Arc;

use moldau_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers a ElectLeaders request.
pub(crate) async fn handle(broker: Arc<Broker>, _context: RequestContext, request: ElectLeadersRequest) -> ElectLeadersResponse {
    let submitted = broker.controller().submit(move |controller, context| controller.elect_leaders(context, &request)).await;
    submitted.unwrap_or_else(|error| ERR)
}
