//! Groups: listing, describing, deleting, and their committed offsets.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use moldau_protocol::Message;
use moldau_protocol::messages::describe_groups_response::DescribedGroupMember;
use moldau_protocol::messages::leave_group_request::MemberIdentity;
use moldau_protocol::messages::list_groups_response::ListedGroup;
use moldau_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use moldau_protocol::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, LeaveGroupRequest, ListGroupsRequest, OffsetDeleteRequest,
};
use moldau_types::ErrorCode;

use super::Admin;
use super::leaders::by_topic;
use super::topics::take;
use crate::consumer::group::{decode_assignment, decode_subscription};
use crate::consumer::lookup::{Committer, at_coordinator, commit, commit_each, committed};
use crate::consumer::{OffsetAndMetadata, TopicPartition};
use crate::error::{ClientError, Result};
use crate::net::Lane;

/// A group in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
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
#[non_exhaustive]
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
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

/// Which groups to list; an empty list stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupFilter {
    /// States, such as `Stable` or `Empty` (KIP-518).
    pub states: Vec<String>,
    /// Types, such as `classic` or `consumer` (KIP-848).
    pub types: Vec<String>,
    /// Embedded protocols, such as `consumer`; the empty one stands for groups that only keep offsets.
    pub protocol_types: Vec<String>,
}

impl GroupFilter {
    /// Lets through the groups in these states.
    #[must_use]
    pub fn states(mut self, states: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.states = states.into_iter().map(Into::into).collect();
        self
    }

    /// Lets through the groups of these types.
    #[must_use]
    pub fn types(mut self, types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Lets through the groups with these embedded protocols.
    #[must_use]
    pub fn protocol_types(mut self, protocol_types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.protocol_types = protocol_types.into_iter().map(Into::into).collect();
        self
    }
}

/// Which members to remove from a group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MembersToRemove {
    /// All of them, static and dynamic.
    All,
    /// The static members with these instance ids.
    Static(Vec<String>),
}

impl Admin {
    /// Lists the groups of all brokers, ordered by id.
    pub async fn list_groups(&self) -> Result<Vec<GroupListing>> {
        self.list_groups_like(&GroupFilter::default()).await
    }

    /// Lists those groups of all brokers that a filter lets through, ordered by id.
    ///
    /// A broker that can't filter by state (before 2.6) or by type (before 3.8) is an error when that is asked for.
    pub async fn list_groups_like(&self, filter: &GroupFilter) -> Result<Vec<GroupListing>> {
        let mut groups = Vec::new();
        for listed in self.list_groups_of_each_broker(filter).await?.into_values() {
            groups.extend(listed?);
        }
        groups.sort_by(|one, other| one.id.cmp(&other.id));
        groups.dedup_by(|one, other| one.id == other.id);
        Ok(groups)
    }

    /// As [`Admin::list_groups_like`], with a result for each broker by its id, so that one that can't answer does not
    /// hide the groups of the others.
    pub async fn list_groups_of_each_broker(
        &self,
        filter: &GroupFilter,
    ) -> Result<BTreeMap<i32, Result<Vec<GroupListing>>>> {
        let cluster = self.core.refresh().await?;
        let asks = cluster.brokers.keys().map(|broker| async move {
            (*broker, self.retried(|| self.groups_of_broker(*broker, filter)).await)
        });
        Ok(join_all(asks).await.into_iter().collect())
    }

    async fn groups_of_broker(&self, broker: i32, filter: &GroupFilter) -> Result<Vec<GroupListing>> {
        let lowest = match filter {
            GroupFilter { types, .. } if !types.is_empty() => 5,
            GroupFilter { states, .. } if !states.is_empty() => 4,
            _ => ListGroupsRequest::MIN_VERSION,
        };
        let request =
            ListGroupsRequest { states_filter: filter.states.clone(), types_filter: filter.types.clone() };
        let wanted =
            |protocol: &String| filter.protocol_types.is_empty() || filter.protocol_types.contains(protocol);
        let connection = self.core.node(broker, Lane::Main).await?;
        let version =
            connection.version_between::<ListGroupsRequest>(lowest, ListGroupsRequest::MAX_VERSION)?;
        let mut response = connection.start(version, &request)?.answer().await?;
        ClientError::check(response.error_code, || format!("groups of broker {broker}"), None)?;
        response.groups.retain(|group| wanted(&group.protocol_type));
        let listing = |group: ListedGroup| GroupListing {
            id: group.group_id,
            protocol_type: group.protocol_type,
            state: Some(group.group_state).filter(|state| !state.is_empty()),
            kind: Some(group.group_type).filter(|kind| !kind.is_empty()),
        };
        Ok(response.groups.into_iter().map(listing).collect())
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

    /// Deletes groups that have no members, with a result for each in the order they were asked for.
    pub async fn delete_groups(&self, groups: &[&str]) -> Result<Vec<Result<()>>> {
        Ok(join_all(groups.iter().map(|group| self.delete_group(group))).await)
    }

    /// Describes classic groups, with a result for each in the order they were asked for.
    pub async fn describe_groups(&self, groups: &[&str]) -> Result<Vec<Result<GroupDescription>>> {
        Ok(join_all(groups.iter().map(|group| self.describe_group(group))).await)
    }

    /// Committed offsets of these partitions; `None` for one without. With `require_stable` the call waits until no
    /// transaction has an offset of them in doubt (KIP-447).
    pub async fn group_offsets_of(
        &self,
        group: &str,
        partitions: &[TopicPartition],
        require_stable: bool,
    ) -> Result<BTreeMap<TopicPartition, Option<OffsetAndMetadata>>> {
        let asked = Some(partitions);
        let mut found = at_coordinator(&self.core, group, |connection| {
            committed(connection, group, asked, require_stable)
        })
        .await?;
        Ok(partitions.iter().map(|partition| (partition.clone(), found.remove(partition))).collect())
    }

    /// As [`Admin::alter_group_offsets`], with a result for each partition.
    pub async fn alter_group_offsets_of_each(
        &self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, OffsetAndMetadata>,
    ) -> Result<BTreeMap<TopicPartition, Result<()>>> {
        let committer = &Committer::of_group(group);
        at_coordinator(&self.core, group, |connection| async move {
            let results = commit_each(connection, committer, offsets).await?;
            // The coordinator may have moved, or be about to: then it has refused all of them.
            match results
                .values()
                .find_map(|result| result.as_ref().err().filter(|error| error.is_retriable()))
            {
                Some(error) if error.code() != Some(ErrorCode::UnknownTopicOrPartition) => Err(error.clone()),
                _ => Ok(results),
            }
        })
        .await
    }

    /// Removes members from a classic group (KIP-345); gives a result for each, by instance id or, for one without,
    /// by member id.
    pub async fn remove_group_members(
        &self,
        group: &str,
        members: &MembersToRemove,
        reason: &str,
    ) -> Result<BTreeMap<String, Result<()>>> {
        let identity = |member_id: String, group_instance_id: Option<String>| MemberIdentity {
            // A static member is known by its instance id alone.
            member_id: if group_instance_id.is_some() { String::new() } else { member_id },
            group_instance_id,
            reason: Some(reason.to_owned()),
        };
        let members: Vec<MemberIdentity> = match members {
            MembersToRemove::Static(instances) => {
                instances.iter().map(|instance| identity(String::new(), Some(instance.clone()))).collect()
            }
            MembersToRemove::All => {
                let members = self.describe_group(group).await?.members.into_iter();
                members.map(|member| identity(member.id, member.instance_id)).collect()
            }
        };
        if members.is_empty() {
            return Ok(BTreeMap::new());
        }
        let request = &LeaveGroupRequest { group_id: group.to_owned(), members, ..Default::default() };
        at_coordinator(&self.core, group, |connection| async move {
            const FIRST_VERSION_WITH_MEMBERS: i16 = 3;
            let version = connection.version_between::<LeaveGroupRequest>(
                FIRST_VERSION_WITH_MEMBERS,
                LeaveGroupRequest::MAX_VERSION,
            )?;
            let response = connection.start(version, request)?.answer().await?;
            ClientError::check(response.error_code, || format!("group {group}"), None)?;
            let answers = response.members.into_iter().map(|answer| {
                let name = answer.group_instance_id.unwrap_or(answer.member_id);
                let what = || format!("member {name} of group {group}");
                let result = ClientError::check(answer.error_code, what, None);
                (name, result)
            });
            Ok(answers.collect())
        })
        .await
    }

    /// Commits offsets for a group that has no members. The first partition that fails makes the whole call fail.
    pub async fn alter_group_offsets(
        &self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, OffsetAndMetadata>,
    ) -> Result<()> {
        let committer = Committer::of_group(group);
        at_coordinator(&self.core, group, |connection| commit(connection, &committer, offsets)).await
    }

    /// Forgets committed offsets of a group; the topics must have no subscriber in it. The first partition that fails
    /// makes the whole call fail.
    pub async fn delete_group_offsets(&self, group: &str, partitions: &[TopicPartition]) -> Result<()> {
        self.delete_group_offsets_of_each(group, partitions).await?.into_values().collect()
    }

    /// As [`Admin::delete_group_offsets`], with a result for each partition.
    pub async fn delete_group_offsets_of_each(
        &self,
        group: &str,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, Result<()>>> {
        let topic = |(name, partitions): (&str, Vec<i32>)| OffsetDeleteRequestTopic {
            name: name.to_owned(),
            partitions: partitions
                .into_iter()
                .map(|partition_index| OffsetDeleteRequestPartition { partition_index })
                .collect(),
        };
        let request = &OffsetDeleteRequest {
            group_id: group.to_owned(),
            topics: by_topic(partitions).into_iter().map(topic).collect(),
        };
        at_coordinator(&self.core, group, |connection| async move {
            let response = connection.request(request).await?;
            ClientError::check(response.error_code, || format!("group {group}"), None)?;
            let mut results = BTreeMap::new();
            for topic in response.topics {
                for answer in topic.partitions {
                    let partition = TopicPartition::new(topic.name.as_str(), answer.partition_index);
                    let what = || format!("offset of {partition}");
                    let result = ClientError::check(answer.error_code, what, None);
                    results.insert(partition, result);
                }
            }
            Ok(results)
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
