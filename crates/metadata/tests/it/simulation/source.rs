//! Where the random records come from: most fit the image, about one in eight contradicts it or names what is not there.

use moldau_metadata::{MetadataImage, MetadataRecord, MetadataVersion};
use moldau_protocol::messages::client_quota_record::EntityData;
use moldau_protocol::messages::register_broker_record::{BrokerEndpoint, BrokerFeature};
use moldau_protocol::messages::register_controller_record::{ControllerEndpoint, ControllerFeature};
use moldau_protocol::messages::{
    AbortTransactionRecord, AccessControlEntryRecord, BeginTransactionRecord, BrokerRegistrationChangeRecord,
    ClearElrRecord, ClientQuotaRecord, ConfigRecord, DelegationTokenRecord, EndTransactionRecord,
    FeatureLevelRecord, FenceBrokerRecord, NoOpRecord, PartitionChangeRecord, PartitionRecord,
    ProducerIdsRecord, RegisterBrokerRecord, RegisterControllerRecord, RemoveAccessControlEntryRecord,
    RemoveDelegationTokenRecord, RemoveTopicRecord, RemoveUserScramCredentialRecord, TopicRecord,
    UnfenceBrokerRecord, UnregisterBrokerRecord, UserScramCredentialRecord, ZkMigrationStateRecord,
};
use moldau_types::{BrokerId, PartitionIndex, Uuid};
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};

const NAMES: [&str; 6] = ["a", "a.b", "a_b", "orders", "orders.eu", "__consumer_offsets"];
const FEATURES: [&str; 3] = ["eligible.leader.replicas.version", "group.version", "of.a.newer.release"];

/// Draws records that suit an image.
pub(super) struct Source {
    rng: SmallRng,
    /// Topic ids, broker epochs and the like: none comes twice.
    next_id: u64,
}

impl Source {
    pub(super) fn new(seed: u64) -> Source {
        Source { rng: SmallRng::seed_from_u64(seed), next_id: 1000 }
    }

    pub(super) fn below(&mut self, end: i32) -> i32 {
        self.rng.random_range(0..end)
    }

    pub(super) fn one_in(&mut self, n: u32) -> bool {
        self.rng.random_ratio(1, n)
    }

    /// The next record for this image.
    pub(super) fn record(&mut self, image: &MetadataImage) -> MetadataRecord {
        match self.below(100) {
            0..10 => self.register_broker(),
            10..20 => self.change_broker(image),
            20..23 => self.register_controller(),
            23..33 => self.topic(image),
            33..48 => self.partition(image),
            48..62 => self.change_partition(image),
            62..66 => RemoveTopicRecord { topic_id: self.topic_id(image) }.into(),
            66..68 => self.clear_elr(),
            68..75 => self.config(),
            75..79 => self.feature(),
            79..81 => {
                let next_producer_id = i64::from(self.below(5)) * 1000;
                ProducerIdsRecord { next_producer_id, ..Default::default() }.into()
            }
            81..85 => self.quota(),
            85..94 => self.security(image),
            94..99 => match self.below(4) {
                0 | 1 => BeginTransactionRecord::default().into(),
                2 => EndTransactionRecord::default().into(),
                _ => AbortTransactionRecord::default().into(),
            },
            _ if self.one_in(2) => NoOpRecord::default().into(),
            _ => ZkMigrationStateRecord::default().into(),
        }
    }

    fn fresh(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn contradict(&mut self) -> bool {
        self.one_in(8)
    }

    fn name(&mut self) -> String {
        NAMES.choose(&mut self.rng).unwrap().to_string()
    }

    fn directories(&mut self, count: usize) -> Vec<Uuid> {
        (0..count).map(|_| Uuid::from_u128(self.rng.random_range(0..9))).collect()
    }

    fn some_directories(&mut self) -> Vec<Uuid> {
        let count = self.below(4);
        self.directories(count as usize)
    }

    /// 1 to 3 brokers of 5, in any order.
    fn replicas(&mut self) -> Vec<i32> {
        let mut all = vec![1, 2, 3, 4, 5];
        all.shuffle(&mut self.rng);
        all.truncate(self.rng.random_range(1..=3));
        all
    }

    /// Some of these.
    fn subset(&mut self, of: &[i32]) -> Vec<i32> {
        of.iter().copied().filter(|_| self.rng.random()).collect()
    }

    /// A topic's id; perhaps of none.
    fn topic_id(&mut self, image: &MetadataImage) -> Uuid {
        let topics = image.topics.sorted();
        let known = topics.choose(&mut self.rng).map(|topic| topic.id);
        known.filter(|_| !self.contradict()).unwrap_or_else(|| Uuid::from_u128(self.fresh().into()))
    }

    /// A broker and its broker epoch; perhaps of none, or an old epoch.
    fn broker(&mut self, image: &MetadataImage) -> (i32, i64) {
        let brokers: Vec<_> = image.cluster.brokers().collect();
        let Some(broker) = brokers.choose(&mut self.rng) else { return (1, 1) };
        let stale = i64::from(self.contradict());
        (broker.id.0, broker.broker_epoch - stale)
    }

    fn register_broker(&mut self) -> MetadataRecord {
        let supported = |name: &str| BrokerFeature {
            name: name.into(),
            min_supported_version: 0,
            max_supported_version: 1,
        };
        RegisterBrokerRecord {
            broker_id: self.rng.random_range(1..=5),
            is_migrating_zk_broker: self.one_in(9),
            incarnation_id: Uuid::from_u128(self.fresh().into()),
            broker_epoch: self.fresh() as i64,
            end_points: vec![BrokerEndpoint {
                name: "PLAINTEXT".into(),
                host: "localhost".into(),
                port: self.rng.random(),
                security_protocol: 0,
            }],
            features: FEATURES.iter().take(self.below(3) as usize).map(|name| supported(name)).collect(),
            rack: self.rng.random::<bool>().then(|| self.name()),
            fenced: self.rng.random(),
            in_controlled_shutdown: self.one_in(9),
            log_dirs: self.some_directories(),
            cordoned_log_dirs: self.rng.random::<bool>().then(|| self.some_directories()),
        }
        .into()
    }

    fn change_broker(&mut self, image: &MetadataImage) -> MetadataRecord {
        let (broker_id, broker_epoch) = self.broker(image);
        match self.below(8) {
            0 => UnregisterBrokerRecord { broker_id, broker_epoch }.into(),
            1 => FenceBrokerRecord { id: broker_id, epoch: broker_epoch }.into(),
            2 => UnfenceBrokerRecord { id: broker_id, epoch: broker_epoch }.into(),
            _ => BrokerRegistrationChangeRecord {
                broker_id,
                broker_epoch,
                fenced: if self.contradict() { 4 } else { self.rng.random_range(-1..=1) },
                in_controlled_shutdown: if self.contradict() { -3 } else { self.rng.random_range(0..=1) },
                log_dirs: self.some_directories(),
                cordoned_log_dirs: self.rng.random::<bool>().then(|| self.some_directories()),
            }
            .into(),
        }
    }

    fn register_controller(&mut self) -> MetadataRecord {
        RegisterControllerRecord {
            controller_id: self.rng.random_range(1..=3),
            incarnation_id: Uuid::from_u128(self.fresh().into()),
            zk_migration_ready: self.one_in(9),
            end_points: vec![ControllerEndpoint {
                name: "CONTROLLER".into(),
                host: "localhost".into(),
                port: self.rng.random(),
                security_protocol: 0,
            }],
            features: vec![ControllerFeature {
                name: FEATURES[0].into(),
                min_supported_version: 0,
                max_supported_version: self.rng.random_range(0..2),
            }],
        }
        .into()
    }

    fn topic(&mut self, image: &MetadataImage) -> MetadataRecord {
        let topics = image.topics.sorted();
        let name = self.name();
        let topic_id = match topics.choose(&mut self.rng) {
            Some(topic) if self.contradict() => topic.id,
            _ => Uuid::from_u128(self.fresh().into()),
        };
        TopicRecord { name, topic_id }.into()
    }

    fn partition(&mut self, image: &MetadataImage) -> MetadataRecord {
        let topic_id = self.topic_id(image);
        let partitions = image.topics.by_id(topic_id).map_or(0, |topic| topic.partitions.len());
        // now and then one that is there already, which is then replaced
        let partition_id = if self.one_in(6) { self.below(4) } else { partitions as i32 };
        let replicas = self.replicas();
        let isr = self.subset(&replicas);
        let outside: Vec<i32> = replicas.iter().copied().filter(|id| !isr.contains(id)).collect();
        let directories = if self.one_in(6) { self.below(4) as usize } else { replicas.len() };
        PartitionRecord {
            partition_id,
            topic_id,
            leader: isr.choose(&mut self.rng).copied().filter(|_| self.rng.random_ratio(7, 8)).unwrap_or(-1),
            leader_recovery_state: if self.contradict() { 7 } else { self.rng.random_range(0..=1) },
            leader_epoch: self.below(50),
            partition_epoch: self.below(50),
            directories: self.directories(directories),
            eligible_leader_replicas: self.rng.random::<bool>().then(|| self.subset(&outside)),
            last_known_elr: self.rng.random::<bool>().then(|| self.subset(&outside)),
            removing_replicas: self.subset(&replicas),
            adding_replicas: self.subset(&replicas),
            isr,
            replicas,
        }
        .into()
    }

    fn change_partition(&mut self, image: &MetadataImage) -> MetadataRecord {
        let topic_id = self.topic_id(image);
        let indexes: Vec<i32> = image
            .topics
            .by_id(topic_id)
            .map_or(Vec::new(), |topic| topic.partitions.keys().map(|index| index.0).collect());
        let known = indexes.choose(&mut self.rng).copied().filter(|_| !self.contradict());
        let partition_id = known.unwrap_or(77);
        let mut change = PartitionChangeRecord { topic_id, partition_id, ..Default::default() };
        if let Some(partition) = image.topics.partition_by_id(topic_id, PartitionIndex(partition_id)) {
            let now: Vec<i32> = partition.replicas.iter().map(|id| id.0).collect();
            let replicas = if self.one_in(3) { self.replicas() } else { now.clone() };
            if replicas != now {
                change.replicas = Some(replicas.clone());
                change.directories = self.rng.random::<bool>().then(|| self.directories(replicas.len()));
                change.adding_replicas = Some(self.subset(&replicas));
                change.removing_replicas = self.rng.random::<bool>().then(Vec::new);
            }
            let isr = self.subset(&replicas);
            let outside: Vec<i32> = replicas.iter().copied().filter(|id| !isr.contains(id)).collect();
            let stays = partition.leader.0 == -1 || isr.contains(&partition.leader.0);
            if !stays || self.one_in(3) {
                change.leader = isr.choose(&mut self.rng).copied().unwrap_or(-1);
            }
            change.eligible_leader_replicas = self.rng.random::<bool>().then(|| self.subset(&outside));
            change.last_known_elr = self.rng.random::<bool>().then(|| self.subset(&outside));
            change.isr = Some(isr);
        }
        if self.one_in(4) {
            change.leader_recovery_state = if self.contradict() { 5 } else { self.rng.random_range(0..=1) };
        }
        change.into()
    }

    fn clear_elr(&mut self) -> MetadataRecord {
        let topic_name = if self.one_in(3) { String::new() } else { self.name() };
        ClearElrRecord { topic_name }.into()
    }

    fn config(&mut self) -> MetadataRecord {
        let resource_type =
            if self.contradict() { 3 } else { *[2, 2, 2, 4, 16, 32].choose(&mut self.rng).unwrap() };
        let keys = ["retention.ms", "cleanup.policy", "segment.bytes"];
        ConfigRecord {
            resource_type,
            resource_name: if resource_type == 4 && self.one_in(2) { String::new() } else { self.name() },
            name: keys.choose(&mut self.rng).unwrap().to_string(),
            value: (!self.one_in(3)).then(|| self.below(4).to_string()),
        }
        .into()
    }

    fn feature(&mut self) -> MetadataRecord {
        if self.rng.random() {
            let name = FEATURES.choose(&mut self.rng).unwrap().to_string();
            return FeatureLevelRecord { name, feature_level: self.rng.random_range(0..3) }.into();
        }
        let supported = MetadataVersion::MINIMUM.level()..=MetadataVersion::LATEST.level();
        let feature_level = if self.contradict() { 99 } else { self.rng.random_range(supported) };
        FeatureLevelRecord { name: MetadataVersion::FEATURE_NAME.into(), feature_level }.into()
    }

    fn quota(&mut self) -> MetadataRecord {
        let mut entity = Vec::new();
        for entity_type in ["user", "client-id"] {
            if self.rng.random() {
                let entity_name = self.rng.random::<bool>().then(|| self.name());
                entity.push(EntityData { entity_type: entity_type.into(), entity_name });
            }
        }
        let keys = ["producer_byte_rate", "consumer_byte_rate"];
        ClientQuotaRecord {
            entity,
            key: keys.choose(&mut self.rng).unwrap().to_string(),
            value: f64::from(self.below(4)) * 100.5,
            remove: self.one_in(3),
        }
        .into()
    }

    fn security(&mut self, image: &MetadataImage) -> MetadataRecord {
        let id = Uuid::from_u128(self.rng.random_range(1..6));
        let (name, mechanism) = (self.name(), self.rng.random_range(1..=2));
        let broker = image.cluster.broker(BrokerId(1)).map_or(0, |broker| broker.broker_epoch);
        match self.below(6) {
            0 => AccessControlEntryRecord {
                id,
                resource_name: self.name(),
                principal: format!("User:{name}"),
                host: "*".into(),
                operation: self.rng.random_range(2..9),
                ..Default::default()
            }
            .into(),
            1 => RemoveAccessControlEntryRecord { id }.into(),
            2 => UserScramCredentialRecord {
                name,
                mechanism,
                iterations: 4096 + self.below(2),
                ..Default::default()
            }
            .into(),
            3 => RemoveUserScramCredentialRecord { name, mechanism }.into(),
            4 => DelegationTokenRecord {
                token_id: name,
                owner: "User:a".into(),
                issue_timestamp: broker,
                ..Default::default()
            }
            .into(),
            _ => RemoveDelegationTokenRecord { token_id: name }.into(),
        }
    }
}
