//! Brokers come, go, stop uncleanly and lose directories.

use moldau_controller::BootstrapOptions;
use moldau_metadata::{LeaderRecoveryState, MetadataRecord, NO_LEADER};
use moldau_protocol::messages::{BrokerHeartbeatRequest, UnregisterBrokerRequest};
use moldau_types::{BrokerId, ErrorCode, LeaderEpoch, Uuid};

use crate::world::{World, ids};

#[test]
fn a_clean_restart_of_a_single_replica_raises_the_leader_epoch_by_two() {
    let mut world = World::new(1, &BootstrapOptions::default(), &[]);
    let broker_epoch = world.start_broker(1, None);
    world.create_ok("a", 1, 1);
    assert_eq!(world.partition("a", 0).leader_epoch, LeaderEpoch(0));

    // As in a log of the reference: one batch empties the ISR, the next fences the broker.
    assert!(!world.heartbeat(1, false, true).should_shut_down);
    let stopped = world.partition("a", 0);
    assert_eq!((stopped.leader, stopped.leader_epoch), (NO_LEADER, LeaderEpoch(1)));
    assert_eq!((&stopped.isr, &stopped.elr, &stopped.last_known_elr), (&vec![], &ids(&[1]), &ids(&[1])));
    let answer = world.heartbeat(1, false, true);
    assert!(answer.should_shut_down && answer.is_fenced);

    world.start_broker(1, Some(broker_epoch));
    let back = world.partition("a", 0);
    assert_eq!((back.leader, back.leader_epoch), (BrokerId(1), LeaderEpoch(2)));
    assert_eq!((&back.isr, &back.elr, &back.last_known_elr), (&ids(&[1]), &vec![], &vec![]));
    assert_eq!(back.leader_recovery_state, LeaderRecoveryState::Recovered);
}

#[test]
fn a_single_replica_that_stopped_uncleanly_leads_again_and_has_to_recover() {
    let mut world = World::with_brokers(&[1]);
    world.create_ok("a", 1, 1);
    world.now_ms += 10_000;
    world.start_broker(1, None);
    let back = world.partition("a", 0);
    assert_eq!((back.leader, &back.isr), (BrokerId(1), &ids(&[1])));
    assert_eq!(back.leader_recovery_state, LeaderRecoveryState::Recovering);
}

#[test]
fn without_elr_a_single_replica_stays_in_the_isr_while_it_is_away() {
    let mut world =
        World::new(1, &BootstrapOptions { release_version: Some("4.0".into()), ..Default::default() }, &[]);
    let epoch = world.start_broker(1, None);
    world.create_ok("a", 1, 1);
    world.stop_broker(1);
    assert_eq!((world.partition("a", 0).leader, &world.partition("a", 0).isr), (NO_LEADER, &ids(&[1])));
    world.start_broker(1, Some(epoch));
    assert_eq!(world.partition("a", 0).leader, BrokerId(1));
    assert_eq!(world.partition("a", 0).leader_epoch, LeaderEpoch(2));
}

#[test]
fn the_broker_epoch_is_the_offset_of_the_registration_record() {
    let mut world = World::with_brokers(&[1]);
    world.create_ok("a", 3, 1);
    world.now_ms += 10_000;
    let request = world.registration(1, -1);
    let offset = world.next_offset;
    let response = world.decide(|c, cx| {
        let result = c.register_broker(cx, &request, true).unwrap();
        let at = result.records.iter().position(|r| matches!(r, MetadataRecord::RegisterBroker(_))).unwrap();
        assert_eq!(result.response.broker_epoch, offset + at as i64);
        result
    });
    assert_eq!(response.broker_epoch, world.next_offset - 1);
}

#[test]
fn registrations_that_cannot_be_meant_are_refused() {
    let mut world = World::with_brokers(&[1]);
    let good = world.registration(1, -1);
    let refused = |world: &mut World, change: &dyn Fn(&mut _)| {
        let mut request = good.clone();
        change(&mut request);
        let image = world.image.clone();
        let mut cx = moldau_controller::Context {
            image: &image,
            next_offset: moldau_types::Offset(world.next_offset),
            now_ms: world.now_ms,
            kraft_version: 1,
            rng: &mut world.rng,
        };
        world.controller.register_broker(&mut cx, &request, true).unwrap_err()
    };
    // The running incarnation has a session.
    assert_eq!(refused(&mut world, &|_| {}).code, ErrorCode::DuplicateBrokerRegistration);
    world.now_ms += 10_000;
    let error = refused(&mut world, &|r: &mut moldau_protocol::messages::BrokerRegistrationRequest| {
        r.cluster_id = "other".into();
    });
    assert_eq!(error.code, ErrorCode::InconsistentClusterId);
    assert_eq!(error.message, "Expected cluster ID AAAAAAAAAAAAAAAAAAAAAQ, but got cluster ID other");
    assert_eq!(refused(&mut world, &|r| r.log_dirs.clear()).code, ErrorCode::InvalidRegistration);
    assert_eq!(refused(&mut world, &|r| r.log_dirs = vec![Uuid::ONE]).code, ErrorCode::InvalidRegistration);
    let error = refused(&mut world, &|r| r.features.retain(|f| f.name != "eligible.leader.replicas.version"));
    assert_eq!(error.code, ErrorCode::UnsupportedVersion);
    assert!(error.message.contains("finalized version 1 of eligible.leader.replicas.version"), "{error}");
    let error = refused(&mut world, &|r| r.features.retain(|f| f.name != "metadata.version"));
    assert_eq!(error.message, "Request features do not contain 'metadata.version'");
}

#[test]
fn leadership_moves_when_a_broker_stops_and_the_broker_waits_until_others_know() {
    let mut world = World::with_brokers(&[1, 2, 3]);
    world.create_ok("a", 6, 3);
    let answer = world.heartbeat(2, false, true);
    assert!(!answer.should_shut_down);
    for index in 0..6 {
        let partition = world.partition("a", index);
        assert_ne!(partition.leader, BrokerId(2));
        assert!(!partition.isr.contains(&BrokerId(2)) && partition.isr.len() == 2);
    }
    // It leads nothing any more, but broker 1 and 3 have not said that they know.
    assert!(!world.heartbeat(2, false, true).should_shut_down);
    world.heartbeat(1, false, false);
    assert!(!world.heartbeat(2, false, true).should_shut_down);
    world.heartbeat(3, false, false);
    assert!(world.heartbeat(2, false, true).should_shut_down);
}

#[test]
fn a_silent_broker_is_fenced_and_one_that_speaks_is_not() {
    let mut world = World::with_brokers(&[1, 2]);
    world.create_ok("a", 4, 2);
    world.now_ms += 8_999;
    world.heartbeat(2, false, false);
    let fence = |world: &mut World| {
        let mut fenced = None;
        world.decide(|c, cx| match c.fence_stale_broker(cx) {
            Some((broker, result)) => {
                fenced = Some(broker);
                result
            }
            None => moldau_controller::ControllerResult::unchanged(()),
        });
        fenced
    };
    assert_eq!(fence(&mut world), None);
    world.now_ms += 1;
    assert_eq!(fence(&mut world), Some(BrokerId(1)));
    assert_eq!(fence(&mut world), None);
    for index in 0..4 {
        assert_eq!(world.partition("a", index).leader, BrokerId(2));
    }
    // Its next heartbeat brings it back.
    assert!(!world.heartbeat(1, false, false).is_fenced);
}

#[test]
fn a_heartbeat_of_an_earlier_incarnation_is_refused() {
    let mut world = World::with_brokers(&[1]);
    let request = BrokerHeartbeatRequest { broker_id: 1, broker_epoch: 1, ..Default::default() };
    let response = world.decide(|c, cx| c.broker_heartbeat(cx, &request));
    assert_eq!(response.error_code, ErrorCode::StaleBrokerEpoch.code());
}

#[test]
fn a_broker_that_has_not_read_its_registration_stays_fenced() {
    let mut world = World::new(1, &BootstrapOptions::default(), &[]);
    let request = world.registration(1, -1);
    let broker_epoch = world.decide(|c, cx| c.register_broker(cx, &request, true).unwrap()).broker_epoch;
    let request = BrokerHeartbeatRequest {
        broker_id: 1,
        broker_epoch,
        current_metadata_offset: 3,
        ..Default::default()
    };
    let response = world.decide(|c, cx| c.broker_heartbeat(cx, &request));
    assert!(response.is_fenced && !response.is_caught_up);
    let response = world.heartbeat(1, true, false);
    assert!(response.is_fenced && response.is_caught_up);
    assert!(!world.heartbeat(1, false, false).is_fenced);
}

#[test]
fn replicas_in_a_lost_directory_go_offline() {
    let mut world = World::new(1, &BootstrapOptions::default(), &[]);
    let mut request = world.registration(1, -1);
    let (first, second) = (Uuid::from_u128(1001), Uuid::from_u128(2001));
    request.log_dirs = vec![first, second];
    let broker_epoch = world.decide(|c, cx| c.register_broker(cx, &request, true).unwrap()).broker_epoch;
    world.heartbeat(1, false, false);
    let topic_id = world.create_ok("a", 2, 1);
    assert_eq!(world.partition("a", 0).directories, [Uuid::UNASSIGNED_DIR]);
    let assign = moldau_protocol::messages::AssignReplicasToDirsRequest {
        broker_id: 1,
        broker_epoch,
        directories: [(first, 0), (second, 1)]
            .map(|(id, partition_index)| {
                use moldau_protocol::messages::assign_replicas_to_dirs_request::*;
                let partitions = vec![PartitionData { partition_index }];
                DirectoryData { id, topics: vec![TopicData { topic_id, partitions }] }
            })
            .to_vec(),
    };
    let response = world.decide(|c, cx| c.assign_replicas_to_dirs(cx, &assign));
    assert!(response.directories.iter().all(|d| d.topics[0].partitions[0].error_code == 0));
    assert_eq!(world.partition("a", 1).directories, [second]);
    let request = BrokerHeartbeatRequest {
        broker_id: 1,
        broker_epoch,
        current_metadata_offset: world.next_offset,
        offline_log_dirs: vec![second],
        ..Default::default()
    };
    world.decide(|c, cx| c.broker_heartbeat(cx, &request));
    assert_eq!(world.image.cluster.broker(BrokerId(1)).unwrap().directories, [first]);
    assert_eq!(world.partition("a", 0).leader, BrokerId(1));
    assert_eq!(world.partition("a", 1).leader, NO_LEADER);
    // Found in the other directory, the replica leads again.
    let mut assign = assign;
    assign.directories.remove(0);
    assign.directories[0].id = first;
    world.decide(|c, cx| c.assign_replicas_to_dirs(cx, &assign));
    assert_eq!(
        (world.partition("a", 1).leader, &world.partition("a", 1).directories[..]),
        (BrokerId(1), &[first][..])
    );
}

#[test]
fn an_unregistered_broker_leaves_its_partitions() {
    let mut world = World::with_brokers(&[1, 2]);
    world.create_ok("a", 2, 2);
    let response = world.decide(|c, cx| c.unregister_broker(cx, &UnregisterBrokerRequest { broker_id: 2 }));
    assert_eq!(response.error_code, 0);
    assert!(world.image.cluster.broker(BrokerId(2)).is_none());
    assert_eq!(world.partition("a", 0).isr, ids(&[1]));
    let response = world.decide(|c, cx| c.unregister_broker(cx, &UnregisterBrokerRequest { broker_id: 2 }));
    assert_eq!(response.error_message.as_deref(), Some("Broker ID 2 is not currently registered"));
}
