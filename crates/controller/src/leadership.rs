//! Leaders and ISRs follow the brokers: what happens to partitions when a broker leaves, comes, or loses a directory.

use moldau_metadata::{MetadataImage, MetadataRecord, NO_LEADER, PartitionRegistration};
use moldau_types::{BrokerId, Uuid};

use crate::Controller;
use crate::config_rules::TopicRules;
use crate::partition_change::{ChangeRules, Election, PartitionChange};

/// What happened to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BrokerEvent {
    /// It may not lead any more and leaves every ISR.
    Left(BrokerId),
    /// As `Left`, and it may have lost records that it had confirmed: it leaves every ELR too.
    StoppedUncleanly(BrokerId),
    /// It may lead again: partitions without a leader look at it.
    Arrived(BrokerId),
    /// One of its directories is gone.
    LostDirectory(BrokerId, Uuid),
}

impl BrokerEvent {
    fn concerns(self, partition: &PartitionRegistration) -> bool {
        match self {
            BrokerEvent::Left(id) => partition.leader == id || partition.isr.contains(&id),
            BrokerEvent::StoppedUncleanly(id) => {
                partition.leader == id || partition.isr.contains(&id) || partition.elr.contains(&id)
            }
            BrokerEvent::Arrived(_) => partition.leader == NO_LEADER,
            BrokerEvent::LostDirectory(id, directory) => {
                partition.directory(id) == Some(directory)
                    && (partition.leader == id || partition.isr.contains(&id))
            }
        }
    }
}

impl Controller {
    /// Appends the changes of every partition that the event concerns.
    pub(crate) fn update_leaders_and_isrs(
        &self,
        image: &MetadataImage,
        event: BrokerEvent,
        records: &mut Vec<MetadataRecord>,
    ) {
        let mut rules = ChangeRules::new(image);
        match event {
            BrokerEvent::Arrived(id) => rules.arriving = Some(id),
            BrokerEvent::Left(id) | BrokerEvent::StoppedUncleanly(id) | BrokerEvent::LostDirectory(id, _) => {
                rules.leaving = Some(id);
            }
        }
        let layers = TopicRules::new(image, &self.settings);
        for topic in image.topics.sorted() {
            let mut partitions = topic.partitions.iter().filter(|(_, p)| event.concerns(p)).peekable();
            if partitions.peek().is_none() {
                continue;
            }
            let configs = image.configs.topic(&topic.name);
            let (min_isr, unclean) = (layers.min_isr(configs), layers.unclean_election(configs));
            for (index, partition) in partitions {
                let mut change = PartitionChange::new(partition, rules, min_isr);
                if unclean {
                    change.election = Election::Unclean;
                }
                if let Some(id) = rules.leaving {
                    change.isr.retain(|member| *member != id);
                }
                if let BrokerEvent::StoppedUncleanly(id) = event {
                    change.unclean_replicas.push(id);
                }
                records.extend(change.build(topic.id, index.0).map(MetadataRecord::from));
            }
        }
    }

    /// Whether the broker leads any partition.
    pub(crate) fn leads_anything(image: &MetadataImage, broker: BrokerId) -> bool {
        image.topics.iter().any(|topic| topic.partitions.values().any(|partition| partition.leader == broker))
    }

    /// Changes that give partitions back to their preferred replicas, at most so many: one step of the automatic
    /// rebalance. To be called again soon when as many came back.
    pub fn rebalance_leaders(&self, image: &MetadataImage, changes_max: usize) -> Vec<MetadataRecord> {
        let rules = ChangeRules::new(image);
        let layers = TopicRules::new(image, &self.settings);
        let mut records = Vec::new();
        for topic in image.topics.iter() {
            for (index, partition) in topic.partitions.iter().filter(|(_, p)| !p.has_preferred_leader()) {
                if records.len() >= changes_max {
                    return records;
                }
                let min_isr = layers.min_isr(image.configs.topic(&topic.name));
                let mut change = PartitionChange::new(partition, rules, min_isr);
                change.election = Election::Preferred;
                records.extend(change.build(topic.id, index.0).map(MetadataRecord::from));
            }
        }
        records
    }

    /// Elections of any online replica for partitions without a leader whose topic allows it, at most so many.
    pub fn elect_unclean_where_allowed(
        &self,
        image: &MetadataImage,
        changes_max: usize,
    ) -> Vec<MetadataRecord> {
        let rules = ChangeRules::new(image);
        let layers = TopicRules::new(image, &self.settings);
        let mut records = Vec::new();
        for topic in image.topics.iter() {
            for (index, partition) in topic.partitions.iter().filter(|(_, p)| !p.has_leader()) {
                if records.len() >= changes_max {
                    return records;
                }
                let configs = image.configs.topic(&topic.name);
                if !layers.unclean_election(configs) {
                    break;
                }
                let mut change = PartitionChange::new(partition, rules, layers.min_isr(configs));
                change.election = Election::Unclean;
                records.extend(change.build(topic.id, index.0).map(MetadataRecord::from));
            }
        }
        records
    }
}
