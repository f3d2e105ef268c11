//! Random requests, valid and not, against one cluster: what must hold is checked after each step, and the seed of a
//! failing history is printed.
//!
//! `MOLDAU_SEEDS=N` runs N histories, `MOLDAU_SEED=S` the one of a seed.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use moldau_controller::{BootstrapOptions, ControllerResult};
use moldau_metadata::{ConfigResource, MetadataVersion};
use moldau_protocol::messages::alter_partition_request::{BrokerState, PartitionData, TopicData};
use moldau_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use moldau_protocol::messages::create_topics_request::CreatableReplicaAssignment;
use moldau_protocol::messages::delete_topics_request::DeleteTopicState;
use moldau_protocol::messages::elect_leaders_request::TopicPartitions;
use moldau_protocol::messages::incremental_alter_configs_request as incremental;
use moldau_protocol::messages::update_features_request::FeatureUpdateKey;
use moldau_protocol::messages::{
    AllocateProducerIdsRequest, AlterPartitionRequest, BrokerHeartbeatRequest, CreatePartitionsRequest,
    CreateTopicsRequest, DeleteTopicsRequest, ElectLeadersRequest, IncrementalAlterConfigsRequest,
    UnregisterBrokerRequest, UpdateFeaturesRequest,
};
use moldau_types::{BrokerId, Uuid};
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom, IteratorRandom};
use rand::{Rng, SeedableRng};

use crate::world::{World, config, topic};

const NAMES: [&str; 9] = ["a", "a.b", "a_b", "b", "orders", "orders.eu", "orders_eu", "bad/name", ""];
const BROKERS: std::ops::RangeInclusive<i32> = 1..=5;

#[test]
fn random_histories_keep_what_must_hold() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("MOLDAU_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("MOLDAU_SEEDS").unwrap_or(60),
    };
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(seed))) {
            eprintln!("the history of seed {seed} failed: MOLDAU_SEED={seed} repeats it");
            resume_unwind(panic);
        }
    }
}

struct Simulation {
    world: World,
    rng: SmallRng,
}

fn run(seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let release = ["3.3", "3.6", "3.9", "4.0", "4.1", "4.3"].choose(&mut rng).map(|text| text.to_string());
    let unclean = *["false", "false", "true"].choose(&mut rng).unwrap();
    let min_isr = *["1", "2"].choose(&mut rng).unwrap();
    let configs = [("unclean.leader.election.enable", unclean), ("min.insync.replicas", min_isr)];
    let options = BootstrapOptions { release_version: release, ..Default::default() };
    let mut simulation = Simulation { world: World::new(seed, &options, &configs), rng };
    for step in 0..300 {
        simulation.step();
        if step % 10 == 0 {
            simulation.world.check_snapshot();
        }
    }
    simulation.world.check_snapshot();
    simulation.everyone_comes_back();
}

impl Simulation {
    fn step(&mut self) {
        self.world.now_ms += self.rng.random_range(0..1500);
        match self.rng.random_range(0..100) {
            0..8 => self.register(),
            8..40 => self.heartbeat(),
            40..45 => self.fence_stale(),
            45..57 => self.create_topics(),
            57..62 => self.delete_topics(),
            62..68 => self.create_partitions(),
            68..78 => self.alter_partition(),
            78..84 => self.alter_configs(),
            84..90 => self.elect(),
            90..92 => self.update_features(),
            92..94 => self.unregister(),
            94..97 => self.allocate(),
            _ => {
                let limit = self.rng.random_range(0..5);
                self.world.decide(|c, cx| ControllerResult::of(c.rebalance_leaders(cx.image, limit), ()));
                self.world
                    .decide(|c, cx| ControllerResult::of(c.elect_unclean_where_allowed(cx.image, limit), ()));
            }
        }
    }

    fn broker(&mut self) -> i32 {
        self.rng.random_range(BROKERS)
    }

    fn broker_epoch(&mut self, id: i32) -> i64 {
        let current = self.world.image.cluster.broker(BrokerId(id)).map_or(-1, |broker| broker.broker_epoch);
        if self.rng.random_ratio(1, 20) { current - 1 } else { current }
    }

    fn name(&mut self) -> String {
        NAMES.choose(&mut self.rng).unwrap().to_string()
    }

    fn brokers(&mut self) -> Vec<i32> {
        (0..self.rng.random_range(0..4)).map(|_| self.rng.random_range(0..=6)).collect()
    }

    fn register(&mut self) {
        let id = self.broker();
        let previous = self.broker_epoch(id);
        let mut request = self.world.registration(id, if self.rng.random() { previous } else { -1 });
        if self.rng.random_ratio(1, 3) {
            request.log_dirs.push(Uuid::from_u128(2000 + id as u128));
        }
        if self.rng.random_ratio(1, 4)
            && let Some(existing) = self.world.image.cluster.broker(BrokerId(id))
        {
            request.incarnation_id = existing.incarnation_id;
        }
        if self.rng.random_ratio(1, 15) {
            request.cluster_id.push('x');
        }
        request.rack = ["x", "y"].choose(&mut self.rng).map(|rack| rack.to_string());
        let detects = self.rng.random();
        self.world.decide(|c, cx| match c.register_broker(cx, &request, detects) {
            Ok(result) => ControllerResult { records: result.records, response: (), atomic: true },
            Err(_) => ControllerResult::unchanged(()),
        });
    }

    fn heartbeat(&mut self) {
        let broker_id = self.broker();
        let offline = Uuid::from_u128(2000 + broker_id as u128);
        let request = BrokerHeartbeatRequest {
            broker_id,
            broker_epoch: self.broker_epoch(broker_id),
            current_metadata_offset: self.world.next_offset - self.rng.random_range(1..4),
            want_fence: self.rng.random_ratio(1, 6),
            want_shut_down: self.rng.random_ratio(1, 6),
            offline_log_dirs: if self.rng.random_ratio(1, 8) { vec![offline] } else { Vec::new() },
            cordoned_log_dirs: self.rng.random::<bool>().then(Vec::new),
        };
        self.world.decide(|c, cx| c.broker_heartbeat(cx, &request));
    }

    fn fence_stale(&mut self) {
        self.world.decide(|c, cx| match c.fence_stale_broker(cx) {
            Some((_, result)) => result,
            None => ControllerResult::unchanged(()),
        });
    }

    fn create_topics(&mut self) {
        let count = self.rng.random_range(1..4);
        let mut topics = Vec::new();
        for _ in 0..count {
            let mut wanted = topic(&self.name(), self.rng.random_range(-1..5), self.rng.random_range(-1..4));
            if self.rng.random_ratio(1, 4) {
                (wanted.num_partitions, wanted.replication_factor) = (-1, -1);
                for partition_index in 0..self.rng.random_range(1..3) {
                    let broker_ids = self.brokers();
                    wanted.assignments.push(CreatableReplicaAssignment { partition_index, broker_ids });
                }
            }
            if self.rng.random_ratio(1, 3) {
                let value = ["1", "2", "3", "x"].choose(&mut self.rng).unwrap();
                wanted.configs.push(config("min.insync.replicas", value));
            }
            topics.push(wanted);
        }
        let validate_only = self.rng.random_ratio(1, 4);
        let request = CreateTopicsRequest { topics, validate_only, ..Default::default() };
        let before = self.world.next_offset;
        self.world.decide(|c, cx| c.create_topics(cx, &request));
        assert!(!validate_only || self.world.next_offset == before, "validate-only changed something");
    }

    fn delete_topics(&mut self) {
        let by_name = self.name();
        let existing = self.world.image.topics.iter().map(|topic| topic.id).min();
        let mut topics = vec![DeleteTopicState { name: Some(by_name), ..Default::default() }];
        if self.rng.random() {
            topics.push(DeleteTopicState { name: None, topic_id: existing.unwrap_or(Uuid::from_u128(7)) });
        }
        let request = DeleteTopicsRequest { topics, ..Default::default() };
        self.world.decide(|c, cx| c.delete_topics(cx, &request));
    }

    fn create_partitions(&mut self) {
        let lists: Vec<_> = (0..self.rng.random_range(1..3)).map(|_| self.brokers()).collect();
        let given = lists.into_iter().map(|broker_ids| CreatePartitionsAssignment { broker_ids });
        let assignments = self.rng.random_ratio(1, 3).then(|| given.collect());
        let wanted =
            CreatePartitionsTopic { name: self.name(), count: self.rng.random_range(-1..8), assignments };
        let validate_only = self.rng.random_ratio(1, 4);
        let request = CreatePartitionsRequest { topics: vec![wanted], validate_only, ..Default::default() };
        let before = self.world.next_offset;
        self.world.decide(|c, cx| c.create_partitions(cx, &request));
        assert!(!validate_only || self.world.next_offset == before, "validate-only changed something");
    }

    fn alter_partition(&mut self) {
        let mut topics: Vec<_> = self.world.image.topics.sorted().into_iter().cloned().collect();
        topics.retain(|topic| topic.partitions.values().any(|partition| partition.has_leader()));
        let Some(topic) = topics.choose(&mut self.rng) else { return };
        let led = topic.partitions.iter().filter(|(_, partition)| partition.has_leader());
        let Some((index, partition)) = led.choose(&mut self.rng) else { return };
        let amount = self.rng.random_range(0..4);
        let mut isr = partition.replicas.iter().map(|id| id.0).choose_multiple(&mut self.rng, amount);
        if self.rng.random_ratio(9, 10) && !isr.contains(&partition.leader.0) {
            isr.push(partition.leader.0);
        }
        let stale = i32::from(self.rng.random_ratio(1, 10));
        let recovering = i8::from(self.rng.random_ratio(1, 10));
        let asked = PartitionData {
            partition_index: index.0,
            leader_epoch: partition.leader_epoch.0 - stale,
            new_isr_with_epochs: isr
                .into_iter()
                .map(|broker_id| BrokerState { broker_id, broker_epoch: self.broker_epoch(broker_id) })
                .collect(),
            leader_recovery_state: recovering,
            partition_epoch: partition.partition_epoch,
            ..Default::default()
        };
        let request = AlterPartitionRequest {
            broker_id: partition.leader.0,
            broker_epoch: self.broker_epoch(partition.leader.0),
            topics: vec![TopicData { topic_id: topic.id, partitions: vec![asked] }],
        };
        self.world.decide(|c, cx| c.alter_partition(cx, &request));
    }

    fn alter_configs(&mut self) {
        let (resource_type, resource_name) = match self.rng.random_range(0..4) {
            0 => (4, String::new()),
            1 => (4, self.broker().to_string()),
            _ => (2, self.name()),
        };
        let keys = [
            "min.insync.replicas",
            "unclean.leader.election.enable",
            "cleanup.policy",
            "retention.ms",
            "nope",
        ];
        let values = ["1", "2", "true", "false", "compact", "delete"];
        let config = |rng: &mut SmallRng| incremental::AlterableConfig {
            name: keys.choose(rng).unwrap().to_string(),
            config_operation: rng.random_range(0..5),
            value: values.choose(rng).map(|value| value.to_string()),
        };
        let configs = (0..self.rng.random_range(1..3)).map(|_| config(&mut self.rng)).collect();
        let resources = vec![incremental::AlterConfigsResource { resource_type, resource_name, configs }];
        let validate_only = self.rng.random_ratio(1, 5);
        let request = IncrementalAlterConfigsRequest { resources, validate_only };
        let before = self.world.next_offset;
        self.world.decide(|c, cx| c.incremental_alter_configs(cx, &request));
        assert!(!validate_only || self.world.next_offset == before, "validate-only changed something");
    }

    fn elect(&mut self) {
        let topic = self.name();
        let asked = TopicPartitions { topic, partitions: vec![0, 1, 0] };
        let request = ElectLeadersRequest {
            election_type: self.rng.random_range(0..3),
            topic_partitions: self.rng.random::<bool>().then(|| vec![asked]),
            ..Default::default()
        };
        self.world.decide(|c, cx| c.elect_leaders(cx, &request));
    }

    fn update_features(&mut self) {
        let (feature, level) = match self.rng.random_range(0..4) {
            0 => ("eligible.leader.replicas.version", self.rng.random_range(0..3)),
            1 => ("group.version", self.rng.random_range(-1..2)),
            _ => ("metadata.version", self.rng.random_range(6..32)),
        };
        let update = FeatureUpdateKey {
            feature: feature.to_owned(),
            max_version_level: level,
            upgrade_type: self.rng.random_range(0..5),
            ..Default::default()
        };
        let validate_only = self.rng.random_ratio(1, 4);
        let request =
            UpdateFeaturesRequest { feature_updates: vec![update], validate_only, ..Default::default() };
        let before = self.world.next_offset;
        self.world.decide(|c, cx| c.update_features(cx, &request));
        assert!(!validate_only || self.world.next_offset == before, "validate-only changed something");
    }

    fn unregister(&mut self) {
        let broker_id = self.broker();
        if self.rng.random_ratio(1, 3) {
            self.world.decide(|c, cx| c.unregister_broker(cx, &UnregisterBrokerRequest { broker_id }));
        }
    }

    fn allocate(&mut self) {
        let broker_id = self.broker();
        let broker_epoch = self.broker_epoch(broker_id);
        let before = self.world.image.producer_ids.next_producer_id;
        let request = AllocateProducerIdsRequest { broker_id, broker_epoch };
        let response = self.world.decide(|c, cx| c.allocate_producer_ids(cx, &request));
        if response.error_code == 0 {
            assert_eq!(response.producer_id_start, before);
            assert_eq!(self.world.image.producer_ids.next_producer_id, before + 1000);
        }
    }

    /// After any history: once every broker is back, a partition that kept an in-sync or eligible replica has a leader.
    fn everyone_comes_back(&mut self) {
        self.world.now_ms += 10_000;
        for id in BROKERS {
            let previous = self.world.image.cluster.broker(BrokerId(id)).map(|broker| broker.broker_epoch);
            let mut request = self.world.registration(id, previous.unwrap_or(-1));
            request.log_dirs.push(Uuid::from_u128(2000 + id as u128));
            self.world.decide(|c, cx| c.register_broker(cx, &request, true).unwrap());
            self.world.heartbeat(id, false, false);
        }
        assert!(self.world.image.features.version() >= MetadataVersion::MINIMUM);
        for topic in self.world.image.topics.sorted() {
            for (index, partition) in &topic.partitions {
                let known = !partition.isr.is_empty() || !partition.elr.is_empty();
                assert!(
                    partition.has_leader() || !known,
                    "{}-{index} has no leader although all are back: {partition:?}",
                    topic.name
                );
            }
            assert!(self.world.image.configs.get(&ConfigResource::topic(&*topic.name)).len() < 10);
        }
    }
}
