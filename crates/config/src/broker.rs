//! A broker's configs with types: what the rest of Moldau reads.
//!
//! What always holds: every effective key of the tables is a field of one of the parts (a test sees to it), under
//! Kafka's name; numbers are in the unit of the name, and -1 keeps Kafka's meaning. A [`BrokerConfig`] is made as a
//! whole from [`Settings`] and not changed; when dynamic configs change, a new one is made.

use crate::error::InvalidConfig;
use crate::settings::{Settings, Warning};

mod checks;
mod fields;
mod listeners;
mod parts;
#[cfg(test)]
mod tests;

pub use listeners::{Listener, Listeners, SecurityProtocol};
pub use parts::{
    CleanerConfig, Durability, GroupConfig, LogConfig, MetadataLogConfig, NetworkConfig, NodeConfig,
    OffsetsConfig, QuorumConfig, TopicDefaults, Voter,
};

/// The configs of this broker and controller.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokerConfig {
    /// Id, roles and identity.
    pub node: NodeConfig,
    /// Where it listens.
    pub listeners: Listeners,
    /// Sockets and requests.
    pub network: NetworkConfig,
    /// New topics.
    pub topics: TopicDefaults,
    /// The log's directories and background work. What topics can override is in [`crate::topic::TopicConfig`].
    pub log: LogConfig,
    /// Compaction.
    pub cleaner: CleanerConfig,
    /// Groups of the classic protocol.
    pub groups: GroupConfig,
    /// Committed offsets.
    pub offsets: OffsetsConfig,
    /// The controller quorum.
    pub quorum: QuorumConfig,
    /// The metadata log.
    pub metadata_log: MetadataLogConfig,
}

/// What [`BrokerConfig::load`] gives.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configs.
    pub config: BrokerConfig,
    /// What they were made from: needed again when dynamic configs change, and by DescribeConfigs.
    pub settings: Settings,
    /// What to tell the user.
    pub warnings: Vec<Warning>,
}

impl BrokerConfig {
    /// Reads what the file and the command line set; later pairs win. All errors are given, not the first alone.
    pub fn load(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Loaded, Vec<InvalidConfig>> {
        let (settings, warnings) = Settings::load(pairs)?;
        let config = Self::of(&settings)?;
        Ok(Loaded { config, settings, warnings })
    }

    /// The configs that the layers make together, checked against each other.
    pub fn of(settings: &Settings) -> Result<Self, Vec<InvalidConfig>> {
        let mut errors = checks::check(settings);
        let listeners = Listeners::of(settings).map_err(|more| errors.extend(more)).ok();
        let quorum = QuorumConfig::of(settings);
        let config = listeners.map(|listeners| Self {
            node: NodeConfig::of(settings),
            listeners,
            network: NetworkConfig::of(settings),
            topics: TopicDefaults::of(settings),
            log: LogConfig::of(settings),
            cleaner: CleanerConfig::of(settings),
            groups: GroupConfig::of(settings),
            offsets: OffsetsConfig::of(settings),
            quorum,
            metadata_log: MetadataLogConfig::of(settings),
        });
        match config {
            Some(config) if errors.is_empty() => Ok(config),
            _ => Err(errors),
        }
    }
}
