//! A partition that this broker leads: its log, its settings, and who waits for it to move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use arc_swap::ArcSwap;
use moldau_config::{Durability, TopicConfig};
use moldau_log::PartitionLog;
use moldau_types::{LeaderEpoch, Offset, PartitionIndex, Uuid};

use super::durable::{Durable, GroupSync};

use crate::fetch::Waiters;

/// A led partition.
pub(crate) struct Partition {
    pub(crate) topic: Arc<str>,
    pub(crate) topic_id: Uuid,
    pub(crate) index: PartitionIndex,
    pub(crate) log: Arc<PartitionLog>,
    /// The topic's configs as they are now.
    pub(crate) config: ArcSwap<TopicConfig>,
    leader_epoch: AtomicI32,
    waiters: Waiters,
    /// Set when an acknowledgement waits for an fsync.
    group_sync: Option<Arc<GroupSync>>,
}

impl AsRef<Waiters> for Partition {
    fn as_ref(&self) -> &Waiters {
        &self.waiters
    }
}

impl Partition {
    pub(crate) fn new(
        topic: Arc<str>,
        topic_id: Uuid,
        index: PartitionIndex,
        log: Arc<PartitionLog>,
        config: Arc<TopicConfig>,
        leader_epoch: LeaderEpoch,
        durability: Durability,
    ) -> Self {
        Partition {
            topic,
            topic_id,
            index,
            log,
            config: ArcSwap::new(config),
            leader_epoch: AtomicI32::new(leader_epoch.0),
            waiters: Waiters::default(),
            group_sync: (durability == Durability::Fsync).then(Arc::default),
        }
    }

    pub(crate) fn leader_epoch(&self) -> LeaderEpoch {
        LeaderEpoch(self.leader_epoch.load(Ordering::Acquire))
    }

    pub(crate) fn set_leader_epoch(&self, epoch: LeaderEpoch) {
        self.leader_epoch.store(epoch.0, Ordering::Release);
    }

    /// What an acknowledgement of `offset` waits for, if it waits.
    pub(crate) fn durable(&self, offset: Offset) -> Option<Durable> {
        self.group_sync.as_ref().map(|sync| sync.wait_for(&self.log, offset))
    }

    /// Wakes the fetches that wait for this partition: after an append, and when it is deleted.
    pub(crate) fn moved(&self) {
        self.waiters.wake();
    }
}
