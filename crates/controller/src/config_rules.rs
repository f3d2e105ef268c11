//! Effective values of the topic configs that decisions depend on, and whether a resource may have configs.
//!
//! Values and their layers are the config crate's; which resources exist is said by the image.

use moldau_config::value::Value;
use moldau_config::{Settings, TopicConfig, keys};
use moldau_metadata::{ConfigEntries, ConfigResource, ConfigResourceType, MetadataImage, MetadataVersion};
use moldau_types::{BrokerId, ErrorCode};

use crate::topic_name::validate_topic_name;
use crate::{ApiError, ControllerSettings};

const CORDONED_LOG_DIRS: &str = "cordoned.log.dirs";

/// Name of the config that says how many in-sync replicas `acks=all` needs.
pub(crate) const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";
const UNCLEAN_LEADER_ELECTION: &str = "unclean.leader.election.enable";

/// The node's settings under the dynamic configs of the image.
pub(crate) fn settings_of(
    image: &MetadataImage,
    settings: &ControllerSettings,
    broker: BrokerId,
) -> Settings {
    let cluster = image.configs.get(&ConfigResource::default_broker()).clone();
    let own = image.configs.get(&ConfigResource::broker(broker)).clone();
    settings.node.with_dynamic(cluster, own)
}

/// What topics fall back to, looked up once for many topics.
pub(crate) struct TopicRules {
    min_isr: usize,
    unclean_election: bool,
}

impl TopicRules {
    pub(crate) fn new(image: &MetadataImage, settings: &ControllerSettings) -> TopicRules {
        let node = settings_of(image, settings, settings.node_id);
        let config = TopicConfig::resolve(&ConfigEntries::new(), &node);
        TopicRules {
            min_isr: usize::try_from(config.min_insync_replicas).unwrap_or(1),
            unclean_election: config.unclean_leader_election_enable,
        }
    }

    /// In-sync replicas that the topic needs.
    pub(crate) fn min_isr(&self, topic: &ConfigEntries) -> usize {
        let number = own_value(topic, MIN_INSYNC_REPLICAS).and_then(|value| value.as_number());
        number.and_then(|n| usize::try_from(n).ok()).unwrap_or(self.min_isr)
    }

    /// Whether a replica that is not in sync may lead the topic's partitions.
    pub(crate) fn unclean_election(&self, topic: &ConfigEntries) -> bool {
        match own_value(topic, UNCLEAN_LEADER_ELECTION) {
            Some(Value::Boolean(allowed)) => allowed,
            _ => self.unclean_election,
        }
    }
}

fn own_value(topic: &ConfigEntries, name: &str) -> Option<Value> {
    Value::of(keys::find_topic(name)?, topic.get(name)?).ok()
}

fn bad_request(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, message)
}

/// Whether the resource is one that may have configs, before it is asked whether it exists.
pub(crate) fn check_resource_name(resource: &ConfigResource) -> Result<(), ApiError> {
    let name = resource.name.as_str();
    match resource.resource_type {
        ConfigResourceType::Topic if name.is_empty() => {
            Err(bad_request("Default topic resources are not allowed."))
        }
        ConfigResourceType::Topic => validate_topic_name(name)
            .map_err(|error| ApiError::new(ErrorCode::InvalidTopicException, error.to_string())),
        ConfigResourceType::Broker if name.is_empty() => Ok(()),
        ConfigResourceType::Broker => match name.parse::<i32>() {
            Ok(id) if id < 0 => Err(bad_request("Invalid negative broker ID.")),
            Ok(_) => Ok(()),
            Err(_) => Err(bad_request("Unable to parse broker name as a base 10 number.")),
        },
        ConfigResourceType::BrokerLogger => {
            Err(bad_request(format!("Unexpected resource type {}.", resource.resource_type.name())))
        }
        ConfigResourceType::ClientMetrics if name.is_empty() => {
            Err(bad_request("Subscription name can't be empty"))
        }
        ConfigResourceType::Group if name.is_empty() => {
            Err(bad_request("Default group resources are not allowed."))
        }
        ConfigResourceType::ClientMetrics | ConfigResourceType::Group => Ok(()),
    }
}

/// Whether the metadata log can hold what the config stands for. Before 4.3-IV0 a broker's cordoned log directories are
/// not in it (KIP-1066).
pub(crate) fn check_metadata_version(
    resource: &ConfigResource,
    names: impl IntoIterator<Item = impl AsRef<str>>,
    version: MetadataVersion,
) -> Result<(), ApiError> {
    let mut names = names.into_iter();
    if version.has_cordoned_dirs()
        || resource.resource_type != ConfigResourceType::Broker
        || names.all(|name| name.as_ref() != CORDONED_LOG_DIRS)
    {
        return Ok(());
    }
    let message = "The cordoned.log.dirs configuration value cannot be set because it requires metadata.version >= 4.3-IV0";
    Err(ApiError::new(ErrorCode::InvalidConfig, message))
}

/// Whether the topic or broker exists.
pub(crate) fn check_exists(image: &MetadataImage, resource: &ConfigResource) -> Result<(), ApiError> {
    match resource.resource_type {
        ConfigResourceType::Topic if image.topics.by_name(&resource.name).is_none() => {
            let message = format!("The topic '{}' does not exist.", resource.name);
            Err(ApiError::new(ErrorCode::UnknownTopicOrPartition, message))
        }
        ConfigResourceType::Broker if !resource.name.is_empty() => {
            let id = resource.name.parse().map(BrokerId).unwrap_or(BrokerId(-1));
            if image.cluster.broker(id).is_some() || image.cluster.controller(id).is_some() {
                return Ok(());
            }
            let message = format!("No node with id {} found.", resource.name);
            Err(ApiError::new(ErrorCode::BrokerIdNotRegistered, message))
        }
        _ => Ok(()),
    }
}
