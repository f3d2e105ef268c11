//! JoinGroup: who is let in, who is told what, and when a generation begins.

use moldau_coordinator::GroupConfig;
use moldau_types::ErrorCode;

use crate::harness::{Harness, Join, error_of, sync};

#[test]
fn a_dynamic_member_gets_its_id_first_and_comes_back_with_it() {
    let mut harness = Harness::prompt();
    let member_id = harness.new_member_id(&Join::default());
    assert!(member_id.starts_with("client-"));
    assert_eq!(harness.log.len(), 1, "the new group is written down");
    let joined = harness.form(&[Join::of(&member_id)]);
    let response = &joined[&member_id];
    assert_eq!(response.generation_id, 1);
    assert_eq!(response.leader, member_id);
    assert_eq!(response.protocol_name.as_deref(), Some("range"));
    assert_eq!(response.protocol_type.as_deref(), Some("consumer"));
    assert_eq!(response.members.len(), 1);
}

#[test]
fn before_version_4_a_member_joins_at_once() {
    for version in 0..4 {
        let mut harness = Harness::prompt();
        let joined = harness.form(&[Join::default().version(version)]);
        assert_eq!(joined.len(), 1, "version {version}");
    }
}

#[test]
fn a_member_of_version_0_rebalances_within_its_session_timeout() {
    let mut harness = Harness::prompt();
    let (ids, generation) = harness.stabilize(&[Join::default().version(0)]);
    let newcomer = harness.send_join(&Join::default().version(0));
    harness.advance(5_000);
    assert_eq!(harness.heartbeat(&ids[0], generation), ErrorCode::RebalanceInProgress);
    harness.advance(4_999);
    assert!(harness.join_reply(newcomer).is_none());
    harness.heartbeat(&ids[0], generation);
    harness.advance(1);
    assert_eq!(harness.join_reply(newcomer).expect("a generation").generation_id, 2);
}

#[test]
fn a_group_without_an_id_or_with_a_wrong_session_timeout_is_refused() {
    let mut harness = Harness::prompt();
    for (timeout, error) in
        [(5_999, ErrorCode::InvalidSessionTimeout), (1_800_001, ErrorCode::InvalidSessionTimeout)]
    {
        let response = harness.join_now(&Join { session_timeout_ms: timeout, ..Join::default() });
        assert_eq!(error_of(response.error_code), error);
    }
    assert_eq!(harness.state(), "Dead", "no group came of it");
    assert!(harness.log.is_empty());
}

#[test]
fn a_member_id_without_a_group_is_unknown() {
    let mut harness = Harness::prompt();
    let response = harness.join_now(&Join::of("somebody"));
    assert_eq!(error_of(response.error_code), ErrorCode::UnknownMemberId);
    assert_eq!(response.member_id, "somebody");
}

#[test]
fn a_member_id_that_the_group_never_gave_is_unknown() {
    let mut harness = Harness::prompt();
    harness.stabilize(&[Join::default()]);
    let response = harness.join_now(&Join::of("somebody"));
    assert_eq!(error_of(response.error_code), ErrorCode::UnknownMemberId);
}

#[test]
fn protocols_must_be_there_and_be_everybodys() {
    let mut harness = Harness::prompt();
    for join in [
        Join { protocol_type: String::new(), ..Join::default() },
        Join { protocols: Vec::new(), ..Join::default() },
    ] {
        let response = harness.join_now(&join);
        assert_eq!(error_of(response.error_code), ErrorCode::InconsistentGroupProtocol);
        assert_eq!(harness.state(), "Dead", "a refused first member makes no group");
    }
    harness.stabilize(&[Join::default()]);
    for join in [
        Join { protocol_type: "connect".to_owned(), ..Join::default() },
        Join::default().protocols(&[("sticky", "")]),
    ] {
        let response = harness.join_now(&join);
        assert_eq!(error_of(response.error_code), ErrorCode::InconsistentGroupProtocol);
    }
}

#[test]
fn the_protocol_that_all_support_with_the_most_votes_is_chosen() {
    let mut harness = Harness::prompt();
    let joined = harness.form(&[
        Join::default().version(3).protocols(&[("a", "1"), ("b", "1"), ("c", "1")]),
        Join::default().version(3).protocols(&[("c", "2"), ("b", "2")]),
        Join::default().version(3).protocols(&[("d", "3"), ("b", "3"), ("c", "3")]),
    ]);
    for response in joined.values() {
        assert_eq!(response.protocol_name.as_deref(), Some("b"));
    }
    let leader = joined.values().find(|r| r.leader == r.member_id).expect("a leader");
    let mut metadata: Vec<_> = leader.members.iter().map(|member| member.metadata.clone()).collect();
    metadata.sort();
    assert_eq!(metadata, ["1", "2", "3"]);
    assert!(joined.values().filter(|r| r.leader != r.member_id).all(|r| r.members.is_empty()));
}

#[test]
fn the_first_rebalance_waits_for_more_members_but_not_longer_than_a_rebalance_may_take() {
    let mut harness = Harness::new(GroupConfig::default());
    let first = harness.send_join(&Join { rebalance_timeout_ms: 7_000, ..Join::default().version(3) });
    harness.advance(2_999);
    let second = harness.send_join(&Join { rebalance_timeout_ms: 7_000, ..Join::default().version(3) });
    harness.advance(2_999);
    assert!(harness.join_reply(first).is_none(), "the second member prolonged the wait");
    let third = harness.send_join(&Join { rebalance_timeout_ms: 7_000, ..Join::default().version(3) });
    harness.advance(1_001);
    assert!(harness.join_reply(first).is_none());
    harness.advance(1);
    for request in [first, second, third] {
        assert_eq!(harness.join_reply(request).expect("a generation").generation_id, 1);
    }
}

#[test]
fn an_id_that_is_not_used_is_forgotten_after_its_session_and_holds_nobody_up() {
    let mut harness = Harness::prompt();
    let (ids, generation) = harness.stabilize(&[Join::default()]);
    let pending = harness.new_member_id(&Join::default());
    let rejoin = harness.send_join(&Join::of(&ids[0]));
    harness.heartbeat(&ids[0], generation);
    assert!(harness.join_reply(rejoin).is_none(), "the pending member is waited for");
    harness.advance(10_000);
    assert_eq!(harness.join_reply(rejoin).expect("a generation").generation_id, 2);
    let response = harness.join_now(&Join::of(&pending));
    assert_eq!(error_of(response.error_code), ErrorCode::UnknownMemberId);
}

#[test]
fn a_full_group_takes_nobody_but_keeps_its_members() {
    let config = GroupConfig { max_size: 2, initial_rebalance_delay_ms: 0, ..GroupConfig::default() };
    let mut harness = Harness::new(config);
    let (ids, _) = harness.stabilize(&[Join::default().version(3), Join::default().version(3)]);
    let response = harness.join_now(&Join::default().version(3));
    assert_eq!(error_of(response.error_code), ErrorCode::GroupMaxSizeReached);
    assert_eq!(response.member_id, "");
    let rejoins: Vec<_> =
        ids.iter().map(|id| harness.send_join(&Join::of(id).protocols(&[("range", "new")]))).collect();
    let response = harness.join_now(&Join::default().version(3));
    assert_eq!(error_of(response.error_code), ErrorCode::GroupMaxSizeReached);
    for rejoin in rejoins {
        assert_eq!(harness.join_reply(rejoin).expect("a generation").error_code, 0);
    }
}

#[test]
fn a_follower_without_news_gets_the_generation_a_leader_starts_a_rebalance() {
    let mut harness = Harness::prompt();
    let joined = harness.form(&[Join::default().version(3), Join::default().version(3)]);
    let ids: Vec<_> = joined.keys().cloned().collect();
    let leader = joined[&ids[0]].leader.clone();
    let follower = ids.iter().find(|id| **id != leader).expect("a follower").clone();
    let again = harness.join_now(&Join::of(&leader));
    assert_eq!(again.members.len(), 2, "the answer may have been lost, so it is given again");
    harness.sync_all(&ids, &leader, 1);
    let again = harness.join_now(&Join::of(&follower));
    assert_eq!((again.generation_id, again.members.len(), again.leader.as_str()), (1, 0, leader.as_str()));
    assert_eq!(harness.state(), "Stable");
    let rejoin = harness.send_join(&Join::of(&leader));
    assert_eq!(harness.state(), "PreparingRebalance");
    assert_eq!(harness.heartbeat(&follower, 1), ErrorCode::RebalanceInProgress);
    let follower_rejoin = harness.send_join(&Join::of(&follower));
    for request in [rejoin, follower_rejoin] {
        assert_eq!(harness.join_reply(request).expect("a generation").generation_id, 2);
    }
}

#[test]
fn a_follower_with_new_metadata_starts_a_rebalance() {
    let mut harness = Harness::prompt();
    let (ids, _) = harness.stabilize(&[Join::default().version(3), Join::default().version(3)]);
    for id in &ids {
        harness.send_join(&Join::of(id).protocols(&[("range", "other")]));
        assert_eq!(harness.state(), if id == &ids[0] { "PreparingRebalance" } else { "CompletingRebalance" });
    }
}

#[test]
fn a_member_that_does_not_come_back_is_out_after_the_rebalance_timeout() {
    let mut harness = Harness::prompt();
    let (ids, generation) = harness.stabilize(&[Join::default().version(3), Join::default().version(3)]);
    let rejoin = harness.send_join(&Join::of(&ids[0]).protocols(&[("range", "other")]));
    for _ in 0..9 {
        assert_eq!(harness.heartbeat(&ids[1], generation), ErrorCode::RebalanceInProgress);
        harness.advance(6_000);
    }
    assert!(harness.join_reply(rejoin).is_none());
    harness.heartbeat(&ids[1], generation);
    harness.advance(6_000);
    let response = harness.join_reply(rejoin).expect("a generation");
    assert_eq!((response.generation_id, response.members.len()), (2, 1));
    assert_eq!(harness.heartbeat(&ids[1], generation), ErrorCode::UnknownMemberId);
}

#[test]
fn a_leader_that_does_not_come_back_is_followed_by_another() {
    let mut harness = Harness::prompt();
    let joined = harness.form(&[Join::default().version(3), Join::default().version(3)]);
    let ids: Vec<_> = joined.keys().cloned().collect();
    let leader = joined[&ids[0]].leader.clone();
    let follower = ids.iter().find(|id| **id != leader).expect("a follower").clone();
    harness.sync_all(&ids, &leader, 1);
    let rejoin = harness.send_join(&Join::of(&follower).protocols(&[("range", "other")]));
    harness.advance(10_000);
    let response = harness.join_reply(rejoin).expect("a generation");
    assert_eq!(response.leader, follower);
}

#[test]
fn a_new_member_whose_client_is_gone_is_dropped_after_five_minutes() {
    let mut harness = Harness::prompt();
    let (ids, generation) = harness.stabilize(&[Join { rebalance_timeout_ms: 600_000, ..Join::default() }]);
    let newcomer = harness.send_join(&Join { rebalance_timeout_ms: 600_000, ..Join::default().version(3) });
    for _ in 0..50 {
        harness.advance(6_000);
        harness.heartbeat(&ids[0], generation);
    }
    let response = harness.join_reply(newcomer).expect("it was dropped");
    assert_eq!(error_of(response.error_code), ErrorCode::UnknownMemberId);
}

#[test]
fn joining_during_the_wait_for_assignments_starts_over_and_tells_who_waits() {
    let mut harness = Harness::prompt();
    let joined = harness.form(&[Join::default().version(3), Join::default().version(3)]);
    let ids: Vec<_> = joined.keys().cloned().collect();
    let follower = ids.iter().find(|id| **id != joined[&ids[0]].leader).expect("a follower");
    let waiting = harness.send_sync(sync(follower, 1, &[]));
    harness.send_join(&Join::default().version(3));
    let response = harness.sync_reply(waiting).expect("an answer");
    assert_eq!(error_of(response.error_code), ErrorCode::RebalanceInProgress);
    let response = harness.send_sync(sync(follower, 1, &[]));
    let response = harness.sync_reply(response).expect("an answer");
    assert_eq!(error_of(response.error_code), ErrorCode::RebalanceInProgress);
}

#[test]
fn a_first_join_whose_record_is_refused_leaves_no_group() {
    let mut harness = Harness::prompt();
    harness.refusal = Some(ErrorCode::NotCoordinator);
    let request = harness.send_join(&Join::default().version(3));
    let response = harness.join_reply(request).expect("an answer");
    assert_eq!(error_of(response.error_code), ErrorCode::NotCoordinator);
    assert_eq!(harness.state(), "Dead");
}

/// `check` compares the queue of deadlines with those that own them.
#[test]
fn members_that_joined_again_and_again_left_deadlines_behind_for_the_whole_rebalance_timeout() {
    let mut harness = Harness::prompt();
    let (ids, generation) = harness.stabilize(&[Join { rebalance_timeout_ms: i32::MAX, ..Join::default() }]);
    for round in 1..50 {
        let metadata = format!("news {round}");
        let join = Join::of(&ids[0]).protocols(&[("range", &metadata)]);
        let joined = harness.join_now(&Join { rebalance_timeout_ms: i32::MAX, ..join });
        assert_eq!(joined.generation_id, generation + round);
    }
    harness.leave(&[(&ids[0], None)]).expect("an answer");
    assert_eq!(harness.shard.next_deadline_ms(), None, "nobody is left to wait for");
}
