//! DescribeConfigs (api key 32), versions 1 to 4: topics, brokers (this one, or with an empty name the cluster-wide
//! dynamic configs), loggers, groups and client metrics subscriptions. Version 3 added types and documentation.

use std::collections::HashSet;
use std::sync::Arc;

use moldau_config::describe::{
    ConfigEntry, describe_broker, describe_broker_logger, describe_client_metrics, describe_default_broker,
    describe_group, describe_topic,
};
use moldau_controller::validate_topic_name;
use moldau_metadata::{ConfigResource, ConfigResourceType};
use moldau_protocol::messages::describe_configs_request::DescribeConfigsResource;
use moldau_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use moldau_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};
use moldau_types::ErrorCode;

use super::INVALID_REQUEST_TEXT;
use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// The number of BROKER_LOGGER resources; they are no metadata.
pub(super) const BROKER_LOGGER: i8 = 8;

/// Configs that one answer tells of, which are some hundred bytes each: all of 15,000 topics. A group has configs whether it is
/// there or not, so the request alone is no bound.
const ENTRIES_MAX: usize = 500_000;

/// Answers a DescribeConfigs request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    // A resource that is named again has its answer: thousands of names must not come to gigabytes.
    let mut seen = HashSet::new();
    let asked = request.resources.into_iter();
    let once = asked.filter(|resource| seen.insert((resource.resource_type, resource.resource_name.clone())));
    let mut told = 0;
    let results = once.map(|resource| {
        let described = match told < ENTRIES_MAX {
            true => describe(&broker, &resource),
            false => Err((
                ErrorCode::InvalidRequest,
                format!("the request asks for more than {ENTRIES_MAX} configs; ask for fewer resources"),
            )),
        };
        let (error_code, error_message, entries) = match described {
            Ok(entries) => (0, Some(String::new()), entries),
            Err((error, message)) => (error.code(), Some(message), Vec::new()),
        };
        let wanted = |entry: &ConfigEntry| match &resource.configuration_keys {
            Some(keys) if !keys.is_empty() => keys.contains(&entry.name),
            _ => true,
        };
        let configs: Vec<_> = entries
            .into_iter()
            .filter(wanted)
            .map(|entry| result(entry, request.include_synonyms, request.include_documentation))
            .collect();
        told += configs.len();
        DescribeConfigsResult {
            error_code,
            error_message,
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
            configs,
        }
    });
    DescribeConfigsResponse { results: results.collect(), ..DescribeConfigsResponse::default() }
}

fn describe(
    broker: &Broker,
    resource: &DescribeConfigsResource,
) -> Result<Vec<ConfigEntry>, (ErrorCode, String)> {
    let name = resource.resource_name.as_str();
    let image = broker.image();
    let configs = broker.configs.load();
    let invalid = |message: String| Err((ErrorCode::InvalidRequest, message));
    if resource.resource_type == BROKER_LOGGER {
        return match own_id(broker, name, "") {
            _ if name.is_empty() => invalid("Broker id must not be empty".to_owned()),
            Ok(()) => Ok(describe_broker_logger(&broker.loggers.levels().into_iter().collect())),
            Err(message) => invalid(message),
        };
    }
    match ConfigResourceType::from_code(resource.resource_type) {
        Some(ConfigResourceType::Topic) => {
            if let Err(reason) = validate_topic_name(name) {
                return Err((ErrorCode::InvalidTopicException, reason.to_string()));
            }
            if image.topics.by_name(name).is_none() {
                // The reference has no words for it here.
                return Err((ErrorCode::UnknownTopicOrPartition, String::new()));
            }
            Ok(describe_topic(image.configs.topic(name), &configs.settings))
        }
        Some(ConfigResourceType::Broker) if name.is_empty() => Ok(describe_default_broker(&configs.settings)),
        Some(ConfigResourceType::Broker) => match own_id(broker, name, " or empty string,") {
            Ok(()) => Ok(describe_broker(&configs.settings)),
            Err(message) => invalid(message),
        },
        Some(ConfigResourceType::Group) if name.is_empty() => {
            invalid("Group name must not be empty".to_owned())
        }
        Some(kind @ ConfigResourceType::Group) => {
            let set = image.configs.get(&ConfigResource { resource_type: kind, name: name.to_owned() });
            Ok(describe_group(set, &configs.settings))
        }
        Some(ConfigResourceType::ClientMetrics) if name.is_empty() => {
            invalid("Client metrics subscription name must not be empty".to_owned())
        }
        Some(kind @ ConfigResourceType::ClientMetrics) => Ok(describe_client_metrics(
            image.configs.get(&ConfigResource { resource_type: kind, name: name.to_owned() }),
        )),
        _ => invalid(INVALID_REQUEST_TEXT.to_owned()),
    }
}

/// Whether a resource is this broker; if not, what is wrong. `or_else` is what it may be named besides.
fn own_id(broker: &Broker, name: &str, or_else: &str) -> Result<(), String> {
    let node = broker.node_id();
    match name.parse::<i32>() {
        Ok(id) if id == node.0 => Ok(()),
        Ok(id) => Err(format!("Unexpected broker id, expected {node}{or_else} but received {id}")),
        Err(_) => Err(format!("Broker id must be an integer, but it is: {name}")),
    }
}

fn result(entry: ConfigEntry, synonyms: bool, documentation: bool) -> DescribeConfigsResourceResult {
    let config_type = entry.type_code();
    let synonyms = if synonyms { entry.synonyms } else { Vec::new() };
    DescribeConfigsResourceResult {
        name: entry.name,
        value: entry.value,
        read_only: entry.read_only,
        config_source: entry.source.code(),
        is_sensitive: entry.sensitive,
        synonyms: synonyms
            .into_iter()
            .map(|synonym| DescribeConfigsSynonym {
                name: synonym.name,
                value: synonym.value,
                source: synonym.source.code(),
            })
            .collect(),
        config_type,
        documentation: if documentation { entry.documentation.map(str::to_owned) } else { None },
    }
}
