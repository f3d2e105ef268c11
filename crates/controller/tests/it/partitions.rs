//! Elections and ISR changes.

use moldau_metadata::{LeaderRecoveryState, NO_LEADER};
use moldau_protocol::messages::alter_partition_request::{BrokerState, PartitionData, TopicData};
use moldau_protocol::messages::create_topics_request::{CreatableReplicaAssignment, CreatableTopic};
use moldau_protocol::messages::elect_leaders_request::TopicPartitions;
use moldau_protocol::messages::{AlterPartitionRequest, ElectLeadersRequest};
use moldau_types::{BrokerId, ErrorCode, Uuid};

use crate::world::{World, config, ids, topic};

/// A topic of one partition on these brokers, in this order.
fn create_on(world: &mut World, name: &str, brokers: &[i32], configs: &[(&str, &str)]) -> Uuid {
    let assignment = CreatableReplicaAssignment { partition_index: 0, broker_ids: brokers.to_vec() };
    let configs = configs.iter().map(|(name, value)| config(name, value)).collect();
    let wanted = CreatableTopic { assignments: vec![assignment], configs, ..topic(name, -1, -1) };
    let result = world.create(wanted);
    assert_eq!(result.error_message, None);
    result.topic_id
}

fn elect(world: &mut World, election_type: i8, topic: &str) -> (ErrorCode, Option<String>) {
    let asked = TopicPartitions { topic: topic.into(), partitions: vec![0] };
    let request =
        ElectLeadersRequest { election_type, topic_partitions: Some(vec![asked]), ..Default::default() };
    let response = world.decide(|c, cx| c.elect_leaders(cx, &request));
    let result = &response.replica_election_results[0].partition_result[0];
    (ErrorCode::from_code(result.error_code), result.error_message.clone())
}

/// The leader asks for another ISR with the epochs that the image has.
fn isr_request(world: &World, topic: &str, isr: &[i32]) -> AlterPartitionRequest {
    let partition = world.partition(topic, 0);
    let broker_epoch = |id| world.image.cluster.broker(BrokerId(id)).map_or(-1, |b| b.broker_epoch);
    let member = |id: &i32| BrokerState { broker_id: *id, broker_epoch: broker_epoch(*id) };
    AlterPartitionRequest {
        broker_id: partition.leader.0,
        broker_epoch: broker_epoch(partition.leader.0),
        topics: vec![TopicData {
            topic_id: world.image.topics.id_of(topic).unwrap(),
            partitions: vec![PartitionData {
                partition_index: 0,
                leader_epoch: partition.leader_epoch.0,
                new_isr_with_epochs: isr.iter().map(member).collect(),
                leader_recovery_state: 0,
                partition_epoch: partition.partition_epoch,
                ..Default::default()
            }],
        }],
    }
}

fn alter(world: &mut World, request: &AlterPartitionRequest) -> ErrorCode {
    let response = world.decide(|c, cx| c.alter_partition(cx, request));
    let code = response.topics.first().map_or(response.error_code, |topic| topic.partitions[0].error_code);
    ErrorCode::from_code(code)
}

#[test]
fn leadership_goes_back_to_the_preferred_replica() {
    let mut world = World::with_brokers(&[1, 2]);
    create_on(&mut world, "a", &[1, 2], &[]);
    let not_needed =
        (ErrorCode::ElectionNotNeeded, Some("Leader election not needed for topic partition.".into()));
    assert_eq!(elect(&mut world, 0, "a"), not_needed);
    world.heartbeat(1, true, false);
    assert_eq!(world.partition("a", 0).leader, BrokerId(2));
    let (code, _) = elect(&mut world, 0, "a");
    assert_eq!(code, ErrorCode::PreferredLeaderNotAvailable);
    world.heartbeat(1, false, false);
    let request = isr_request(&world, "a", &[1, 2]);
    assert_eq!(alter(&mut world, &request), ErrorCode::None);
    let everything = ElectLeadersRequest { topic_partitions: None, ..Default::default() };
    let response = world.decide(|c, cx| c.elect_leaders(cx, &everything));
    assert_eq!(response.replica_election_results.len(), 1);
    assert_eq!(world.partition("a", 0).leader, BrokerId(1));
    let again = world.decide(|c, cx| c.elect_leaders(cx, &everything)).replica_election_results;
    assert_eq!(again.len(), 1, "each topic is answered");
    assert!(again[0].partition_result.is_empty(), "with the partitions where something was to be done");

    // The automatic rebalance does the same.
    world.heartbeat(1, true, false);
    world.heartbeat(1, false, false);
    let request = isr_request(&world, "a", &[1, 2]);
    assert_eq!(alter(&mut world, &request), ErrorCode::None);
    world.decide(|c, cx| moldau_controller::ControllerResult::of(c.rebalance_leaders(cx.image, 10), ()));
    assert_eq!(world.partition("a", 0).leader, BrokerId(1));
}

#[test]
fn elections_of_what_does_not_exist_are_refused() {
    let mut world = World::with_brokers(&[1]);
    let unknown = (ErrorCode::UnknownTopicOrPartition, Some("No such topic as nope".into()));
    assert_eq!(elect(&mut world, 0, "nope"), unknown);
    let unknown = (ErrorCode::InvalidRequest, Some("Unknown election type 7".into()));
    assert_eq!(elect(&mut world, 7, "nope"), unknown);
    let request = ElectLeadersRequest { election_type: 7, ..Default::default() };
    let response = world.decide(|c, cx| c.elect_leaders(cx, &request));
    assert_eq!(response.error_code, ErrorCode::InvalidRequest.code());
}

#[test]
fn an_unclean_election_takes_who_is_there_and_says_so() {
    let mut world = World::with_brokers(&[1, 2]);
    // Without ELR only an unclean election can help.
    let options =
        moldau_controller::BootstrapOptions { release_version: Some("4.0".into()), ..Default::default() };
    let mut old = World::new(1, &options, &[]);
    old.start_broker(1, None);
    old.start_broker(2, None);
    std::mem::swap(&mut world, &mut old);
    create_on(&mut world, "a", &[1, 2], &[]);
    world.heartbeat(2, true, false);
    world.heartbeat(1, true, false);
    world.heartbeat(2, false, false);
    let stuck = world.partition("a", 0);
    assert_eq!((stuck.leader, &stuck.isr), (NO_LEADER, &ids(&[1])));
    assert_eq!(elect(&mut world, 0, "a").0, ErrorCode::PreferredLeaderNotAvailable);
    assert_eq!(elect(&mut world, 1, "a").0, ErrorCode::None);
    let partition = world.partition("a", 0);
    assert_eq!((partition.leader, &partition.isr), (BrokerId(2), &ids(&[2])));
    assert_eq!(partition.leader_recovery_state, LeaderRecoveryState::Recovering);
    assert_eq!(elect(&mut world, 1, "a").0, ErrorCode::ElectionNotNeeded);
    // The leader has recovered.
    let request = isr_request(&world, "a", &[2]);
    assert_eq!(alter(&mut world, &request), ErrorCode::None);
    assert_eq!(world.partition("a", 0).leader_recovery_state, LeaderRecoveryState::Recovered);
}

#[test]
fn a_topic_may_allow_unclean_elections_by_itself() {
    let options =
        moldau_controller::BootstrapOptions { release_version: Some("4.0".into()), ..Default::default() };
    let mut world = World::new(1, &options, &[]);
    world.start_broker(1, None);
    world.start_broker(2, None);
    create_on(&mut world, "a", &[1, 2], &[("unclean.leader.election.enable", "true")]);
    create_on(&mut world, "b", &[1, 2], &[]);
    world.heartbeat(2, true, false);
    world.heartbeat(1, true, false);
    world.heartbeat(2, false, false);
    assert_eq!(world.partition("a", 0).leader, BrokerId(2));
    assert_eq!(world.partition("b", 0).leader, NO_LEADER);
}

#[test]
fn replicas_that_leave_a_small_isr_stay_eligible() {
    let mut world = World::with_brokers(&[1, 2, 3]);
    create_on(&mut world, "a", &[1, 2, 3], &[("min.insync.replicas", "2")]);
    let request = isr_request(&world, "a", &[1]);
    assert_eq!(alter(&mut world, &request), ErrorCode::None);
    assert_eq!((&world.partition("a", 0).isr, &world.partition("a", 0).elr), (&ids(&[1]), &ids(&[2, 3])));
    // The leader goes: an eligible one takes over without any loss.
    world.heartbeat(1, true, false);
    let partition = world.partition("a", 0);
    assert_eq!((partition.leader, &partition.isr, &partition.elr), (BrokerId(2), &ids(&[2]), &ids(&[1, 3])));
    assert_eq!(partition.leader_recovery_state, LeaderRecoveryState::Recovered);
    let request = isr_request(&world, "a", &[2, 3]);
    assert_eq!(alter(&mut world, &request), ErrorCode::None);
    assert!(world.partition("a", 0).elr.is_empty());
    // One that stopped uncleanly is eligible no more.
    let request = isr_request(&world, "a", &[2]);
    assert_eq!(alter(&mut world, &request), ErrorCode::None);
    assert_eq!(world.partition("a", 0).elr, ids(&[3]));
    world.now_ms += 10_000;
    world.heartbeat(2, false, false);
    world.start_broker(3, None);
    assert!(world.partition("a", 0).elr.is_empty());
}

#[test]
fn an_isr_is_changed_by_its_leader_in_its_reign_only() {
    let mut world = World::with_brokers(&[1, 2, 3]);
    create_on(&mut world, "a", &[1, 2, 3], &[]);
    let good = isr_request(&world, "a", &[1, 2]);
    let mut refused = |expected: ErrorCode, change: &dyn Fn(&mut AlterPartitionRequest)| {
        let mut request = good.clone();
        change(&mut request);
        assert_eq!(alter(&mut world, &request), expected);
    };
    refused(ErrorCode::StaleBrokerEpoch, &|r| r.broker_epoch += 1);
    refused(ErrorCode::UnknownTopicId, &|r| r.topics[0].topic_id = Uuid::from_u128(9));
    refused(ErrorCode::UnknownTopicOrPartition, &|r| r.topics[0].partitions[0].partition_index = 1);
    refused(ErrorCode::NotController, &|r| r.topics[0].partitions[0].leader_epoch += 1);
    refused(ErrorCode::FencedLeaderEpoch, &|r| r.topics[0].partitions[0].leader_epoch -= 1);
    refused(ErrorCode::NotController, &|r| r.topics[0].partitions[0].partition_epoch += 1);
    refused(ErrorCode::InvalidUpdateVersion, &|r| r.topics[0].partitions[0].partition_epoch -= 1);
    refused(ErrorCode::InvalidRequest, &|r| {
        r.topics[0].partitions[0].new_isr_with_epochs.retain(|m| m.broker_id != 1)
    });
    refused(ErrorCode::InvalidRequest, &|r| r.topics[0].partitions[0].leader_recovery_state = 1);
    refused(ErrorCode::InvalidRequest, &|r| r.topics[0].partitions[0].new_isr_with_epochs[1].broker_id = 4);
    refused(ErrorCode::IneligibleReplica, &|r| {
        r.topics[0].partitions[0].new_isr_with_epochs[1].broker_epoch = 1
    });
    let follower = world.image.cluster.broker(BrokerId(2)).unwrap().broker_epoch;
    let mut from_follower = good.clone();
    (from_follower.broker_id, from_follower.broker_epoch) = (2, follower);
    assert_eq!(alter(&mut world, &from_follower), ErrorCode::InvalidRequest);
    assert_eq!(alter(&mut world, &good), ErrorCode::None);
    assert_eq!(world.partition("a", 0).isr, ids(&[1, 2]));
    // Version 2 has no broker epochs.
    let mut older = isr_request(&world, "a", &[]);
    older.topics[0].partitions[0].new_isr = vec![1, 2, 3];
    assert_eq!(alter(&mut world, &older), ErrorCode::None);
    assert_eq!(world.partition("a", 0).isr, ids(&[1, 2, 3]));
    world.heartbeat(3, true, false);
    let fenced = isr_request(&world, "a", &[1, 2, 3]);
    assert_eq!(alter(&mut world, &fenced), ErrorCode::IneligibleReplica);
}
