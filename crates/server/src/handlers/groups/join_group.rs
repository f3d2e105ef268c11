//! JoinGroup (api key 11), versions 0 to 9: a member wants to be part of the next generation.
//!
//! The answer waits for the end of the join phase. Version 1 adds the rebalance timeout, 4 wants dynamic members to come back with the id
//! they are given (KIP-394), 5 adds static members (KIP-345), 7 answers the protocol type, 8 adds a reason, 9 lets a leader skip
//! the assignment.

use std::sync::Arc;

use moldau_coordinator_runtime as runtime;
use moldau_protocol::messages::{JoinGroupRequest, JoinGroupResponse};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers a JoinGroup request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: JoinGroupRequest,
) -> JoinGroupResponse {
    let sender = runtime::RequestContext {
        client_id: context.client_id.as_deref().unwrap_or_default(),
        client_host: context.connection.peer.ip(),
        api_version: context.api_version,
    };
    broker.groups.join_group(sender, request).await
}
