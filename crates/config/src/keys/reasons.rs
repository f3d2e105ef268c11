//! Why a key is inert or refused, each reason once; they appear in warnings, errors and docs.

/// Thread pools.
pub const THREADS: &str = "the runtime sizes itself; there is no pool of that kind";
/// Waiting for requests to be worked off.
pub const QUEUE: &str = "requests do not wait in one queue; queued.max.request.bytes bounds them";
/// Clean-up of delayed operations.
pub const PURGATORY: &str = "a delayed request is forgotten as soon as it is answered";
/// Start-up deadline.
pub const START: &str = "a start either ends or fails by itself";
/// Controlled shutdown.
pub const SHUTDOWN: &str = "a stop always hands leadership over first";
/// Early listeners.
pub const EARLY_START: &str = "listeners open together, once the node can answer";
/// Unstable versions.
pub const UNSTABLE: &str = "only released versions are there";
/// Broker and controller in one process.
pub const ONE_NODE: &str = "takes effect when a cluster has more than one node";
/// Replication.
pub const REPLICATION: &str = "takes effect when partitions are replicated between brokers";
/// Quorum of several.
pub const QUORUM: &str = "takes effect when the quorum has more than one controller";
/// Gathering of metadata records.
pub const QUORUM_WRITES: &str =
    "records are gathered while the write before them is under way, without a delay";
/// Size of a metadata batch.
pub const METADATA_BATCH: &str = "a batch of metadata records may always have 8 MiB";
/// Removal of metadata files.
pub const METADATA_REMOVAL: &str =
    "nothing reads a removed file of the metadata log, so it is deleted at once";
/// No-op records.
pub const QUORUM_IDLE: &str = "a quiet metadata log stays quiet";
/// Gathering of coordinator records.
pub const COORDINATOR_WRITES: &str =
    "records are gathered while the write before them is under way; no buffer is kept";
/// Loading of a coordinator's partition.
pub const LOADING: &str = "a coordinator reads its partition a mebibyte at a time";
/// Consumer groups.
pub const CONSUMER: &str = "takes effect when groups of the consumer protocol are served";
/// Streams groups.
pub const STREAMS: &str = "takes effect when groups of the streams protocol are served";
/// Share groups.
pub const SHARE: &str = "takes effect when share groups are served";
/// Transactions.
pub const TRANSACTIONS: &str = "takes effect when transactions are served";
/// Quotas.
pub const QUOTAS: &str = "takes effect when quotas are kept";
/// Tiered storage tuning.
pub const REMOTE: &str = "takes effect when tiered storage is there";
/// Metrics.
pub const METRICS: &str = "metrics are not kept in samples";
/// Client telemetry.
pub const TELEMETRY: &str = "takes effect when clients can push their metrics";
/// Level of lz4.
pub const LZ4_LEVEL: &str = "the encoder has one speed, that of Kafka's default level, its fast compressor";
/// TLS settings.
pub const TLS: &str = "takes effect when listeners can use TLS; such a listener is refused until then";
/// SASL settings.
pub const SASL: &str = "takes effect when listeners can use SASL; such a listener is refused until then";
/// Delegation tokens.
pub const TOKENS: &str = "takes effect when delegation tokens are served";

/// Config providers.
pub const PROVIDERS: &str = "placeholders in values would be taken literally";
/// Security protocol between brokers.
pub const SECURITY_PROTOCOL: &str = "only PLAINTEXT is there yet; connections would not be protected";
/// Policies.
pub const POLICY: &str = "Java classes cannot be loaded; the policy would not be asked";
/// Other plug-ins.
pub const PLUGIN: &str = "Java classes cannot be loaded";
/// Metrics reporters.
pub const REPORTERS: &str = "Java classes cannot be loaded; nothing would be reported";
/// Authorizer.
pub const AUTHORIZER: &str = "there is no authorizer yet; everybody would be allowed everything";
/// Principal builder.
pub const PRINCIPAL: &str = "Java classes cannot be loaded; principals would be other ones";
/// Tiered storage.
pub const TIERED: &str = "tiered storage is not there yet; nothing would be copied away";
