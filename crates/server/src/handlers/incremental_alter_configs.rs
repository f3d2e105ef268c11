//! IncrementalAlterConfigs (api key 44), versions 0 and 1 (KIP-339): checked here where a broker is asked, decided by the controller,
//! but for the loggers of this process, which are set here and forgotten at its end.

use std::sync::Arc;

use moldau_config::alter::{AlterError, AlterOp, Alteration, check_broker_logger};
use moldau_protocol::messages::incremental_alter_configs_request::AlterConfigsResource;
use moldau_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use moldau_protocol::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};
use moldau_types::ErrorCode;

use super::asked_broker::{Change, Named, Refused, check};
use super::describe_configs::BROKER_LOGGER;
use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers an IncrementalAlterConfigs request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let IncrementalAlterConfigsRequest { resources, validate_only } = request;
    let mut responses = Vec::new();
    let resources = {
        let checked = check_all(&broker, &resources, context.connection.is_controller);
        let mut others = Vec::new();
        for (resource, checked) in resources.into_iter().zip(checked) {
            let done = match checked {
                Ok(()) if resource.resource_type != BROKER_LOGGER => {
                    others.push(resource);
                    continue;
                }
                Ok(()) => set_levels(&broker, &resource, validate_only),
                Err(refused) => Err(refused),
            };
            let (error, message) = match done {
                Ok(()) => (ErrorCode::None, None),
                Err((error, message)) => (error, Some(message)),
            };
            responses.push(response(&resource, error.code(), message));
        }
        others
    };
    if !resources.is_empty() {
        let failed: Vec<_> = resources.iter().map(|resource| response(resource, 0, None)).collect();
        let request = IncrementalAlterConfigsRequest { resources, validate_only };
        let submitted = broker
            .controller()
            .submit(move |controller, context| controller.incremental_alter_configs(context, &request))
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
    IncrementalAlterConfigsResponse { responses, ..IncrementalAlterConfigsResponse::default() }
}

/// A controller that is asked directly checks the rest itself, but not the loggers, which are this process's.
fn check_all(
    broker: &Broker,
    resources: &[AlterConfigsResource],
    is_controller: bool,
) -> Vec<Result<(), Refused>> {
    let named = Named::of(resources.iter().map(|r| (r.resource_type, r.resource_name.as_str())));
    let check_one = |resource: &AlterConfigsResource| {
        let (code, name) = (resource.resource_type, resource.resource_name.as_str());
        if is_controller && code != BROKER_LOGGER {
            return Ok(());
        }
        named.once(code, name)?;
        let changes = resource.configs.iter().map(|config| Change {
            name: &config.name,
            op: config.config_operation,
            value: config.value.as_deref(),
        });
        check(broker, code, name, &changes.collect::<Vec<_>>(), false)
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

fn set_levels(broker: &Broker, resource: &AlterConfigsResource, validate_only: bool) -> Result<(), Refused> {
    let mut ops = Vec::with_capacity(resource.configs.len());
    for config in &resource.configs {
        let op = AlterOp::from_code(config.config_operation).ok_or_else(|| {
            (ErrorCode::InvalidRequest, format!("Unknown operation type {}", config.config_operation))
        })?;
        ops.push(Alteration { name: config.name.clone(), op, value: config.value.clone() });
    }
    let known = broker.loggers.levels();
    check_broker_logger(&ops, |name| known.iter().any(|(logger, _)| logger == name)).map_err(|error| {
        match error {
            AlterError::InvalidConfig(message) => (ErrorCode::InvalidConfig, message),
            AlterError::InvalidRequest(message) => (ErrorCode::InvalidRequest, message),
        }
    })?;
    if validate_only {
        return Ok(());
    }
    for op in &ops {
        let level = if op.op == AlterOp::Delete { None } else { op.value.as_deref() };
        broker.loggers.set_level(&op.name, level).map_err(|message| (ErrorCode::InvalidConfig, message))?;
    }
    Ok(())
}
