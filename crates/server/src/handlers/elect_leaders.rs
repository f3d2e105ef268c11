//! ElectLeaders (api key 43), versions 0 to 2 (KIP-183, KIP-460): decided by the controller.

use std::sync::Arc;

use moldau_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers an ElectLeaders request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: ElectLeadersRequest,
) -> ElectLeadersResponse {
    let submitted = broker
        .controller()
        .submit(move |controller, context| controller.elect_leaders(context, &request))
        .await;
    submitted.unwrap_or_else(|error| ElectLeadersResponse {
        error_code: error.code(),
        ..ElectLeadersResponse::default()
    })
}
