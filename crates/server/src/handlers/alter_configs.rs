//! AlterConfigs (api key 33), versions 0 to 2, which replaces all configs of a resource; decided by the controller.

use std::sync::Arc;

use moldau_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use moldau_protocol::messages::{AlterConfigsRequest, AlterConfigsResponse};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers an AlterConfigs request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: AlterConfigsRequest,
) -> AlterConfigsResponse {
    let resources: Vec<_> =
        request.resources.iter().map(|r| (r.resource_type, r.resource_name.clone())).collect();
    let submitted = broker
        .controller()
        .submit(move |controller, context| controller.alter_configs(context, &request))
        .await;
    submitted.unwrap_or_else(|error| AlterConfigsResponse {
        responses: resources
            .into_iter()
            .map(|(resource_type, resource_name)| AlterConfigsResourceResponse {
                error_code: error.code(),
                error_message: None,
                resource_type,
                resource_name,
            })
            .collect(),
        ..AlterConfigsResponse::default()
    })
}
