//! OffsetCommit.
//!
//! v6 adds the leader epoch, v7 the static member, v9 answers GROUP_ID_NOT_FOUND, v10 names topics by id. Up to v4 a client may ask
//! for its own retention time. That the topics exist has been checked before; here the group's rules and the metadata's size are.

use std::sync::Arc;

use moldau_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use moldau_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse};
use moldau_types::ErrorCode;

use super::OffsetAndMetadata;
use crate::record::GroupRecord;
use crate::result::{CoordinatorResult, Now};
use crate::shard::{Group, GroupShard};

impl GroupShard {
    /// Commits offsets. An error holds for every partition of the request.
    pub fn commit_offsets(
        &mut self,
        now: Now,
        api_version: i16,
        request: &OffsetCommitRequest,
        out: &mut CoordinatorResult,
    ) -> Result<OffsetCommitResponse, ErrorCode> {
        let group_id = self.validate_offset_commit(now, api_version, request)?;
        let expire_timestamp_ms = (request.retention_time_ms != -1)
            .then(|| now.timestamp_ms.saturating_add(request.retention_time_ms));
        let mut response = OffsetCommitResponse::default();
        response.topics.reserve(request.topics.len());
        for topic in &request.topics {
            let mut topic_response = OffsetCommitResponseTopic {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                partitions: Vec::with_capacity(topic.partitions.len()),
            };
            let topic_name: Arc<str> = topic.name.as_str().into();
            for partition in &topic.partitions {
                let metadata = partition.committed_metadata.as_deref().unwrap_or_default();
                let too_large = utf16_len_exceeds(metadata, self.config().offset_metadata_max_bytes);
                let error = if too_large { ErrorCode::OffsetMetadataTooLarge } else { ErrorCode::None };
                topic_response.partitions.push(OffsetCommitResponsePartition {
                    partition_index: partition.partition_index,
                    error_code: error.code(),
                });
                if too_large {
                    continue;
                }
                out.records.push(GroupRecord::Offset {
                    group_id: group_id.clone(),
                    topic: topic_name.clone(),
                    partition: partition.partition_index,
                    value: Some(OffsetAndMetadata {
                        committed_offset: partition.committed_offset,
                        leader_epoch: partition.committed_leader_epoch,
                        metadata: metadata.into(),
                        commit_timestamp_ms: now.timestamp_ms,
                        expire_timestamp_ms,
                        topic_id: topic.topic_id,
                        record_offset: -1,
                    }),
                });
            }
            response.topics.push(topic_response);
        }
        out.replay_records = true;
        Ok(response)
    }

    fn validate_offset_commit(
        &mut self,
        now: Now,
        api_version: i16,
        request: &OffsetCommitRequest,
    ) -> Result<Arc<str>, ErrorCode> {
        let generation_id = request.generation_id_or_member_epoch;
        let Some((group_id, group, timers)) = self.group_and_timers(&request.group_id) else {
            // Without a generation it comes from an admin client or from a consumer that assigns itself: a simple group,
            // which replaying the offsets will make.
            return if generation_id < 0 {
                Ok(request.group_id.as_str().into())
            } else if api_version >= 9 {
                Err(ErrorCode::GroupIdNotFound)
            } else {
                Err(ErrorCode::IllegalGeneration)
            };
        };
        match group {
            Group::Classic(group) => {
                let instance_id = request.group_instance_id.as_deref();
                group.validate_offset_commit(&request.member_id, instance_id, generation_id)?;
                group.keep_alive_by_commit(timers, now, &request.member_id);
            }
            Group::Other(_) if generation_id < 0 => {}
            Group::Other(_) => return Err(ErrorCode::UnknownMemberId),
        }
        Ok(group_id)
    }
}

/// Kafka counts the metadata's size in UTF-16 units.
fn utf16_len_exceeds(text: &str, max: usize) -> bool {
    text.len() > max && text.encode_utf16().count() > max
}
