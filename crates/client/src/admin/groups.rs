//! Groups: listing, describing, deleting, and their committed offsets.

use std::collections::BTreeMap;

use moldau_protocol::messages::describe_groups_response::DescribedGroupMember;
use moldau_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use moldau_protocol::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, ListGroupsRequest, OffsetDeleteRequest,
};

use super::Admin;
use super::topics::take;
use crate::consumer::group::{decode_assignment, decode_subscription};
use crate::consumer::lookup::{Committer, at_coordinator, commit, committed};
use crate::consumer::{OffsetAndMetadata, TopicPartition};
use crate::error::{ClientError, Result};
use crate::net::Lane;

/// A group in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupListing {
    /// The id.
    pub id: String,
    /// The embedded protocol, `consumer` for consumers, empty when only offsets are kept.
    pub protocol_type: String,
    /// The state, where the broker says it.
    pub state: Option<String>,
    /// The type (`classic`, `consumer`, …), where the broker says it.
    pub kind: Option<String>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberDescription {
    /// The member id.
    pub id: String,
    /// The instance id of a static member.
    pub instance_id: Option<String>,
    /// The client id.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// The topics it wants.
    pub topics: Vec<String>,
    /// The partitions it has.
    pub assignment: Vec<TopicPartition>,
}

/// A group with its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    /// The id.
    pub id: String,
    /// The state: `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Empty` or `Dead`.
    pub state: String,
    /// The embedded protocol, `consumer` for consumers.
    pub protocol_type: String,
    /// The assignor, while the group is stable.
    pub protocol: String,
    /// The node that coordinates the group.
    pub coordinator: i32,
    /// The members.
    pub members: Vec<MemberDescription>,
}

impl Admin {
    /// Lists the groups of all brokers, ordered by id.
    pub async fn list_groups(&self) -> Result<Vec<GroupListing>> {
        let cluster = self.core.refresh().await?;
        let mut groups = Vec::new();
        for node in cluster.brokers.keys() {
            let connection = self.core.node(*node, Lane::Main).await?;
            let response = connection.request(&ListGroupsRequest::default()).await?;
            ClientError::check(response.error_code, || format!("groups of broker {node}"), None)?;
            groups.extend(response.groups.into_iter().map(|group| GroupListing {
                id: group.group_id,
                protocol_type: group.protocol_type,
                state: Some(group.group_state).filter(|state| !state.is_empty()),
                kind: Some(group.group_type).filter(|kind| !kind.is_empty()),
            }));
        }
        groups.sort_by(|one, other| one.id.cmp(&other.id));
        groups.dedup_by(|one, other| one.id == other.id);
        Ok(groups)
    }

    /// Describes a classic group.
    pub async fn describe_group(&self, group: &str) -> Result<GroupDescription> {
        at_coordinator(&self.core, group, |connection| async move {
            let request = DescribeGroupsRequest { groups: vec![group.to_owned()], ..Default::default() };
            let mut response = connection.request(&request).await?;
            let what = || format!("group {group}");
            let answer = take(&mut response.groups, |answer| answer.group_id == group, what)?;
            ClientError::check(answer.error_code, what, answer.error_message)?;
            let coordinator = self.core.group_coordinator(group).await?;
            Ok(GroupDescription {
                id: answer.group_id,
                state: answer.group_state,
                protocol_type: answer.protocol_type,
                protocol: answer.protocol_data,
                coordinator,
                members: answer.members.into_iter().map(member).collect(),
            })
        })
        .await
    }

    /// Deletes a group that has no members, with its committed offsets.
    pub async fn delete_group(&self, group: &str) -> Result<()> {
        at_coordinator(&self.core, group, |connection| async move {
            let request = DeleteGroupsRequest { groups_names: vec![group.to_owned()] };
            for answer in connection.request(&request).await?.results {
                ClientError::check(answer.error_code, || format!("group {group}"), None)?;
            }
            Ok(())
        })
        .await
    }

    /// All committed offsets of a group.
    pub async fn group_offsets(&self, group: &str) -> Result<BTreeMap<TopicPartition, OffsetAndMetadata>> {
        at_coordinator(&self.core, group, |connection| committed(connection, group, None, false)).await
    }

    /// Commits offsets for a group that has no members.
    pub async fn alter_group_offsets(
        &self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, OffsetAndMetadata>,
    ) -> Result<()> {
        let committer = Committer::of_group(group);
        at_coordinator(&self.core, group, |connection| commit(connection, &committer, offsets)).await
    }

    /// Forgets committed offsets of a group; the topics must have no subscriber in it.
    pub async fn delete_group_offsets(&self, group: &str, partitions: &[TopicPartition]) -> Result<()> {
        let mut topics: BTreeMap<&str, Vec<OffsetDeleteRequestPartition>> = BTreeMap::new();
        for partition in partitions {
            let entry = OffsetDeleteRequestPartition { partition_index: partition.partition };
            topics.entry(&partition.topic).or_default().push(entry);
        }
        let request = &OffsetDeleteRequest {
            group_id: group.to_owned(),
            topics: topics
                .into_iter()
                .map(|(name, partitions)| OffsetDeleteRequestTopic { name: name.to_owned(), partitions })
                .collect(),
        };
        at_coordinator(&self.core, group, |connection| async move {
            let response = connection.request(request).await?;
            ClientError::check(response.error_code, || format!("group {group}"), None)?;
            for topic in response.topics {
                for partition in topic.partitions {
                    let what = || format!("offset of {}-{}", topic.name, partition.partition_index);
                    ClientError::check(partition.error_code, what, None)?;
                }
            }
            Ok(())
        })
        .await
    }
}

fn member(member: DescribedGroupMember) -> MemberDescription {
    // Members of other embedded protocols have bytes of their own here; they are shown without topics.
    let topics = decode_subscription(&member.member_metadata)
        .map(|subscription| subscription.topics)
        .unwrap_or_default();
    MemberDescription {
        id: member.member_id,
        instance_id: member.group_instance_id,
        client_id: member.client_id,
        client_host: member.client_host,
        topics,
        assignment: decode_assignment(&member.member_assignment).unwrap_or_default(),
    }
}
