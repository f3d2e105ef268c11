//! Every configuration key of Kafka: type, default, range, how it may change, what Moldau does with it.
//!
//! What always holds: a key stands in one table ([`keys`]), and docs, validation, DescribeConfigs and the typed
//! configs are made from it. Nothing here opens a socket or a file, except [`properties::load`].

pub mod alter;
pub mod broker;
pub mod describe;
pub mod docs;
pub mod error;
pub mod key;
pub mod keys;
pub mod listener;
mod nearest;
pub mod properties;
pub mod settings;
pub mod topic;
pub mod validator;
pub mod value;

pub use broker::{BrokerConfig, Durability, Loaded};
pub use error::InvalidConfig;
pub use key::{Disposition, Key};
pub use nearest::nearest_broker_key;
pub use settings::{Configs, Settings, Warning};
pub use topic::{
    CleanupPolicy, CompressionType, TimestampType, TopicConfig, topic_configs, validate_topic_configs,
};
