//! Offsets of partitions, and deleting records before an offset.

use std::collections::BTreeMap;

use moldau_protocol::messages::DeleteRecordsRequest;
use moldau_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};

use super::Admin;
use super::leaders::at_leaders;
use crate::config::IsolationLevel;
use crate::consumer::lookup::{ask_for_offsets, list_offsets};
use crate::consumer::{FoundOffset, OffsetSpec, TopicPartition};
use crate::error::{ClientError, Result};
use crate::net::Connection;

impl Admin {
    /// Looks offsets up; a partition without a record at or after a timestamp gets `None`. The first partition that
    /// fails makes the whole call fail, see [`Admin::list_offsets_of_each`].
    pub async fn list_offsets(
        &self,
        wanted: impl IntoIterator<Item = (TopicPartition, OffsetSpec)>,
        isolation: IsolationLevel,
    ) -> Result<BTreeMap<TopicPartition, Option<FoundOffset>>> {
        list_offsets(&self.core, &wanted.into_iter().collect(), isolation).await
    }

    /// As [`Admin::list_offsets`], with a result for each partition. A partition that is not there fails at once.
    pub async fn list_offsets_of_each(
        &self,
        wanted: impl IntoIterator<Item = (TopicPartition, OffsetSpec)>,
        isolation: IsolationLevel,
    ) -> Result<BTreeMap<TopicPartition, Result<Option<FoundOffset>>>> {
        let wanted: BTreeMap<TopicPartition, OffsetSpec> = wanted.into_iter().collect();
        let timeout_ms = self.timeout_ms();
        at_leaders(&self.core, wanted.keys().cloned(), |connection, partitions| {
            let asked = partitions.into_iter().map(|partition| {
                let spec = wanted[&partition];
                (partition, spec)
            });
            ask_for_offsets(connection, asked.collect(), isolation, timeout_ms)
        })
        .await
    }

    /// Deletes the records before an offset (−1: before the high watermark); gives the new log start offset of each partition.
    pub async fn delete_records(
        &self,
        before: &BTreeMap<TopicPartition, i64>,
    ) -> Result<BTreeMap<TopicPartition, Result<i64>>> {
        let timeout_ms = self.timeout_ms();
        at_leaders(&self.core, before.keys().cloned(), |connection, partitions| {
            let mut request = DeleteRecordsRequest { timeout_ms, ..Default::default() };
            for partition in partitions {
                let entry = DeleteRecordsPartition {
                    partition_index: partition.partition,
                    offset: before[&partition],
                };
                match request.topics.last_mut() {
                    Some(last) if *last.name == *partition.topic => last.partitions.push(entry),
                    _ => request.topics.push(DeleteRecordsTopic {
                        name: partition.topic.to_string(),
                        partitions: vec![entry],
                    }),
                }
            }
            ask_to_delete(connection, request)
        })
        .await
    }
}

async fn ask_to_delete(
    connection: Connection,
    request: DeleteRecordsRequest,
) -> Result<Vec<(TopicPartition, Result<i64>)>> {
    let mut answers = Vec::new();
    for topic in connection.request(&request).await?.topics {
        for answer in topic.partitions {
            let partition = TopicPartition::new(topic.name.as_str(), answer.partition_index);
            let result = ClientError::check(answer.error_code, || partition.to_string(), None);
            answers.push((partition, result.map(|()| answer.low_watermark)));
        }
    }
    Ok(answers)
}
