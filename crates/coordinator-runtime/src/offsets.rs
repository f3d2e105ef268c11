//! The coordinator's requests about offsets: OffsetCommit, OffsetFetch, OffsetDelete.
//!
//! Topics come by name and with the topic id where it is known; the handlers see to that.

use std::time::Duration;

use moldau_coordinator::no_offset;
use moldau_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use moldau_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use moldau_protocol::messages::offset_fetch_response::{OffsetFetchResponseGroup, OffsetFetchResponseTopics};
use moldau_protocol::messages::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse,
};
use moldau_types::ErrorCode;

use crate::coordinator::GroupCoordinator;
use crate::partition::Commit;

impl GroupCoordinator {
    /// OffsetCommit, all versions. Names must be filled in for version 10, and topic ids where they are known.
    pub async fn commit_offsets(
        &self,
        api_version: i16,
        request: &OffsetCommitRequest,
    ) -> OffsetCommitResponse {
        match self.try_commit_offsets(api_version, request).await {
            Ok(response) => response,
            Err(error) => offset_commit_error(request, error),
        }
    }

    async fn try_commit_offsets(
        &self,
        api_version: i16,
        request: &OffsetCommitRequest,
    ) -> Result<OffsetCommitResponse, ErrorCode> {
        let (response, commit) = self
            .shard_for(&request.group_id)?
            .write(|groups, now, out| groups.commit_offsets(now, api_version, request, out))?;
        if let Commit::Pending(committed) = commit {
            let timeout = Duration::from_millis(self.config.group.offsets_commit_timeout_ms.max(0) as u64);
            let outcome = tokio::time::timeout(timeout, committed).await;
            outcome.unwrap_or(Err(ErrorCode::CoordinatorNotAvailable))?;
        }
        Ok(response)
    }

    /// OffsetFetch of one group. Names must be filled in for version 10. A missing list of topics asks for all.
    pub async fn fetch_offsets(
        &self,
        group: &OffsetFetchRequestGroup,
        require_stable: bool,
    ) -> OffsetFetchResponseGroup {
        let fetched = match self.shard_for(&group.group_id) {
            Ok(shard) => {
                let read = shard.read(|groups| match &group.topics {
                    Some(topics) => groups.fetch_offsets(&group.group_id, topics, require_stable),
                    None => groups.fetch_all_offsets(&group.group_id, require_stable),
                });
                read.await
            }
            Err(error) => Err(error),
        };
        match fetched {
            Ok(topics) => {
                OffsetFetchResponseGroup { group_id: group.group_id.clone(), topics, ..Default::default() }
            }
            Err(error) => offset_fetch_error(group, error),
        }
    }

    /// OffsetDelete.
    pub async fn delete_offsets(&self, request: &OffsetDeleteRequest) -> OffsetDeleteResponse {
        match self.try_delete_offsets(request).await {
            Ok(response) => response,
            Err(error) => OffsetDeleteResponse { error_code: error.code(), ..Default::default() },
        }
    }

    async fn try_delete_offsets(
        &self,
        request: &OffsetDeleteRequest,
    ) -> Result<OffsetDeleteResponse, ErrorCode> {
        if request.group_id.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        let (response, commit) =
            self.shard_for(&request.group_id)?.write(|groups, _, out| groups.delete_offsets(request, out))?;
        commit.wait().await?;
        Ok(response)
    }
}

/// The answer that gives every partition of a commit the same error.
pub fn offset_commit_error(request: &OffsetCommitRequest, error: ErrorCode) -> OffsetCommitResponse {
    let topics = request.topics.iter().map(|topic| OffsetCommitResponseTopic {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: topic
            .partitions
            .iter()
            .map(|partition| OffsetCommitResponsePartition {
                partition_index: partition.partition_index,
                error_code: error.code(),
            })
            .collect(),
    });
    OffsetCommitResponse { topics: topics.collect(), ..Default::default() }
}

/// The answer that refuses a group of an OffsetFetch.
pub fn offset_fetch_error(group: &OffsetFetchRequestGroup, error: ErrorCode) -> OffsetFetchResponseGroup {
    let topics = group.topics.iter().flatten().map(|topic| OffsetFetchResponseTopics {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: topic.partition_indexes.iter().map(|&partition| no_offset(partition, error)).collect(),
    });
    OffsetFetchResponseGroup {
        group_id: group.group_id.clone(),
        topics: topics.collect(),
        error_code: error.code(),
    }
}
