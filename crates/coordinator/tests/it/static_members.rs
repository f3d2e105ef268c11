//! Members with a group instance id (KIP-345): they come back without a rebalance, and two of one name fence each other.

use moldau_types::ErrorCode;

use crate::harness::{Harness, Join, error_of, sync};

/// Two static members, of which the first is the leader.
fn stable(harness: &mut Harness) -> (String, String) {
    let leader_request = harness.send_join(&Join::fixed("one", ""));
    let other_request = harness.send_join(&Join::fixed("two", ""));
    harness.advance(0);
    let one = harness.join_reply(leader_request).expect("a generation").member_id;
    let two = harness.join_reply(other_request).expect("a generation").member_id;
    harness.sync_all(&[one.clone(), two.clone()], &one, 1);
    (one, two)
}

#[test]
fn a_static_member_needs_no_id_before_it_joins() {
    let mut harness = Harness::prompt();
    let (one, two) = stable(&mut harness);
    assert!(one.starts_with("one-") && two.starts_with("two-"));
    let described = harness.shard.describe_group(crate::harness::GROUP, 6);
    let instances: Vec<_> = described.members.iter().filter_map(|m| m.group_instance_id.as_deref()).collect();
    assert_eq!(instances, ["one", "two"]);
}

#[test]
fn a_static_follower_comes_back_without_a_rebalance() {
    let mut harness = Harness::prompt();
    let (one, two) = stable(&mut harness);
    let response = harness.join_now(&Join::fixed("two", ""));
    assert_eq!((response.error_code, response.generation_id), (0, 1));
    assert_ne!(response.member_id, two);
    assert_eq!(response.leader, one);
    assert!(!response.skip_assignment);
    assert_eq!(harness.state(), "Stable");
    let request = harness.send_sync(sync(&response.member_id, 1, &[]));
    assert_eq!(
        harness.sync_reply(request).expect("at once").assignment,
        two.as_bytes(),
        "the old assignment"
    );
    assert_eq!(harness.heartbeat_as(&two, Some("two"), 1), ErrorCode::FencedInstanceId);
    harness.reload();
    assert_eq!(harness.heartbeat_as(&response.member_id, Some("two"), 1), ErrorCode::None);
}

#[test]
fn a_static_leader_that_comes_back_skips_the_assignment_from_version_9_on() {
    let mut harness = Harness::prompt();
    let (_, _) = stable(&mut harness);
    let response = harness.join_now(&Join::fixed("one", ""));
    assert!(response.skip_assignment);
    assert_eq!(response.leader, response.member_id);
    assert_eq!(response.members.len(), 2);
    assert_eq!(harness.state(), "Stable");
}

#[test]
fn an_older_static_leader_that_comes_back_is_shown_the_leader_before() {
    let mut harness = Harness::prompt();
    let (one, _) = stable(&mut harness);
    let response = harness.join_now(&Join::fixed("one", "").version(8));
    assert!(!response.skip_assignment);
    assert_eq!(response.leader, one, "or it would assign again");
    assert!(response.members.is_empty());
    assert_ne!(response.member_id, one);
}

#[test]
fn a_static_member_that_comes_back_with_other_protocols_starts_a_rebalance() {
    let mut harness = Harness::prompt();
    let joins =
        ["one", "two"].map(|instance| Join::fixed(instance, "").protocols(&[("range", ""), ("sticky", "")]));
    harness.stabilize(&joins);
    harness.send_join(&Join::fixed("two", "").protocols(&[("sticky", "")]));
    assert_eq!(harness.state(), "PreparingRebalance");
}

#[test]
fn a_static_member_that_comes_back_before_the_assignment_starts_over() {
    let mut harness = Harness::prompt();
    let joined = harness.form(&[Join::fixed("one", ""), Join::fixed("two", "")]);
    let two = joined.keys().find(|id| id.starts_with("two")).expect("two").clone();
    let waiting = harness.send_sync(sync(&two, 1, &[]));
    harness.send_join(&Join::fixed("two", ""));
    let response = harness.sync_reply(waiting).expect("an answer");
    assert_eq!(error_of(response.error_code), ErrorCode::FencedInstanceId);
    assert_eq!(harness.state(), "PreparingRebalance");
}

#[test]
fn the_older_of_two_with_one_name_is_fenced_while_it_waits() {
    let mut harness = Harness::prompt();
    stable(&mut harness);
    let newcomer = harness.send_join(&Join::default().version(3));
    let first = harness.send_join(&Join::fixed("two", ""));
    let second = harness.send_join(&Join::fixed("two", ""));
    let response = harness.join_reply(first).expect("fenced");
    assert_eq!(error_of(response.error_code), ErrorCode::FencedInstanceId);
    assert!(harness.join_reply(second).is_none());
    assert!(harness.join_reply(newcomer).is_none());
}

#[test]
fn a_member_id_that_is_not_the_instances_is_fenced_everywhere() {
    let mut harness = Harness::prompt();
    let (one, two) = stable(&mut harness);
    let response = harness.join_now(&Join::fixed("one", &two));
    assert_eq!(error_of(response.error_code), ErrorCode::FencedInstanceId);
    let response = harness.join_now(&Join::fixed("three", &two));
    assert_eq!(error_of(response.error_code), ErrorCode::UnknownMemberId);
    let mut request = sync(&two, 1, &[]);
    request.group_instance_id = Some("one".to_owned());
    let request = harness.send_sync(request);
    let response = harness.sync_reply(request).expect("at once");
    assert_eq!(error_of(response.error_code), ErrorCode::FencedInstanceId);
    let left = harness.leave(&[(&two, Some("one"))]).expect("the group");
    assert_eq!(error_of(left[0].error_code), ErrorCode::FencedInstanceId);
    assert_eq!(harness.heartbeat_as(&one, Some("one"), 1), ErrorCode::None);
}

#[test]
fn a_return_that_cannot_be_written_down_is_taken_back() {
    let mut harness = Harness::prompt();
    let (_, two) = stable(&mut harness);
    harness.refusal = Some(ErrorCode::CoordinatorNotAvailable);
    let response = harness.join_now(&Join::fixed("two", ""));
    assert_eq!(error_of(response.error_code), ErrorCode::CoordinatorNotAvailable);
    harness.refusal = None;
    assert_eq!(harness.heartbeat_as(&two, Some("two"), 1), ErrorCode::None, "the old member is back");
    assert_eq!(harness.state(), "Stable");
}

#[test]
fn static_members_that_are_away_keep_the_group_waiting_until_their_sessions_end() {
    let mut harness = Harness::prompt();
    let (one, two) = stable(&mut harness);
    // The leader asks for a rebalance and goes away; "two" does not come back either.
    let rejoin = harness.send_join(&Join { session_timeout_ms: 6_000, ..Join::fixed("one", &one) });
    for _ in 0..10 {
        harness.heartbeat_as(&two, Some("two"), 1);
        harness.advance(6_000);
    }
    let response = harness.join_reply(rejoin).expect("a generation without the other one");
    assert_eq!((response.error_code, response.generation_id), (0, 2));
    assert_eq!(response.members.len(), 2, "a static member stays in the group");
}

/// `check` compares the queue of deadlines with those that own them.
#[test]
fn each_return_of_a_static_member_left_a_deadline_behind() {
    let mut harness = Harness::prompt();
    let (one, _) = stable(&mut harness);
    let mut two = String::new();
    for _ in 0..50 {
        two = harness.join_now(&Join::fixed("two", "")).member_id;
    }
    harness.leave(&[(&one, Some("one")), (&two, Some("two"))]).expect("an answer");
    assert_eq!(harness.shard.next_deadline_ms(), None, "nobody is left to wait for");
}
