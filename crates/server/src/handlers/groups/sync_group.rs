//! SyncGroup (api key 14), versions 0 to 5: the leader brings the assignments, every member takes its own.
//!
//! The answer waits for the leader's. Version 3 adds static members, 5 has both sides name the protocol (KIP-559).

use std::sync::Arc;

use moldau_protocol::messages::{SyncGroupRequest, SyncGroupResponse};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers a SyncGroup request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: SyncGroupRequest,
) -> SyncGroupResponse {
    broker.groups.sync_group(context.api_version, request).await
}
