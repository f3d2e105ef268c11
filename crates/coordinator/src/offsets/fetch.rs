//! OffsetFetch, one group of it.
//!
//! v7 adds `require_stable`, v8 asks for many groups, v9 adds the consumer group's member, v10 names topics by id. A missing
//! group has no offsets, which is no error.

use moldau_protocol::messages::offset_fetch_request::OffsetFetchRequestTopics;
use moldau_protocol::messages::offset_fetch_response::{
    OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};
use moldau_types::{ErrorCode, Uuid};

use super::OffsetAndMetadata;
use crate::shard::GroupShard;

impl GroupShard {
    /// The offsets of the asked partitions; −1 where there is none.
    pub fn fetch_offsets(
        &self,
        group_id: &str,
        topics: &[OffsetFetchRequestTopics],
        require_stable: bool,
    ) -> Vec<OffsetFetchResponseTopics> {
        let answer = |topic: &OffsetFetchRequestTopics| OffsetFetchResponseTopics {
            name: topic.name.clone(),
            topic_id: topic.topic_id,
            partitions: topic
                .partition_indexes
                .iter()
                .map(|&partition| {
                    let offset = self
                        .offsets()
                        .get(group_id, &topic.name, partition)
                        .filter(|offset| !is_other_topic(offset.topic_id, topic.topic_id));
                    self.partition_answer(group_id, &topic.name, partition, offset, require_stable)
                })
                .collect(),
        };
        topics.iter().map(answer).collect()
    }

    /// All offsets of a group. Topic ids are zero: the caller knows the topics.
    pub fn fetch_all_offsets(&self, group_id: &str, require_stable: bool) -> Vec<OffsetFetchResponseTopics> {
        let Some(topics) = self.offsets().group(group_id) else { return Vec::new() };
        topics
            .iter()
            .map(|(topic, partitions)| OffsetFetchResponseTopics {
                name: topic.to_string(),
                partitions: partitions
                    .iter()
                    .map(|(&partition, offset)| {
                        self.partition_answer(group_id, topic, partition, Some(offset), require_stable)
                    })
                    .collect(),
                ..Default::default()
            })
            .collect()
    }

    fn partition_answer(
        &self,
        group_id: &str,
        topic: &str,
        partition: i32,
        offset: Option<&OffsetAndMetadata>,
        require_stable: bool,
    ) -> OffsetFetchResponsePartitions {
        let unstable = require_stable && self.offsets().is_pending(group_id, topic, partition);
        match offset {
            Some(offset) if !unstable => OffsetFetchResponsePartitions {
                partition_index: partition,
                committed_offset: offset.committed_offset,
                committed_leader_epoch: offset.leader_epoch,
                metadata: Some(offset.metadata.to_string()),
                ..Default::default()
            },
            _ => {
                let error = if unstable { ErrorCode::UnstableOffsetCommit } else { ErrorCode::None };
                no_offset(partition, error)
            }
        }
    }
}

/// The answer for a partition without a committed offset, or with an error.
pub fn no_offset(partition: i32, error: ErrorCode) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index: partition,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(String::new()),
        error_code: error.code(),
    }
}

/// Whether both ids are known and differ: the topic was deleted and made anew.
fn is_other_topic(stored: Uuid, asked: Uuid) -> bool {
    stored != Uuid::ZERO && asked != Uuid::ZERO && stored != asked
}
