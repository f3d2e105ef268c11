//! The configs that were set on topics, brokers, groups and client metrics subscriptions.
//!
//! Only what was set explicitly is here; layering and defaults are the config crate's.

use std::collections::BTreeMap;
use std::sync::Arc;

use rpds::RedBlackTreeMapSync;

/// What kind of resource has configs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigResourceType {
    /// A topic.
    Topic,
    /// A broker; the empty name stands for all of them.
    Broker,
    /// The log levels of a broker; never in the metadata log.
    BrokerLogger,
    /// A client metrics subscription.
    ClientMetrics,
    /// A group.
    Group,
}

impl ConfigResourceType {
    /// The type with this number.
    pub fn from_code(code: i8) -> Option<ConfigResourceType> {
        match code {
            2 => Some(ConfigResourceType::Topic),
            4 => Some(ConfigResourceType::Broker),
            8 => Some(ConfigResourceType::BrokerLogger),
            16 => Some(ConfigResourceType::ClientMetrics),
            32 => Some(ConfigResourceType::Group),
            _ => None,
        }
    }

    /// The type's number.
    pub const fn code(self) -> i8 {
        match self {
            ConfigResourceType::Topic => 2,
            ConfigResourceType::Broker => 4,
            ConfigResourceType::BrokerLogger => 8,
            ConfigResourceType::ClientMetrics => 16,
            ConfigResourceType::Group => 32,
        }
    }

    /// Kafka's name of the type, such as `CLIENT_METRICS`.
    pub const fn name(self) -> &'static str {
        match self {
            ConfigResourceType::Topic => "TOPIC",
            ConfigResourceType::Broker => "BROKER",
            ConfigResourceType::BrokerLogger => "BROKER_LOGGER",
            ConfigResourceType::ClientMetrics => "CLIENT_METRICS",
            ConfigResourceType::Group => "GROUP",
        }
    }
}

/// A resource that can have configs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigResource {
    /// What kind of resource it is.
    pub resource_type: ConfigResourceType,
    /// Its name; empty for the default of all brokers.
    pub name: String,
}

impl ConfigResource {
    /// A topic.
    pub fn topic(name: impl Into<String>) -> ConfigResource {
        ConfigResource { resource_type: ConfigResourceType::Topic, name: name.into() }
    }

    /// A broker.
    pub fn broker(id: moldau_types::BrokerId) -> ConfigResource {
        ConfigResource { resource_type: ConfigResourceType::Broker, name: id.to_string() }
    }

    /// The default of all brokers.
    pub fn default_broker() -> ConfigResource {
        ConfigResource { resource_type: ConfigResourceType::Broker, name: String::new() }
    }
}

/// Config names and values of one resource.
pub type ConfigEntries = BTreeMap<String, String>;

/// Configs by resource; a resource without configs is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigsImage {
    by_resource: RedBlackTreeMapSync<ConfigResource, Arc<ConfigEntries>>,
}

static NO_CONFIGS: ConfigEntries = ConfigEntries::new();

impl ConfigsImage {
    /// The configs of a resource, empty when it has none.
    pub fn get(&self, resource: &ConfigResource) -> &ConfigEntries {
        self.by_resource.get(resource).map_or(&NO_CONFIGS, |configs| &**configs)
    }

    /// One config of a resource.
    pub fn value(&self, resource: &ConfigResource, name: &str) -> Option<&str> {
        self.get(resource).get(name).map(String::as_str)
    }

    /// The configs of a topic.
    pub fn topic(&self, name: &str) -> &ConfigEntries {
        self.get(&ConfigResource::topic(name))
    }

    /// Every resource with its configs, by type and name.
    pub fn iter(&self) -> impl Iterator<Item = (&ConfigResource, &Arc<ConfigEntries>)> {
        self.by_resource.iter()
    }

    /// Names of the resources of a type that have configs.
    pub fn names(&self, resource_type: ConfigResourceType) -> impl Iterator<Item = &str> {
        self.iter().filter(move |(r, _)| r.resource_type == resource_type).map(|(r, _)| r.name.as_str())
    }

    pub(crate) fn set(&mut self, resource: ConfigResource, name: String, value: Option<String>) {
        if self.by_resource.get(&resource).is_none() {
            if value.is_none() {
                return;
            }
            self.by_resource.insert_mut(resource.clone(), Arc::default());
        }
        let Some(configs) = self.by_resource.get_mut(&resource).map(Arc::make_mut) else { return };
        match value {
            Some(value) => configs.insert(name, value),
            None => configs.remove(&name),
        };
        if configs.is_empty() {
            self.by_resource.remove_mut(&resource);
        }
    }

    pub(crate) fn remove(&mut self, resource: &ConfigResource) -> bool {
        self.by_resource.remove_mut(resource)
    }
}
