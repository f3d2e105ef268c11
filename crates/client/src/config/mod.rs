//! Settings of the producer, the consumer and the admin client, under Kafka's own keys.
//!
//! Always: a key that is not known is an error that names the nearest one; a value that can't be used is an error that says why.
//! Durations are milliseconds in text, as in Kafka. What each key means for the work is with the code that reads it.

mod admin;
mod consumer;
mod elsewhere;
mod keys;
mod producer;
mod properties;
mod value;

#[cfg(test)]
mod tests;

pub use admin::AdminConfig;
pub use consumer::{AutoOffsetReset, ConsumerConfig, IsolationLevel};
pub use keys::{CommonConfig, MetadataRecovery};
pub use producer::{Acks, CompressionType, PartitionerClass, ProducerConfig};
pub use properties::parse as parse_properties;
pub use value::{ConfigError, ConfigValue};

pub(crate) use keys::config_keys;
pub(crate) use value::nearest;
