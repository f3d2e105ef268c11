//! Reading and changing configs of topics, brokers, groups and the rest.

use std::collections::HashMap;

use futures_util::future::join_all;
use moldau_protocol::messages::describe_configs_request::DescribeConfigsResource;
use moldau_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use moldau_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use moldau_protocol::messages::{
    DescribeConfigsRequest, IncrementalAlterConfigsRequest, ListConfigResourcesRequest,
};
use moldau_types::ErrorCode;

use super::Admin;
use super::topics::take;
use crate::error::{ClientError, Result};
use crate::net::{Connection, Lane};

/// Things that are asked for in one request.
const RESOURCES_AT_ONCE: usize = 500;

/// What has configs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResourceType {
    /// A topic, by its name.
    Topic,
    /// A broker, by its node id; the empty name stands for the default of all brokers.
    Broker,
    /// The log levels of a broker, by its node id.
    BrokerLogger,
    /// A subscription to client metrics.
    ClientMetrics,
    /// A group, by its id.
    Group,
}

impl ResourceType {
    fn code(self) -> i8 {
        match self {
            Self::Topic => 2,
            Self::Broker => 4,
            Self::BrokerLogger => 8,
            Self::ClientMetrics => 16,
            Self::Group => 32,
        }
    }

    fn of(code: i8) -> Option<Self> {
        match code {
            2 => Some(Self::Topic),
            4 => Some(Self::Broker),
            8 => Some(Self::BrokerLogger),
            16 => Some(Self::ClientMetrics),
            32 => Some(Self::Group),
            _ => None,
        }
    }
}

/// One thing that has configs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConfigResource {
    /// Its kind.
    pub kind: ResourceType,
    /// Its name.
    pub name: String,
}

impl ConfigResource {
    /// Something of any kind.
    pub fn new(kind: ResourceType, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }

    /// A topic.
    pub fn topic(name: impl Into<String>) -> Self {
        Self { kind: ResourceType::Topic, name: name.into() }
    }

    /// A broker.
    pub fn broker(id: i32) -> Self {
        Self { kind: ResourceType::Broker, name: id.to_string() }
    }

    /// The dynamic default of all brokers.
    pub fn all_brokers() -> Self {
        Self { kind: ResourceType::Broker, name: String::new() }
    }

    /// Whether only the broker that it names can answer for it.
    fn has_its_broker(&self) -> bool {
        matches!(self.kind, ResourceType::Broker | ResourceType::BrokerLogger) && !self.name.is_empty()
    }

    fn key(&self) -> (i8, String) {
        (self.kind.code(), self.name.clone())
    }

    fn what(&self) -> String {
        match (self.kind, self.name.as_str()) {
            (ResourceType::Broker, "") => "default of all brokers".to_owned(),
            (ResourceType::Topic, name) => format!("topic {name}"),
            (ResourceType::Broker, name) => format!("broker {name}"),
            (ResourceType::BrokerLogger, name) => format!("log levels of broker {name}"),
            (ResourceType::ClientMetrics, name) => format!("client metrics {name}"),
            (ResourceType::Group, name) => format!("group {name}"),
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum ConfigSource {
    Unknown,
    TopicConfig,
    DynamicBrokerConfig,
    DynamicDefaultBrokerConfig,
    StaticBrokerConfig,
    DefaultConfig,
    DynamicBrokerLoggerConfig,
    ClientMetricsConfig,
    GroupConfig,
}

impl ConfigSource {
    pub(super) fn of(code: i8) -> Self {
        match code {
            1 => Self::TopicConfig,
            2 => Self::DynamicBrokerConfig,
            3 => Self::DynamicDefaultBrokerConfig,
            4 => Self::StaticBrokerConfig,
            5 => Self::DefaultConfig,
            6 => Self::DynamicBrokerLoggerConfig,
            7 => Self::ClientMetricsConfig,
            8 => Self::GroupConfig,
            _ => Self::Unknown,
        }
    }

    /// Kafka's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::TopicConfig => "DYNAMIC_TOPIC_CONFIG",
            Self::DynamicBrokerConfig => "DYNAMIC_BROKER_CONFIG",
            Self::DynamicDefaultBrokerConfig => "DYNAMIC_DEFAULT_BROKER_CONFIG",
            Self::StaticBrokerConfig => "STATIC_BROKER_CONFIG",
            Self::DefaultConfig => "DEFAULT_CONFIG",
            Self::DynamicBrokerLoggerConfig => "DYNAMIC_BROKER_LOGGER_CONFIG",
            Self::ClientMetricsConfig => "DYNAMIC_CLIENT_METRICS_CONFIG",
            Self::GroupConfig => "DYNAMIC_GROUP_CONFIG",
        }
    }
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum ConfigType {
    Unknown,
    Boolean,
    String,
    Int,
    Short,
    Long,
    Double,
    List,
    Class,
    Password,
}

impl ConfigType {
    fn of(code: i8) -> Self {
        match code {
            1 => Self::Boolean,
            2 => Self::String,
            3 => Self::Int,
            4 => Self::Short,
            5 => Self::Long,
            6 => Self::Double,
            7 => Self::List,
            8 => Self::Class,
            9 => Self::Password,
            _ => Self::Unknown,
        }
    }
}

/// Another place a value could have come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigSynonym {
    /// The key there.
    pub name: String,
    /// The value there.
    pub value: Option<String>,
    /// The place.
    pub source: ConfigSource,
}

/// One config with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigEntry {
    /// The key.
    pub name: String,
    /// The value; `None` for null and for what is secret.
    pub value: Option<String>,
    /// Where it comes from.
    pub source: ConfigSource,
    /// Whether it can't be changed while the broker runs.
    pub read_only: bool,
    /// Whether it is secret.
    pub sensitive: bool,
    /// Its type.
    pub kind: ConfigType,
    /// Where else it could have come from, the nearest first.
    pub synonyms: Vec<ConfigSynonym>,
    /// What it does, when that was asked for.
    pub documentation: Option<String>,
}

/// One change of a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterConfigOp {
    /// Sets a value.
    Set(String),
    /// Goes back to what counts without it.
    Delete,
    /// Adds to a list.
    Append(String),
    /// Takes from a list.
    Subtract(String),
}

impl Admin {
    async fn connection_for(&self, resource: &ConfigResource) -> Result<Connection> {
        if !resource.has_its_broker() {
            return self.core.any().await;
        }
        let node: i32 = resource.name.parse().map_err(|_| {
            ClientError::Usage(format!("`{}` is not a broker's id, which is a number", resource.name))
        })?;
        self.core.fresh().await?;
        self.core.node(node, Lane::Main).await
    }

    /// Reads the configs of one thing, ordered by key; only `keys` if there are any.
    pub async fn describe_configs(
        &self,
        resource: &ConfigResource,
        keys: Option<&[&str]>,
        documentation: bool,
    ) -> Result<Vec<ConfigEntry>> {
        let answer = self.retried(|| async move {
            let connection = self.connection_for(resource).await?;
            let mut answers = describe(&connection, &[resource], keys, documentation).await?;
            let is_its = |answer: &DescribeConfigsResult| answer.resource_name == resource.name;
            checked(take(&mut answers, is_its, || resource.what())?, resource)
        });
        answer.await
    }

    /// As [`Admin::describe_configs`] for several things, with a result for each in the order they were asked for. Those
    /// that any broker answers for are asked of one, many at a time.
    pub async fn describe_configs_of_each(
        &self,
        resources: &[ConfigResource],
        keys: Option<&[&str]>,
        documentation: bool,
    ) -> Vec<Result<Vec<ConfigEntry>>> {
        let anywhere: Vec<&ConfigResource> = resources.iter().filter(|one| !one.has_its_broker()).collect();
        let mut found = HashMap::new();
        for together in anywhere.chunks(RESOURCES_AT_ONCE) {
            let asked = self.retried(|| async move {
                let connection = self.core.any().await?;
                describe(&connection, together, keys, documentation).await
            });
            match asked.await {
                Ok(answers) => found.extend(
                    answers
                        .into_iter()
                        .map(|answer| ((answer.resource_type, answer.resource_name.clone()), Ok(answer))),
                ),
                Err(error) => found.extend(together.iter().map(|one| (one.key(), Err(error.clone())))),
            }
        }
        let results = resources.iter().map(|resource| {
            let answered = found.remove(&resource.key());
            async move {
                match answered {
                    Some(Ok(answer)) => match checked(answer, resource) {
                        // It is asked for alone what may be answered a moment later.
                        Err(error) if error.is_retriable() => {}
                        done => return done,
                    },
                    Some(Err(error)) => return Err(error),
                    // So is what has its broker, and what stands twice.
                    None => {}
                }
                self.describe_configs(resource, keys, documentation).await
            }
        });
        join_all(results).await
    }

    /// The things of these kinds that have configs of their own; all kinds when there are none (KIP-1142).
    ///
    /// A broker before 4.1 only knows [`ResourceType::ClientMetrics`].
    pub async fn list_config_resources(&self, kinds: &[ResourceType]) -> Result<Vec<ConfigResource>> {
        let answer = self.retried(|| async move {
            let connection = self.core.any().await?;
            let lowest = i16::from(kinds != [ResourceType::ClientMetrics]);
            let version = connection.version_between::<ListConfigResourcesRequest>(lowest, 1)?;
            let asked = kinds.iter().filter(|_| version >= 1).map(|kind| kind.code());
            let request = ListConfigResourcesRequest { resource_types: asked.collect() };
            let response = connection.start(version, &request)?.answer().await?;
            ClientError::check(response.error_code, || "config resources".to_owned(), None)?;
            Ok(response)
        });
        let response = answer.await?;
        let resource = |(code, name)| Some(ConfigResource { kind: ResourceType::of(code)?, name });
        let found = response.config_resources.into_iter();
        Ok(found.filter_map(|found| resource((found.resource_type, found.resource_name))).collect())
    }

    /// As [`Admin::alter_configs`] for several things, with a result for each in the order they are given.
    pub async fn alter_configs_of_each(
        &self,
        changes: &[(ConfigResource, Vec<(String, AlterConfigOp)>)],
        validate_only: bool,
    ) -> Vec<Result<()>> {
        let changed = changes.iter().map(|(resource, ops)| self.alter_configs(resource, ops, validate_only));
        join_all(changed).await
    }

    /// Changes single configs of one thing, leaving the others as they are.
    pub async fn alter_configs(
        &self,
        resource: &ConfigResource,
        changes: &[(String, AlterConfigOp)],
        validate_only: bool,
    ) -> Result<()> {
        let entry = |(name, op): &(String, AlterConfigOp)| {
            let (config_operation, value) = match op {
                AlterConfigOp::Set(value) => (0, Some(value.clone())),
                AlterConfigOp::Delete => (1, None),
                AlterConfigOp::Append(value) => (2, Some(value.clone())),
                AlterConfigOp::Subtract(value) => (3, Some(value.clone())),
            };
            AlterableConfig { name: name.clone(), config_operation, value }
        };
        let request = &IncrementalAlterConfigsRequest {
            resources: vec![AlterConfigsResource {
                resource_type: resource.kind.code(),
                resource_name: resource.name.clone(),
                configs: changes.iter().map(entry).collect(),
            }],
            validate_only,
        };
        let mut response = if resource.has_its_broker() {
            self.retried(|| async move { self.connection_for(resource).await?.request(request).await })
                .await?
        } else {
            self.core.ask_controller("alter configs", request, |_| ErrorCode::None).await?
        };
        let answer = take(
            &mut response.responses,
            |answer| answer.resource_name == resource.name,
            || resource.what(),
        )?;
        ClientError::check(answer.error_code, || resource.what(), answer.error_message)
    }
}

/// Asks a broker, once.
async fn describe(
    connection: &Connection,
    resources: &[&ConfigResource],
    keys: Option<&[&str]>,
    documentation: bool,
) -> Result<Vec<DescribeConfigsResult>> {
    let version = connection.version_of::<DescribeConfigsRequest>()?;
    let asked = |resource: &&ConfigResource| DescribeConfigsResource {
        resource_type: resource.kind.code(),
        resource_name: resource.name.clone(),
        configuration_keys: keys.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect()),
    };
    let request = DescribeConfigsRequest {
        resources: resources.iter().map(asked).collect(),
        include_synonyms: true,
        include_documentation: documentation && version >= 3,
    };
    Ok(connection.start(version, &request)?.answer().await?.results)
}

fn checked(answer: DescribeConfigsResult, resource: &ConfigResource) -> Result<Vec<ConfigEntry>> {
    ClientError::check(answer.error_code, || resource.what(), answer.error_message)?;
    let mut entries: Vec<ConfigEntry> = answer.configs.into_iter().map(entry).collect();
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

fn entry(config: DescribeConfigsResourceResult) -> ConfigEntry {
    ConfigEntry {
        name: config.name,
        value: config.value,
        source: ConfigSource::of(config.config_source),
        read_only: config.read_only,
        sensitive: config.is_sensitive,
        kind: ConfigType::of(config.config_type),
        synonyms: config
            .synonyms
            .into_iter()
            .map(|synonym| ConfigSynonym {
                name: synonym.name,
                value: synonym.value,
                source: ConfigSource::of(synonym.source),
            })
            .collect(),
        documentation: config.documentation,
    }
}
