//! The data path, fetch sessions, groups.

use std::sync::Arc;

use super::super::labels::{Family, Value};
use super::super::topics::Pick;
use crate::broker::Broker;

/// Name, whether the reference has it by topic too, what it counts, and where it is.
const DATA_PATH: [(&str, bool, &str, Pick); 12] = [
    ("MessagesInPerSec", true, "Records that producers appended.", |c| &c.messages_in),
    ("BytesInPerSec", true, "Bytes of batches that producers appended.", |c| &c.bytes_in),
    ("BytesOutPerSec", true, "Bytes of batches that consumers were sent.", |c| &c.bytes_out),
    ("BytesRejectedPerSec", false, "Bytes of batches that were refused as too large.", |c| &c.bytes_rejected),
    ("TotalProduceRequestsPerSec", true, "Partitions in produce requests.", |c| &c.produce_requests),
    ("FailedProduceRequestsPerSec", false, "Partitions in produce requests that were refused.", |c| {
        &c.failed_produce_requests
    }),
    ("TotalFetchRequestsPerSec", true, "Partitions in fetch requests.", |c| &c.fetch_requests),
    ("FailedFetchRequestsPerSec", false, "Partitions in fetch requests that were refused.", |c| {
        &c.failed_fetch_requests
    }),
    ("InvalidMagicNumberRecordsPerSec", false, "Batches refused for their format.", |c| &c.invalid_magic),
    ("InvalidMessageCrcRecordsPerSec", false, "Batches refused as corrupt.", |c| &c.invalid_crc),
    ("InvalidOffsetOrSequenceRecordsPerSec", false, "Batches refused for their numbering.", |c| {
        &c.invalid_offset_or_sequence
    }),
    ("NoKeyCompactedTopicRecordsPerSec", false, "Batches refused for records without a key.", |c| {
        &c.no_key_compacted
    }),
];

pub(super) fn families(broker: &Arc<Broker>, stopping: bool) -> Vec<Family> {
    let mut families = data_path(broker);
    families.push(state(broker, stopping));
    families.extend(sessions(broker));
    families.extend(groups(broker));
    families
}

/// The reference's numbers. There is no scrape while a node starts.
fn state(broker: &Broker, stopping: bool) -> Family {
    let registered = broker.image().cluster.broker(broker.node_id()).cloned();
    let leaving = registered.is_some_and(|registered| registered.in_controlled_shutdown);
    let state = match (stopping, leaving) {
        (true, _) => 7,
        (false, true) => 6,
        (false, false) => 3,
    };
    let help = "3 while the broker runs, 6 while it gives its leaderships away, 7 while it stops.";
    Family::of("kafka.server", "KafkaServer", "BrokerState", help).with_gauge(state)
}

fn data_path(broker: &Broker) -> Vec<Family> {
    let mut families = Vec::new();
    for (name, by_topic, help, pick) in DATA_PATH {
        let mut family = Family::of("kafka.server", "BrokerTopicMetrics", name, help);
        let (all, topics) = broker.telemetry.topics.count(pick);
        family.add(&[], Value::Counter(all));
        if by_topic {
            for (topic, count) in topics {
                family.add(&[("topic", &topic)], Value::Counter(count));
            }
        }
        families.push(family);
    }
    families
}

fn sessions(broker: &Broker) -> Vec<Family> {
    let of = |name, help| Family::of("kafka.server", "FetchSessionCache", name, help);
    let (sessions, partitions, evicted) = broker.fetch_sessions().counts();
    let mut waiting = Family::of(
        "kafka.server",
        "DelayedOperationPurgatory",
        "NumDelayedOperations",
        "Requests that wait, by what they wait for.",
    );
    waiting.add(&[("delayedOperation", "Fetch")], Value::gauge(broker.telemetry.waiting_fetches.count()));
    vec![
        of("NumIncrementalFetchSessions", "Fetch sessions.").with_gauge(sessions),
        of("NumIncrementalFetchPartitionsCached", "Partitions in fetch sessions.").with_gauge(partitions),
        of("IncrementalFetchSessionEvictionsPerSec", "Fetch sessions that made room for others.")
            .with(Value::Counter(evicted)),
        waiting,
    ]
}

fn groups(broker: &Broker) -> Vec<Family> {
    let of = |name, help| Family::of("kafka.coordinator.group", "GroupMetadataManager", name, help);
    let census = broker.groups.census();
    let in_state = |state: &str| census.groups.get(state).copied().unwrap_or(0);
    let mut partitions = Family::of(
        "kafka.server",
        "group-coordinator-metrics",
        "num-partitions",
        "Led partitions of __consumer_offsets by state.",
    );
    partitions.add(&[("state", "active")], Value::gauge(census.active_partitions));
    partitions.add(&[("state", "loading")], Value::gauge(census.loading_partitions));
    vec![
        of("NumGroups", "Groups.").with_gauge(census.groups.values().sum::<usize>()),
        of("NumGroupsEmpty", "Groups without members.").with_gauge(in_state("Empty")),
        of("NumGroupsPreparingRebalance", "Groups that members join.")
            .with_gauge(in_state("PreparingRebalance")),
        of("NumGroupsCompletingRebalance", "Groups that wait for their leader's assignment.")
            .with_gauge(in_state("CompletingRebalance")),
        of("NumGroupsStable", "Groups whose members have their assignment.").with_gauge(in_state("Stable")),
        of("NumGroupsDead", "Groups that are going.").with_gauge(in_state("Dead")),
        of("NumOffsets", "Committed offsets.").with_gauge(census.offsets),
        partitions,
    ]
}
