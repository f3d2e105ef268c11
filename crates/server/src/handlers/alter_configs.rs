//! AlterConfigs (api key 33), versions 0 to 2, which replaces all configs of a resource: checked here where a broker is asked, decided by
//! the controller.

use std::sync::Arc;

use moldau_protocol::messages::alter_configs_request::AlterConfigsResource;
use moldau_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use moldau_protocol::messages::{AlterConfigsRequest, AlterConfigsResponse};

use super::asked_broker::{Change, Named, Refused, check};
use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers an AlterConfigs request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: AlterConfigsRequest,
) -> AlterConfigsResponse {
    let AlterConfigsRequest { resources, validate_only } = request;
    let mut responses = Vec::new();
    let resources = if context.connection.is_controller {
        resources
    } else {
        let checked = check_all(&broker, &resources);
        let pairs = resources.into_iter().zip(checked);
        pairs
            .filter_map(|(resource, checked)| match checked {
                Ok(()) => Some(resource),
                Err((error, message)) => {
                    responses.push(response(&resource, error.code(), Some(message)));
                    None
                }
            })
            .collect()
    };
    if !resources.is_empty() {
        let failed: Vec<_> = resources.iter().map(|resource| response(resource, 0, None)).collect();
        let request = AlterConfigsRequest { resources, validate_only };
        let submitted = broker
            .controller()
            .submit(move |controller, context| controller.alter_configs(context, &request))
            .await;
        match submitted {
            Ok(answer) => responses.extend(answer.responses),
            Err(error) => responses.extend(
                failed
                    .into_iter()
                    .map(|response| AlterConfigsResourceResponse { error_code: error.code(), ..response }),
            ),
        }
    }
    AlterConfigsResponse { responses, ..AlterConfigsResponse::default() }
}

fn check_all(broker: &Broker, resources: &[AlterConfigsResource]) -> Vec<Result<(), Refused>> {
    let named = Named::of(resources.iter().map(|r| (r.resource_type, r.resource_name.as_str())));
    let check_one = |resource: &AlterConfigsResource| {
        let (code, name) = (resource.resource_type, resource.resource_name.as_str());
        named.once(code, name)?;
        let changes = resource.configs.iter().map(|config| Change {
            name: &config.name,
            op: 0,
            value: config.value.as_deref(),
        });
        check(broker, code, name, &changes.collect::<Vec<_>>(), true)
    };
    resources.iter().map(check_one).collect()
}

fn response(
    resource: &AlterConfigsResource,
    error_code: i16,
    error_message: Option<String>,
) -> AlterConfigsResourceResponse {
    AlterConfigsResourceResponse {
        error_code,
        error_message,
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
    }
}
