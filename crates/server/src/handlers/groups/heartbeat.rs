//! Heartbeat (api key 12), versions 0 to 4: a member says that it lives. Version 3 adds static members.

use std::sync::Arc;

use moldau_protocol::messages::{HeartbeatRequest, HeartbeatResponse};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers a Heartbeat request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: HeartbeatRequest,
) -> HeartbeatResponse {
    broker.groups.heartbeat(&request)
}
