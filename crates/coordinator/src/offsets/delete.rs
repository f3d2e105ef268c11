//! OffsetDelete, and the removal of a group's or a topic's offsets.

use std::collections::HashMap;
use std::sync::Arc;

use moldau_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use moldau_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse};
use moldau_types::{ErrorCode, Uuid};

use super::OffsetAndMetadata;
use crate::record::GroupRecord;
use crate::result::CoordinatorResult;
use crate::shard::{Group, GroupShard};

impl GroupShard {
    /// Deletes offsets of topics that the group is not subscribed to.
    pub fn delete_offsets(
        &self,
        request: &OffsetDeleteRequest,
        out: &mut CoordinatorResult,
    ) -> Result<OffsetDeleteResponse, ErrorCode> {
        let (group_id, group) = self.group(&request.group_id).ok_or(ErrorCode::GroupIdNotFound)?;
        let Group::Classic(group) = group else { return Err(ErrorCode::GroupIdNotFound) };
        group.validate_offset_delete()?;
        let mut response = OffsetDeleteResponse::default();
        for topic in &request.topics {
            let subscribed = group.is_subscribed_to(&topic.name);
            let error = if subscribed { ErrorCode::GroupSubscribedToTopic } else { ErrorCode::None };
            let topic_name: Arc<str> = topic.name.as_str().into();
            for partition in &topic.partitions {
                let partition = partition.partition_index;
                let offsets = self.offsets();
                let exists = offsets.get(group_id, &topic.name, partition).is_some()
                    || offsets.is_pending(group_id, &topic.name, partition);
                if !subscribed && exists {
                    out.records.push(tombstone(group_id, &topic_name, partition));
                }
            }
            let partitions = topic.partitions.iter().map(|partition| OffsetDeleteResponsePartition {
                partition_index: partition.partition_index,
                error_code: error.code(),
            });
            response.topics.push(OffsetDeleteResponseTopic {
                name: topic.name.clone(),
                partitions: partitions.collect(),
            });
        }
        out.replay_records = true;
        Ok(response)
    }

    /// Removes the offsets of deleted topics, given by name and id, from every group.
    pub fn topics_deleted(&self, topics: &[(Arc<str>, Uuid)], out: &mut CoordinatorResult) {
        // A name may have been deleted, made again and deleted again.
        let mut ids_by_name: HashMap<&str, Vec<Uuid>> = HashMap::new();
        for (name, id) in topics {
            ids_by_name.entry(name).or_default().push(*id);
        }
        let is_deleted = |topic: &str, offset: &OffsetAndMetadata| {
            let ids = ids_by_name.get(topic);
            ids.is_some_and(|ids| offset.topic_id == Uuid::ZERO || ids.contains(&offset.topic_id))
        };
        for (group_id, topic, partition, offset) in self.offsets().iter() {
            if is_deleted(topic, offset) {
                out.records.push(tombstone(group_id, topic, partition));
            }
        }
        for ((group_id, topic, partition), offset) in self.offsets().iter_pending() {
            if is_deleted(topic, offset) {
                out.records.push(tombstone(group_id, topic, *partition));
            }
        }
        out.replay_records = true;
    }

    /// Tombstones for every offset of a group, those of open transactions too.
    pub(crate) fn delete_all_offsets(&self, group_id: &Arc<str>, out: &mut CoordinatorResult) {
        let offsets = self.offsets();
        for (topic, partitions) in offsets.group(group_id).into_iter().flatten() {
            for &partition in partitions.keys() {
                out.records.push(tombstone(group_id, topic, partition));
            }
        }
        for (_, topic, partition) in offsets.pending_of(group_id) {
            if offsets.get(group_id, &topic, partition).is_none() {
                out.records.push(tombstone(group_id, &topic, partition));
            }
        }
    }
}

pub(super) fn tombstone(group_id: &Arc<str>, topic: &Arc<str>, partition: i32) -> GroupRecord {
    GroupRecord::Offset { group_id: group_id.clone(), topic: topic.clone(), partition, value: None }
}
