//! The data path's counters (`kafka.server:type=BrokerTopicMetrics`), by topic and for all topics together.
//!
//! Invariant: the totals never go back; a topic's own counters go with the topic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is counted of one topic, or of all.
#[derive(Debug, Default)]
pub(crate) struct TopicCounters {
    /// Records that producers appended.
    pub(crate) messages_in: Counter,
    /// Bytes of batches that producers appended.
    pub(crate) bytes_in: Counter,
    /// Bytes of batches that were sent to consumers.
    pub(crate) bytes_out: Counter,
    /// Bytes of batches that were refused as too large.
    pub(crate) bytes_rejected: Counter,
    /// Partitions in produce requests.
    pub(crate) produce_requests: Counter,
    /// Those of them that were refused.
    pub(crate) failed_produce_requests: Counter,
    /// Partitions in fetch requests.
    pub(crate) fetch_requests: Counter,
    /// Those of them that were refused.
    pub(crate) failed_fetch_requests: Counter,
    /// Batches of a magic that is not taken.
    pub(crate) invalid_magic: Counter,
    /// Batches whose checksum or compression is broken.
    pub(crate) invalid_crc: Counter,
    /// Batches whose records are not numbered as they must be.
    pub(crate) invalid_offset_or_sequence: Counter,
    /// Batches with records without a key for a compacted topic.
    pub(crate) no_key_compacted: Counter,
    /// What all topics are counted in; `None` in the total itself.
    all: Option<Arc<TopicCounters>>,
}

impl TopicCounters {
    /// Adds to one counter of this topic and of all.
    pub(crate) fn add(&self, which: impl Fn(&TopicCounters) -> &Counter, more: u64) {
        which(self).add(more);
        if let Some(all) = &self.all {
            which(all).add(more);
        }
    }
}

/// The counters of all topics.
#[derive(Debug, Default)]
pub(crate) struct TopicMetrics {
    all: Arc<TopicCounters>,
    by_topic: Mutex<BTreeMap<Arc<str>, Arc<TopicCounters>>>,
}

impl TopicMetrics {
    /// The counters of a topic, made when they are not there.
    pub(crate) fn of(&self, topic: &Arc<str>) -> Arc<TopicCounters> {
        let fresh = || Arc::new(TopicCounters { all: Some(self.all.clone()), ..TopicCounters::default() });
        self.by_topic.lock().entry(topic.clone()).or_insert_with(fresh).clone()
    }

    /// The counters of what no topic of this broker can be named for.
    pub(crate) fn all(&self) -> &TopicCounters {
        &self.all
    }

    /// Forgets a deleted topic.
    pub(crate) fn remove(&self, topic: &str) {
        self.by_topic.lock().remove(topic);
    }

    /// The topics with their counters, by name.
    pub(super) fn by_topic(&self) -> Vec<(Arc<str>, Arc<TopicCounters>)> {
        self.by_topic.lock().iter().map(|(topic, counters)| (topic.clone(), counters.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_keeps_what_a_deleted_topic_counted() {
        let metrics = TopicMetrics::default();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        metrics.of(&a).add(|c| &c.bytes_in, 5);
        metrics.of(&a).add(|c| &c.bytes_in, 2);
        metrics.of(&b).add(|c| &c.bytes_in, 1);
        assert_eq!(metrics.of(&a).bytes_in.get(), 7);
        metrics.remove("a");
        assert_eq!(metrics.all().bytes_in.get(), 8);
        assert_eq!(metrics.of(&a).bytes_in.get(), 0);
        assert_eq!(metrics.by_topic().len(), 2);
    }
}
