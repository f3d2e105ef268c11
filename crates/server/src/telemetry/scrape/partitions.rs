//! Partitions, their logs and log directories.

use moldau_log::LogDirInfo;
use moldau_metadata::{PartitionRegistration, TopicImage};

use super::super::labels::{Family, Value};
use crate::broker::Broker;

pub(super) fn families(broker: &Broker) -> Vec<Family> {
    let mut families = replicas(broker);
    families.extend(logs(broker));
    families.extend(directories(broker));
    families.extend(super::cleaner::families(broker));
    let flushes = Family::of("kafka.log", "LogFlushStats", "LogFlushRateAndTimeMs", FLUSHES);
    families.push(flushes.with(Value::Histogram(broker.telemetry.log_flushes.snapshot())));
    families
}

const FLUSHES: &str = "Milliseconds that syncs of segments took.";

/// How many partitions of this broker are in which condition.
#[derive(Default)]
struct Counts {
    partitions: usize,
    leaders: usize,
    offline: usize,
    under_replicated: usize,
    under_min_isr: usize,
    at_min_isr: usize,
}

fn replicas(broker: &Broker) -> Vec<Family> {
    let of = |name, help| Family::of("kafka.cluster", "Partition", name, help);
    let mut under_replicated = of("UnderReplicated", "1 where replicas are missing from the ISR.");
    let mut in_sync = of("InSyncReplicasCount", "In-sync replicas.");
    let mut replicas = of("ReplicasCount", "Replicas.");
    let mut under_min_isr = of("UnderMinIsr", "1 where the ISR is smaller than min.insync.replicas.");
    let mut at_min_isr = of("AtMinIsr", "1 where the ISR is as large as min.insync.replicas.");
    let mut lag = of("LastStableOffsetLag", "Records between last stable offset and high watermark.");
    let mut counts = Counts::default();
    let (image, me) = (broker.image(), broker.node_id());
    let dirs = broker.logs.dirs();
    for topic in image.topics.sorted() {
        for (index, partition) in &topic.partitions {
            if !partition.replicas.contains(&me) {
                continue;
            }
            counts.partitions += 1;
            let leads = partition.leader == me;
            let led = broker.partitions().get_by_id(topic.id, index.0).filter(|_| leads);
            // The controller takes the leadership away when a log directory fails.
            let offline = (leads && led.is_none()) || has_failed(broker, &dirs, topic, index.0, partition);
            counts.offline += usize::from(offline);
            counts.leaders += usize::from(leads);
            let Some(led) = led else { continue };
            let (all, isr) = (partition.replicas.len(), partition.isr.len());
            // No more than there are replicas, as the reference.
            let min_isr = usize::try_from(led.config.load().min_insync_replicas).unwrap_or(0).min(all);
            let offsets = led.log.offsets();
            counts.under_replicated += usize::from(isr < all);
            counts.under_min_isr += usize::from(isr < min_isr);
            counts.at_min_isr += usize::from(isr == min_isr);
            let labels: [(&str, &str); 2] = [("topic", &topic.name), ("partition", &index.0.to_string())];
            under_replicated.add(&labels, Value::gauge(i64::from(isr < all)));
            in_sync.add(&labels, Value::gauge(isr));
            replicas.add(&labels, Value::gauge(all));
            under_min_isr.add(&labels, Value::gauge(i64::from(isr < min_isr)));
            at_min_isr.add(&labels, Value::gauge(i64::from(isr == min_isr)));
            lag.add(&labels, Value::gauge(offsets.high_watermark.0 - offsets.last_stable.0));
        }
    }
    let of = |name, help| Family::of("kafka.server", "ReplicaManager", name, help);
    vec![
        of("PartitionCount", "Partitions with a replica on this broker.").with_gauge(counts.partitions),
        of("LeaderCount", "Partitions that this broker leads.").with_gauge(counts.leaders),
        of("OfflineReplicaCount", "Replicas of this broker that cannot be used.").with_gauge(counts.offline),
        of("UnderReplicatedPartitions", "Led partitions with replicas out of sync.")
            .with_gauge(counts.under_replicated),
        of("UnderMinIsrPartitionCount", "Led partitions below min.insync.replicas.")
            .with_gauge(counts.under_min_isr),
        of("AtMinIsrPartitionCount", "Led partitions with just min.insync.replicas.")
            .with_gauge(counts.at_min_isr),
        under_replicated,
        in_sync,
        replicas,
        under_min_isr,
        at_min_isr,
        lag,
    ]
}

/// Whether the log directory of this broker's replica is one that failed.
fn has_failed(
    broker: &Broker,
    dirs: &[LogDirInfo],
    topic: &TopicImage,
    index: i32,
    partition: &PartitionRegistration,
) -> bool {
    if let Some(log) = broker.logs.get(&topic.name, index) {
        return log.directory().failure().is_some();
    }
    let known = partition.directory(broker.node_id());
    // A directory that failed before it could be read has no id.
    dirs.iter().any(|dir| dir.failure.is_some() && dir.id.is_none_or(|id| known == Some(id)))
}

fn logs(broker: &Broker) -> Vec<Family> {
    let of = |name, help| Family::of("kafka.log", "Log", name, help);
    let mut size = of("Size", "Bytes of the log's segments.");
    let mut start = of("LogStartOffset", "First offset that can be read.");
    let mut end = of("LogEndOffset", "Offset that the next record gets.");
    let mut segments = of("NumLogSegments", "Segments.");
    let mut producers = 0;
    let mut logs = broker.logs.logs();
    logs.sort_by(|a, b| (a.topic(), a.partition()).cmp(&(b.topic(), b.partition())));
    for log in logs {
        let labels: [(&str, &str); 2] = [("topic", log.topic()), ("partition", &log.partition().to_string())];
        let offsets = log.offsets();
        size.add(&labels, Value::gauge(log.size()));
        start.add(&labels, Value::gauge(offsets.log_start.0));
        end.add(&labels, Value::gauge(offsets.log_end.0));
        segments.add(&labels, Value::gauge(log.segment_count()));
        producers += log.active_producers().len();
    }
    let producer_ids = Family::of(
        "kafka.server",
        "ReplicaManager",
        "ProducerIdCount",
        "Producers whose sequence numbers are remembered, counted for each partition.",
    );
    let mut moves = Family::of(
        "kafka.server",
        "ReplicaAlterLogDirsManager",
        "MaxLag",
        "Records that the copy of a partition that is moved between log directories is behind, at most.",
    );
    let behind = broker.logs.future_logs().iter().map(|copy| copy.offset_lag).max();
    moves.add(&[("clientId", "ReplicaAlterLogDirs")], Value::gauge(behind.unwrap_or(0)));
    vec![size, start, end, segments, producer_ids.with_gauge(producers), moves]
}

fn directories(broker: &Broker) -> Vec<Family> {
    let of = |name, help| Family::of("kafka.log", "LogManager", name, help);
    let mut offline = of("LogDirectoryOffline", "1 where the log directory cannot be used.");
    let mut cordoned = of("LogDirectoryCordoned", "1 where the log directory takes no new replicas.");
    let dirs = broker.logs.dirs();
    for dir in &dirs {
        let path = dir.path.display().to_string();
        let labels: [(&str, &str); 1] = [("logDirectory", &path)];
        offline.add(&labels, Value::gauge(i64::from(dir.failure.is_some())));
        cordoned.add(&labels, Value::gauge(i64::from(dir.cordoned)));
    }
    vec![
        of("OfflineLogDirectoryCount", "Log directories that cannot be used.")
            .with_gauge(dirs.iter().filter(|dir| dir.failure.is_some()).count()),
        of("CordonedLogDirectoryCount", "Log directories that take no new replicas.")
            .with_gauge(dirs.iter().filter(|dir| dir.cordoned).count()),
        offline,
        cordoned,
    ]
}
