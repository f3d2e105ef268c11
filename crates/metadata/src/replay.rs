//! What each record does to an image.
//!
//! A record that contradicts the image is an error: the log was written by one controller that knew the image, so it
//! means a broken log or a bug, and going on would hide it.

use std::collections::BTreeMap;
use std::sync::Arc;

use moldau_protocol::messages::{
    BrokerRegistrationChangeRecord, ClearElrRecord, ConfigRecord, FeatureLevelRecord, PartitionChangeRecord,
    PartitionRecord, RegisterBrokerRecord, RegisterControllerRecord, RemoveTopicRecord, TopicRecord,
};
use moldau_types::{BrokerId, PartitionIndex, Uuid};

use crate::delta::TopicChanges;
use crate::{
    BrokerRegistration, ConfigResource, ConfigResourceType, ControllerRegistration, Endpoint, MetadataDelta,
    MetadataRecord, MetadataVersion, PartitionRegistration, TopicImage, VersionRange,
};

/// A record contradicts the image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The log needs a metadata version that this build does not know.
    #[error("metadata.version {0} is not supported: the supported levels are 7 to 30")]
    UnsupportedMetadataVersion(i16),
    /// A topic record names a topic that exists.
    #[error("topic {name} with id {id} exists already")]
    TopicExists {
        /// The topic's name.
        name: String,
        /// The topic's id in the record.
        id: Uuid,
    },
    /// A record is about a topic that does not exist.
    #[error("no topic has the id {0}")]
    UnknownTopicId(Uuid),
    /// A record is about a topic that does not exist.
    #[error("no topic has the name {0}")]
    UnknownTopicName(String),
    /// A record is about a partition that does not exist.
    #[error("topic {topic} has no partition {partition}")]
    UnknownPartition {
        /// The topic's id.
        topic: Uuid,
        /// The partition.
        partition: PartitionIndex,
    },
    /// A record is about a broker that is not registered, or not in that epoch.
    #[error("broker {broker} is not registered with the broker epoch {broker_epoch}")]
    UnknownBroker {
        /// The broker.
        broker: BrokerId,
        /// The epoch in the record.
        broker_epoch: i64,
    },
    /// A record is about an ACL, credential or token that does not exist.
    #[error("{what} does not exist, so it cannot be removed")]
    NothingToRemove {
        /// What was to be removed.
        what: String,
    },
    /// A field has a value that no version defines.
    #[error("field {field} has the unknown value {value}")]
    UnknownValue {
        /// The record's field.
        field: &'static str,
        /// Its value.
        value: i8,
    },
    /// A transaction record does not fit: begin inside one, or end or abort outside.
    #[error("{0} does not belong here")]
    TransactionOrder(&'static str),
}

impl MetadataDelta {
    /// Takes the next record. On an error nothing of it was taken; the log is broken, so there is nothing to go on with.
    pub fn replay(&mut self, record: &MetadataRecord) -> Result<(), ReplayError> {
        use MetadataRecord as R;
        match record {
            R::RegisterBroker(record) => self.register_broker(record),
            R::UnregisterBroker(record) => {
                let id = BrokerId(record.broker_id);
                self.broker_at(id, record.broker_epoch)?;
                self.image.cluster.remove_broker(id);
                self.changes.brokers.insert(id);
            }
            R::BrokerRegistrationChange(record) => self.change_broker(record)?,
            R::FenceBroker(record) => self.broker_at(BrokerId(record.id), record.epoch)?.fenced = true,
            R::UnfenceBroker(record) => self.broker_at(BrokerId(record.id), record.epoch)?.fenced = false,
            R::RegisterController(record) => self.register_controller(record),
            R::Topic(record) => self.add_topic(record)?,
            R::Partition(record) => self.add_partition(record)?,
            R::PartitionChange(record) => self.change_partition(record)?,
            R::RemoveTopic(record) => self.remove_topic(record)?,
            R::ClearElr(record) => self.clear_elr(record)?,
            R::Config(record) => self.set_config(record)?,
            R::FeatureLevel(record) => self.set_feature(record)?,
            R::ProducerIds(record) => {
                self.image.producer_ids.next_producer_id = record.next_producer_id;
                self.changes.producer_ids = true;
            }
            R::ClientQuota(_)
            | R::AccessControlEntry(_)
            | R::RemoveAccessControlEntry(_)
            | R::UserScramCredential(_)
            | R::RemoveUserScramCredential(_)
            | R::DelegationToken(_)
            | R::RemoveDelegationToken(_) => self.replay_security(record)?,
            R::BeginTransaction(_) => {
                if self.in_transaction() {
                    return Err(ReplayError::TransactionOrder("BeginTransactionRecord"));
                }
                self.before_transaction = Some(Box::new((self.image.clone(), self.changes.clone())));
            }
            R::EndTransaction(_) => {
                self.before_transaction
                    .take()
                    .ok_or(ReplayError::TransactionOrder("EndTransactionRecord"))?;
            }
            R::AbortTransaction(_) => {
                let before = self.before_transaction.take();
                (self.image, self.changes) =
                    *before.ok_or(ReplayError::TransactionOrder("AbortTransactionRecord"))?;
            }
            R::NoOp(_) | R::ZkMigrationState(_) => {}
        }
        Ok(())
    }

    fn register_broker(&mut self, record: &RegisterBrokerRecord) {
        let id = BrokerId(record.broker_id);
        let listeners = record.end_points.iter().map(|e| Endpoint {
            name: e.name.clone(),
            host: e.host.clone(),
            port: e.port,
            security_protocol: e.security_protocol,
        });
        let features = record.features.iter().map(|f| {
            (f.name.clone(), VersionRange { min: f.min_supported_version, max: f.max_supported_version })
        });
        self.image.cluster.put_broker(BrokerRegistration {
            id,
            broker_epoch: record.broker_epoch,
            incarnation_id: record.incarnation_id,
            listeners: listeners.collect(),
            supported_features: features.collect(),
            rack: record.rack.clone(),
            fenced: record.fenced,
            in_controlled_shutdown: record.in_controlled_shutdown,
            is_migrating_zk_broker: record.is_migrating_zk_broker,
            directories: sorted(&record.log_dirs),
            cordoned_directories: record.cordoned_log_dirs.as_deref().map(sorted),
        });
        self.changes.brokers.insert(id);
    }

    fn register_controller(&mut self, record: &RegisterControllerRecord) {
        let id = BrokerId(record.controller_id);
        let listeners = record.end_points.iter().map(|e| Endpoint {
            name: e.name.clone(),
            host: e.host.clone(),
            port: e.port,
            security_protocol: e.security_protocol,
        });
        let features = record.features.iter().map(|f| {
            (f.name.clone(), VersionRange { min: f.min_supported_version, max: f.max_supported_version })
        });
        self.image.cluster.put_controller(ControllerRegistration {
            id,
            incarnation_id: record.incarnation_id,
            zk_migration_ready: record.zk_migration_ready,
            listeners: listeners.collect(),
            supported_features: features.collect(),
        });
        self.changes.controllers.insert(id);
    }

    fn broker_at(
        &mut self,
        broker: BrokerId,
        broker_epoch: i64,
    ) -> Result<&mut BrokerRegistration, ReplayError> {
        let registration = self
            .image
            .cluster
            .broker_mut(broker)
            .filter(|registration| registration.broker_epoch == broker_epoch)
            .ok_or(ReplayError::UnknownBroker { broker, broker_epoch })?;
        self.changes.brokers.insert(broker);
        Ok(registration)
    }

    fn change_broker(&mut self, record: &BrokerRegistrationChangeRecord) -> Result<(), ReplayError> {
        let fenced = match record.fenced {
            0 => None,
            1 => Some(true),
            -1 => Some(false),
            value => return Err(ReplayError::UnknownValue { field: "Fenced", value }),
        };
        let stops = match record.in_controlled_shutdown {
            0 => false,
            1 => true,
            value => return Err(ReplayError::UnknownValue { field: "InControlledShutdown", value }),
        };
        let broker = self.broker_at(BrokerId(record.broker_id), record.broker_epoch)?;
        broker.fenced = fenced.unwrap_or(broker.fenced);
        broker.in_controlled_shutdown |= stops;
        if !record.log_dirs.is_empty() {
            broker.directories = sorted(&record.log_dirs);
        }
        if let Some(cordoned) = &record.cordoned_log_dirs {
            broker.cordoned_directories = Some(sorted(cordoned));
        }
        Ok(())
    }

    fn add_topic(&mut self, record: &TopicRecord) -> Result<(), ReplayError> {
        let topics = &mut self.image.topics;
        if topics.by_name(&record.name).is_some() || topics.by_id(record.topic_id).is_some() {
            return Err(ReplayError::TopicExists { name: record.name.clone(), id: record.topic_id });
        }
        topics.put(TopicImage {
            name: Arc::from(record.name.as_str()),
            id: record.topic_id,
            partitions: BTreeMap::new(),
        });
        let created = self.base.topics.by_id(record.topic_id).is_none();
        self.changes.topics.insert(record.topic_id, TopicChanges { created, ..TopicChanges::default() });
        Ok(())
    }

    fn topic_mut(&mut self, id: Uuid) -> Result<&mut TopicImage, ReplayError> {
        self.image.topics.get_mut(id).ok_or(ReplayError::UnknownTopicId(id))
    }

    fn note_partition(&mut self, id: Uuid, index: PartitionIndex) {
        self.changes.topics.entry(id).or_default().partitions.insert(index);
    }

    fn add_partition(&mut self, record: &PartitionRecord) -> Result<(), ReplayError> {
        let index = PartitionIndex(record.partition_id);
        let partition = PartitionRegistration::from_record(record).ok_or(ReplayError::UnknownValue {
            field: "LeaderRecoveryState",
            value: record.leader_recovery_state,
        })?;
        self.topic_mut(record.topic_id)?.partitions.insert(index, Arc::new(partition));
        self.note_partition(record.topic_id, index);
        Ok(())
    }

    fn change_partition(&mut self, record: &PartitionChangeRecord) -> Result<(), ReplayError> {
        let (topic, index) = (record.topic_id, PartitionIndex(record.partition_id));
        let partitions = &mut self.topic_mut(topic)?.partitions;
        let partition =
            partitions.get_mut(&index).ok_or(ReplayError::UnknownPartition { topic, partition: index })?;
        let merged = partition.merged(record).ok_or(ReplayError::UnknownValue {
            field: "LeaderRecoveryState",
            value: record.leader_recovery_state,
        })?;
        *partition = Arc::new(merged);
        self.note_partition(topic, index);
        Ok(())
    }

    fn remove_topic(&mut self, record: &RemoveTopicRecord) -> Result<(), ReplayError> {
        let id = record.topic_id;
        let topic = self.image.topics.remove(id).ok_or(ReplayError::UnknownTopicId(id))?;
        let configs = ConfigResource::topic(&*topic.name);
        if self.image.configs.remove(&configs) {
            self.changes.configs.insert(configs);
        }
        self.changes.topics.remove(&id);
        if let Some(topic) = self.base.topics.by_id(id) {
            self.changes.deleted_topics.insert(id, topic.clone());
        }
        Ok(())
    }

    fn clear_elr(&mut self, record: &ClearElrRecord) -> Result<(), ReplayError> {
        let ids: Vec<Uuid> = if record.topic_name.is_empty() {
            self.image.topics.iter().map(|topic| topic.id).collect()
        } else {
            let id = self.image.topics.id_of(&record.topic_name);
            vec![id.ok_or_else(|| ReplayError::UnknownTopicName(record.topic_name.clone()))?]
        };
        let has_elr = |p: &PartitionRegistration| !p.elr.is_empty() || !p.last_known_elr.is_empty();
        for id in ids {
            // Look before the copy: few topics have any.
            if !self.image.topics.by_id(id).is_some_and(|t| t.partitions.values().any(|p| has_elr(p))) {
                continue;
            }
            let mut cleared = Vec::new();
            for (index, partition) in &mut self.topic_mut(id)?.partitions {
                if has_elr(partition) {
                    let partition = Arc::make_mut(partition);
                    partition.elr.clear();
                    partition.last_known_elr.clear();
                    cleared.push(*index);
                }
            }
            for index in cleared {
                self.note_partition(id, index);
            }
        }
        Ok(())
    }

    fn set_config(&mut self, record: &ConfigRecord) -> Result<(), ReplayError> {
        let resource_type = ConfigResourceType::from_code(record.resource_type)
            .ok_or(ReplayError::UnknownValue { field: "ResourceType", value: record.resource_type })?;
        let resource = ConfigResource { resource_type, name: record.resource_name.clone() };
        self.image.configs.set(resource.clone(), record.name.clone(), record.value.clone());
        self.changes.configs.insert(resource);
        Ok(())
    }

    fn set_feature(&mut self, record: &FeatureLevelRecord) -> Result<(), ReplayError> {
        let features = &mut self.image.features;
        if record.name == MetadataVersion::FEATURE_NAME {
            let version = MetadataVersion::from_level(record.feature_level);
            features.metadata_version =
                Some(version.ok_or(ReplayError::UnsupportedMetadataVersion(record.feature_level))?);
        } else {
            let finalized = Arc::make_mut(&mut features.finalized);
            if record.feature_level == 0 {
                finalized.remove(&record.name);
            } else {
                finalized.insert(record.name.clone(), record.feature_level);
            }
        }
        self.changes.features.insert(record.name.clone());
        Ok(())
    }

    fn replay_security(&mut self, record: &MetadataRecord) -> Result<(), ReplayError> {
        use MetadataRecord as R;
        let (image, changes) = (&mut self.image, &mut self.changes);
        let existed = |existed: bool, what: &dyn Fn() -> String| {
            if existed { Ok(()) } else { Err(ReplayError::NothingToRemove { what: what() }) }
        };
        match record {
            R::ClientQuota(record) => {
                let names = record.entity.iter();
                let entity: BTreeMap<_, _> =
                    names.map(|e| (e.entity_type.clone(), e.entity_name.clone())).collect();
                changes.client_quotas.insert(entity.clone());
                image.client_quotas.set(entity, record.key.clone(), (!record.remove).then_some(record.value));
            }
            R::AccessControlEntry(record) => {
                changes.acls.insert(record.id);
                image.acls.put(record.id, record.clone());
            }
            R::RemoveAccessControlEntry(record) => {
                existed(image.acls.remove(&record.id), &|| format!("the ACL {}", record.id))?;
                changes.acls.insert(record.id);
            }
            R::UserScramCredential(record) => {
                let key = (record.mechanism, record.name.clone());
                changes.scram.insert(key.clone());
                image.scram.put(key, record.clone());
            }
            R::RemoveUserScramCredential(record) => {
                let key = (record.mechanism, record.name.clone());
                existed(image.scram.remove(&key), &|| format!("the SCRAM credential of {}", record.name))?;
                changes.scram.insert(key);
            }
            R::DelegationToken(record) => {
                changes.delegation_tokens.insert(record.token_id.clone());
                image.delegation_tokens.put(record.token_id.clone(), record.clone());
            }
            R::RemoveDelegationToken(record) => {
                existed(image.delegation_tokens.remove(&record.token_id), &|| {
                    format!("the delegation token {}", record.token_id)
                })?;
                changes.delegation_tokens.insert(record.token_id.clone());
            }
            _ => {}
        }
        Ok(())
    }
}

fn sorted(ids: &[Uuid]) -> Vec<Uuid> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids
}
