//! Offsets of partitions, and deleting records before an offset.

use std::collections::BTreeMap;

use moldau_protocol::messages::DeleteRecordsRequest;
use moldau_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};

use super::Admin;
use crate::config::IsolationLevel;
use crate::consumer::lookup::list_offsets;
use crate::consumer::{FoundOffset, OffsetSpec, TopicPartition};
use crate::error::{ClientError, Result};
use crate::net::Lane;

impl Admin {
    /// Looks offsets up; a partition without a record at or after a timestamp gets `None`.
    pub async fn list_offsets(
        &self,
        wanted: impl IntoIterator<Item = (TopicPartition, OffsetSpec)>,
        isolation: IsolationLevel,
    ) -> Result<BTreeMap<TopicPartition, Option<FoundOffset>>> {
        list_offsets(&self.core, &wanted.into_iter().collect(), isolation).await
    }

    /// Deletes the records before an offset (−1: before the high watermark); gives the new log start offset of each partition.
    pub async fn delete_records(
        &self,
        before: &BTreeMap<TopicPartition, i64>,
    ) -> Result<BTreeMap<TopicPartition, Result<i64>>> {
        let mut names: Vec<&str> = before.keys().map(|partition| &*partition.topic).collect();
        names.dedup();
        let cluster = self.core.topics(&names).await?;
        let mut results = BTreeMap::new();
        let mut by_leader: BTreeMap<i32, Vec<(TopicPartition, i64)>> = BTreeMap::new();
        for (partition, offset) in before {
            match cluster.leader(&partition.topic, partition.partition) {
                Some((leader, _)) => {
                    by_leader.entry(leader.id).or_default().push((partition.clone(), *offset))
                }
                None => {
                    let code = match cluster.topic(&partition.topic) {
                        Some(topic) if topic.error.is_error() => topic.error,
                        _ => moldau_types::ErrorCode::UnknownTopicOrPartition,
                    };
                    results.insert(
                        partition.clone(),
                        Err(ClientError::server(partition.to_string(), code, None)),
                    );
                }
            }
        }
        for (leader, partitions) in by_leader {
            let connection = self.core.node(leader, Lane::Main).await?;
            let mut request = DeleteRecordsRequest { timeout_ms: self.timeout_ms(), ..Default::default() };
            for (partition, offset) in &partitions {
                let entry = DeleteRecordsPartition { partition_index: partition.partition, offset: *offset };
                match request.topics.last_mut() {
                    Some(last) if *last.name == *partition.topic => last.partitions.push(entry),
                    _ => request.topics.push(DeleteRecordsTopic {
                        name: partition.topic.to_string(),
                        partitions: vec![entry],
                    }),
                }
            }
            for topic in connection.request(&request).await?.topics {
                for answer in topic.partitions {
                    let partition = TopicPartition::new(topic.name.as_str(), answer.partition_index);
                    let result = ClientError::check(answer.error_code, || partition.to_string(), None);
                    results.insert(partition, result.map(|()| answer.low_watermark));
                }
            }
        }
        Ok(results)
    }
}
