//! An image as the records of a snapshot, in the reference's order: features first, then the cluster, topics, configs,
//! quotas, producer ids and the rest.
//!
//! What a lower metadata version cannot say is left out.

use moldau_protocol::messages::client_quota_record::EntityData;
use moldau_protocol::messages::register_broker_record::{BrokerEndpoint, BrokerFeature};
use moldau_protocol::messages::register_controller_record::{ControllerEndpoint, ControllerFeature};
use moldau_protocol::messages::{
    ClientQuotaRecord, ConfigRecord, FeatureLevelRecord, ProducerIdsRecord, RegisterBrokerRecord,
    RegisterControllerRecord, TopicRecord,
};

use crate::{BrokerRegistration, ControllerRegistration, MetadataImage, MetadataRecord, MetadataVersion};

impl BrokerRegistration {
    /// The record that registers the broker as it is.
    pub fn to_record(&self, version: MetadataVersion) -> RegisterBrokerRecord {
        let end_points = self.listeners.iter().map(|l| BrokerEndpoint {
            name: l.name.clone(),
            host: l.host.clone(),
            port: l.port,
            security_protocol: l.security_protocol,
        });
        let features = self.supported_features.iter().map(|(name, range)| BrokerFeature {
            name: name.clone(),
            min_supported_version: range.min,
            max_supported_version: range.max,
        });
        let has_directories = version.has_directories();
        RegisterBrokerRecord {
            broker_id: self.id.0,
            is_migrating_zk_broker: self.is_migrating_zk_broker && version.level() >= 8,
            incarnation_id: self.incarnation_id,
            broker_epoch: self.broker_epoch,
            end_points: end_points.collect(),
            features: features.collect(),
            rack: self.rack.clone(),
            fenced: self.fenced,
            in_controlled_shutdown: self.in_controlled_shutdown,
            log_dirs: if has_directories { self.directories.clone() } else { Vec::new() },
            cordoned_log_dirs: self.cordoned_directories.clone().filter(|_| version.has_cordoned_dirs()),
        }
    }
}

impl ControllerRegistration {
    /// The record that registers the controller as it is.
    pub fn to_record(&self) -> RegisterControllerRecord {
        let end_points = self.listeners.iter().map(|l| ControllerEndpoint {
            name: l.name.clone(),
            host: l.host.clone(),
            port: l.port,
            security_protocol: l.security_protocol,
        });
        let features = self.supported_features.iter().map(|(name, range)| ControllerFeature {
            name: name.clone(),
            min_supported_version: range.min,
            max_supported_version: range.max,
        });
        RegisterControllerRecord {
            controller_id: self.id.0,
            incarnation_id: self.incarnation_id,
            zk_migration_ready: self.zk_migration_ready,
            end_points: end_points.collect(),
            features: features.collect(),
        }
    }
}

impl MetadataImage {
    /// The records that make this image out of an empty one.
    pub fn to_records(&self, version: MetadataVersion) -> Vec<MetadataRecord> {
        let mut records = Vec::new();
        if self.features.metadata_version.is_some() {
            let name = MetadataVersion::FEATURE_NAME.to_owned();
            records.push(FeatureLevelRecord { name, feature_level: version.level() }.into());
        }
        for (name, level) in self.features.finalized.iter() {
            records.push(FeatureLevelRecord { name: name.clone(), feature_level: *level }.into());
        }
        records.extend(self.cluster.brokers().map(|broker| broker.to_record(version).into()));
        if version.has_controller_registration() {
            records.extend(self.cluster.controllers().map(|controller| controller.to_record().into()));
        }
        for topic in self.topics.sorted() {
            records.push(TopicRecord { name: topic.name.to_string(), topic_id: topic.id }.into());
            let record_version = version.partition_record_version();
            let partitions = topic.partitions.iter();
            records
                .extend(partitions.map(|(index, p)| p.to_record(topic.id, index.0, record_version).into()));
        }
        self.push_configs_and_quotas(&mut records);
        if self.producer_ids.next_producer_id > 0 {
            let next_producer_id = self.producer_ids.next_producer_id;
            records.push(ProducerIdsRecord { broker_id: -1, broker_epoch: -1, next_producer_id }.into());
        }
        records.extend(self.acls.iter().map(|(_, acl)| MetadataRecord::from((**acl).clone())));
        if version.has_scram() {
            records.extend(
                self.scram.iter().map(|(_, credential)| MetadataRecord::from((**credential).clone())),
            );
        }
        if version.has_delegation_tokens() {
            records.extend(
                self.delegation_tokens.iter().map(|(_, token)| MetadataRecord::from((**token).clone())),
            );
        }
        records
    }

    fn push_configs_and_quotas(&self, records: &mut Vec<MetadataRecord>) {
        for (resource, configs) in self.configs.iter() {
            for (name, value) in configs.iter() {
                let record = ConfigRecord {
                    resource_type: resource.resource_type.code(),
                    resource_name: resource.name.clone(),
                    name: name.clone(),
                    value: Some(value.clone()),
                };
                records.push(record.into());
            }
        }
        for (entity, quotas) in self.client_quotas.iter() {
            for (key, value) in quotas {
                let names = entity.iter();
                let entity = names.map(|(entity_type, name)| EntityData {
                    entity_type: entity_type.clone(),
                    entity_name: name.clone(),
                });
                let record = ClientQuotaRecord {
                    entity: entity.collect(),
                    key: key.clone(),
                    value: *value,
                    remove: false,
                };
                records.push(record.into());
            }
        }
    }
}
