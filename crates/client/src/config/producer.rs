//! The producer's settings.

use std::time::Duration;

use super::{CommonConfig, ConfigError, ConfigValue, config_keys};
use crate::serialization::SerdeClass;

/// How many replicas must have a batch before it is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acks {
    /// The broker does not answer at all.
    None,
    /// The leader has it.
    Leader,
    /// All in-sync replicas have it.
    #[default]
    All,
}

impl Acks {
    /// The number on the wire.
    pub fn code(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }
}

impl ConfigValue for Acks {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "all" | "-1" => Ok(Self::All),
            "0" => Ok(Self::None),
            "1" => Ok(Self::Leader),
            _ => Err("must be all (or -1), 0 or 1".to_owned()),
        }
    }
    fn text(&self) -> String {
        match self {
            Self::None => "0".to_owned(),
            Self::Leader => "1".to_owned(),
            Self::All => "all".to_owned(),
        }
    }
}

/// How batches are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum CompressionType {
    #[default]
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl ConfigValue for CompressionType {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "none" => Ok(Self::None),
            "gzip" => Ok(Self::Gzip),
            "snappy" => Ok(Self::Snappy),
            "lz4" => Ok(Self::Lz4),
            "zstd" => Ok(Self::Zstd),
            _ => Err("must be none, gzip, snappy, lz4 or zstd".to_owned()),
        }
    }
    fn text(&self) -> String {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
        .to_owned()
    }
}

/// A partitioner that comes with this crate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartitionerClass {
    /// By key where there is one, else sticky or adaptive (KIP-480, KIP-794).
    #[default]
    BuiltIn,
    /// One partition after the other, whatever the key.
    RoundRobin,
}

/// Kafka's default level of lz4.
const DEFAULT_LZ4_LEVEL: i32 = 9;

const ROUND_ROBIN: &str = "org.apache.kafka.clients.producer.RoundRobinPartitioner";

impl ConfigValue for PartitionerClass {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" | "null" => Ok(Self::BuiltIn),
            ROUND_ROBIN | "roundrobin" => Ok(Self::RoundRobin),
            _ => Err(format!("must be empty or {ROUND_ROBIN}; give another one to ProducerBuilder")),
        }
    }
    fn text(&self) -> String {
        match self {
            Self::BuiltIn => String::new(),
            Self::RoundRobin => ROUND_ROBIN.to_owned(),
        }
    }
}

config_keys! {
    /// The settings of a producer.
    ///
    /// ```
    /// use std::time::Duration;
    /// use moldau_client::{Acks, ProducerConfig};
    ///
    /// # fn main() -> Result<(), moldau_client::ConfigError> {
    /// let config = ProducerConfig::from_properties("acks=all\nlinger.ms=20")?.with("compression.type", "zstd")?;
    /// assert_eq!((config.acks, config.linger), (Acks::All, Duration::from_millis(20)));
    /// assert_eq!(config.get("batch.size").as_deref(), Some("16384"));
    /// let wrong = ProducerConfig::default().with("lingerms", "20").unwrap_err();
    /// assert_eq!(wrong.to_string(), "unknown setting lingerms; did you mean linger.ms?");
    /// # config.validate()
    /// # }
    /// ```
    pub struct ProducerConfig: CommonConfig {
        /// When a batch counts as written.
        "acks" => acks: Acks = Acks::All;
        /// The size at which a partition's batch is sent without waiting for `linger.ms`.
        "batch.size" => batch_size: usize = 16_384;
        /// How long a batch that is not full waits for more records.
        "linger.ms" => linger: Duration = Duration::from_millis(5);
        /// How batches are compressed.
        "compression.type" => compression: CompressionType = CompressionType::None;
        /// Whether retries can neither duplicate nor reorder records. Off with `acks` below `all` and with `retries=0`, unless
        /// it was set by name, which is refused then.
        "enable.idempotence" => idempotence: bool = true;
        /// The number of unanswered requests to one broker.
        "max.in.flight.requests.per.connection" => max_in_flight: usize = 5;
        /// The time from `send` until a record is written or has failed; at least `linger.ms` and `request.timeout.ms` together,
        /// to which it is raised unless it was set.
        "delivery.timeout.ms" => delivery_timeout: Duration = Duration::from_secs(120);
        /// How often a batch is sent again; `delivery.timeout.ms` is the limit that is meant to be used.
        "retries" => retries: u32 = i32::MAX as u32;
        /// The bytes of records that may wait for delivery; beyond it `send` waits.
        "buffer.memory" => buffer_memory: usize = 32 * 1024 * 1024;
        /// The largest request, and so the largest record before compression.
        "max.request.size" => max_request_size: usize = 1_048_576;
        /// How long `send` may wait for metadata or for memory.
        "max.block.ms" => max_block: Duration = Duration::from_secs(60);
        /// Whether keys are ignored when a partition is chosen.
        "partitioner.ignore.keys" => ignore_keys: bool = false;
        /// Who chooses the partitions of records that name none; a partitioner of the caller's own is given to
        /// `ProducerBuilder` instead.
        "partitioner.class" => partitioner: PartitionerClass = PartitionerClass::BuiltIn;
        /// Whether records without a key go more to partitions whose batches leave faster (KIP-794).
        "partitioner.adaptive.partitioning.enable" => adaptive_partitioning: bool = true;
        /// A broker that has taken no batch for this time gets no records without a key; 0 is never.
        "partitioner.availability.timeout.ms" => availability_timeout: Duration = Duration::ZERO;
        /// The level of gzip, 1 to 9, or −1 for the codec's own.
        "compression.gzip.level" => gzip_level: i32 = -1;
        /// The level of lz4. The encoder has one speed: with `compression.type=lz4` another level than Kafka's default is
        /// refused.
        "compression.lz4.level" => lz4_level: i32 = DEFAULT_LZ4_LEVEL;
        /// The level of zstd, −131072 to 22.
        "compression.zstd.level" => zstd_level: i32 = 3;
        /// How long the metadata of a topic is kept that nothing is sent to; at least 5 seconds.
        "metadata.max.idle.ms" => metadata_max_idle: Duration = Duration::from_secs(300);
        /// How keys become bytes; counts for `TypedProducer::from_config`.
        "key.serializer" => key_serializer: Option<SerdeClass> = None;
        /// How values become bytes; counts for `TypedProducer::from_config`.
        "value.serializer" => value_serializer: Option<SerdeClass> = None;
    }
}

impl ProducerConfig {
    /// The level of the codec that is in use, `None` for its own.
    pub(crate) fn compression_level(&self) -> Option<i32> {
        match self.compression {
            CompressionType::Gzip => Some(self.gzip_level).filter(|level| *level != -1),
            CompressionType::Zstd => Some(self.zstd_level),
            _ => None,
        }
    }

    /// Whether retries can neither duplicate nor reorder records, as it follows from all settings: as in Kafka, `acks` below
    /// `all` and `retries=0` turn idempotence off unless `enable.idempotence` was set by name.
    pub fn is_idempotent(&self) -> bool {
        let fits = self.acks == Acks::All && self.retries > 0;
        self.idempotence && (fits || self.explicit.contains("enable.idempotence"))
    }

    /// These settings with what follows from them in the place of what nobody set by name.
    pub(crate) fn resolved(mut self) -> Self {
        if self.idempotence && !self.is_idempotent() {
            tracing::info!("idempotence is off, since acks is not all or retries is 0");
            self.idempotence = false;
        }
        let least = self.delivery_timeout_min();
        if self.delivery_timeout < least && self.delivery_timeout_follows() {
            tracing::warn!(
                ms = least.as_millis(),
                "delivery.timeout.ms is raised to linger.ms + request.timeout.ms"
            );
            self.delivery_timeout = least;
        }
        self
    }

    fn delivery_timeout_min(&self) -> Duration {
        self.linger.saturating_add(self.common.request_timeout)
    }

    /// Whether nobody has set `delivery.timeout.ms`.
    fn delivery_timeout_follows(&self) -> bool {
        self.delivery_timeout == Self::default().delivery_timeout
            && !self.explicit.contains("delivery.timeout.ms")
    }

    /// Refuses combinations that can't keep what they promise.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.common.validate()?;
        let refuse = |key: &str, why: &str| {
            Err(ConfigError::Invalid {
                key: key.to_owned(),
                value: self.get(key).unwrap_or_default(),
                why: why.to_owned(),
            })
        };
        if self.max_in_flight == 0 {
            return refuse("max.in.flight.requests.per.connection", "must be at least 1");
        }
        let idempotent = self.is_idempotent();
        if idempotent && self.max_in_flight > 5 {
            return refuse(
                "max.in.flight.requests.per.connection",
                "must be at most 5 with enable.idempotence=true, which is the default: brokers remember no more; set \
                 enable.idempotence=false for more",
            );
        }
        if idempotent && self.acks != Acks::All {
            return refuse(
                "acks",
                "must be all with enable.idempotence=true; set enable.idempotence=false for fewer",
            );
        }
        if idempotent && self.retries == 0 {
            return refuse("retries", "must not be 0 with enable.idempotence=true");
        }
        if self.gzip_level != -1 && !(1..=9).contains(&self.gzip_level) {
            return refuse("compression.gzip.level", "must be 1 to 9, or -1");
        }
        if !(-131_072..=22).contains(&self.zstd_level) {
            return refuse("compression.zstd.level", "must be -131072 to 22");
        }
        if !(1..=17).contains(&self.lz4_level) {
            return refuse("compression.lz4.level", "must be 1 to 17");
        }
        if self.compression == CompressionType::Lz4 && self.lz4_level != DEFAULT_LZ4_LEVEL {
            return Err(ConfigError::Unsupported {
                key: "compression.lz4.level".to_owned(),
                value: self.lz4_level.to_string(),
                why:
                    "the lz4 encoder has one speed; leave the level at 9, or use compression.type=zstd with \
                      compression.zstd.level"
                        .to_owned(),
            });
        }
        if self.metadata_max_idle < Duration::from_secs(5) {
            return refuse("metadata.max.idle.ms", "must be at least 5000");
        }
        if self.delivery_timeout < self.delivery_timeout_min() && !self.delivery_timeout_follows() {
            return refuse("delivery.timeout.ms", "must be at least linger.ms + request.timeout.ms");
        }
        Ok(())
    }
}
