//! LeaveGroup, and what is left of a group: DescribeGroups, ListGroups, DeleteGroups.

use moldau_coordinator::ListGroupsFilter;
use moldau_types::ErrorCode;

use crate::harness::{GROUP, Harness, Join, error_of};

#[test]
fn the_last_member_that_leaves_empties_the_group() {
    let mut harness = Harness::prompt();
    let (ids, generation) = harness.stabilize(&[Join::default()]);
    let left = harness.leave(&[(&ids[0], None)]).expect("the group");
    assert_eq!(left[0].error_code, 0);
    assert_eq!(left[0].member_id, ids[0]);
    assert_eq!(harness.state(), "Empty");
    assert_eq!(harness.heartbeat(&ids[0], generation), ErrorCode::UnknownMemberId);
    harness.reload();
    assert_eq!(harness.state(), "Empty");
}

#[test]
fn the_others_rebalance_when_one_leaves() {
    let mut harness = Harness::prompt();
    let (ids, generation) = harness.stabilize(&[Join::default().version(3), Join::default().version(3)]);
    harness.leave(&[(&ids[0], None)]).expect("the group");
    assert_eq!(harness.heartbeat(&ids[1], generation), ErrorCode::RebalanceInProgress);
}

#[test]
fn who_is_unknown_cannot_leave() {
    let mut harness = Harness::prompt();
    assert_eq!(harness.leave(&[("nobody", None)]), Err(ErrorCode::UnknownMemberId));
    harness.stabilize(&[Join::default()]);
    let left = harness.leave(&[("nobody", None), ("", None), ("", Some("nothing"))]).expect("the group");
    assert!(left.iter().all(|member| error_of(member.error_code) == ErrorCode::UnknownMemberId));
    assert_eq!(harness.state(), "Stable");
}

#[test]
fn an_administrator_removes_static_members_by_name() {
    let mut harness = Harness::prompt();
    harness.stabilize(&[Join::fixed("one", ""), Join::fixed("two", "")]);
    let left = harness.leave(&[("", Some("one")), ("", Some("two")), ("", Some("one"))]).expect("the group");
    let errors: Vec<_> = left.iter().map(|member| error_of(member.error_code)).collect();
    assert_eq!(errors, [ErrorCode::None, ErrorCode::None, ErrorCode::UnknownMemberId]);
    assert_eq!(harness.state(), "Empty");
}

#[test]
fn an_unused_id_can_leave_and_the_join_phase_goes_on() {
    let mut harness = Harness::prompt();
    let (ids, _) = harness.stabilize(&[Join::default()]);
    let pending = harness.new_member_id(&Join::default());
    let rejoin = harness.send_join(&Join::of(&ids[0]));
    assert!(harness.join_reply(rejoin).is_none());
    harness.leave(&[(&pending, None)]).expect("the group");
    assert_eq!(harness.join_reply(rejoin).expect("a generation").generation_id, 2);
}

#[test]
fn a_member_that_leaves_while_it_waits_to_join_is_answered() {
    let mut harness = Harness::prompt();
    let (ids, _) = harness.stabilize(&[Join::default().version(3), Join::default().version(3)]);
    let rejoin = harness.send_join(&Join::of(&ids[0]).protocols(&[("range", "other")]));
    harness.leave(&[(&ids[0], None)]).expect("the group");
    let response = harness.join_reply(rejoin).expect("an answer");
    assert_eq!(error_of(response.error_code), ErrorCode::UnknownMemberId);
}

#[test]
fn a_missing_group_is_dead_before_version_6_and_an_error_since() {
    let harness = Harness::prompt();
    let before = harness.shard.describe_group(GROUP, 5);
    assert_eq!((before.error_code, before.group_state.as_str()), (0, "Dead"));
    let since = harness.shard.describe_group(GROUP, 6);
    assert_eq!(error_of(since.error_code), ErrorCode::GroupIdNotFound);
    assert_eq!(since.error_message.as_deref(), Some("Group group not found."));
}

#[test]
fn only_a_stable_group_shows_metadata_and_assignments() {
    let mut harness = Harness::prompt();
    let joined = harness.form(&[Join::default()]);
    let member_id = joined.keys().next().expect("a member").clone();
    let described = harness.shard.describe_group(GROUP, 6);
    assert_eq!(described.group_state, "CompletingRebalance");
    assert_eq!((described.protocol_type.as_str(), described.protocol_data.as_str()), ("consumer", ""));
    assert!(described.members[0].member_metadata.is_empty());
    harness.sync_all(std::slice::from_ref(&member_id), &member_id, 1);
    let described = harness.shard.describe_group(GROUP, 6);
    assert_eq!(described.protocol_data, "range");
    assert!(!described.members[0].member_metadata.is_empty());
    assert_eq!(described.members[0].member_assignment, member_id.as_bytes());
    assert_eq!(described.members[0].client_id, "client");
}

#[test]
fn groups_are_listed_by_state_and_type_whatever_the_case() {
    let mut harness = Harness::prompt();
    harness.stabilize(&[Join::default()]);
    harness.commit(9, "", -1, &[("flights", 0, 1)]).expect_err("it has members");
    let list = |states: &[&str], types: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut groups = Vec::new();
        let filter = ListGroupsFilter::new(&owned(states), &owned(types));
        harness.shard.list_groups(&filter, &mut groups);
        groups.len()
    };
    assert_eq!(list(&[], &[]), 1);
    assert_eq!(list(&["stable"], &["Classic"]), 1);
    assert_eq!(list(&["Empty", "STABLE"], &[]), 1);
    assert_eq!(list(&["Empty"], &[]), 0);
    assert_eq!(list(&[], &["consumer"]), 0);
    assert_eq!(list(&["nothing"], &[]), 0);
}

#[test]
fn only_empty_groups_are_deleted_and_their_offsets_with_them() {
    let mut harness = Harness::prompt();
    let delete = |harness: &mut Harness, ids: &[&str]| {
        let ids: Vec<_> = ids.iter().map(|id| (*id).to_owned()).collect();
        let results = harness.run(|shard, _, out| shard.delete_groups(&ids, out)).expect("appended");
        results.iter().map(|result| error_of(result.error_code)).collect::<Vec<_>>()
    };
    let (ids, generation) = harness.stabilize(&[Join::default()]);
    harness.commit(9, &ids[0], generation, &[("flights", 0, 1)]).expect("committed");
    assert_eq!(
        delete(&mut harness, &[GROUP, "missing"]),
        [ErrorCode::NonEmptyGroup, ErrorCode::GroupIdNotFound]
    );
    harness.leave(&[(&ids[0], None)]).expect("the group");
    assert_eq!(delete(&mut harness, &[GROUP, GROUP]), [ErrorCode::None]);
    assert_eq!(harness.state(), "Dead");
    assert_eq!(harness.committed("flights", 0), None);
    harness.reload();
    assert_eq!(harness.state(), "Dead");
    assert_eq!(harness.shard.offset_count(), 0);
}
