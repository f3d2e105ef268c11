//! Makes a consumer with what settings can't say: interceptors and a rebalance listener.

use super::interceptor::ConsumerInterceptor;
use super::{Consumer, RebalanceListener};
use crate::config::{ConfigError, ConsumerConfig};
use crate::error::Result;

/// Makes a [`Consumer`].
///
/// ```no_run
/// use moldau_client::consumer::{ConsumerBuilder, ConsumerInterceptor, Offsets};
///
/// /// Says what was committed.
/// struct Committed;
///
/// impl ConsumerInterceptor for Committed {
///     fn on_commit(&self, offsets: &Offsets) {
///         println!("{offsets:?}");
///     }
/// }
///
/// # fn example() -> moldau_client::Result<()> {
/// let mut consumer = ConsumerBuilder::new()
///     .set("bootstrap.servers", "127.0.0.1:9092")?
///     .set("group.id", "boards")?
///     .interceptor(Committed)
///     .build()?;
/// consumer.subscribe(["flights"])?;
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct ConsumerBuilder {
    config: ConsumerConfig,
    interceptors: Vec<Box<dyn ConsumerInterceptor>>,
    listener: Option<Box<dyn RebalanceListener>>,
}

impl ConsumerBuilder {
    /// A builder with Kafka's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes these settings in place of what was set before.
    #[must_use]
    pub fn config(mut self, config: ConsumerConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets one key.
    pub fn set(mut self, key: &str, value: &str) -> Result<Self, ConfigError> {
        self.config.set(key, value)?;
        Ok(self)
    }

    /// Adds an interceptor behind those that are there.
    #[must_use]
    pub fn interceptor(mut self, interceptor: impl ConsumerInterceptor + 'static) -> Self {
        self.interceptors.push(Box::new(interceptor));
        self
    }

    /// Says who hears of rebalances.
    #[must_use]
    pub fn rebalance_listener(mut self, listener: impl RebalanceListener + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// The consumer; connections are made when they are needed. Must be called within a tokio runtime.
    pub fn build(self) -> Result<Consumer> {
        let mut consumer = Consumer::new(self.config)?;
        consumer.interceptors = self.interceptors;
        consumer.listener = self.listener;
        Ok(consumer)
    }
}
