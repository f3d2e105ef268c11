//! SyncGroup and Heartbeat: how assignments reach the members, and what keeps them members.

use moldau_types::ErrorCode;

use crate::harness::{GROUP, Harness, Join, error_of, sync};

fn two_members(harness: &mut Harness) -> (String, String) {
    let joined = harness.form(&[Join::default().version(3), Join::default().version(3)]);
    let leader = joined.values().next().expect("members").leader.clone();
    let follower = joined.keys().find(|id| **id != leader).expect("a follower").clone();
    (leader, follower)
}

fn sync_error(harness: &mut Harness, request: moldau_protocol::messages::SyncGroupRequest) -> ErrorCode {
    let request = harness.send_sync(request);
    error_of(harness.sync_reply(request).expect("an answer at once").error_code)
}

#[test]
fn each_member_gets_its_own_assignment_and_the_generation_is_written_down() {
    let mut harness = Harness::prompt();
    let (leader, follower) = two_members(&mut harness);
    let waiting = harness.send_sync(sync(&follower, 1, &[]));
    assert!(harness.sync_reply(waiting).is_none());
    let records = harness.log.len();
    let request = harness.send_sync(sync(&leader, 1, &[&follower]));
    assert_eq!(harness.log.len(), records + 1);
    let own = harness.sync_reply(request).expect("the leader's");
    assert!(own.assignment.is_empty(), "the leader gave itself nothing");
    let other = harness.sync_reply(waiting).expect("the follower's");
    assert_eq!(other.assignment, follower.as_bytes());
    assert_eq!(other.protocol_name.as_deref(), Some("range"));
    assert_eq!(harness.state(), "Stable");
    let again = harness.send_sync(sync(&follower, 1, &[]));
    assert_eq!(harness.sync_reply(again).expect("at once").assignment, follower.as_bytes());
}

#[test]
fn a_sync_of_nobody_or_of_another_generation_is_refused() {
    let mut harness = Harness::prompt();
    assert_eq!(sync_error(&mut harness, sync("nobody", 1, &[])), ErrorCode::UnknownMemberId);
    let (leader, _) = two_members(&mut harness);
    assert_eq!(sync_error(&mut harness, sync("nobody", 1, &[])), ErrorCode::UnknownMemberId);
    assert_eq!(sync_error(&mut harness, sync(&leader, 0, &[])), ErrorCode::IllegalGeneration);
    assert_eq!(sync_error(&mut harness, sync(&leader, 2, &[])), ErrorCode::IllegalGeneration);
    let other_type = moldau_protocol::messages::SyncGroupRequest {
        protocol_type: Some("connect".to_owned()),
        ..sync(&leader, 1, &[])
    };
    assert_eq!(sync_error(&mut harness, other_type), ErrorCode::InconsistentGroupProtocol);
    let other_name = moldau_protocol::messages::SyncGroupRequest {
        protocol_name: Some("sticky".to_owned()),
        ..sync(&leader, 1, &[])
    };
    assert_eq!(sync_error(&mut harness, other_name), ErrorCode::InconsistentGroupProtocol);
    let no_group =
        moldau_protocol::messages::SyncGroupRequest { group_id: String::new(), ..sync(&leader, 1, &[]) };
    assert_eq!(sync_error(&mut harness, no_group), ErrorCode::InvalidGroupId);
}

#[test]
fn an_assignment_that_cannot_be_written_down_starts_over() {
    let mut harness = Harness::prompt();
    let (leader, follower) = two_members(&mut harness);
    let waiting = harness.send_sync(sync(&follower, 1, &[]));
    harness.refusal = Some(ErrorCode::CoordinatorNotAvailable);
    let request = harness.send_sync(sync(&leader, 1, &[&leader, &follower]));
    for request in [request, waiting] {
        let response = harness.sync_reply(request).expect("an answer");
        assert_eq!(error_of(response.error_code), ErrorCode::CoordinatorNotAvailable);
        assert!(response.assignment.is_empty());
    }
    assert_eq!(harness.state(), "PreparingRebalance");
    harness.refusal = None;
    harness.reload();
    assert_eq!(harness.state(), "Empty", "the generation never existed");
}

#[test]
fn members_that_never_sync_are_out_after_the_rebalance_timeout() {
    let mut harness = Harness::prompt();
    let (leader, follower) = two_members(&mut harness);
    let request = harness.send_sync(sync(&leader, 1, &[&leader, &follower]));
    assert_eq!(harness.sync_reply(request).expect("the assignment").error_code, 0);
    for _ in 0..10 {
        assert_eq!(harness.heartbeat(&leader, 1), ErrorCode::None);
        assert_eq!(harness.heartbeat(&follower, 1), ErrorCode::None);
        harness.advance(6_000);
    }
    assert_eq!(harness.heartbeat(&follower, 1), ErrorCode::UnknownMemberId);
    assert_eq!(harness.heartbeat(&leader, 1), ErrorCode::RebalanceInProgress);
}

#[test]
fn a_group_whose_leader_never_syncs_starts_over() {
    let mut harness = Harness::prompt();
    let (leader, follower) = two_members(&mut harness);
    let waiting = harness.send_sync(sync(&follower, 1, &[]));
    for _ in 0..10 {
        assert_eq!(harness.heartbeat(&leader, 1), ErrorCode::None);
        harness.advance(6_000);
    }
    let response = harness.sync_reply(waiting).expect("an answer");
    assert_eq!(error_of(response.error_code), ErrorCode::RebalanceInProgress);
    assert_eq!(harness.heartbeat(&leader, 1), ErrorCode::UnknownMemberId);
}

#[test]
fn heartbeats_keep_a_member_and_their_absence_ends_it() {
    let mut harness = Harness::prompt();
    let (ids, generation) = harness.stabilize(&[Join::default()]);
    for _ in 0..5 {
        harness.advance(9_999);
        assert_eq!(harness.heartbeat(&ids[0], generation), ErrorCode::None);
    }
    harness.advance(10_000);
    assert_eq!(harness.heartbeat(&ids[0], generation), ErrorCode::UnknownMemberId);
    assert_eq!(harness.state(), "Empty");
    harness.reload();
    assert_eq!(harness.state(), "Empty", "the end of the last member is written down");
}

#[test]
fn a_heartbeat_of_nobody_or_of_another_generation_is_refused() {
    let mut harness = Harness::prompt();
    assert_eq!(harness.heartbeat("nobody", 1), ErrorCode::UnknownMemberId);
    let (ids, generation) = harness.stabilize(&[Join::default()]);
    assert_eq!(harness.heartbeat("nobody", generation), ErrorCode::UnknownMemberId);
    assert_eq!(harness.heartbeat(&ids[0], generation + 1), ErrorCode::IllegalGeneration);
    assert_eq!(harness.heartbeat(&ids[0], generation - 1), ErrorCode::IllegalGeneration);
    assert_eq!(harness.heartbeat_as(&ids[0], Some("static"), generation), ErrorCode::UnknownMemberId);
}

#[test]
fn members_outlive_a_reload_within_their_session() {
    let mut harness = Harness::prompt();
    let (ids, generation) = harness.stabilize(&[Join::default().version(3), Join::default().version(3)]);
    harness.advance(9_000);
    harness.reload();
    assert_eq!(harness.state(), "Stable");
    harness.advance(9_999);
    assert_eq!(harness.heartbeat(&ids[0], generation), ErrorCode::None);
    harness.advance(1);
    assert_eq!(harness.heartbeat(&ids[1], generation), ErrorCode::UnknownMemberId);
    assert_eq!(harness.heartbeat(&ids[0], generation), ErrorCode::RebalanceInProgress);
    let described = harness.shard.describe_group(GROUP, 6);
    assert_eq!(described.members.len(), 1);
    assert_eq!(described.members[0].client_host, "/127.0.0.1");
}

#[test]
fn requests_that_wait_are_answered_when_the_coordinator_moves() {
    let mut harness = Harness::prompt();
    let (leader, follower) = two_members(&mut harness);
    let waiting_sync = harness.send_sync(sync(&follower, 1, &[]));
    harness.reload();
    let response = harness.sync_reply(waiting_sync).expect("an answer");
    assert_eq!(error_of(response.error_code), ErrorCode::NotCoordinator);
    let _ = leader;
    let waiting_join = harness.send_join(&Join::default().version(3));
    harness.reload();
    let response = harness.join_reply(waiting_join).expect("an answer");
    assert_eq!(error_of(response.error_code), ErrorCode::NotCoordinator);
}
