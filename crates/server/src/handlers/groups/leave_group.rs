//! LeaveGroup (api key 13), versions 0 to 5: members go at once instead of by the end of their session.
//!
//! Version 3 takes many members, static ones by their instance id alone (KIP-345); 5 adds reasons.

use std::sync::Arc;

use moldau_protocol::messages::{LeaveGroupRequest, LeaveGroupResponse};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers a LeaveGroup request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: LeaveGroupRequest,
) -> LeaveGroupResponse {
    broker.groups.leave_group(context.api_version, &request).await
}
