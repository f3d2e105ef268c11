//! DeleteGroups (api key 42), versions 0 to 2: empty groups and their offsets go.

use std::sync::Arc;

use moldau_protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers a DeleteGroups request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: DeleteGroupsRequest,
) -> DeleteGroupsResponse {
    let results = broker.groups.delete_groups(&request.groups_names).await;
    DeleteGroupsResponse { results, ..DeleteGroupsResponse::default() }
}
