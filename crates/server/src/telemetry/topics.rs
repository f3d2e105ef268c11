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
}

/// One of the counters.
pub(super) type Pick = fn(&TopicCounters) -> &Counter;

impl TopicCounters {
    const ALL: [Pick; 12] = [
        |c| &c.messages_in,
        |c| &c.bytes_in,
        |c| &c.bytes_out,
        |c| &c.bytes_rejected,
        |c| &c.produce_requests,
        |c| &c.failed_produce_requests,
        |c| &c.fetch_requests,
        |c| &c.failed_fetch_requests,
        |c| &c.invalid_magic,
        |c| &c.invalid_crc,
        |c| &c.invalid_offset_or_sequence,
        |c| &c.no_key_compacted,
    ];
}

/// The counters of all topics.
#[derive(Debug, Default)]
pub(crate) struct TopicMetrics {
    /// What no topic is led for: requests for others, and what deleted topics had counted.
    others: TopicCounters,
    by_topic: Mutex<BTreeMap<Arc<str>, Arc<TopicCounters>>>,
}

impl TopicMetrics {
    /// The counters of a topic, made when they are not there.
    pub(crate) fn of(&self, topic: &Arc<str>) -> Arc<TopicCounters> {
        self.by_topic.lock().entry(topic.clone()).or_default().clone()
    }

    /// The counters of what is asked for topics or partitions that are not led here.
    pub(crate) fn others(&self) -> &TopicCounters {
        &self.others
    }

    /// Forgets a deleted topic; the total keeps what it counted.
    pub(crate) fn remove(&self, topic: &str) {
        let mut by_topic = self.by_topic.lock();
        if let Some(counters) = by_topic.remove(topic) {
            for pick in TopicCounters::ALL {
                pick(&self.others).add(pick(&counters).get());
            }
        }
    }

    /// One counter: of all topics together, and of each by name.
    pub(super) fn count(&self, pick: Pick) -> (u64, Vec<(Arc<str>, u64)>) {
        let by_topic = self.by_topic.lock();
        let counts: Vec<_> =
            by_topic.iter().map(|(topic, counters)| (topic.clone(), pick(counters).get())).collect();
        (pick(&self.others).get() + counts.iter().map(|(_, count)| count).sum::<u64>(), counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_keeps_what_a_deleted_topic_counted() {
        let metrics = TopicMetrics::default();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        metrics.of(&a).bytes_in.add(5);
        metrics.of(&a).bytes_in.add(2);
        metrics.of(&b).bytes_in.add(1);
        let bytes_in = || metrics.count(|c| &c.bytes_in);
        assert_eq!(bytes_in(), (8, vec![(a.clone(), 7), (b.clone(), 1)]));
        metrics.remove("a");
        metrics.remove("never there");
        assert_eq!(bytes_in(), (8, vec![(b.clone(), 1)]));
        metrics.others().bytes_in.add(2);
        metrics.of(&a).bytes_in.add(1);
        assert_eq!(bytes_in(), (11, vec![(a, 1), (b, 1)]));
    }

    #[test]
    fn no_counter_of_a_deleted_topic_is_forgotten() {
        let metrics = TopicMetrics::default();
        let counters = metrics.of(&"a".into());
        TopicCounters::ALL.iter().zip(1..).for_each(|(pick, value)| pick(&counters).add(value));
        metrics.remove("a");
        for (pick, value) in TopicCounters::ALL.iter().zip(1..) {
            assert_eq!(metrics.count(*pick).0, value);
        }
    }
}
