//! A partition that this broker leads: its log, its settings, and who waits for it to move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use arc_swap::ArcSwap;
use moldau_config::TopicConfig;
use moldau_log::PartitionLog;
use moldau_types::{LeaderEpoch, PartitionIndex, TopicId};

use crate::fetch::Waiters;

/// A led partition.
pub(crate) struct Partition {
    pub(crate) topic: Arc<str>,
    pub(crate) topic_id: TopicId,
    pub(crate) index: PartitionIndex,
    pub(crate) log: Arc<PartitionLog>,
    /// The topic's configs as they are now.
    pub(crate) config: ArcSwap<TopicConfig>,
    leader_epoch: AtomicI32,
    waiters: Waiters,
}

impl AsRef<Waiters> for Partition {
    fn as_ref(&self) -> &Waiters {
        &self.waiters
    }
}

impl Partition {
    pub(crate) fn new(
        topic: Arc<str>,
        topic_id: TopicId,
        index: PartitionIndex,
        log: Arc<PartitionLog>,
        config: Arc<TopicConfig>,
        leader_epoch: LeaderEpoch,
    ) -> Self {
        Partition {
            topic,
            topic_id,
            index,
            log,
            config: ArcSwap::new(config),
            leader_epoch: AtomicI32::new(leader_epoch.0),
            waiters: Waiters::default(),
        }
    }

    pub(crate) fn leader_epoch(&self) -> LeaderEpoch {
        LeaderEpoch(self.leader_epoch.load(Ordering::Acquire))
    }

    pub(crate) fn set_leader_epoch(&self, epoch: LeaderEpoch) {
        self.leader_epoch.store(epoch.0, Ordering::Release);
    }

    /// Wakes the fetches that wait for this partition: after an append, and when it is deleted.
    pub(crate) fn moved(&self) {
        self.waiters.wake();
    }
}
