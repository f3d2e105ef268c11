//! Committed offsets: who may commit, what is read back, and when they end.

use std::sync::Arc;

use moldau_coordinator::GroupConfig;
use moldau_protocol::messages::OffsetDeleteRequest;
use moldau_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use moldau_protocol::messages::offset_fetch_request::OffsetFetchRequestTopics;
use moldau_types::{ErrorCode, Uuid};

use crate::harness::{GROUP, Harness, Join, commit_request, error_of, sync};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[test]
fn a_simple_group_comes_into_being_with_its_first_offset() {
    let mut harness = Harness::prompt();
    harness.commit(9, "", -1, &[("flights", 3, 42)]).expect("committed");
    assert_eq!(harness.committed("flights", 3), Some(42));
    assert_eq!(harness.state(), "Empty");
    harness.reload();
    assert_eq!(harness.committed("flights", 3), Some(42));
    assert_eq!(harness.state(), "Empty");
}

#[test]
fn a_generation_without_a_group_is_refused_as_the_version_knows() {
    let mut harness = Harness::prompt();
    assert_eq!(harness.commit(8, "somebody", 1, &[("flights", 0, 1)]), Err(ErrorCode::IllegalGeneration));
    assert_eq!(harness.commit(9, "somebody", 1, &[("flights", 0, 1)]), Err(ErrorCode::GroupIdNotFound));
    assert_eq!(harness.state(), "Dead");
}

#[test]
fn only_members_of_the_generation_commit_to_a_group_with_members() {
    let mut harness = Harness::prompt();
    let joined = harness.form(&[Join::default()]);
    let member = joined.keys().next().expect("a member").clone();
    let offsets = [("flights", 0, 7)];
    assert_eq!(harness.commit(9, &member, 1, &offsets), Err(ErrorCode::RebalanceInProgress));
    harness.sync_all(std::slice::from_ref(&member), &member, 1);
    assert_eq!(harness.commit(9, "", -1, &offsets), Err(ErrorCode::UnknownMemberId));
    assert_eq!(harness.commit(9, "nobody", 1, &offsets), Err(ErrorCode::UnknownMemberId));
    assert_eq!(harness.commit(9, &member, 0, &offsets), Err(ErrorCode::IllegalGeneration));
    assert_eq!(harness.commit(9, &member, -1, &offsets), Err(ErrorCode::IllegalGeneration));
    harness.commit(9, &member, 1, &offsets).expect("committed");
    harness.leave(&[(&member, None)]).expect("the group");
    assert_eq!(harness.commit(9, &member, 1, &offsets), Err(ErrorCode::UnknownMemberId));
    harness.commit(9, "", -1, &[("flights", 0, 8)]).expect("an administrator may, now that it is empty");
}

#[test]
fn a_commit_is_as_good_as_a_heartbeat() {
    let mut harness = Harness::prompt();
    let (ids, generation) = harness.stabilize(&[Join::default()]);
    for offset in 0..5 {
        harness.advance(9_000);
        harness.commit(9, &ids[0], generation, &[("flights", 0, offset)]).expect("committed");
    }
    assert_eq!(harness.heartbeat(&ids[0], generation), ErrorCode::None);
}

#[test]
fn members_may_commit_what_they_have_read_while_a_rebalance_is_prepared() {
    let mut harness = Harness::prompt();
    let (ids, generation) = harness.stabilize(&[Join::default()]);
    harness.send_join(&Join::default().version(3));
    assert_eq!(harness.state(), "PreparingRebalance");
    harness.commit(9, &ids[0], generation, &[("flights", 0, 5)]).expect("committed");
}

#[test]
fn metadata_above_the_limit_is_refused_for_its_partition_alone() {
    let config = GroupConfig { offset_metadata_max_bytes: 4, ..GroupConfig::default() };
    let mut harness = Harness::new(config);
    let mut request = commit_request("", -1, &[("flights", 0, 1), ("planes", 0, 1)]);
    request.topics[0].partitions[0].committed_metadata = Some("12345".to_owned());
    let response = harness.run(|shard, now, out| shard.commit_offsets(now, 9, &request, out));
    let response = response.expect("appended").expect("committed");
    let errors: Vec<_> =
        response.topics.iter().map(|topic| error_of(topic.partitions[0].error_code)).collect();
    assert_eq!(errors, [ErrorCode::OffsetMetadataTooLarge, ErrorCode::None]);
    assert_eq!(harness.committed("flights", 0), None);
    assert_eq!(harness.committed("planes", 0), Some(1));
}

#[test]
fn a_commit_that_cannot_be_written_down_changes_nothing() {
    let mut harness = Harness::prompt();
    harness.commit(9, "", -1, &[("flights", 0, 1)]).expect("committed");
    harness.refusal = Some(ErrorCode::NotCoordinator);
    assert_eq!(harness.commit(9, "", -1, &[("flights", 0, 2)]), Err(ErrorCode::NotCoordinator));
    assert_eq!(harness.committed("flights", 0), Some(1));
    let first = harness.run(|shard, now, out| {
        let request = moldau_protocol::messages::OffsetCommitRequest {
            group_id: "other".to_owned(),
            ..commit_request("", -1, &[("flights", 0, 2)])
        };
        shard.commit_offsets(now, 9, &request, out).map(drop)
    });
    assert_eq!(first, Err(ErrorCode::NotCoordinator));
    assert_eq!(harness.shard.describe_group("other", 5).group_state, "Dead");
}

#[test]
fn what_was_never_committed_or_to_a_topic_of_before_reads_as_minus_one() {
    let mut harness = Harness::prompt();
    let (old, new) = (Uuid([1; 16]), Uuid([2; 16]));
    let mut request = commit_request("", -1, &[("flights", 0, 9)]);
    request.topics[0].topic_id = old;
    harness
        .run(|shard, now, out| shard.commit_offsets(now, 10, &request, out).map(drop))
        .expect("appended")
        .expect("committed");
    let fetch = |harness: &Harness, topic: &str, topic_id: Uuid| {
        let topics =
            [OffsetFetchRequestTopics { name: topic.to_owned(), topic_id, partition_indexes: vec![0] }];
        let answers = harness.shard.fetch_offsets(GROUP, &topics, false);
        let partition = &answers[0].partitions[0];
        assert_eq!(partition.error_code, 0);
        (partition.committed_offset, partition.metadata.clone())
    };
    assert_eq!(fetch(&harness, "flights", old), (9, Some("note".to_owned())));
    assert_eq!(fetch(&harness, "flights", Uuid::ZERO).0, 9);
    assert_eq!(fetch(&harness, "flights", new), (-1, Some(String::new())));
    assert_eq!(fetch(&harness, "planes", Uuid::ZERO).0, -1);
    harness.reload();
    assert_eq!(fetch(&harness, "flights", new).0, -1, "the topic id is written down");
}

fn delete(harness: &mut Harness, topic: &str, partition: i32) -> Result<ErrorCode, ErrorCode> {
    let request = OffsetDeleteRequest {
        group_id: GROUP.to_owned(),
        topics: vec![OffsetDeleteRequestTopic {
            name: topic.to_owned(),
            partitions: vec![OffsetDeleteRequestPartition { partition_index: partition }],
        }],
    };
    let response = harness.run(|shard, _, out| shard.delete_offsets(&request, out))??;
    Ok(error_of(response.topics[0].partitions[0].error_code))
}

#[test]
fn offsets_are_deleted_unless_the_group_reads_the_topic() {
    let mut harness = Harness::prompt();
    assert_eq!(delete(&mut harness, "flights", 0), Err(ErrorCode::GroupIdNotFound));
    let (ids, generation) = harness.stabilize(&[Join::default()]);
    harness.commit(9, &ids[0], generation, &[("flights", 0, 1), ("planes", 0, 1)]).expect("committed");
    assert_eq!(delete(&mut harness, "flights", 0), Ok(ErrorCode::GroupSubscribedToTopic));
    let records = harness.log.len();
    assert_eq!(delete(&mut harness, "planes", 1), Ok(ErrorCode::None));
    assert_eq!(harness.log.len(), records, "nothing was there");
    assert_eq!(delete(&mut harness, "planes", 0), Ok(ErrorCode::None));
    assert_eq!(harness.committed("planes", 0), None);
    harness.reload();
    assert_eq!(harness.committed("planes", 0), None);
    assert_eq!(harness.committed("flights", 0), Some(1));
}

#[test]
fn offsets_of_a_group_that_is_no_consumers_are_deleted_only_when_it_is_empty() {
    let mut harness = Harness::prompt();
    let join = Join { protocol_type: "connect".to_owned(), ..Join::default() };
    let joined = harness.form(&[join]);
    let member = joined.keys().next().expect("a member").clone();
    assert_eq!(delete(&mut harness, "flights", 0), Err(ErrorCode::NonEmptyGroup));
    harness.leave(&[(&member, None)]).expect("the group");
    assert_eq!(delete(&mut harness, "flights", 0), Ok(ErrorCode::None));
}

#[test]
fn offsets_of_a_deleted_topic_go_with_it() {
    let mut harness = Harness::prompt();
    let mut request = commit_request("", -1, &[("flights", 0, 1), ("planes", 0, 1)]);
    request.topics[0].topic_id = Uuid([1; 16]);
    harness
        .run(|shard, now, out| shard.commit_offsets(now, 10, &request, out).map(drop))
        .expect("appended")
        .expect("ok");
    let deleted = |harness: &mut Harness, topic: &str, id: Uuid| {
        let topics = [(Arc::<str>::from(topic), id)];
        harness.run(|shard, _, out| shard.topics_deleted(&topics, out)).expect("appended");
    };
    deleted(&mut harness, "flights", Uuid([2; 16]));
    assert_eq!(harness.committed("flights", 0), Some(1), "another topic of that name");
    deleted(&mut harness, "flights", Uuid([1; 16]));
    deleted(&mut harness, "planes", Uuid([3; 16]));
    harness.reload();
    assert_eq!(harness.shard.offset_count(), 0);
}

fn expire(harness: &mut Harness) {
    harness.run(|shard, now, out| shard.expire_offsets(now, out)).expect("appended");
}

#[test]
fn a_simple_groups_offsets_end_by_their_own_age_and_the_group_with_the_last() {
    let mut harness = Harness::prompt();
    harness.commit(9, "", -1, &[("flights", 0, 1)]).expect("committed");
    harness.advance(DAY_MS);
    harness.commit(9, "", -1, &[("flights", 1, 1)]).expect("committed");
    harness.advance(6 * DAY_MS - 1);
    expire(&mut harness);
    assert_eq!(harness.shard.offset_count(), 2);
    harness.advance(1);
    expire(&mut harness);
    assert_eq!((harness.committed("flights", 0), harness.committed("flights", 1)), (None, Some(1)));
    harness.advance(DAY_MS);
    expire(&mut harness);
    assert_eq!(harness.state(), "Dead");
    harness.reload();
    assert_eq!(harness.state(), "Dead");
}

#[test]
fn a_groups_offsets_are_kept_while_it_reads_and_for_the_retention_after_it_is_empty() {
    let mut harness = Harness::prompt();
    let (ids, generation) = harness.stabilize(&[Join { session_timeout_ms: 1_800_000, ..Join::default() }]);
    harness.commit(9, &ids[0], generation, &[("flights", 0, 1), ("planes", 0, 1)]).expect("committed");
    for _ in 0..8 * 96 {
        harness.advance(DAY_MS / 96);
        harness.heartbeat(&ids[0], generation);
    }
    expire(&mut harness);
    assert_eq!(harness.committed("flights", 0), Some(1), "it is read");
    assert_eq!(harness.committed("planes", 0), None, "nobody reads it any more");
    harness.leave(&[(&ids[0], None)]).expect("the group");
    harness.advance(7 * DAY_MS - 1);
    expire(&mut harness);
    assert_eq!(harness.committed("flights", 0), Some(1));
    harness.advance(1);
    expire(&mut harness);
    assert_eq!(harness.state(), "Dead");
}

#[test]
fn an_old_clients_own_retention_counts() {
    let mut harness = Harness::prompt();
    let mut request = commit_request("", -1, &[("flights", 0, 1)]);
    request.retention_time_ms = 1_000;
    harness
        .run(|shard, now, out| shard.commit_offsets(now, 2, &request, out).map(drop))
        .expect("appended")
        .expect("ok");
    harness.reload();
    harness.advance(999);
    expire(&mut harness);
    assert_eq!(harness.committed("flights", 0), Some(1));
    harness.advance(1);
    expire(&mut harness);
    assert_eq!(harness.committed("flights", 0), None);
}

#[test]
fn an_empty_group_without_offsets_is_cleaned_up_but_not_one_that_somebody_is_joining() {
    let mut harness = Harness::prompt();
    let member = harness.new_member_id(&Join::default());
    expire(&mut harness);
    let joined = harness.form(&[Join::of(&member)]);
    let request = harness.send_sync(sync(&member, joined[&member].generation_id, &[&member]));
    assert_eq!(harness.sync_reply(request).expect("the assignment").error_code, 0);
    harness.leave(&[(&member, None)]).expect("the group");
    expire(&mut harness);
    assert_eq!(harness.state(), "Dead");
}
