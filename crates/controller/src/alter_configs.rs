//! AlterConfigs and IncrementalAlterConfigs for topics, brokers, groups and client metrics subscriptions.
//!
//! Each resource succeeds or fails by itself. Changes of `min.insync.replicas` make eligible leader replicas
//! meaningless, so those are cleared with it. BROKER_LOGGER never comes here: the broker that has the loggers answers.

use std::collections::{BTreeMap, BTreeSet};

use moldau_config::alter::{self, AlterOp, Alteration, Altered};
use moldau_metadata::{ConfigResource, ConfigResourceType, MetadataRecord};
use moldau_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use moldau_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse as IncrementalResponse;
use moldau_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, ClearElrRecord, ConfigRecord, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};
use moldau_types::{BrokerId, ErrorCode};

use crate::config_rules::{
    MIN_INSYNC_REPLICAS, check_exists, check_metadata_version, check_resource_name, settings_of,
};
use crate::result::outcome;
use crate::{ApiError, Context, Controller, ControllerResult};

impl Controller {
    /// Handles AlterConfigs: the given configs replace all that a resource has.
    pub fn alter_configs(
        &mut self,
        cx: &mut Context<'_>,
        request: &AlterConfigsRequest,
    ) -> ControllerResult<AlterConfigsResponse> {
        let mut records = Vec::new();
        let mut names =
            Duplicates::of(request.resources.iter().map(|r| (r.resource_type, r.resource_name.as_str())));
        let mut responses = Vec::with_capacity(request.resources.len());
        for asked in &request.resources {
            let Some(once) = names.check(asked.resource_type, &asked.resource_name) else { continue };
            let wanted: Vec<_> = asked.configs.iter().map(|c| (c.name.clone(), c.value.clone())).collect();
            let result = once.and_then(|()| resource_of(asked.resource_type, &asked.resource_name)).and_then(
                |resource| {
                    let current = cx.image.configs.get(&resource);
                    let mut ops = alter::replacing(current, &wanted);
                    // What the cluster must have is not dropped by being left out.
                    if cx.image.elr_enabled() && resource == ConfigResource::default_broker() {
                        ops.retain(|op| op.name != MIN_INSYNC_REPLICAS || op.op != AlterOp::Delete);
                    }
                    self.alter_resource(cx, &resource, &ops)
                },
            );
            let (error_code, error_message) = outcome(&result.map(|changed| records.extend(changed)));
            responses.push(AlterConfigsResourceResponse {
                error_code,
                error_message,
                resource_type: asked.resource_type,
                resource_name: asked.resource_name.clone(),
            });
        }
        let response = AlterConfigsResponse { responses, ..Default::default() };
        if request.validate_only {
            ControllerResult::unchanged(response)
        } else {
            ControllerResult::atomic(records, response)
        }
    }

    /// Handles IncrementalAlterConfigs: sets, deletes, and adds to or takes from lists.
    pub fn incremental_alter_configs(
        &mut self,
        cx: &mut Context<'_>,
        request: &IncrementalAlterConfigsRequest,
    ) -> ControllerResult<IncrementalAlterConfigsResponse> {
        let mut records = Vec::new();
        let mut names =
            Duplicates::of(request.resources.iter().map(|r| (r.resource_type, r.resource_name.as_str())));
        let mut responses = Vec::with_capacity(request.resources.len());
        for asked in &request.resources {
            let Some(once) = names.check(asked.resource_type, &asked.resource_name) else { continue };
            let ops: Result<Vec<Alteration>, ApiError> = asked
                .configs
                .iter()
                .map(|config| {
                    let code = config.config_operation;
                    // The reference falls over it here and has no words; brokers refuse it before for their own.
                    let unknown = || ApiError::new(ErrorCode::UnknownServerError, "");
                    let op = AlterOp::from_code(code).ok_or_else(unknown)?;
                    Ok(Alteration { name: config.name.clone(), op, value: config.value.clone() })
                })
                .collect();
            let result = once.and_then(|()| {
                let resource = resource_of(asked.resource_type, &asked.resource_name)?;
                self.alter_resource(cx, &resource, &ops?)
            });
            let (error_code, error_message) = outcome(&result.map(|changed| records.extend(changed)));
            responses.push(IncrementalResponse {
                error_code,
                error_message,
                resource_type: asked.resource_type,
                resource_name: asked.resource_name.clone(),
            });
        }
        let response = IncrementalAlterConfigsResponse { responses, ..Default::default() };
        if request.validate_only {
            ControllerResult::unchanged(response)
        } else {
            ControllerResult::atomic(records, response)
        }
    }

    /// The records that change one resource.
    fn alter_resource(
        &self,
        cx: &Context<'_>,
        resource: &ConfigResource,
        ops: &[Alteration],
    ) -> Result<Vec<MetadataRecord>, ApiError> {
        check_resource_name(resource)?;
        let altered = self.altered(cx, resource, ops)?;
        check_exists(cx.image, resource)?;
        check_metadata_version(resource, altered.changes.keys(), cx.version())?;
        let is_broker = resource.resource_type == ConfigResourceType::Broker;
        let mut records = Vec::new();
        for (name, value) in altered.changes {
            let clears_elr = name == MIN_INSYNC_REPLICAS && cx.image.elr_enabled();
            let record = ConfigRecord {
                resource_type: resource.resource_type.code(),
                resource_name: resource.name.clone(),
                name,
                value,
            };
            records.push(MetadataRecord::from(record));
            if clears_elr {
                let topic_name = if is_broker { String::new() } else { resource.name.clone() };
                records.push(ClearElrRecord { topic_name }.into());
            }
        }
        Ok(records)
    }

    fn altered(
        &self,
        cx: &Context<'_>,
        resource: &ConfigResource,
        ops: &[Alteration],
    ) -> Result<Altered, ApiError> {
        let current = cx.image.configs.get(resource);
        let settings = |broker| settings_of(cx.image, &self.settings, broker);
        Ok(match resource.resource_type {
            ConfigResourceType::Topic => alter::alter_topic(current, ops)?,
            ConfigResourceType::Group => alter::alter_group(current, ops, &settings(self.settings.node_id))?,
            ConfigResourceType::ClientMetrics => alter::alter_client_metrics(current, ops)?,
            ConfigResourceType::Broker | ConfigResourceType::BrokerLogger => {
                let broker = resource.name.parse().map(BrokerId).unwrap_or(self.settings.node_id);
                alter::alter_broker(&settings(broker), resource.name.is_empty(), ops, cx.image.elr_enabled())?
            }
        })
    }
}

fn resource_of(code: i8, name: &str) -> Result<ConfigResource, ApiError> {
    let unknown = || ApiError::new(ErrorCode::UnsupportedVersion, format!("Unknown resource type {code}."));
    let resource_type = ConfigResourceType::from_code(code).ok_or_else(unknown)?;
    Ok(ConfigResource { resource_type, name: name.to_owned() })
}

/// Resources that a request names several times: each is answered once, with an error.
struct Duplicates<'a> {
    repeated: BTreeSet<(i8, &'a str)>,
    answered: BTreeMap<(i8, String), ()>,
}

impl<'a> Duplicates<'a> {
    fn of(resources: impl Iterator<Item = (i8, &'a str)>) -> Duplicates<'a> {
        let (mut seen, mut repeated) = (BTreeSet::new(), BTreeSet::new());
        for resource in resources {
            if !seen.insert(resource) {
                repeated.insert(resource);
            }
        }
        Duplicates { repeated, answered: BTreeMap::new() }
    }

    /// `None` when the resource was answered already.
    fn check(&mut self, code: i8, name: &str) -> Option<Result<(), ApiError>> {
        if !self.repeated.contains(&(code, name)) {
            return Some(Ok(()));
        }
        let first = self.answered.insert((code, name.to_owned()), ()).is_none();
        first
            .then(|| Err(ApiError::new(ErrorCode::InvalidRequest, "Each resource must appear at most once.")))
    }
}
