//! Describing topics page by page, with the eligible leader replicas (KIP-966).

use moldau_protocol::messages::DescribeTopicPartitionsRequest;
use moldau_protocol::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use moldau_protocol::messages::describe_topic_partitions_response::{
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use moldau_types::{ErrorCode, Uuid};

use super::Admin;
use super::topics::take;
use crate::error::{ClientError, Result};
use crate::metadata::Partition;

/// A partition with the replicas that may lead it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionDescription {
    /// Who leads it and who follows.
    pub partition: Partition,
    /// Replicas outside the ISR that may become leader without loss, `None` where the cluster keeps none.
    pub eligible_leader_replicas: Option<Vec<i32>>,
    /// The replicas that were known to be eligible before they went down uncleanly.
    pub last_known_elr: Option<Vec<i32>>,
}

/// A topic with the replicas that may lead its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicDescription {
    /// The name.
    pub name: String,
    /// The topic id.
    pub id: Uuid,
    /// Whether it belongs to the cluster itself.
    pub internal: bool,
    /// Its partitions, ordered by their number.
    pub partitions: Vec<PartitionDescription>,
}

impl Admin {
    /// Describes topics through DescribeTopicPartitions, in pages of `page` partitions (the broker's limit counts as
    /// well), so that no answer grows with the cluster.
    pub async fn describe_topic_partitions(
        &self,
        names: &[&str],
        page: i32,
    ) -> Result<Vec<Result<TopicDescription>>> {
        let mut sorted: Vec<&str> = names.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut found: Vec<DescribeTopicPartitionsResponseTopic> = Vec::new();
        let mut cursor: Option<Cursor> = None;
        loop {
            // Topics before the cursor are answered already.
            let from = cursor.as_ref().map_or("", |cursor| cursor.topic_name.as_str());
            let topics = sorted
                .iter()
                .filter(|name| **name >= from)
                .map(|name| TopicRequest { name: (*name).to_owned() });
            let request = &DescribeTopicPartitionsRequest {
                topics: topics.collect(),
                response_partition_limit: page.max(1),
                cursor: cursor.clone().map(Box::new),
            };
            let answer = self.retried(|| async move { self.core.any().await?.request(request).await });
            let response = answer.await?;
            for topic in response.topics {
                match found.last_mut() {
                    Some(last) if last.name == topic.name => last.partitions.extend(topic.partitions),
                    _ => found.push(topic),
                }
            }
            let Some(next) = response.next_cursor else { break };
            let next = Cursor { topic_name: next.topic_name, partition_index: next.partition_index };
            let position = |cursor: &Cursor| (cursor.topic_name.clone(), cursor.partition_index);
            if cursor.as_ref().is_some_and(|cursor| position(cursor) >= position(&next)) {
                let why = "its cursor does not move on".to_owned();
                let what = "DescribeTopicPartitions";
                return Err(ClientError::server(what, ErrorCode::UnknownServerError, Some(why)));
            }
            cursor = Some(next);
        }
        let answers = &mut found;
        Ok(names
            .iter()
            .map(|name| {
                let what = || format!("topic {name}");
                let topic = take(answers, |topic| topic.name.as_deref() == Some(*name), what)?;
                ClientError::check(topic.error_code, what, None)?;
                Ok(description(topic))
            })
            .collect())
    }
}

fn description(topic: DescribeTopicPartitionsResponseTopic) -> TopicDescription {
    let mut partitions: Vec<PartitionDescription> = topic.partitions.into_iter().map(partition).collect();
    partitions.sort_by_key(|description| description.partition.index);
    TopicDescription {
        name: topic.name.unwrap_or_default(),
        id: topic.topic_id,
        internal: topic.is_internal,
        partitions,
    }
}

fn partition(answer: DescribeTopicPartitionsResponsePartition) -> PartitionDescription {
    PartitionDescription {
        partition: Partition {
            index: answer.partition_index,
            leader: (answer.leader_id >= 0).then_some(answer.leader_id),
            leader_epoch: answer.leader_epoch,
            replicas: answer.replica_nodes,
            isr: answer.isr_nodes,
            offline: answer.offline_replicas,
            error: ErrorCode::from_code(answer.error_code),
        },
        eligible_leader_replicas: answer.eligible_leader_replicas,
        last_known_elr: answer.last_known_elr,
    }
}
