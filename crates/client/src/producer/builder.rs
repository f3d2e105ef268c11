//! Makes a producer with what settings can't say: interceptors and a partitioner.

use std::sync::Arc;

use super::interceptor::ProducerInterceptor;
use super::partitioner::{Partitioner, RoundRobinPartitioner};
use super::{Hooks, Producer};
use crate::config::{ConfigError, PartitionerClass, ProducerConfig};
use crate::error::Result;

/// Makes a [`Producer`].
///
/// ```no_run
/// use moldau_client::producer::{Partitioner, ProducerBuilder};
/// use moldau_client::{ProducerRecord, Topic};
///
/// /// Everything to the last partition.
/// struct Last;
///
/// impl Partitioner for Last {
///     fn partition(&self, _record: &ProducerRecord, topic: &Topic) -> Option<i32> {
///         topic.partitions.last().map(|partition| partition.index)
///     }
/// }
///
/// # fn example() -> moldau_client::Result<()> {
/// let producer = ProducerBuilder::new()
///     .set("bootstrap.servers", "127.0.0.1:9092")?
///     .set("linger.ms", "20")?
///     .partitioner(Last)
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct ProducerBuilder {
    config: ProducerConfig,
    hooks: Hooks,
}

impl ProducerBuilder {
    /// A builder with Kafka's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes these settings in place of what was set before.
    #[must_use]
    pub fn config(mut self, config: ProducerConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets one key.
    pub fn set(mut self, key: &str, value: &str) -> Result<Self, ConfigError> {
        self.config.set(key, value)?;
        Ok(self)
    }

    /// Chooses the partitions of records that name none, in place of `partitioner.class`.
    #[must_use]
    pub fn partitioner(mut self, partitioner: impl Partitioner + 'static) -> Self {
        self.hooks.partitioner = Some(Arc::new(partitioner));
        self
    }

    /// Adds an interceptor behind those that are there.
    #[must_use]
    pub fn interceptor(mut self, interceptor: impl ProducerInterceptor + 'static) -> Self {
        self.hooks.interceptors.push(Arc::new(interceptor));
        self
    }

    /// The producer; connections are made when they are needed. Must be called within a tokio runtime.
    pub fn build(self) -> Result<Producer> {
        let mut hooks = self.hooks;
        if hooks.partitioner.is_none() && self.config.partitioner == PartitionerClass::RoundRobin {
            hooks.partitioner = Some(Arc::new(RoundRobinPartitioner::default()));
        }
        Producer::with_hooks(self.config, hooks)
    }
}
