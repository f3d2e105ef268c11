//! ListGroups (api key 16), versions 0 to 5: the groups that this node coordinates. Version 4 filters by state, 5 by type.

use std::sync::Arc;

use moldau_protocol::messages::{ListGroupsRequest, ListGroupsResponse};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers a ListGroups request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: ListGroupsRequest,
) -> ListGroupsResponse {
    broker.groups.list_groups(&request).await
}
