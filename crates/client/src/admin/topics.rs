//! Making, listing, describing, growing and deleting topics.

use std::sync::Arc;

use moldau_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use moldau_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use moldau_protocol::messages::delete_topics_request::DeleteTopicState;
use moldau_protocol::messages::{CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest};
use moldau_types::{ErrorCode, Uuid};

use super::Admin;
use crate::error::{ClientError, Result};
use crate::metadata::Topic;

/// A topic to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
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

    /// Adds a config.
    #[must_use]
    pub fn config(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.configs.push((key.into(), value.into()));
        self
    }
}

/// A topic in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub async fn create_topics(&self, topics: &[NewTopic], validate_only: bool) -> Result<Vec<Result<Uuid>>> {
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
                Ok(answer.topic_id)
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
        self.core.want(names);
        let cluster = self.core.refresh().await?;
        let described = names
            .iter()
            .map(|name| match cluster.topic(name) {
                Some(topic) if topic.error.is_none() => Ok(topic.clone()),
                found => {
                    let code = found.map_or(ErrorCode::UnknownTopicOrPartition, |topic| topic.error);
                    Err(ClientError::server(format!("topic {name}"), code, None))
                }
            })
            .collect();
        names.iter().for_each(|name| self.core.forget(name));
        Ok(described)
    }

    /// Raises the number of partitions of a topic to `count`.
    pub async fn create_partitions(&self, topic: &str, count: i32, validate_only: bool) -> Result<()> {
        let request = CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic { name: topic.to_owned(), count, assignments: None }],
            timeout_ms: self.timeout_ms(),
            validate_only,
        };
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
