//! A partition that this broker leads: its log, its settings, and who waits for it to move.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use arc_swap::ArcSwap;
use moldau_config::TopicConfig;
use moldau_log::{LogManager, PartitionLog};
use moldau_metadata::LocalPartition;
use moldau_types::{LeaderEpoch, Offset, PartitionIndex, Uuid};
use tokio::sync::oneshot;

use crate::fetch::Waiters;
use crate::telemetry::TopicCounters;

/// Resolves when what was appended is on the disk, or with what went wrong.
pub(crate) type Durable = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A led partition.
pub(crate) struct Partition {
    pub(crate) topic: Arc<str>,
    pub(crate) topic_id: Uuid,
    pub(crate) index: PartitionIndex,
    pub(crate) log: Arc<PartitionLog>,
    /// The topic's configs as they are now.
    pub(crate) config: ArcSwap<TopicConfig>,
    /// What is counted of the topic.
    pub(crate) counters: Arc<TopicCounters>,
    leader_epoch: AtomicI32,
    waiters: Waiters,
    /// Set when an acknowledgement waits for an fsync; it has the flusher.
    syncs: Option<Arc<LogManager>>,
}

impl AsRef<Waiters> for Partition {
    fn as_ref(&self) -> &Waiters {
        &self.waiters
    }
}

impl Partition {
    pub(crate) fn new(
        place: &LocalPartition,
        log: Arc<PartitionLog>,
        config: Arc<TopicConfig>,
        counters: Arc<TopicCounters>,
        syncs: Option<Arc<LogManager>>,
    ) -> Self {
        Partition {
            topic: place.topic.clone(),
            topic_id: place.topic_id,
            index: place.index,
            log,
            config: ArcSwap::new(config),
            counters,
            leader_epoch: AtomicI32::new(place.partition.leader_epoch.0),
            waiters: Waiters::default(),
            syncs,
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
        let syncs = self.syncs.as_ref()?;
        let (sender, receiver) = oneshot::channel();
        let up_to = Offset(offset.0 + 1);
        // The asker's connection may be gone by then.
        syncs.durable(&self.log, up_to, Box::new(move |result| drop(sender.send(result))));
        Some(Box::pin(async move {
            let result = receiver.await.map_err(|_| "the node is stopping".to_owned())?;
            result.map(drop).map_err(|error| error.to_string())
        }))
    }

    /// Wakes the fetches that wait for this partition: after an append, and when it is deleted.
    pub(crate) fn moved(&self) {
        self.waiters.wake();
    }
}
