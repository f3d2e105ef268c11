//! A cluster without nodes: an image, a controller, and what must hold after each step.

use std::collections::{BTreeMap, BTreeSet};

use moldau_config::Settings;
use moldau_controller::{
    BootstrapOptions, Context, Controller, ControllerResult, ControllerSettings, bootstrap_records,
};
use moldau_metadata::{
    MetadataDelta, MetadataImage, MetadataRecord, MetadataVersion, PartitionRegistration, feature,
};
use moldau_protocol::messages::broker_registration_request::{Feature, Listener};
use moldau_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use moldau_protocol::messages::create_topics_response::CreatableTopicResult;
use moldau_protocol::messages::{
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationRequest, CreateTopicsRequest,
};
use moldau_types::{BrokerId, ErrorCode, LeaderEpoch, Offset, PartitionIndex, Uuid};
use rand::SeedableRng;
use rand::rngs::SmallRng;

pub(crate) const CLUSTER_ID: &str = "AAAAAAAAAAAAAAAAAAAAAQ";

pub(crate) struct World {
    pub(crate) controller: Controller,
    pub(crate) image: MetadataImage,
    pub(crate) next_offset: i64,
    pub(crate) now_ms: i64,
    pub(crate) rng: SmallRng,
    /// Highest epochs seen of each partition.
    epochs: BTreeMap<(Uuid, PartitionIndex), (LeaderEpoch, i32)>,
}

impl World {
    /// A cluster after its first start, without brokers.
    pub(crate) fn new(seed: u64, options: &BootstrapOptions, configs: &[(&str, &str)]) -> World {
        let pairs = configs.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let (settings, _) = Settings::load(pairs).unwrap();
        let (records, _) = bootstrap_records(options, &settings, true).unwrap();
        let settings = ControllerSettings::new(BrokerId(1), CLUSTER_ID, &settings);
        let mut world = World {
            controller: Controller::new(settings, &MetadataImage::default(), 0),
            image: MetadataImage::default(),
            next_offset: 3,
            now_ms: 1_000,
            rng: SmallRng::seed_from_u64(seed),
            epochs: BTreeMap::new(),
        };
        world.apply(ControllerResult::atomic(records, ()));
        world
    }

    /// The latest features and one running broker for each id.
    pub(crate) fn with_brokers(ids: &[i32]) -> World {
        let mut world = World::new(1, &BootstrapOptions::default(), &[]);
        for id in ids {
            world.start_broker(*id, None);
        }
        world
    }

    /// Makes a decision and applies its records.
    pub(crate) fn decide<R>(
        &mut self,
        decision: impl FnOnce(&mut Controller, &mut Context<'_>) -> ControllerResult<R>,
    ) -> R {
        let image = self.image.clone();
        let mut cx = Context {
            image: &image,
            next_offset: Offset(self.next_offset),
            now_ms: self.now_ms,
            kraft_version: 1,
            rng: &mut self.rng,
        };
        let result = decision(&mut self.controller, &mut cx);
        self.apply(result)
    }

    /// Replays what a decision wrote, as it would come back from the log, and checks what must always hold.
    pub(crate) fn apply<R>(&mut self, result: ControllerResult<R>) -> R {
        let mut delta = MetadataDelta::new(&self.image);
        let version = result
            .records
            .iter()
            .find_map(|record| match record {
                MetadataRecord::FeatureLevel(f) if f.name == MetadataVersion::FEATURE_NAME => {
                    MetadataVersion::from_level(f.feature_level)
                }
                _ => None,
            })
            .unwrap_or(self.image.features.version());
        for record in &result.records {
            let mut bytes = Vec::new();
            record.encode(&mut bytes, version).unwrap_or_else(|error| panic!("{record:?}: {error:?}"));
            let read = MetadataRecord::decode(&bytes).unwrap();
            assert_eq!(&read, record, "the record survives the log at {version}");
            delta
                .replay_at(&read, Offset(self.next_offset), LeaderEpoch(1), self.now_ms)
                .unwrap_or_else(|error| panic!("{record:?}: {error}"));
            self.next_offset += 1;
        }
        self.image = delta.finish().0;
        self.check();
        result.response
    }

    /// The invariants of the whole image.
    pub(crate) fn check(&mut self) {
        let image = &self.image;
        let mut forms = BTreeSet::new();
        for topic in image.topics.iter() {
            assert!(forms.insert(topic.name.replace('.', "_")), "{} collides", topic.name);
            assert_eq!(image.topics.id_of(&topic.name), Some(topic.id));
            assert!(!topic.partitions.is_empty());
            for (index, partition) in &topic.partitions {
                check_partition(partition);
                let epochs = (partition.leader_epoch, partition.partition_epoch);
                let before = self.epochs.insert((topic.id, *index), epochs).unwrap_or(epochs);
                assert!(
                    before.0 <= epochs.0 && before.1 <= epochs.1,
                    "epochs went back: {before:?} {epochs:?}"
                );
                if partition.has_leader() {
                    assert!(
                        image.cluster.is_active(partition.leader),
                        "{}-{index}: {partition:?}",
                        topic.name
                    );
                }
            }
            let indexes = topic.partitions.keys().map(|index| index.0);
            assert!(indexes.eq(0..topic.partitions.len() as i32));
        }
        for (resource, _) in image.configs.iter() {
            let of_topic = resource.resource_type == moldau_metadata::ConfigResourceType::Topic;
            assert!(
                !of_topic || image.topics.by_name(&resource.name).is_some(),
                "configs of no topic: {resource:?}"
            );
        }
    }

    /// The image is what its own snapshot says.
    pub(crate) fn check_snapshot(&self) {
        let mut again = MetadataDelta::from_snapshot(&MetadataImage::default());
        for record in self.image.to_records(self.image.features.version()) {
            again.replay(&record).unwrap();
        }
        assert!(again.finish_snapshot().0.same_contents(&self.image));
    }

    pub(crate) fn registration(&mut self, id: i32, previous_broker_epoch: i64) -> BrokerRegistrationRequest {
        let features = feature::supported_features().into_iter().map(|(name, range)| Feature {
            name: name.to_owned(),
            min_supported_version: range.min,
            max_supported_version: range.max,
        });
        BrokerRegistrationRequest {
            broker_id: id,
            cluster_id: CLUSTER_ID.to_owned(),
            incarnation_id: Uuid::random_from(&mut self.rng),
            listeners: vec![Listener {
                name: "PLAINTEXT".to_owned(),
                host: "127.0.0.1".to_owned(),
                port: 9092,
                security_protocol: 0,
            }],
            features: features.collect(),
            rack: None,
            is_migrating_zk_broker: false,
            log_dirs: vec![Uuid::from_u128(1000 + id as u128)],
            previous_broker_epoch,
        }
    }

    /// Registers a broker and lets it catch up; gives its broker epoch.
    pub(crate) fn start_broker(&mut self, id: i32, previous_broker_epoch: Option<i64>) -> i64 {
        let request = self.registration(id, previous_broker_epoch.unwrap_or(-1));
        let response = self.decide(|c, cx| c.register_broker(cx, &request, true).unwrap());
        let answer = self.heartbeat(id, false, false);
        assert!(!answer.is_fenced);
        response.broker_epoch
    }

    /// A heartbeat of a broker that has read everything.
    pub(crate) fn heartbeat(
        &mut self,
        id: i32,
        want_fence: bool,
        want_shut_down: bool,
    ) -> BrokerHeartbeatResponse {
        let request = BrokerHeartbeatRequest {
            broker_id: id,
            broker_epoch: self.image.cluster.broker(BrokerId(id)).map_or(-1, |broker| broker.broker_epoch),
            current_metadata_offset: self.next_offset - 1,
            want_fence,
            want_shut_down,
            cordoned_log_dirs: Some(Vec::new()),
            ..Default::default()
        };
        self.decide(|c, cx| c.broker_heartbeat(cx, &request))
    }

    /// Stops a broker cleanly, as far as other brokers let it.
    pub(crate) fn stop_broker(&mut self, id: i32) {
        let others: Vec<i32> =
            self.image.cluster.brokers().map(|b| b.id.0).filter(|other| *other != id).collect();
        for _ in 0..3 {
            if self.heartbeat(id, false, true).should_shut_down {
                return;
            }
            for other in &others {
                self.heartbeat(*other, false, false);
            }
        }
        panic!("broker {id} was never let go");
    }

    pub(crate) fn create(&mut self, topic: CreatableTopic) -> CreatableTopicResult {
        let request = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
        self.decide(|c, cx| c.create_topics(cx, &request)).topics.remove(0)
    }

    /// Creates a topic that must succeed.
    pub(crate) fn create_ok(&mut self, name: &str, partitions: i32, replicas: i16) -> Uuid {
        let result = self.create(topic(name, partitions, replicas));
        assert_eq!((result.error_code, &result.error_message), (0, &None));
        result.topic_id
    }

    pub(crate) fn partition(&self, topic: &str, index: i32) -> &PartitionRegistration {
        self.image.topics.partition(topic, PartitionIndex(index)).unwrap()
    }
}

fn check_partition(partition: &PartitionRegistration) {
    let PartitionRegistration { replicas, isr, elr, leader, directories, .. } = partition;
    let distinct = |ids: &[BrokerId]| ids.iter().collect::<BTreeSet<_>>().len() == ids.len();
    assert!(!partition.has_leader() || isr.contains(leader), "{partition:?}");
    assert!(!replicas.is_empty() && distinct(replicas) && distinct(isr) && distinct(elr), "{partition:?}");
    assert!(isr.iter().chain(elr).all(|id| replicas.contains(id)), "{partition:?}");
    assert!(!elr.iter().any(|id| isr.contains(id)), "{partition:?}");
    assert_eq!(directories.len(), replicas.len(), "{partition:?}");
}

pub(crate) fn topic(name: &str, num_partitions: i32, replication_factor: i16) -> CreatableTopic {
    CreatableTopic { name: name.to_owned(), num_partitions, replication_factor, ..Default::default() }
}

pub(crate) fn config(name: &str, value: &str) -> CreatableTopicConfig {
    CreatableTopicConfig { name: name.to_owned(), value: Some(value.to_owned()) }
}

#[track_caller]
pub(crate) fn assert_error(code: i16, message: &Option<String>, expected: ErrorCode, text: &str) {
    assert_eq!((ErrorCode::from_code(code), message.as_deref().unwrap_or_default()), (expected, text));
}

pub(crate) fn ids(raw: &[i32]) -> Vec<BrokerId> {
    raw.iter().copied().map(BrokerId).collect()
}
