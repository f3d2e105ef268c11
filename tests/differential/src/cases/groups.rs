//! Groups that are not there, and offsets of groups without members.

use anyhow::{Context, Result};
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
use moldau_protocol::messages::*;
use moldau_types::Uuid;

use super::{Run, members};

const GROUP: &str = "committed";

pub(super) fn run(run: &mut Run) -> Result<()> {
    run.world.topic("grouped", 2, &[])?;
    wait_for_coordinator(run)?;
    coordinators(run)?;
    strangers(run)?;
    commits(run)?;
    fetches(run)?;
    whole_groups(run)?;
    members::run(run)?;
    transactional_ids(run)
}

fn coordinators(run: &mut Run) -> Result<()> {
    run.each("of a group", |version, _| match version {
        ..4 => FindCoordinatorRequest { key: GROUP.to_owned(), ..Default::default() },
        _ => FindCoordinatorRequest { coordinator_keys: vec![GROUP.to_owned()], ..Default::default() },
    })?;
    run.each("of groups, one of them empty", |_, _| FindCoordinatorRequest {
        coordinator_keys: vec!["other".to_owned(), GROUP.to_owned(), String::new()],
        ..Default::default()
    })
}

/// The coordinator of transactions is asked last: the reference makes its topic.
fn transactional_ids(run: &mut Run) -> Result<()> {
    const ID: &str = "transactional";
    let request = InitProducerIdRequest {
        transactional_id: Some(ID.to_owned()),
        transaction_timeout_ms: 60_000,
        producer_id: -1,
        producer_epoch: -1,
        ..Default::default()
    };
    let coordinator =
        FindCoordinatorRequest { key_type: 1, coordinator_keys: vec![ID.to_owned()], ..Default::default() };
    // The topic is made by the first who asks, and its partitions are loaded.
    run.wait_until("a coordinator of transactions", |run| {
        run.world.connection.ask(4, &coordinator)?;
        let begun = run.world.connection.ask(4, &request)?.context("no answer")?;
        Ok(!matches!(begun.error_code, 14 | 15 | 16 | 51))
    })?;
    run.each("of a transactional id", |version, _| match version {
        ..4 => FindCoordinatorRequest { key: ID.to_owned(), key_type: 1, ..Default::default() },
        _ => FindCoordinatorRequest {
            key_type: 1,
            coordinator_keys: vec![ID.to_owned(), String::new()],
            ..Default::default()
        },
    })?;
    run.each("a transactional id", |_, _| request.clone())
}

/// The coordinator's topic is made by the first who asks.
fn wait_for_coordinator(run: &mut Run) -> Result<()> {
    let request = FindCoordinatorRequest { coordinator_keys: vec![GROUP.to_owned()], ..Default::default() };
    let described = DescribeGroupsRequest { groups: vec![GROUP.to_owned()], ..Default::default() };
    run.wait_until("a coordinator of groups", |run| {
        let found = run.world.connection.ask(4, &request)?.context("no answer")?;
        if found.coordinators[0].error_code != 0 {
            return Ok(false);
        }
        let groups = run.world.connection.ask(5, &described)?.context("no answer")?.groups;
        Ok(groups[0].error_code == 0)
    })
}

fn strangers(run: &mut Run) -> Result<()> {
    for group in ["nobody", ""] {
        let title = |what: &str| format!("{what} of the group {group:?}");
        run.each(&title("a member that is not there"), |_, _| HeartbeatRequest {
            group_id: group.to_owned(),
            generation_id: 3,
            member_id: "m".to_owned(),
            ..Default::default()
        })?;
        run.each(&title("a member that is not there"), |_, _| SyncGroupRequest {
            group_id: group.to_owned(),
            generation_id: 3,
            member_id: "m".to_owned(),
            ..Default::default()
        })?;
        run.each(&title("a member that is not there"), |version, _| match version {
            ..3 => LeaveGroupRequest {
                group_id: group.to_owned(),
                member_id: "m".to_owned(),
                ..Default::default()
            },
            _ => LeaveGroupRequest {
                group_id: group.to_owned(),
                members: vec![MemberIdentity { member_id: "m".to_owned(), ..Default::default() }],
                ..Default::default()
            },
        })?;
        run.each(&title("a session that is too short"), |_, _| JoinGroupRequest {
            group_id: group.to_owned(),
            session_timeout_ms: 1,
            rebalance_timeout_ms: 1,
            protocol_type: "consumer".to_owned(),
            ..Default::default()
        })?;
    }
    Ok(())
}

fn commits(run: &mut Run) -> Result<()> {
    let request = |version: i16,
                   world: &crate::world::World,
                   group: &str,
                   topic: &str,
                   partition,
                   generation,
                   metadata: &str| {
        let by_id = version >= 10;
        OffsetCommitRequest {
            group_id: group.to_owned(),
            generation_id_or_member_epoch: generation,
            topics: vec![OffsetCommitRequestTopic {
                name: if by_id { String::new() } else { topic.to_owned() },
                topic_id: if by_id { world.topic_id(topic) } else { Uuid::ZERO },
                partitions: vec![OffsetCommitRequestPartition {
                    partition_index: partition,
                    committed_offset: 42,
                    committed_leader_epoch: -1,
                    committed_metadata: Some(metadata.to_owned()),
                }],
            }],
            ..Default::default()
        }
    };
    let long = "x".repeat(5000);
    for (title, group, topic, partition, generation, metadata) in [
        ("without members", GROUP, "grouped", 0, -1, "note"),
        ("a partition that is not there", GROUP, "grouped", 9, -1, ""),
        ("a topic that is not there", GROUP, "nothing", 0, -1, ""),
        ("metadata that is too long", GROUP, "grouped", 1, -1, long.as_str()),
        ("a generation without members", GROUP, "grouped", 0, 5, ""),
        ("the empty group", "", "grouped", 0, -1, ""),
    ] {
        run.each(title, |version, world| {
            request(version, world, group, topic, partition, generation, metadata)
        })?;
    }
    Ok(())
}

fn fetches(run: &mut Run) -> Result<()> {
    for (title, group) in
        [("committed and not", GROUP), ("of a group that is not there", "nobody"), ("of the empty group", "")]
    {
        run.each(title, |version, world| {
            if version < 8 {
                return OffsetFetchRequest {
                    group_id: group.to_owned(),
                    topics: Some(vec![
                        OffsetFetchRequestTopic {
                            name: "grouped".to_owned(),
                            partition_indexes: vec![0, 1, 9],
                        },
                        OffsetFetchRequestTopic { name: "nothing".to_owned(), partition_indexes: vec![0] },
                    ]),
                    ..Default::default()
                };
            }
            let by_id = version >= 10;
            let topic = |name: &str, partition_indexes: Vec<i32>| OffsetFetchRequestTopics {
                name: if by_id { String::new() } else { name.to_owned() },
                topic_id: if by_id { world.topic_id(name) } else { Uuid::ZERO },
                partition_indexes,
            };
            OffsetFetchRequest {
                groups: vec![OffsetFetchRequestGroup {
                    group_id: group.to_owned(),
                    topics: Some(vec![topic("grouped", vec![0, 1, 9]), topic("nothing", vec![0])]),
                    ..Default::default()
                }],
                ..Default::default()
            }
        })?;
        run.each(&format!("all, {title}"), |version, _| match version {
            ..8 => OffsetFetchRequest { group_id: group.to_owned(), topics: None, ..Default::default() },
            _ => OffsetFetchRequest {
                groups: vec![OffsetFetchRequestGroup {
                    group_id: group.to_owned(),
                    topics: None,
                    ..Default::default()
                }],
                ..Default::default()
            },
        })?;
    }
    Ok(())
}

fn whole_groups(run: &mut Run) -> Result<()> {
    run.each("some not there", |_, _| DescribeGroupsRequest {
        groups: vec![GROUP.to_owned(), "nobody".to_owned(), String::new()],
        ..Default::default()
    })?;
    run.each("what a client may do with them", |_, _| DescribeGroupsRequest {
        groups: vec![GROUP.to_owned()],
        include_authorized_operations: true,
    })?;
    run.each("all", |_, _| ListGroupsRequest::default())?;
    run.each("by state", |_, _| ListGroupsRequest {
        states_filter: vec!["stable".to_owned()],
        ..Default::default()
    })?;
    run.each("by type", |_, _| ListGroupsRequest {
        types_filter: vec!["classic".to_owned()],
        ..Default::default()
    })?;
    run.each("some not there", |_, _| OffsetDeleteRequest {
        group_id: GROUP.to_owned(),
        topics: ["grouped", "nothing"]
            .map(|name| OffsetDeleteRequestTopic {
                name: name.to_owned(),
                partitions: [1, 9]
                    .map(|partition_index| OffsetDeleteRequestPartition { partition_index })
                    .to_vec(),
            })
            .to_vec(),
    })?;
    run.each("of a group that is not there", |_, _| OffsetDeleteRequest {
        group_id: "nobody".to_owned(),
        ..Default::default()
    })?;
    run.each("some not there", |_, _| DeleteGroupsRequest {
        groups_names: vec!["nobody".to_owned(), String::new()],
    })?;
    for version in 0..=2 {
        let offsets = OffsetCommitRequest {
            group_id: removed(version),
            generation_id_or_member_epoch: -1,
            topics: vec![OffsetCommitRequestTopic {
                name: "grouped".to_owned(),
                partitions: vec![OffsetCommitRequestPartition {
                    committed_offset: 7,
                    committed_metadata: Some(String::new()),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        run.world.connection.ask(9, &offsets)?.context("no answer")?;
    }
    run.each("one that is there, and one that is not", |version, _| DeleteGroupsRequest {
        groups_names: vec![removed(version), "nobody".to_owned()],
    })?;
    run.each("all, after some were removed", |_, _| ListGroupsRequest::default())
}

/// The group that DeleteGroups of this version removes.
fn removed(version: i16) -> String {
    format!("removed-{version}")
}
