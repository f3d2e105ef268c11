//! Brings this node in line with a new metadata image: logs of led partitions made, dropped topics' logs removed,
//! configs taken, coordinators told.
//!
//! Invariant: when [`Publish::publish`] returns, the partitions that the image says this broker leads take requests,
//! and handlers see the image.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use moldau_config::broker::Durability;
use moldau_config::{BrokerConfig, TopicConfig};
use moldau_log::{CreateLogError, LogConfig, LogManager, StorageError};
use moldau_metadata::{ConfigResource, ConfigResourceType, LocalPartition, MetadataChanges, MetadataImage};
use moldau_types::{BrokerId, PartitionIndex, TopicId};

use super::coordinator_partition::LedPartition;
use super::{Broker, Configs, Partition};
use crate::controller::Publish;

const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// Applies images to a broker.
pub(crate) struct Applier {
    broker: Arc<Broker>,
    /// What fails has failed before, and was told.
    again: bool,
}

impl Applier {
    pub(crate) fn new(broker: Arc<Broker>) -> Self {
        Applier { broker, again: false }
    }

    /// Applies the first image after a start: opened logs that no topic owns are kept apart.
    pub(crate) fn start(&mut self, image: &Arc<MetadataImage>) {
        let changes = MetadataChanges::between(&MetadataImage::default(), image);
        self.set_strays_aside(image);
        self.publish(&Arc::new(MetadataImage::default()), image.clone(), &changes);
    }

    /// Opens partitions whose logs found no space when they were to be made.
    pub(super) fn open_missing(broker: &Arc<Broker>) {
        if !broker.logs_missing.swap(false, Ordering::AcqRel) {
            return;
        }
        let applier = Applier { broker: broker.clone(), again: true };
        // Neither the image nor what is led may change meanwhile.
        let _applying = broker.applying.lock();
        let (nothing, image) = (MetadataImage::default(), broker.image());
        let local = MetadataChanges::between(&nothing, &image).local(broker.node_id(), &nothing, &image);
        applier.lead(&image, &local.leaders);
    }

    fn set_strays_aside(&self, image: &MetadataImage) {
        for log in self.broker.logs.logs() {
            let index = PartitionIndex(log.partition());
            let owner = image.topics.by_name(log.topic());
            let owned = owner.is_some_and(|topic| {
                log.topic_id().is_none_or(|id| id == TopicId(topic.id))
                    && topic.partition(index).is_some_and(|p| p.replicas.contains(&self.broker.node_id()))
            });
            if !owned {
                match self.broker.logs.set_stray_aside(log.topic(), index.0, super::wall_clock_ms()) {
                    Ok(kept) => tracing::warn!(
                        topic = %log.topic(), partition = index.0, kept = %kept.unwrap_or_default().display(),
                        "no topic owns this log: it is kept for you to look at, and is yours to remove"
                    ),
                    Err(error) => {
                        tracing::error!(topic = %log.topic(), partition = index.0, "a log that no topic owns could not be set aside: {error}");
                    }
                }
            }
        }
    }

    fn take_broker_configs(&self, image: &MetadataImage) {
        let broker = &self.broker;
        let own = image.configs.get(&ConfigResource::broker(broker.node_id()));
        let all = image.configs.get(&ConfigResource::default_broker());
        let settings = broker.configs.load().settings.with_dynamic(all.clone(), own.clone());
        match BrokerConfig::of(&settings) {
            Ok(config) => {
                broker.connections.reconfigure(&config);
                if config.log.cordoned_log_dirs != broker.configs.load().broker.log.cordoned_log_dirs {
                    broker.logs.set_cordoned(config.log.cordoned_log_dirs.clone());
                    broker.directories_changed.notify_one();
                }
                broker.configs.store(Arc::new(Configs { settings, broker: config }));
            }
            Err(errors) => {
                for error in errors {
                    tracing::error!(%error, "the dynamic broker configs are not taken");
                }
            }
        }
    }

    fn topic_config(&self, image: &MetadataImage, topic: &str) -> TopicConfig {
        TopicConfig::resolve(image.configs.topic(topic), &self.broker.configs.load().settings)
    }

    /// Takes the configs of a topic that is led here already.
    fn reconfigure(&self, image: &MetadataImage, topic: &str) {
        let Some(led) = self.broker.partitions.topic(topic) else { return };
        let config = Arc::new(self.topic_config(image, topic));
        let expiration = i64::from(self.broker.configs.load().broker.log.producer_id_expiration_ms);
        for partition in led.partitions() {
            partition.log.set_config(LogConfig::of_topic(&config, expiration));
            partition.config.store(config.clone());
        }
    }

    fn lead(&self, image: &MetadataImage, leaders: &[LocalPartition]) {
        let configs = self.broker.configs.load();
        let expiration = i64::from(configs.broker.log.producer_id_expiration_ms);
        let syncs = (configs.broker.log.durability == Durability::Fsync).then(|| self.broker.logs.clone());
        let mut added = Vec::new();
        let mut config: Option<(Arc<str>, Arc<TopicConfig>)> = None;
        for local in leaders {
            let leader_epoch = local.partition.leader_epoch;
            let known = self.broker.partitions.get_by_id(local.topic_id, local.index.0);
            if let Some(known) = &known {
                if known.leader_epoch() < leader_epoch {
                    known.set_leader_epoch(leader_epoch);
                    if let Err(error) = known.log.assign_leader_epoch(leader_epoch) {
                        tracing::error!(topic = %local.topic, partition = local.index.0, "leader epoch not kept: {error}");
                    }
                    self.elect_coordinator(known);
                }
                continue;
            }
            let topic_config = match &config {
                Some((topic, config)) if *topic == local.topic => config.clone(),
                _ => {
                    let fresh = Arc::new(self.topic_config(image, &local.topic));
                    config = Some((local.topic.clone(), fresh.clone()));
                    fresh
                }
            };
            if let Some(partition) = self.open(local, topic_config, expiration, syncs.clone()) {
                added.push(partition);
            }
        }
        self.broker.partitions.add(added.iter().cloned());
        for partition in &added {
            self.elect_coordinator(partition);
        }
    }

    fn open(
        &self,
        local: &LocalPartition,
        config: Arc<TopicConfig>,
        expiration: i64,
        syncs: Option<Arc<LogManager>>,
    ) -> Option<Arc<Partition>> {
        let known = local.partition.directory(self.broker.node_id());
        let home = match super::places::home(&self.broker.logs, &local.topic, local.index.0, known) {
            Ok(home) => home,
            Err(reason) => {
                tracing::error!(topic = %local.topic, partition = local.index.0, "the partition is offline: {reason}");
                return None;
            }
        };
        let opened = self.broker.logs.get_or_create(
            &local.topic,
            local.index.0,
            Some(TopicId(local.topic_id)),
            LogConfig::of_topic(&config, expiration),
            home.as_deref(),
            super::wall_clock_ms(),
        );
        let leader_epoch = local.partition.leader_epoch;
        let log = match opened {
            Ok(log) => log,
            Err(error) => {
                if matches!(error, CreateLogError::Storage(StorageError::NoSpace { .. })) {
                    self.broker.logs_missing.store(true, Ordering::Release);
                }
                if !self.again {
                    tracing::error!(topic = %local.topic, partition = local.index.0, "the log cannot be used: {error}");
                }
                return None;
            }
        };
        if self.again {
            tracing::info!(topic = %local.topic, partition = local.index.0, "the log could be made now");
        }
        if let Err(error) = log.assign_leader_epoch(leader_epoch) {
            tracing::error!(topic = %local.topic, partition = local.index.0, "leader epoch not kept: {error}");
        }
        log.set_high_watermark_follows_log_end(true);
        if known != self.broker.logs.directory_id(&log) {
            self.broker.places_changed.notify_one();
        }
        let counters = self.broker.telemetry.topics.of(&local.topic);
        Some(Arc::new(Partition::new(local, log, config, counters, syncs)))
    }

    fn elect_coordinator(&self, partition: &Arc<Partition>) {
        if &*partition.topic == OFFSETS_TOPIC {
            let led = Arc::new(LedPartition(partition.clone()));
            self.broker.groups.elected(partition.index.0, partition.leader_epoch().0, led);
        }
    }

    fn drop_topics(&self, changes: &MetadataChanges) {
        for (id, topic) in &changes.deleted_topics {
            let led = self.broker.partitions.remove(*id);
            self.broker.telemetry.topics.remove(&topic.name);
            // Those that could not be opened, and so are not led, go as well.
            for index in 0..topic.partitions.len() as i32 {
                if &*topic.name == OFFSETS_TOPIC {
                    self.broker.groups.resigned(index, i32::MAX);
                }
                if let Err(error) = self.broker.logs.delete(&topic.name, index, super::wall_clock_ms()) {
                    tracing::error!(topic = %topic.name, partition = index, "the log could not be removed: {error}");
                }
            }
            if &*topic.name == OFFSETS_TOPIC {
                self.broker.groups.forget_partition_count();
            }
            led.iter().flat_map(|led| led.partitions()).for_each(|partition| partition.moved());
        }
    }

    /// Removes the committed offsets of deleted topics. Only once handlers see the image: a commit that the one before lets
    /// through would stay.
    fn drop_offsets(&self, changes: &MetadataChanges) {
        let gone: Vec<_> =
            changes.deleted_topics.values().map(|topic| (topic.name.clone(), topic.id)).collect();
        if !gone.is_empty() {
            self.broker.groups.topics_deleted(&gone);
        }
    }
}

impl Publish for Applier {
    fn publish(&mut self, base: &Arc<MetadataImage>, image: Arc<MetadataImage>, changes: &MetadataChanges) {
        let broker = self.broker.clone();
        let _applying = broker.applying.lock();
        let node: BrokerId = self.broker.node_id();
        let mut topics: Vec<&str> = Vec::new();
        let mut broker_configs = false;
        for resource in &changes.configs {
            match resource.resource_type {
                ConfigResourceType::Topic => topics.push(&resource.name),
                ConfigResourceType::Broker => broker_configs = true,
                _ => {}
            }
        }
        if broker_configs {
            self.take_broker_configs(&image);
        }
        self.drop_topics(changes);
        let local = changes.local(node, base, &image);
        self.lead(&image, &local.leaders);
        if let Some(offsets) = image.topics.by_name(OFFSETS_TOPIC) {
            self.broker.groups.set_partition_count(offsets.partitions.len() as i32);
        }
        if broker_configs {
            let all = self.broker.partitions.topic_names();
            all.iter().for_each(|topic| self.reconfigure(&image, topic));
        } else {
            topics.iter().for_each(|topic| self.reconfigure(&image, topic));
        }
        self.broker.image.store(image);
        self.drop_offsets(changes);
    }
}
