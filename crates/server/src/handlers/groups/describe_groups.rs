//! DescribeGroups (api key 15), versions 0 to 6: states and members of classic groups.
//!
//! Version 3 tells what the asker may do, 4 names static members, 6 answers GROUP_ID_NOT_FOUND where earlier ones describe a dead group.

use std::collections::HashSet;
use std::sync::Arc;

use moldau_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse};

use crate::broker::Broker;
use crate::dispatch::RequestContext;
use crate::handlers::authorized;

/// Read, delete, describe, describe configs, alter configs.
const ON_GROUP: i32 = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11;

/// Answers a DescribeGroups request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: DescribeGroupsRequest,
) -> DescribeGroupsResponse {
    let mut response = DescribeGroupsResponse::default();
    let mut described = HashSet::new();
    for group_id in request.groups {
        if !described.insert(group_id.clone()) {
            continue; // its members would be told again
        }
        let mut group = broker.groups.describe_group(context.api_version, &group_id).await;
        let asked = request.include_authorized_operations && group.error_code == 0;
        group.authorized_operations = authorized::when(asked, ON_GROUP);
        response.groups.push(group);
    }
    response
}
