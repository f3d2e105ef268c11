//! An image in the making, and what changed in it.
//!
//! A delta starts from a published image, takes records one after the other, and ends as the next image together with
//! the changes since the base. A metadata transaction is undone as a whole when it is aborted; as long as one is open
//! the delta must not be published.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use moldau_types::{BrokerId, LeaderEpoch, Offset, PartitionIndex, Uuid};

use crate::image::Provenance;
use crate::{
    ConfigResource, MetadataImage, MetadataRecord, PartitionRegistration, QuotaEntity, ReplayError,
    TopicImage,
};

/// What changed in a topic that exists now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicChanges {
    /// The topic is new.
    pub created: bool,
    /// Its partitions that are new or changed.
    pub partitions: BTreeSet<PartitionIndex>,
}

/// What changed from one image to the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataChanges {
    /// Topics that are new or changed, by id.
    pub topics: BTreeMap<Uuid, TopicChanges>,
    /// Topics that are gone, by id, as they last were.
    pub deleted_topics: BTreeMap<Uuid, Arc<TopicImage>>,
    /// Resources of which a config was set or removed.
    pub configs: BTreeSet<ConfigResource>,
    /// Brokers that registered, changed or are gone.
    pub brokers: BTreeSet<BrokerId>,
    /// Controllers that registered.
    pub controllers: BTreeSet<BrokerId>,
    /// Features of which the level changed.
    pub features: BTreeSet<String>,
    /// Entities of which a quota changed.
    pub client_quotas: BTreeSet<QuotaEntity>,
    /// ACLs that came or went.
    pub acls: BTreeSet<Uuid>,
    /// SCRAM credentials that came or went: mechanism and user.
    pub scram: BTreeSet<(i8, String)>,
    /// Delegation tokens that came or went.
    pub delegation_tokens: BTreeSet<String>,
    /// Producer ids were handed out.
    pub producer_ids: bool,
}

impl MetadataChanges {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        *self == MetadataChanges::default()
    }

    /// What changed between any two images; unchanged parts are skipped by their identity where they share memory.
    pub fn between(base: &MetadataImage, image: &MetadataImage) -> MetadataChanges {
        let mut changes = MetadataChanges::default();
        for topic in image.topics.iter() {
            let old = base.topics.by_id(topic.id);
            if old.is_some_and(|old| Arc::ptr_eq(old, topic) || old == topic) {
                continue;
            }
            let changed = |(index, partition): (&PartitionIndex, &Arc<PartitionRegistration>)| {
                (old.and_then(|old| old.partition(*index)) != Some(partition)).then_some(*index)
            };
            let partitions = topic.partitions.iter().filter_map(changed).collect();
            changes.topics.insert(topic.id, TopicChanges { created: old.is_none(), partitions });
        }
        let gone = base.topics.iter().filter(|old| image.topics.by_id(old.id).is_none());
        changes.deleted_topics = gone.map(|old| (old.id, old.clone())).collect();
        changes.configs = different(base.configs.iter(), image.configs.iter());
        let brokers = |image: &MetadataImage| image.cluster.brokers().map(|b| (b.id, b.clone())).collect();
        changes.brokers = different_owned(brokers(base), brokers(image));
        let controllers =
            |image: &MetadataImage| image.cluster.controllers().map(|c| (c.id, c.clone())).collect();
        changes.controllers = different_owned(controllers(base), controllers(image));
        let features = |image: &MetadataImage| {
            image.features.all().into_iter().map(|(name, level)| (name.to_owned(), level)).collect()
        };
        changes.features = different_owned(features(base), features(image));
        changes.client_quotas = different(base.client_quotas.iter(), image.client_quotas.iter());
        changes.acls = different(base.acls.iter(), image.acls.iter());
        changes.scram = different(base.scram.iter(), image.scram.iter());
        changes.delegation_tokens = different(base.delegation_tokens.iter(), image.delegation_tokens.iter());
        changes.producer_ids = base.producer_ids != image.producer_ids;
        changes
    }

    /// What a broker has to do about its own replicas.
    pub fn local(&self, broker: BrokerId, base: &MetadataImage, image: &MetadataImage) -> LocalChanges {
        let mut local = LocalChanges::default();
        for topic in self.deleted_topics.values() {
            for (index, partition) in &topic.partitions {
                if partition.replicas.contains(&broker) {
                    local.deleted.push(LocalPartition::new(topic, *index, partition, Some(partition)));
                }
            }
        }
        for (id, changes) in &self.topics {
            let Some(topic) = image.topics.by_id(*id) else { continue };
            for index in &changes.partitions {
                let Some(partition) = topic.partition(*index) else { continue };
                let previous = base.topics.partition_by_id(*id, *index);
                let was_here = previous.is_some_and(|p| p.replicas.contains(&broker));
                let list = match (partition.replicas.contains(&broker), partition.leader == broker) {
                    (true, true) => &mut local.leaders,
                    (true, false) => &mut local.followers,
                    (false, _) if was_here => &mut local.deleted,
                    (false, _) => continue,
                };
                list.push(LocalPartition::new(topic, *index, partition, previous));
            }
        }
        local
    }
}

fn different_owned<K: Ord + Clone, V: PartialEq>(old: BTreeMap<K, V>, new: BTreeMap<K, V>) -> BTreeSet<K> {
    different(old.iter(), new.iter())
}

/// Keys whose value differs or that only one side has.
fn different<'a, K: Ord + Clone + 'a, V: PartialEq + 'a>(
    old: impl Iterator<Item = (&'a K, &'a V)>,
    new: impl Iterator<Item = (&'a K, &'a V)>,
) -> BTreeSet<K> {
    let mut left: BTreeMap<&K, &V> = old.collect();
    let mut keys = BTreeSet::new();
    for (key, value) in new {
        if left.remove(key) != Some(value) {
            keys.insert(key.clone());
        }
    }
    keys.extend(left.into_keys().cloned());
    keys
}

/// A partition that a broker has to act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The topic's id.
    pub topic_id: Uuid,
    /// The partition.
    pub index: PartitionIndex,
    /// The partition as it is now; for a deleted topic as it last was.
    pub partition: Arc<PartitionRegistration>,
    /// The partition before, `None` when it is new.
    pub previous: Option<Arc<PartitionRegistration>>,
}

impl LocalPartition {
    fn new(
        topic: &TopicImage,
        index: PartitionIndex,
        partition: &Arc<PartitionRegistration>,
        previous: Option<&Arc<PartitionRegistration>>,
    ) -> LocalPartition {
        LocalPartition {
            topic: topic.name.clone(),
            topic_id: topic.id,
            index,
            partition: partition.clone(),
            previous: previous.cloned(),
        }
    }
}

/// What a broker has to do about its own replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalChanges {
    /// Partitions that this broker no longer holds: the topic is gone, or the replica went elsewhere.
    pub deleted: Vec<LocalPartition>,
    /// New or changed partitions that this broker leads.
    pub leaders: Vec<LocalPartition>,
    /// New or changed partitions that this broker holds and does not lead; the leader may be none.
    pub followers: Vec<LocalPartition>,
}

/// An image in the making.
#[derive(Clone, Debug)]
pub struct MetadataDelta {
    pub(crate) base: MetadataImage,
    pub(crate) image: MetadataImage,
    pub(crate) changes: MetadataChanges,
    /// State at the begin of the open transaction.
    pub(crate) before_transaction: Option<Box<(MetadataImage, MetadataChanges)>>,
}

impl MetadataDelta {
    /// A delta on top of a published image.
    pub fn new(base: &MetadataImage) -> MetadataDelta {
        MetadataDelta {
            base: base.clone(),
            image: base.clone(),
            changes: MetadataChanges::default(),
            before_transaction: None,
        }
    }

    /// A delta that replaces a published image by the records of a snapshot.
    pub fn from_snapshot(base: &MetadataImage) -> MetadataDelta {
        MetadataDelta { image: MetadataImage::default(), ..MetadataDelta::new(base) }
    }

    /// The image with all records so far.
    pub fn image(&self) -> &MetadataImage {
        &self.image
    }

    /// The image that the delta started from.
    pub fn base(&self) -> &MetadataImage {
        &self.base
    }

    /// Whether a metadata transaction is open: then the delta must wait for its end.
    pub fn in_transaction(&self) -> bool {
        self.before_transaction.is_some()
    }

    /// Takes a record that is at this offset of the log. On an error nothing of it was taken.
    pub fn replay_at(
        &mut self,
        record: &MetadataRecord,
        offset: Offset,
        leader_epoch: LeaderEpoch,
        timestamp_ms: i64,
    ) -> Result<(), ReplayError> {
        self.replay(record)?;
        self.set_provenance(offset, leader_epoch, timestamp_ms);
        Ok(())
    }

    /// Notes up to where in the log the image goes: after control records, or at a snapshot's end.
    pub fn set_provenance(
        &mut self,
        last_offset: Offset,
        last_leader_epoch: LeaderEpoch,
        last_timestamp_ms: i64,
    ) {
        self.image.provenance = Provenance { last_offset, last_leader_epoch, last_timestamp_ms };
    }

    /// The next image and what changed since the base.
    pub fn finish(self) -> (MetadataImage, MetadataChanges) {
        (self.image, self.changes)
    }

    /// As [`MetadataDelta::finish`] after the records of a snapshot: the changes are found by comparing both images.
    pub fn finish_snapshot(self) -> (MetadataImage, MetadataChanges) {
        let changes = MetadataChanges::between(&self.base, &self.image);
        (self.image, changes)
    }
}
