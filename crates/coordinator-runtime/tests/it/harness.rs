//! A coordinator of one partition, and requests for it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use moldau_coordinator_runtime::{
    CoordinatorPartition, GroupCoordinator, GroupCoordinatorConfig, RequestContext,
};
use moldau_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use moldau_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use moldau_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use moldau_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use moldau_protocol::messages::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, OffsetCommitRequest, OffsetCommitResponse,
    SyncGroupRequest, SyncGroupResponse,
};
use moldau_types::ErrorCode;

pub(crate) const GROUP: &str = "group";

pub(crate) fn coordinator(config: GroupCoordinatorConfig) -> Arc<GroupCoordinator> {
    let coordinator = GroupCoordinator::new(config);
    coordinator.set_partition_count(1);
    coordinator
}

/// A coordinator that has loaded the partition.
pub(crate) async fn serving(partition: Arc<dyn CoordinatorPartition>) -> Arc<GroupCoordinator> {
    let coordinator = coordinator(GroupCoordinatorConfig::default());
    coordinator.elected(0, 1, partition);
    loaded(&coordinator).await;
    coordinator
}

pub(crate) async fn loaded(coordinator: &GroupCoordinator) {
    for _ in 0..10_000 {
        if error_of(coordinator.list_groups(&Default::default()).await.error_code)
            != ErrorCode::CoordinatorLoadInProgress
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("it loads without end");
}

pub(crate) fn error_of(code: i16) -> ErrorCode {
    ErrorCode::try_from_code(code).expect("a known code")
}

pub(crate) fn context(api_version: i16) -> RequestContext<'static> {
    RequestContext { client_id: "client", client_host: IpAddr::V4(Ipv4Addr::LOCALHOST), api_version }
}

pub(crate) fn join(member_id: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: GROUP.to_owned(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        member_id: member_id.to_owned(),
        protocol_type: "consumer".to_owned(),
        protocols: vec![JoinGroupRequestProtocol {
            name: "range".to_owned(),
            metadata: vec![0, 0, 0, 0, 0, 0].into(),
        }],
        ..Default::default()
    }
}

/// Joins as a new member, with the two requests that takes.
pub(crate) async fn join_new(coordinator: &GroupCoordinator) -> JoinGroupResponse {
    let first = coordinator.join_group(context(9), join("")).await;
    assert_eq!(error_of(first.error_code), ErrorCode::MemberIdRequired);
    coordinator.join_group(context(9), join(&first.member_id)).await
}

pub(crate) async fn sync(
    coordinator: &GroupCoordinator,
    joined: &JoinGroupResponse,
    assignments: &[(&str, &'static str)],
) -> SyncGroupResponse {
    let request = SyncGroupRequest {
        group_id: GROUP.to_owned(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        protocol_type: Some("consumer".to_owned()),
        protocol_name: Some("range".to_owned()),
        assignments: assignments
            .iter()
            .map(|(member_id, assignment)| SyncGroupRequestAssignment {
                member_id: (*member_id).to_owned(),
                assignment: assignment.as_bytes().into(),
            })
            .collect(),
        ..Default::default()
    };
    coordinator.sync_group(5, request).await
}

pub(crate) fn heartbeat(coordinator: &GroupCoordinator, joined: &JoinGroupResponse) -> ErrorCode {
    let request = HeartbeatRequest {
        group_id: GROUP.to_owned(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        ..Default::default()
    };
    error_of(coordinator.heartbeat(&request).error_code)
}

pub(crate) fn commit_request(partitions: std::ops::Range<i32>, offset: i64) -> OffsetCommitRequest {
    let partitions = partitions.map(|partition_index| OffsetCommitRequestPartition {
        partition_index,
        committed_offset: offset,
        committed_metadata: None,
        ..Default::default()
    });
    OffsetCommitRequest {
        group_id: GROUP.to_owned(),
        topics: vec![OffsetCommitRequestTopic {
            name: "flights".to_owned(),
            partitions: partitions.collect(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

pub(crate) fn commit_errors(response: &OffsetCommitResponse) -> Vec<ErrorCode> {
    let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
    partitions.map(|partition| error_of(partition.error_code)).collect()
}

/// All offsets of a group, or its error.
pub(crate) async fn fetch(
    coordinator: &GroupCoordinator,
    group_id: &str,
) -> Result<Vec<(String, i32, i64)>, ErrorCode> {
    let request =
        OffsetFetchRequestGroup { group_id: group_id.to_owned(), topics: None, ..Default::default() };
    let response = coordinator.fetch_offsets(&request, true).await;
    if response.error_code != 0 {
        return Err(error_of(response.error_code));
    }
    let offsets = response.topics.into_iter().flat_map(|topic| {
        let name = topic.name;
        topic.partitions.into_iter().map(move |p| (name.clone(), p.partition_index, p.committed_offset))
    });
    Ok(offsets.collect())
}
