//! What the one member of a group asks, from its join to its leave. Each version has a group of its own.

use std::collections::BTreeMap;

use anyhow::Result;
use bytes::Bytes;
use moldau_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use moldau_protocol::messages::leave_group_request::MemberIdentity;
use moldau_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use moldau_protocol::messages::*;

use super::Run;

/// Version 0 of a consumer's subscription to `grouped`. The reference reads it, and does not answer when it cannot.
const SUBSCRIPTION: &[u8] = b"\0\0\0\0\0\x01\0\x07grouped\xff\xff\xff\xff";
/// Version 0 of an assignment of both partitions of it.
const ASSIGNMENT: &[u8] = b"\0\0\0\0\0\x01\0\x07grouped\0\0\0\x02\0\0\0\0\0\0\0\x01\xff\xff\xff\xff";

/// Who a version's member is by now.
#[derive(Clone, Debug, Default)]
struct Member {
    id: String,
    generation: i32,
}

fn group(version: i16) -> String {
    format!("members-{version}")
}

/// The members by version; the coordinator of groups is there already.
pub(super) fn run(run: &mut Run) -> Result<()> {
    let mut members: BTreeMap<i16, Member> = BTreeMap::new();
    for title in ["a new member", "the member again"] {
        let before = members.clone();
        run.each_noting(
            title,
            |version, _| join(version, &before.get(&version).cloned().unwrap_or_default()),
            |version, answer, _| {
                let member = Member { id: answer.member_id.clone(), generation: answer.generation_id };
                members.insert(version, member);
            },
        )?;
    }
    let of = |version: i16| members.get(&version).cloned().unwrap_or_default();
    run.each("before it has an assignment", |version, _| heartbeat(version, &of(version)))?;
    run.each("a group that is not stable", |_, _| DescribeGroupsRequest {
        groups: vec![group(0)],
        ..Default::default()
    })?;
    run.each("a generation of the future", |version, _| {
        let Member { id, generation } = of(version);
        sync(version, &Member { id, generation: generation + 1 })
    })?;
    run.each("the leader", |version, _| sync(version, &of(version)))?;
    run.each("the leader again", |version, _| sync(version, &of(version)))?;
    run.each("a member", |version, _| heartbeat(version, &of(version)))?;
    run.each("an older generation", |version, _| {
        let Member { id, generation } = of(version);
        heartbeat(version, &Member { id, generation: generation - 1 })
    })?;
    run.each("groups with a member", |version, _| DescribeGroupsRequest {
        groups: vec![group(version.min(5))],
        ..Default::default()
    })?;
    run.each("a group with a member", |_, _| DeleteGroupsRequest { groups_names: vec![group(0)] })?;
    run.each("a protocol that the group has not", |version, _| {
        let protocol = JoinGroupRequestProtocol { name: "other".to_owned(), ..Default::default() };
        JoinGroupRequest { protocols: vec![protocol], ..join(version, &Member::default()) }
    })?;
    for title in ["a member", "the member again"] {
        run.each(title, |version, _| leave(version, &of(version)))?;
    }
    Ok(())
}

fn join(version: i16, member: &Member) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: group(version),
        session_timeout_ms: 30_000,
        rebalance_timeout_ms: 30_000,
        member_id: member.id.clone(),
        protocol_type: "consumer".to_owned(),
        protocols: vec![JoinGroupRequestProtocol {
            name: "range".to_owned(),
            metadata: Bytes::from_static(SUBSCRIPTION),
        }],
        ..Default::default()
    }
}

fn sync(version: i16, member: &Member) -> SyncGroupRequest {
    let named = (version >= 5).then(|| ("consumer".to_owned(), "range".to_owned()));
    let (protocol_type, protocol_name) = named.unzip();
    SyncGroupRequest {
        group_id: group(version),
        generation_id: member.generation,
        member_id: member.id.clone(),
        protocol_type,
        protocol_name,
        assignments: vec![SyncGroupRequestAssignment {
            member_id: member.id.clone(),
            assignment: Bytes::from_static(ASSIGNMENT),
        }],
        ..Default::default()
    }
}

fn heartbeat(version: i16, member: &Member) -> HeartbeatRequest {
    HeartbeatRequest {
        group_id: group(version),
        generation_id: member.generation,
        member_id: member.id.clone(),
        ..Default::default()
    }
}

fn leave(version: i16, member: &Member) -> LeaveGroupRequest {
    match version {
        ..3 => {
            LeaveGroupRequest { group_id: group(version), member_id: member.id.clone(), ..Default::default() }
        }
        _ => LeaveGroupRequest {
            group_id: group(version),
            members: vec![MemberIdentity { member_id: member.id.clone(), ..Default::default() }],
            ..Default::default()
        },
    }
}
