//! The parts of a broker's config. A key that takes part in a rule of precedence is a computed field.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::fields::{field, part};
use crate::listener::HostPort;
use crate::settings::Settings;
use crate::validator::parse_voter;

/// What an acknowledgement means on this node's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The records are with the kernel; they are synced as `log.flush.*` says.
    Kafka,
    /// The records are synced.
    Fsync,
}

part! {
    /// Id, roles and identity.
    NodeConfig {
        node_id: i32 = "node.id",
        broker_rack: Option<String> = "broker.rack",
        cluster_id: Option<String> = "moldau.cluster.id",
    }
    computed {
        /// Whether this node is a broker.
        is_broker: bool = |s| field::<Vec<String>>(s, "process.roles").iter().any(|role| role == "broker"),
        /// Whether this node is a controller.
        is_controller: bool = |s| field::<Vec<String>>(s, "process.roles").iter().any(|role| role == "controller"),
    }
}

part! {
    /// Sockets, connections and requests.
    NetworkConfig {
        queued_max_request_bytes: i64 = "queued.max.request.bytes",
        socket_send_buffer_bytes: i32 = "socket.send.buffer.bytes",
        socket_receive_buffer_bytes: i32 = "socket.receive.buffer.bytes",
        socket_listen_backlog_size: i32 = "socket.listen.backlog.size",
        socket_request_max_bytes: i32 = "socket.request.max.bytes",
        max_connections: i32 = "max.connections",
        max_connections_per_ip: i32 = "max.connections.per.ip",
        max_connection_creation_rate: i32 = "max.connection.creation.rate",
        connections_max_idle_ms: i64 = "connections.max.idle.ms",
        fetch_max_bytes: i32 = "fetch.max.bytes",
        max_incremental_fetch_session_cache_slots: i32 = "max.incremental.fetch.session.cache.slots",
        max_request_partition_size_limit: i32 = "max.request.partition.size.limit",
    }
    computed {
        /// `moldau.http.listener`
        http_listener: Option<HttpListener> = http_listener,
        /// `max.connections.per.ip.overrides`: host or address and its limit.
        max_connections_per_ip_overrides: BTreeMap<String, i32> = connection_overrides,
    }
}

/// Where a node tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpListener {
    /// Where to listen.
    pub address: HostPort,
    /// Whether nobody asked for this address: it may then be missing.
    pub is_default: bool,
}

part! {
    /// How topics come and go. Their other starting values are in [`crate::topic::TopicConfig`].
    TopicDefaults {
        auto_create_topics_enable: bool = "auto.create.topics.enable",
        num_partitions: i32 = "num.partitions",
        default_replication_factor: i32 = "default.replication.factor",
        delete_topic_enable: bool = "delete.topic.enable",
    }
}

part! {
    /// The log's directories and background work.
    LogConfig {
        log_retention_check_interval_ms: i64 = "log.retention.check.interval.ms",
        log_flush_scheduler_interval_ms: i64 = "log.flush.scheduler.interval.ms",
        log_flush_offset_checkpoint_interval_ms: i32 = "log.flush.offset.checkpoint.interval.ms",
        log_flush_start_offset_checkpoint_interval_ms: i32 = "log.flush.start.offset.checkpoint.interval.ms",
        log_initial_task_delay_ms: i64 = "log.initial.task.delay.ms",
        num_recovery_threads_per_data_dir: i32 = "num.recovery.threads.per.data.dir",
        num_replica_alter_log_dirs_threads: Option<i32> = "num.replica.alter.log.dirs.threads",
        producer_id_expiration_ms: i32 = "producer.id.expiration.ms",
        producer_id_expiration_check_interval_ms: i32 = "producer.id.expiration.check.interval.ms",
        replica_high_watermark_checkpoint_interval_ms: i64 = "replica.high.watermark.checkpoint.interval.ms",
    }
    computed {
        /// The data directories: `log.dirs`, else `log.dir`.
        log_dirs: Vec<PathBuf> = log_dirs,
        /// `cordoned.log.dirs`, `*` resolved.
        cordoned_log_dirs: Vec<PathBuf> = cordoned_log_dirs,
        /// `moldau.durability`
        durability: Durability = durability,
    }
}

part! {
    /// Compaction.
    CleanerConfig {
        log_cleaner_enable: bool = "log.cleaner.enable",
        log_cleaner_threads: i32 = "log.cleaner.threads",
        log_cleaner_io_max_bytes_per_second: f64 = "log.cleaner.io.max.bytes.per.second",
        log_cleaner_dedupe_buffer_size: i64 = "log.cleaner.dedupe.buffer.size",
        log_cleaner_io_buffer_size: i32 = "log.cleaner.io.buffer.size",
        log_cleaner_io_buffer_load_factor: f64 = "log.cleaner.io.buffer.load.factor",
        log_cleaner_backoff_ms: i64 = "log.cleaner.backoff.ms",
    }
}

part! {
    /// Groups of the classic protocol.
    GroupConfig {
        group_min_session_timeout_ms: i32 = "group.min.session.timeout.ms",
        group_max_session_timeout_ms: i32 = "group.max.session.timeout.ms",
        group_initial_rebalance_delay_ms: i32 = "group.initial.rebalance.delay.ms",
        group_max_size: i32 = "group.max.size",
    }
}

part! {
    /// Committed offsets and their topic.
    OffsetsConfig {
        offset_metadata_max_bytes: i32 = "offset.metadata.max.bytes",
        offsets_retention_minutes: i32 = "offsets.retention.minutes",
        offsets_retention_check_interval_ms: i64 = "offsets.retention.check.interval.ms",
        offsets_topic_replication_factor: i16 = "offsets.topic.replication.factor",
        offsets_topic_num_partitions: i32 = "offsets.topic.num.partitions",
        offsets_topic_segment_bytes: i32 = "offsets.topic.segment.bytes",
        offsets_topic_compression_codec: i32 = "offsets.topic.compression.codec",
        offsets_commit_timeout_ms: i32 = "offsets.commit.timeout.ms",
    }
}

/// One controller of a static quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    /// Its node id.
    pub id: i32,
    /// Where it listens.
    pub address: HostPort,
}

part! {
    /// The controller quorum.
    QuorumConfig {}
    computed {
        /// `controller.quorum.voters`; the quorum is dynamic where there is none.
        voters: Vec<Voter> = voters,
    }
}

impl QuorumConfig {
    /// Whether the set of controllers is fixed by the configs.
    pub fn is_static(&self) -> bool {
        !self.voters.is_empty()
    }
}

part! {
    /// The metadata log.
    MetadataLogConfig {
        segment_ms: i64 = "metadata.log.segment.ms",
        max_record_bytes_between_snapshots: i64 = "metadata.log.max.record.bytes.between.snapshots",
        max_snapshot_interval_ms: i64 = "metadata.log.max.snapshot.interval.ms",
        max_retention_bytes: i64 = "metadata.max.retention.bytes",
        max_retention_ms: i64 = "metadata.max.retention.ms",
    }
    computed {
        /// `metadata.log.dir`, else the first data directory.
        dir: PathBuf = metadata_dir,
        /// `internal.metadata.log.segment.bytes`, else `metadata.log.segment.bytes`
        segment_bytes: i32 = |s| {
            field::<Option<i32>>(s, "internal.metadata.log.segment.bytes")
                .unwrap_or_else(|| field(s, "metadata.log.segment.bytes"))
        },
    }
}

/// The keys that computed fields are made of.
#[cfg(test)]
pub(super) const COMPUTED: &[&str] = &[
    "broker.id",
    "process.roles",
    "max.connections.per.ip.overrides",
    "log.dir",
    "log.dirs",
    "cordoned.log.dirs",
    "moldau.durability",
    "moldau.http.listener",
    "controller.quorum.voters",
    "metadata.log.dir",
    "metadata.log.segment.bytes",
    "internal.metadata.log.segment.bytes",
];

fn log_dirs(settings: &Settings) -> Vec<PathBuf> {
    log_dir_names(settings).into_iter().map(PathBuf::from).collect()
}

/// `log.dirs`, else `log.dir`.
pub(super) fn log_dir_names(settings: &Settings) -> Vec<String> {
    field::<Option<Vec<String>>>(settings, "log.dirs").unwrap_or_else(|| field(settings, "log.dir"))
}

fn cordoned_log_dirs(settings: &Settings) -> Vec<PathBuf> {
    let names: Vec<String> = field(settings, "cordoned.log.dirs");
    if names.iter().any(|name| name == "*") {
        return log_dirs(settings);
    }
    names.into_iter().map(PathBuf::from).collect()
}

fn metadata_dir(settings: &Settings) -> PathBuf {
    let own = field::<Option<String>>(settings, "metadata.log.dir").map(PathBuf::from);
    own.or_else(|| log_dirs(settings).into_iter().next()).unwrap_or_default()
}

fn durability(settings: &Settings) -> Durability {
    match field::<String>(settings, "moldau.durability").as_str() {
        "fsync" => Durability::Fsync,
        _ => Durability::Kafka,
    }
}

fn http_listener(settings: &Settings) -> Option<HttpListener> {
    let text: String = field(settings, "moldau.http.listener");
    let is_default = !settings.is_set("moldau.http.listener");
    HostPort::parse(&text).map(|address| HttpListener { address, is_default })
}

fn voters(settings: &Settings) -> Vec<Voter> {
    let texts: Vec<String> = field(settings, "controller.quorum.voters");
    texts.iter().filter_map(|text| parse_voter(text)).map(|(id, address)| Voter { id, address }).collect()
}

fn connection_overrides(settings: &Settings) -> BTreeMap<String, i32> {
    let text: String = field(settings, "max.connections.per.ip.overrides");
    parse_connection_overrides(&text).unwrap_or_default()
}

/// Reads `host:count, …`; the last colon divides, since an address may have some itself.
pub(super) fn parse_connection_overrides(text: &str) -> Option<BTreeMap<String, i32>> {
    crate::value::split_list(text)
        .iter()
        .map(|pair| {
            let (host, count) = pair.rsplit_once(':')?;
            let count = count.trim().parse().ok().filter(|count| *count >= 0)?;
            (!host.trim().is_empty()).then(|| (host.trim().to_owned(), count))
        })
        .collect()
}
