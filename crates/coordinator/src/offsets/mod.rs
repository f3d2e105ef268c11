//! Committed offsets of all groups of one shard.
//!
//! Changed by replay alone, so what is here is what the log says. Offsets of open transactions are kept apart until their marker comes;
//! of two commits to one partition the one later in the log wins, also when its transaction ended first.

mod commit;
mod delete;
mod expire;
mod fetch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use moldau_protocol::messages::OffsetCommitValue;
use moldau_types::Uuid;

pub use fetch::no_offset;

/// One committed offset.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetAndMetadata {
    /// The offset.
    pub committed_offset: i64,
    /// The leader epoch of the last consumed record, −1 when unknown.
    pub leader_epoch: i32,
    /// The client's own text.
    pub metadata: Box<str>,
    /// When it was committed, milliseconds since 1970.
    pub commit_timestamp_ms: i64,
    /// When it ends, where an old client asked for a retention time.
    pub expire_timestamp_ms: Option<i64>,
    /// The topic's id, zero when the commit did not know it.
    pub topic_id: Uuid,
    /// Where the record stands in the log. −1 before it is appended.
    pub record_offset: i64,
}

impl OffsetAndMetadata {
    pub(crate) fn to_value(&self) -> OffsetCommitValue {
        OffsetCommitValue {
            offset: self.committed_offset,
            leader_epoch: self.leader_epoch,
            metadata: self.metadata.to_string(),
            commit_timestamp: self.commit_timestamp_ms,
            expire_timestamp: self.expire_timestamp_ms.unwrap_or(-1),
            topic_id: self.topic_id,
        }
    }

    pub(crate) fn from_value(value: OffsetCommitValue, record_offset: i64) -> Self {
        OffsetAndMetadata {
            committed_offset: value.offset,
            leader_epoch: value.leader_epoch,
            metadata: value.metadata.into(),
            commit_timestamp_ms: value.commit_timestamp,
            expire_timestamp_ms: (value.expire_timestamp != -1).then_some(value.expire_timestamp),
            topic_id: value.topic_id,
            record_offset,
        }
    }
}

type PartitionOffsets = BTreeMap<i32, OffsetAndMetadata>;
type TopicOffsets = BTreeMap<Arc<str>, PartitionOffsets>;
/// Group, topic and partition.
type OffsetKey = (Arc<str>, Arc<str>, i32);

/// The offsets of one shard's groups.
#[derive(Debug, Default)]
pub(crate) struct OffsetStore {
    by_group: BTreeMap<Arc<str>, TopicOffsets>,
    /// Offsets that wait for the marker of their producer's transaction.
    pending: BTreeMap<i64, BTreeMap<OffsetKey, OffsetAndMetadata>>,
}

impl OffsetStore {
    pub(crate) fn get(&self, group_id: &str, topic: &str, partition: i32) -> Option<&OffsetAndMetadata> {
        self.by_group.get(group_id)?.get(topic)?.get(&partition)
    }

    pub(crate) fn group(&self, group_id: &str) -> Option<&TopicOffsets> {
        self.by_group.get(group_id)
    }

    /// Whether a transaction that is still open has committed an offset to the partition.
    pub(crate) fn is_pending(&self, group_id: &str, topic: &str, partition: i32) -> bool {
        !self.pending.is_empty()
            && self
                .pending
                .values()
                .flat_map(BTreeMap::keys)
                .any(|(g, t, p)| **g == *group_id && **t == *topic && *p == partition)
    }

    fn has_pending(&self, group_id: &str) -> bool {
        self.pending.values().flat_map(BTreeMap::keys).any(|(group, ..)| **group == *group_id)
    }

    /// The partitions of a group with offsets in open transactions.
    fn pending_of(&self, group_id: &str) -> BTreeSet<OffsetKey> {
        let keys = self.pending.values().flat_map(BTreeMap::keys);
        keys.filter(|(group, ..)| **group == *group_id).cloned().collect()
    }

    fn put(&mut self, group_id: Arc<str>, topic: Arc<str>, partition: i32, offset: OffsetAndMetadata) {
        self.by_group.entry(group_id).or_default().entry(topic).or_default().insert(partition, offset);
    }

    fn remove(&mut self, group_id: &str, topic: &str, partition: i32) {
        let Some(topics) = self.by_group.get_mut(group_id) else { return };
        if let Some(partitions) = topics.get_mut(topic) {
            partitions.remove(&partition);
            if partitions.is_empty() {
                topics.remove(topic);
            }
        }
        if topics.is_empty() {
            self.by_group.remove(group_id);
        }
    }

    /// Replays a commit. `producer_id` is the batch's when it is transactional, otherwise −1.
    pub(crate) fn replay_commit(
        &mut self,
        group_id: Arc<str>,
        topic: Arc<str>,
        partition: i32,
        offset: OffsetAndMetadata,
        producer_id: i64,
    ) {
        if producer_id < 0 {
            self.put(group_id, topic, partition, offset);
        } else {
            self.pending.entry(producer_id).or_default().insert((group_id, topic, partition), offset);
        }
    }

    /// Replays a removal, which also ends what is pending for the partition.
    pub(crate) fn replay_removal(&mut self, group_id: &Arc<str>, topic: &Arc<str>, partition: i32) {
        self.remove(group_id, topic, partition);
        if !self.pending.is_empty() {
            let key = (group_id.clone(), topic.clone(), partition);
            self.pending.retain(|_, offsets| {
                offsets.remove(&key);
                !offsets.is_empty()
            });
        }
    }

    /// Replays the marker that ends a transaction.
    pub(crate) fn replay_end_transaction(&mut self, producer_id: i64, committed: bool) {
        let Some(offsets) = self.pending.remove(&producer_id) else { return };
        if !committed {
            return;
        }
        for ((group_id, topic, partition), offset) in offsets {
            let newer = self
                .get(&group_id, &topic, partition)
                .is_none_or(|existing| offset.record_offset > existing.record_offset);
            if newer {
                self.put(group_id, topic, partition, offset);
            }
        }
    }

    /// How many offsets are committed, over all groups.
    pub(crate) fn len(&self) -> usize {
        self.by_group.values().flat_map(BTreeMap::values).map(BTreeMap::len).sum()
    }

    /// Every offset of an open transaction.
    fn iter_pending(&self) -> impl Iterator<Item = (&OffsetKey, &OffsetAndMetadata)> {
        self.pending.values().flatten()
    }

    /// Every committed offset, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>, i32, &OffsetAndMetadata)> {
        self.by_group.iter().flat_map(|(group_id, topics)| {
            topics.iter().flat_map(move |(topic, partitions)| {
                partitions.iter().map(move |(partition, offset)| (group_id, topic, *partition, offset))
            })
        })
    }
}
