//! Making, listing, describing, growing and deleting topics.

use std::sync::Arc;

use futures_util::future::join_all;
use moldau_protocol::Message;
use moldau_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use moldau_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use moldau_protocol::messages::create_topics_response::CreatableTopicConfigs;
use moldau_protocol::messages::delete_topics_request::DeleteTopicState;
use moldau_protocol::messages::metadata_request::MetadataRequestTopic;
use moldau_protocol::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, MetadataRequest,
};
use moldau_types::{ErrorCode, Uuid};

use super::Admin;
use super::configs::ConfigSource;
use crate::error::{ClientError, Result};
use crate::metadata::{Cluster, Topic};

/// A topic to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewTopic {
    /// The name.
    pub name: String,
    /// How many partitions; `None` for the broker's `num.partitions`.
    pub partitions: Option<i32>,
    /// How many replicas of each; `None` for the broker's `default.replication.factor`.
    pub replication_factor: Option<i16>,
    /// The replicas of each partition; when it is not empty the two numbers above must be `None`.
    pub assignments: Vec<Vec<i32>>,
    /// Configs that differ from the defaults.
    pub configs: Vec<(String, String)>,
}

impl NewTopic {
    /// A topic with the broker's defaults.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            partitions: None,
            replication_factor: None,
            assignments: Vec::new(),
            configs: Vec::new(),
        }
    }

    /// Sets the number of partitions.
    #[must_use]
    pub fn partitions(mut self, count: i32) -> Self {
        self.partitions = Some(count);
        self
    }

    /// Sets the number of replicas.
    #[must_use]
    pub fn replication_factor(mut self, count: i16) -> Self {
        self.replication_factor = Some(count);
        self
    }

    /// Sets the replicas of each partition, the preferred leader first, in place of the two numbers.
    #[must_use]
    pub fn assignments(mut self, replicas: Vec<Vec<i32>>) -> Self {
        self.assignments = replicas;
        self
    }

    /// Adds a config.
    #[must_use]
    pub fn config(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.configs.push((key.into(), value.into()));
        self
    }
}

/// A topic that was made, as far as the broker says it (KIP-525: from version 5 of CreateTopics on).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedTopic {
    /// The topic id; zero for one that was only validated, and from brokers without topic ids.
    pub id: Uuid,
    /// How many partitions it has.
    pub partitions: Option<i32>,
    /// How many replicas each has.
    pub replication_factor: Option<i16>,
    /// Its configs, ordered by key; `None` where the broker does not say them, or may not.
    pub configs: Option<Vec<CreatedConfig>>,
}

/// A config of a topic that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedConfig {
    /// The key.
    pub name: String,
    /// The value; `None` for null and for what is secret.
    pub value: Option<String>,
    /// Where it comes from.
    pub source: ConfigSource,
    /// Whether it can't be changed.
    pub read_only: bool,
    /// Whether it is secret.
    pub sensitive: bool,
}

fn created_configs(configs: Vec<CreatableTopicConfigs>) -> Vec<CreatedConfig> {
    let config = |config: CreatableTopicConfigs| CreatedConfig {
        name: config.name,
        value: config.value,
        source: ConfigSource::of(config.config_source),
        read_only: config.read_only,
        sensitive: config.is_sensitive,
    };
    let mut configs: Vec<CreatedConfig> = configs.into_iter().map(config).collect();
    configs.sort_by(|one, other| one.name.cmp(&other.name));
    configs
}

/// A topic in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicListing {
    /// The name.
    pub name: Arc<str>,
    /// The topic id.
    pub id: Uuid,
    /// Whether it belongs to the cluster itself.
    pub internal: bool,
    /// The number of partitions.
    pub partitions: usize,
    /// The number of replicas of the first partition.
    pub replication_factor: usize,
}

impl Admin {
    /// Makes topics. With `validate_only` the broker only says whether it would.
    pub async fn create_topics(
        &self,
        topics: &[NewTopic],
        validate_only: bool,
    ) -> Result<Vec<Result<CreatedTopic>>> {
        let entry = |topic: &NewTopic| CreatableTopic {
            name: topic.name.clone(),
            num_partitions: topic.partitions.unwrap_or(-1),
            replication_factor: topic.replication_factor.unwrap_or(-1),
            assignments: topic
                .assignments
                .iter()
                .zip(0..)
                .map(|(replicas, partition_index)| CreatableReplicaAssignment {
                    partition_index,
                    broker_ids: replicas.clone(),
                })
                .collect(),
            configs: topic
                .configs
                .iter()
                .map(|(name, value)| CreatableTopicConfig { name: name.clone(), value: Some(value.clone()) })
                .collect(),
        };
        let request = CreateTopicsRequest {
            topics: topics.iter().map(entry).collect(),
            timeout_ms: self.timeout_ms(),
            validate_only,
        };
        let response = self.core.ask_controller("create topics", &request, |_| ErrorCode::None).await?;
        let mut answers = response.topics;
        Ok(topics
            .iter()
            .map(|topic| {
                let answer = take(
                    &mut answers,
                    |answer| answer.name == topic.name,
                    || format!("topic {}", topic.name),
                )?;
                ClientError::check(
                    answer.error_code,
                    || format!("topic {}", topic.name),
                    answer.error_message,
                )?;
                Ok(CreatedTopic {
                    id: answer.topic_id,
                    partitions: (answer.num_partitions >= 0).then_some(answer.num_partitions),
                    replication_factor: (answer.replication_factor >= 0).then_some(answer.replication_factor),
                    configs: answer.configs.map(created_configs),
                })
            })
            .collect())
    }

    /// Deletes topics.
    pub async fn delete_topics(&self, names: &[&str]) -> Result<Vec<Result<()>>> {
        let connection = self.core.controller().await?;
        let version = connection.version_of::<DeleteTopicsRequest>()?;
        let mut request = DeleteTopicsRequest { timeout_ms: self.timeout_ms(), ..Default::default() };
        if version >= 6 {
            request.topics = names
                .iter()
                .map(|name| DeleteTopicState { name: Some((*name).to_owned()), ..Default::default() })
                .collect();
        } else {
            request.topic_names = names.iter().map(|name| (*name).to_owned()).collect();
        }
        let response = self.core.ask_controller("delete topics", &request, |_| ErrorCode::None).await?;
        let mut answers = response.responses;
        Ok(names
            .iter()
            .map(|name| {
                let what = || format!("topic {name}");
                let answer = take(&mut answers, |answer| answer.name.as_deref() == Some(*name), what)?;
                ClientError::check(answer.error_code, what, answer.error_message)?;
                self.core.forget(name);
                Ok(())
            })
            .collect())
    }

    /// Deletes topics by their ids, so that no topic of the same name made meanwhile is hit (KIP-516).
    pub async fn delete_topics_by_id(&self, ids: &[Uuid]) -> Result<Vec<Result<()>>> {
        const FIRST_VERSION_WITH_IDS: i16 = 6;
        let connection = self.core.controller().await?;
        connection.version_between::<DeleteTopicsRequest>(
            FIRST_VERSION_WITH_IDS,
            DeleteTopicsRequest::MAX_VERSION,
        )?;
        let topic = |id: &Uuid| DeleteTopicState { name: None, topic_id: *id };
        let request = DeleteTopicsRequest {
            topics: ids.iter().map(topic).collect(),
            timeout_ms: self.timeout_ms(),
            ..Default::default()
        };
        let response = self.core.ask_controller("delete topics", &request, |_| ErrorCode::None).await?;
        let mut answers = response.responses;
        let result = |id: &Uuid| {
            let what = || format!("topic {id}");
            let answer = take(&mut answers, |answer| answer.topic_id == *id, what)?;
            ClientError::check(answer.error_code, what, answer.error_message)
        };
        Ok(ids.iter().map(result).collect())
    }

    /// Lists the topics, ordered by name; the cluster's own only with `internal`.
    pub async fn list_topics(&self, internal: bool) -> Result<Vec<TopicListing>> {
        let cluster = self.core.read_all_topics().await?;
        let mut topics: Vec<TopicListing> = cluster
            .topics
            .values()
            .filter(|topic| topic.error.is_none() && (internal || !topic.internal))
            .map(|topic| TopicListing {
                name: topic.name.clone(),
                id: topic.id,
                internal: topic.internal,
                partitions: topic.partitions.len(),
                replication_factor: topic.partitions.first().map_or(0, |partition| partition.replicas.len()),
            })
            .collect();
        topics.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(topics)
    }

    /// Describes topics.
    pub async fn describe_topics(&self, names: &[&str]) -> Result<Vec<Result<Arc<Topic>>>> {
        let owned: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let cluster = self.core.topics_now(&owned).await?;
        Ok(names
            .iter()
            .map(|name| match cluster.topic(name) {
                Some(topic) if topic.error.is_none() => Ok(topic.clone()),
                found => {
                    let code = found.map_or(ErrorCode::UnknownTopicOrPartition, |topic| topic.error);
                    Err(ClientError::server(format!("topic {name}"), code, None))
                }
            })
            .collect())
    }

    /// Describes topics by their ids (KIP-516), with a result for each in the order they were asked for.
    pub async fn describe_topics_by_id(&self, ids: &[Uuid]) -> Result<Vec<Result<Arc<Topic>>>> {
        const FIRST_VERSION_WITH_IDS: i16 = 12;
        let topic = |id: &Uuid| MetadataRequestTopic { topic_id: *id, name: None };
        let topics = Some(ids.iter().map(topic).collect());
        let request =
            &MetadataRequest { topics, allow_auto_topic_creation: false, ..MetadataRequest::default() };
        let answer = self.retried(|| async move {
            let connection = self.core.any().await?;
            let version = connection
                .version_between::<MetadataRequest>(FIRST_VERSION_WITH_IDS, MetadataRequest::MAX_VERSION)?;
            let response = connection.start(version, request)?.answer().await?;
            ClientError::check(response.error_code, || "metadata".to_owned(), None)?;
            Ok(response)
        });
        let cluster = Cluster::default().merged(answer.await?, true);
        let described = |id: &Uuid| match cluster.topics.values().find(|topic| topic.id == *id) {
            Some(topic) if topic.error.is_none() => Ok(topic.clone()),
            found => {
                let code = found.map_or(ErrorCode::UnknownTopicId, |topic| topic.error);
                Err(ClientError::server(format!("topic {id}"), code, None))
            }
        };
        Ok(ids.iter().map(described).collect())
    }

    /// As [`Admin::create_partitions`], and says which brokers have each new partition, the preferred leader first.
    pub async fn create_partitions_at(
        &self,
        topic: &str,
        count: i32,
        replicas: &[Vec<i32>],
        validate_only: bool,
    ) -> Result<()> {
        let assignment = |brokers: &Vec<i32>| CreatePartitionsAssignment { broker_ids: brokers.clone() };
        let topic = CreatePartitionsTopic {
            name: topic.to_owned(),
            count,
            assignments: Some(replicas.iter().map(assignment).collect()),
        };
        self.grow(topic, validate_only).await
    }

    /// Raises the number of partitions of several topics, each to its count, with a result for each in their order.
    pub async fn create_partitions_of_each(
        &self,
        topics: &[(&str, i32)],
        validate_only: bool,
    ) -> Vec<Result<()>> {
        join_all(topics.iter().map(|(topic, count)| self.create_partitions(topic, *count, validate_only)))
            .await
    }

    /// Raises the number of partitions of a topic to `count`.
    pub async fn create_partitions(&self, topic: &str, count: i32, validate_only: bool) -> Result<()> {
        let topic = CreatePartitionsTopic { name: topic.to_owned(), count, assignments: None };
        self.grow(topic, validate_only).await
    }

    async fn grow(&self, topic: CreatePartitionsTopic, validate_only: bool) -> Result<()> {
        let request =
            CreatePartitionsRequest { topics: vec![topic], timeout_ms: self.timeout_ms(), validate_only };
        let response = self.core.ask_controller("create partitions", &request, |_| ErrorCode::None).await?;
        for answer in response.results {
            ClientError::check(answer.error_code, || format!("topic {}", answer.name), answer.error_message)?;
        }
        Ok(())
    }
}

/// Takes the answer that belongs to a question.
pub(super) fn take<T>(answers: &mut Vec<T>, is: impl Fn(&T) -> bool, what: impl Fn() -> String) -> Result<T> {
    match answers.iter().position(is) {
        Some(at) => Ok(answers.swap_remove(at)),
        None => Err(ClientError::server(
            what(),
            ErrorCode::UnknownServerError,
            Some("the answer does not speak of it".to_owned()),
        )),
    }
}
