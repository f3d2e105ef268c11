//! The log directories of brokers, and moving replicas between those of one broker (KIP-113, KIP-827).

use std::collections::BTreeMap;

use futures_util::future::join_all;
use moldau_protocol::messages::alter_replica_log_dirs_request::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic,
};
use moldau_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use moldau_protocol::messages::describe_log_dirs_response::DescribeLogDirsResult;
use moldau_protocol::messages::{AlterReplicaLogDirsRequest, DescribeLogDirsRequest};

use moldau_types::ErrorCode;

use super::Admin;
use super::leaders::{by_topic, unanswered};
use crate::consumer::TopicPartition;
use crate::error::{ClientError, Result};
use crate::net::Lane;

/// A replica of a partition, by the broker that has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartitionReplica {
    /// The partition.
    pub partition: TopicPartition,
    /// The broker's node id.
    pub broker: i32,
}

/// A replica in a log directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicaInfo {
    /// The size of its segments in bytes.
    pub size: i64,
    /// How many records it is behind: behind the high watermark, or behind the current replica for one that is being moved.
    pub offset_lag: i64,
    /// Whether it is the copy of a move that is not done, and takes the current replica's place afterwards.
    pub is_future: bool,
}

/// A log directory of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogDirDescription {
    /// What keeps the directory from being used: KAFKA_STORAGE_ERROR when it is offline.
    pub error: Option<ErrorCode>,
    /// The replicas in it.
    pub replicas: BTreeMap<TopicPartition, ReplicaInfo>,
    /// The size of its volume in bytes, where the broker says it.
    pub total_bytes: Option<i64>,
    /// The room that is left on its volume in bytes, where the broker says it.
    pub usable_bytes: Option<i64>,
    /// Whether it takes no new replicas (KIP-1066).
    pub is_cordoned: bool,
}

/// Where a replica is, and where it is being moved to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicaLogDirInfo {
    /// The directory of the replica, `None` when the broker has none.
    pub current: Option<String>,
    /// How many records it is behind the high watermark.
    pub current_offset_lag: i64,
    /// The directory of the copy that takes its place, while it is being moved.
    pub future: Option<String>,
    /// How many records that copy is behind.
    pub future_offset_lag: i64,
}

impl Admin {
    /// The log directories of each broker, by their absolute paths.
    pub async fn describe_log_dirs(
        &self,
        brokers: &[i32],
    ) -> Result<BTreeMap<i32, Result<BTreeMap<String, LogDirDescription>>>> {
        self.core.fresh().await?;
        let asks = brokers.iter().map(|broker| async move { (*broker, self.log_dirs(*broker, None).await) });
        Ok(join_all(asks).await.into_iter().collect())
    }

    /// Where each replica is.
    pub async fn describe_replica_log_dirs(
        &self,
        replicas: &[TopicPartitionReplica],
    ) -> Result<BTreeMap<TopicPartitionReplica, Result<ReplicaLogDirInfo>>> {
        self.core.fresh().await?;
        let mut by_broker: BTreeMap<i32, Vec<TopicPartition>> = BTreeMap::new();
        for replica in replicas {
            by_broker.entry(replica.broker).or_default().push(replica.partition.clone());
        }
        let mut results = BTreeMap::new();
        for (broker, partitions) in by_broker {
            let dirs = self.log_dirs(broker, Some(&partitions)).await;
            for partition in partitions {
                let info = dirs.as_ref().map(|dirs| places(dirs, &partition)).map_err(Clone::clone);
                results.insert(TopicPartitionReplica { partition, broker }, info);
            }
        }
        Ok(results)
    }

    async fn log_dirs(
        &self,
        broker: i32,
        partitions: Option<&[TopicPartition]>,
    ) -> Result<BTreeMap<String, LogDirDescription>> {
        let topic = |(topic, partitions): (&str, Vec<i32>)| DescribableLogDirTopic {
            topic: topic.to_owned(),
            partitions,
        };
        let topics = partitions.map(|partitions| by_topic(partitions).into_iter().map(topic).collect());
        let request = &DescribeLogDirsRequest { topics };
        let answer = self.retried(|| async move {
            let response = self.core.node(broker, Lane::Main).await?.request(request).await?;
            ClientError::check(response.error_code, || format!("log directories of broker {broker}"), None)?;
            Ok(response)
        });
        let response = answer.await?;
        Ok(response.results.into_iter().map(|dir| (dir.log_dir.clone(), description(dir))).collect())
    }

    /// Moves replicas to other log directories of their brokers, given by absolute path. The answer says whether the
    /// move was taken up; [`Admin::describe_replica_log_dirs`] says how far it is.
    pub async fn alter_replica_log_dirs(
        &self,
        moves: &BTreeMap<TopicPartitionReplica, String>,
    ) -> Result<BTreeMap<TopicPartitionReplica, Result<()>>> {
        self.core.fresh().await?;
        let mut by_broker: BTreeMap<i32, BTreeMap<&str, Vec<&TopicPartition>>> = BTreeMap::new();
        for (replica, dir) in moves {
            let dirs = by_broker.entry(replica.broker).or_default();
            dirs.entry(dir).or_default().push(&replica.partition);
        }
        let mut results = BTreeMap::new();
        for (broker, dirs) in by_broker {
            let topic = |(name, partitions): (&str, Vec<i32>)| AlterReplicaLogDirTopic {
                name: name.to_owned(),
                partitions,
            };
            let dir = |(path, partitions): (&&str, &Vec<&TopicPartition>)| AlterReplicaLogDir {
                path: (*path).to_owned(),
                topics: by_topic(partitions.iter().copied()).into_iter().map(topic).collect(),
            };
            let request = &AlterReplicaLogDirsRequest { dirs: dirs.iter().map(dir).collect() };
            let answer = self
                .retried(|| async move { self.core.node(broker, Lane::Main).await?.request(request).await });
            let answer = answer.await;
            let asked = dirs.into_values().flatten();
            match answer {
                Ok(response) => {
                    let mut answers = BTreeMap::new();
                    for topic in response.results {
                        for answer in topic.partitions {
                            let partition =
                                TopicPartition::new(topic.topic_name.as_str(), answer.partition_index);
                            let what = || format!("move of {partition}");
                            let result = ClientError::check(answer.error_code, what, None);
                            answers.insert(partition, result);
                        }
                    }
                    for partition in asked {
                        let result = answers.remove(partition).unwrap_or_else(|| Err(unanswered(partition)));
                        results.insert(replica(partition, broker), result);
                    }
                }
                Err(error) => {
                    results.extend(asked.map(|partition| (replica(partition, broker), Err(error.clone()))));
                }
            }
        }
        Ok(results)
    }
}

fn replica(partition: &TopicPartition, broker: i32) -> TopicPartitionReplica {
    TopicPartitionReplica { partition: partition.clone(), broker }
}

fn description(dir: DescribeLogDirsResult) -> LogDirDescription {
    let mut replicas = BTreeMap::new();
    for topic in dir.topics {
        for partition in topic.partitions {
            let info = ReplicaInfo {
                size: partition.partition_size,
                offset_lag: partition.offset_lag,
                is_future: partition.is_future_key,
            };
            replicas.insert(TopicPartition::new(topic.name.as_str(), partition.partition_index), info);
        }
    }
    let code = ErrorCode::from_code(dir.error_code);
    LogDirDescription {
        error: code.is_error().then_some(code),
        replicas,
        total_bytes: (dir.total_bytes >= 0).then_some(dir.total_bytes),
        usable_bytes: (dir.usable_bytes >= 0).then_some(dir.usable_bytes),
        is_cordoned: dir.is_cordoned,
    }
}

fn places(dirs: &BTreeMap<String, LogDirDescription>, partition: &TopicPartition) -> ReplicaLogDirInfo {
    let mut info = ReplicaLogDirInfo::default();
    for (path, dir) in dirs {
        match dir.replicas.get(partition) {
            Some(replica) if replica.is_future => {
                info.future = Some(path.clone());
                info.future_offset_lag = replica.offset_lag;
            }
            Some(replica) => {
                info.current = Some(path.clone());
                info.current_offset_lag = replica.offset_lag;
            }
            None => {}
        }
    }
    info
}
