//! IncrementalAlterConfigs (api key 44), versions 0 and 1 (KIP-339): the controller decides, but for the loggers of this
//! process, which are set here and forgotten at its end.

use std::sync::Arc;

use moldau_config::alter::{AlterError, AlterOp, Alteration, check_broker_logger};
use moldau_protocol::messages::incremental_alter_configs_request::AlterConfigsResource;
use moldau_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use moldau_protocol::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};
use moldau_types::ErrorCode;

use super::describe_configs::{BROKER_LOGGER, own_id};
use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers an IncrementalAlterConfigs request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let validate_only = request.validate_only;
    let (loggers, others): (Vec<_>, Vec<_>) =
        request.resources.into_iter().partition(|resource| resource.resource_type == BROKER_LOGGER);
    let mut responses: Vec<_> =
        loggers.iter().map(|resource| alter_loggers(&broker, resource, validate_only)).collect();
    if !others.is_empty() {
        let failed: Vec<_> = others.iter().map(|r| (r.resource_type, r.resource_name.clone())).collect();
        let request = IncrementalAlterConfigsRequest { resources: others, validate_only };
        let submitted = broker
            .controller()
            .submit(move |controller, context| controller.incremental_alter_configs(context, &request))
            .await;
        match submitted {
            Ok(response) => responses.extend(response.responses),
            Err(error) => responses.extend(failed.into_iter().map(|(resource_type, resource_name)| {
                AlterConfigsResourceResponse {
                    error_code: error.code(),
                    error_message: None,
                    resource_type,
                    resource_name,
                }
            })),
        }
    }
    IncrementalAlterConfigsResponse { responses, ..IncrementalAlterConfigsResponse::default() }
}

fn alter_loggers(
    broker: &Broker,
    resource: &AlterConfigsResource,
    validate_only: bool,
) -> AlterConfigsResourceResponse {
    let (error, message) = match set_levels(broker, resource, validate_only) {
        Ok(()) => (ErrorCode::None, None),
        Err((error, message)) => (error, Some(message)),
    };
    AlterConfigsResourceResponse {
        error_code: error.code(),
        error_message: message,
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
    }
}

fn set_levels(
    broker: &Broker,
    resource: &AlterConfigsResource,
    validate_only: bool,
) -> Result<(), (ErrorCode, String)> {
    own_id(broker, &resource.resource_name).map_err(|message| (ErrorCode::InvalidRequest, message))?;
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
