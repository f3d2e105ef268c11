//! Asking the leaders of many partitions at once, and electing leaders.
//!
//! Always: each partition gets one result; what may pass by itself is asked again, with fresh metadata, until
//! `default.api.timeout.ms`. A partition that fresh metadata does not know is not waited for.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use moldau_protocol::messages::ElectLeadersRequest;
use moldau_protocol::messages::elect_leaders_request::TopicPartitions;
use moldau_types::ErrorCode;
use tokio::time::Instant;

use super::Admin;
use crate::consumer::TopicPartition;
use crate::error::{ClientError, Result};
use crate::metadata::{Cluster, Core};
use crate::net::{Connection, Lane};

/// A result for each partition.
pub(super) type EachPartition<T> = BTreeMap<TopicPartition, Result<T>>;

/// Asks the leader of each partition; `ask` makes one request for the partitions of one leader.
pub(super) async fn at_leaders<T, F>(
    core: &Core,
    partitions: impl IntoIterator<Item = TopicPartition>,
    ask: impl Fn(Connection, Vec<TopicPartition>) -> F,
) -> Result<EachPartition<T>>
where
    F: Future<Output = Result<Vec<(TopicPartition, Result<T>)>>>,
{
    let mut results = EachPartition::new();
    let mut missing: Vec<TopicPartition> = partitions.into_iter().collect();
    missing.sort();
    missing.dedup();
    let mut names: Vec<&str> = missing.iter().map(|partition| &*partition.topic).collect();
    names.dedup();
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    let deadline = Instant::now() + core.config().default_api_timeout;
    let mut attempt = 0;
    while !missing.is_empty() {
        let cluster = core.topics_now(&names).await?;
        let mut errors = EachPartition::new();
        let mut by_leader: BTreeMap<i32, Vec<TopicPartition>> = BTreeMap::new();
        for partition in std::mem::take(&mut missing) {
            match leader(&cluster, &partition) {
                Ok(node) => by_leader.entry(node).or_default().push(partition),
                Err(error) if error.code() == Some(ErrorCode::LeaderNotAvailable) => {
                    errors.insert(partition, Err(error));
                }
                Err(error) => {
                    results.insert(partition, Err(error));
                }
            }
        }
        let asks = by_leader.into_iter().map(|(node, partitions)| {
            let ask = &ask;
            async move {
                let answer = match core.node(node, Lane::Main).await {
                    Ok(connection) => ask(connection, partitions.clone()).await,
                    Err(error) => Err(error),
                };
                (partitions, answer)
            }
        });
        for (asked, answer) in join_all(asks).await {
            let mut answers: EachPartition<T> = match answer {
                Ok(answers) => answers.into_iter().collect(),
                Err(error) => asked.iter().map(|partition| (partition.clone(), Err(error.clone()))).collect(),
            };
            for partition in asked {
                let result = answers.remove(&partition).unwrap_or_else(|| Err(unanswered(&partition)));
                match result {
                    Err(error) if error.is_retriable() => errors.insert(partition, Err(error)),
                    result => results.insert(partition, result),
                };
            }
        }
        let Some(Err(first)) = errors.values().next() else { break };
        if core.pause_or(first.clone(), &mut attempt, deadline).await.is_err() {
            results.append(&mut errors);
            break;
        }
        missing = errors.into_keys().collect();
    }
    Ok(results)
}

fn leader(cluster: &Cluster, partition: &TopicPartition) -> Result<i32> {
    let code = match cluster.topic(&partition.topic) {
        Some(topic) if topic.error.is_error() => topic.error,
        Some(topic) => match topic.partition(partition.partition) {
            None => ErrorCode::UnknownTopicOrPartition,
            Some(found) => match found.leader {
                Some(leader) => return Ok(leader),
                None => ErrorCode::LeaderNotAvailable,
            },
        },
        None => ErrorCode::UnknownTopicOrPartition,
    };
    Err(ClientError::server(partition.to_string(), code, None))
}

pub(super) fn unanswered(partition: &TopicPartition) -> ClientError {
    let why = "the answer does not speak of it".to_owned();
    ClientError::server(partition.to_string(), ErrorCode::UnknownServerError, Some(why))
}

/// Partition numbers by topic, as most requests want them.
pub(super) fn by_topic<'a>(
    partitions: impl IntoIterator<Item = &'a TopicPartition>,
) -> BTreeMap<&'a str, Vec<i32>> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        topics.entry(&partition.topic).or_default().push(partition.partition);
    }
    topics
}

/// Which replica is made the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ElectionType {
    /// The first replica, when it is in sync.
    Preferred,
    /// Any live replica where no in-sync one is left; records may be lost (KIP-460).
    Unclean,
}

impl Admin {
    /// Elects leaders of these partitions, or of all that need it when there is `None`.
    ///
    /// A partition whose leader is the right one already fails with ELECTION_NOT_NEEDED; with `None` such partitions
    /// are left out.
    pub async fn elect_leaders(
        &self,
        kind: ElectionType,
        partitions: Option<&[TopicPartition]>,
    ) -> Result<BTreeMap<TopicPartition, Result<()>>> {
        let topics = partitions.map(|partitions| {
            let entry = |(topic, partitions): (&str, Vec<i32>)| TopicPartitions {
                topic: topic.to_owned(),
                partitions,
            };
            by_topic(partitions).into_iter().map(entry).collect()
        });
        let request = ElectLeadersRequest {
            election_type: kind as i8,
            topic_partitions: topics,
            timeout_ms: self.timeout_ms(),
        };
        let response = self
            .core
            .ask_controller("elect leaders", &request, |answer| ErrorCode::from_code(answer.error_code))
            .await?;
        let mut results = BTreeMap::new();
        for topic in response.replica_election_results {
            for answer in topic.partition_result {
                let partition = TopicPartition::new(topic.topic.as_str(), answer.partition_id);
                let result = ClientError::check(
                    answer.error_code,
                    || format!("leader of {partition}"),
                    answer.error_message,
                );
                results.insert(partition, result);
            }
        }
        for partition in partitions.unwrap_or_default() {
            results.entry(partition.clone()).or_insert_with(|| Err(unanswered(partition)));
        }
        Ok(results)
    }
}
