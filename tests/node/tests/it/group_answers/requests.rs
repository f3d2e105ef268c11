//! The requests of the scenarios.

use bytes::Bytes;
use moldau_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use moldau_protocol::messages::leave_group_request::MemberIdentity;
use moldau_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use moldau_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use moldau_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use moldau_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use moldau_protocol::messages::*;
use moldau_types::Uuid;

/// An id that no topic has.
const NO_TOPIC: Uuid = Uuid([7; 16]);

/// A topic by name and id.
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) id: Uuid,
}

pub(super) fn join(group: &str, topic: &str, member: &str, instance: Option<&str>) -> JoinGroupRequest {
    let mut metadata = vec![0, 1, 0, 0, 0, 1];
    metadata.extend((topic.len() as i16).to_be_bytes());
    metadata.extend(topic.as_bytes());
    metadata.extend((-1i32).to_be_bytes());
    JoinGroupRequest {
        group_id: group.to_owned(),
        session_timeout_ms: 30_000,
        rebalance_timeout_ms: 20_000,
        member_id: member.to_owned(),
        group_instance_id: instance.map(str::to_owned),
        protocol_type: "consumer".to_owned(),
        protocols: vec![JoinGroupRequestProtocol { name: "range".to_owned(), metadata: metadata.into() }],
        reason: None,
    }
}

pub(super) fn sync(
    group: &str,
    member: &str,
    generation: i32,
    instance: Option<&str>,
    given: &[(&str, &str)],
) -> SyncGroupRequest {
    SyncGroupRequest {
        group_id: group.to_owned(),
        generation_id: generation,
        member_id: member.to_owned(),
        group_instance_id: instance.map(str::to_owned),
        protocol_type: Some("consumer".to_owned()),
        protocol_name: Some("range".to_owned()),
        assignments: given
            .iter()
            .map(|(member, assignment)| SyncGroupRequestAssignment {
                member_id: (*member).to_owned(),
                assignment: Bytes::copy_from_slice(assignment.as_bytes()),
            })
            .collect(),
    }
}

pub(super) fn heartbeat(
    group: &str,
    member: &str,
    generation: i32,
    instance: Option<&str>,
) -> HeartbeatRequest {
    HeartbeatRequest {
        group_id: group.to_owned(),
        generation_id: generation,
        member_id: member.to_owned(),
        group_instance_id: instance.map(str::to_owned),
    }
}

/// `members` are member ids and instance ids; below version 3 only the first goes.
pub(super) fn leave(version: i16, group: &str, members: &[(&str, Option<&str>)]) -> LeaveGroupRequest {
    let mut request = LeaveGroupRequest { group_id: group.to_owned(), ..Default::default() };
    if version < 3 {
        request.member_id = members[0].0.to_owned();
    } else {
        let identity = |(member, instance): &(&str, Option<&str>)| MemberIdentity {
            member_id: (*member).to_owned(),
            group_instance_id: instance.map(str::to_owned),
            reason: None,
        };
        request.members = members.iter().map(identity).collect();
    }
    request
}

pub(super) fn describe(version: i16, group: &str) -> DescribeGroupsRequest {
    DescribeGroupsRequest { groups: vec![group.to_owned()], include_authorized_operations: version >= 3 }
}

pub(super) fn delete(group: &str) -> DeleteGroupsRequest {
    DeleteGroupsRequest { groups_names: vec![group.to_owned()] }
}

/// Commits `offset` to partition 0, of a topic that does not exist when there is none.
pub(super) fn commit(
    version: i16,
    group: &str,
    member: &str,
    generation: i32,
    topic: Option<&Topic>,
    metadata: Option<String>,
) -> OffsetCommitRequest {
    let by_id = version >= 10;
    let name = topic.map_or("unknown", |topic| &topic.name);
    OffsetCommitRequest {
        group_id: group.to_owned(),
        generation_id_or_member_epoch: generation,
        member_id: member.to_owned(),
        topics: vec![OffsetCommitRequestTopic {
            name: if by_id { String::new() } else { name.to_owned() },
            topic_id: if by_id { topic.map_or(NO_TOPIC, |topic| topic.id) } else { Uuid::ZERO },
            partitions: vec![OffsetCommitRequestPartition {
                partition_index: 0,
                committed_offset: 11,
                committed_leader_epoch: 3,
                committed_metadata: metadata,
            }],
        }],
        ..Default::default()
    }
}

/// Fetches partitions 0 and 7 of the topic and of one that does not exist, or everything.
pub(super) fn fetch(version: i16, group: &str, topic: Option<&Topic>) -> OffsetFetchRequest {
    let names = topic.map(|topic| [topic.name.as_str(), "unknown"]);
    if version < 8 {
        let asked =
            |name: &str| OffsetFetchRequestTopic { name: name.to_owned(), partition_indexes: vec![0, 7] };
        return OffsetFetchRequest {
            group_id: group.to_owned(),
            topics: names.map(|names| names.iter().map(|name| asked(name)).collect()),
            require_stable: version >= 7,
            ..Default::default()
        };
    }
    let by_id = version >= 10;
    let ids = [topic.map_or(NO_TOPIC, |topic| topic.id), NO_TOPIC];
    let asked = |(name, id): (&str, Uuid)| OffsetFetchRequestTopics {
        name: if by_id { String::new() } else { name.to_owned() },
        topic_id: if by_id { id } else { Uuid::ZERO },
        partition_indexes: vec![0, 7],
    };
    OffsetFetchRequest {
        groups: vec![OffsetFetchRequestGroup {
            group_id: group.to_owned(),
            topics: names.map(|names| names.into_iter().zip(ids).map(asked).collect()),
            ..Default::default()
        }],
        require_stable: true,
        ..Default::default()
    }
}

pub(super) fn delete_offsets(group: &str, topic: &str) -> OffsetDeleteRequest {
    OffsetDeleteRequest {
        group_id: group.to_owned(),
        topics: vec![OffsetDeleteRequestTopic {
            name: topic.to_owned(),
            partitions: vec![OffsetDeleteRequestPartition { partition_index: 0 }],
        }],
    }
}
