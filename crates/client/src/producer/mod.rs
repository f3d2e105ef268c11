//! The producer: records in, batches to the partitions' leaders, one delivery for each record.
//!
//! Always: records of one partition are written in the order of `send`; with `enable.idempotence` (the default) no retry
//! duplicates one. A producer's memory is bounded by `buffer.memory`. Transactions have their place here later.

mod accumulator;
mod batch;
mod builder;
mod delivery;
mod interceptor;
mod metrics;
mod partitioner;
mod queue;
mod record;
mod sender;

use std::sync::Arc;

pub use builder::ProducerBuilder;
pub use delivery::Delivery;
pub use interceptor::ProducerInterceptor;
pub use partitioner::{Partitioner, RoundRobinPartitioner, murmur2, partition_of_key};
pub(crate) use record::now_ms;
pub use record::{Header, ProducerRecord, RecordMetadata};
use tokio::time::Instant;

use crate::config::ProducerConfig;
use crate::error::{ClientError, Result};
use crate::metadata::{Core, Topic};
use crate::metrics::Metric;
use accumulator::Accumulator;
use delivery::caught;

/// Writes records. Clones share one producer; when the last one is dropped, what was sent is still delivered in the
/// background, as long as the runtime lives. [`Producer::close`] waits for it.
///
/// ```no_run
/// use moldau_client::{Producer, ProducerConfig, ProducerRecord};
///
/// # async fn example() -> moldau_client::Result<()> {
/// let config = ProducerConfig::from_pairs([("bootstrap.servers", "127.0.0.1:9092"), ("linger.ms", "20")])?;
/// let producer = Producer::connect(config).await?;
/// let mut deliveries = Vec::new();
/// for number in 0..100 {
///     let record = ProducerRecord::to("flights").key("N14228").value(number.to_string());
///     deliveries.push(producer.send(record).await?);
/// }
/// for delivery in deliveries {
///     println!("written at {:?}", delivery.await?.offset);
/// }
/// for metric in producer.metrics() {
///     println!("{} {}", metric.name, metric.value);
/// }
/// producer.close().await
/// # }
/// ```
#[derive(Clone)]
pub struct Producer {
    handle: Arc<Handle>,
}

struct Handle {
    core: Arc<Core>,
    config: Arc<ProducerConfig>,
    accumulator: Arc<Accumulator>,
    hooks: Hooks,
}

/// What a caller puts into a producer.
#[derive(Default)]
struct Hooks {
    partitioner: Option<Arc<dyn Partitioner>>,
    interceptors: Vec<Arc<dyn ProducerInterceptor>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.accumulator.start_closing();
    }
}

impl Producer {
    /// A producer; connections are made when they are needed. Must be called within a tokio runtime.
    pub fn new(config: ProducerConfig) -> Result<Self> {
        ProducerBuilder::new().config(config).build()
    }

    fn with_hooks(config: ProducerConfig, hooks: Hooks) -> Result<Self> {
        config.validate()?;
        let config = config.resolved();
        let core = Core::forgetting(config.common.clone(), true, Some(config.metadata_max_idle))?;
        let config = Arc::new(config);
        let accumulator = Arc::new(Accumulator::new(config.clone()));
        tokio::spawn(sender::Sender::new(core.clone(), config.clone(), accumulator.clone()).run());
        Ok(Self { handle: Arc::new(Handle { core, config, accumulator, hooks }) })
    }

    /// As [`Producer::new`], but fails at once when none of the bootstrap addresses answers.
    pub async fn connect(config: ProducerConfig) -> Result<Self> {
        let producer = Self::new(config)?;
        producer.handle.core.refresh().await?;
        Ok(producer)
    }

    /// Hands a record over. Waits only for metadata of a new topic or partition and for memory, at most `max.block.ms` for
    /// both; the [`Delivery`] then tells where it was written.
    pub async fn send(&self, record: ProducerRecord) -> Result<Delivery> {
        let interceptors = &self.handle.hooks.interceptors;
        if interceptors.is_empty() {
            return self.hand_over(record).await;
        }
        let record = interceptors.iter().fold(record, |record, interceptor| {
            let given = record.clone();
            caught("an interceptor's on_send", || interceptor.on_send(given)).unwrap_or(record)
        });
        let acknowledge = {
            let interceptors = interceptors.clone();
            move |result: Result<RecordMetadata>| {
                for interceptor in &interceptors {
                    caught("an interceptor's on_acknowledgement", || interceptor.on_acknowledgement(&result));
                }
            }
        };
        match self.hand_over(record).await {
            Ok(delivery) => {
                delivery.hear(Box::new(acknowledge));
                Ok(delivery)
            }
            Err(error) => {
                acknowledge(Err(error.clone()));
                Err(error)
            }
        }
    }

    /// As [`Producer::send`], and calls `callback` when the record is written or has failed. Callbacks of one partition
    /// are called in the order of `send`, on the producer's own task, so they must not take long; a panic in one is logged.
    /// When `send_with` itself fails, `callback` is not called.
    pub async fn send_with(
        &self,
        record: ProducerRecord,
        callback: impl FnOnce(Result<RecordMetadata>) + Send + 'static,
    ) -> Result<()> {
        self.send(record).await?.hear(Box::new(callback));
        Ok(())
    }

    async fn hand_over(&self, mut record: ProducerRecord) -> Result<Delivery> {
        let Handle { config, accumulator, hooks, .. } = &*self.handle;
        let size = record.size_bound();
        if size > config.max_request_size || size > config.buffer_memory {
            return Err(ClientError::Usage(format!(
                "a record for topic {} takes up to {size} bytes, more than max.request.size ({}) or buffer.memory ({})",
                record.topic, config.max_request_size, config.buffer_memory
            )));
        }
        let deadline = Instant::now() + config.max_block;
        let mut topic = self.topic(&record.topic).await?;
        if let Some(partition) = record.partition {
            if topic.partition(partition).is_none() {
                topic = self.topic_with(partition, topic, deadline).await?;
            }
        } else if let Some(partitioner) = &hooks.partitioner {
            record.partition = partitioner.partition(&record, &topic);
            if let Some(partition) = record.partition.filter(|chosen| topic.partition(*chosen).is_none()) {
                return Err(no_partition(&topic, partition));
            }
        }
        accumulator.reserve(size, deadline).await?;
        accumulator.append(record, size, &topic)
    }

    /// The partitions of a topic.
    pub async fn partitions_for(&self, topic: &str) -> Result<Arc<Topic>> {
        self.topic(topic).await
    }

    /// What the producer has counted and measured, under Kafka's names (`producer-metrics`).
    pub fn metrics(&self) -> Vec<Metric> {
        self.handle.accumulator.read_metrics(&self.handle.core)
    }

    async fn topic(&self, name: &str) -> Result<Arc<Topic>> {
        let Handle { core, config, .. } = &*self.handle;
        if let Some(topic) = core.cluster().topic(name)
            && topic.error.is_none()
            && !topic.partitions.is_empty()
        {
            return Ok(topic.clone());
        }
        core.topic(name, config.max_block, "max.block.ms").await
    }

    /// A topic as it is when it has a partition that `topic` has not, which may have been added since.
    async fn topic_with(
        &self,
        partition: i32,
        mut topic: Arc<Topic>,
        deadline: Instant,
    ) -> Result<Arc<Topic>> {
        let core = &self.handle.core;
        let name = topic.name.clone();
        let mut attempt = 0;
        while partition >= 0 && Instant::now() < deadline {
            core.want(&[&name]);
            if let Some(Ok(cluster)) = core.refresh_until(deadline).await
                && let Some(read) = cluster.topic(&name)
            {
                topic = read.clone();
                if topic.partition(partition).is_some() {
                    return Ok(topic);
                }
            }
            let pause = core.config().retry_pause(attempt);
            attempt += 1;
            tokio::time::sleep_until(deadline.min(Instant::now() + pause)).await;
        }
        Err(no_partition(&topic, partition))
    }

    /// Sends what is waiting without `linger.ms` and waits until all of it is written or has failed. Gives the first
    /// failure; each delivery has its own.
    pub async fn flush(&self) -> Result<()> {
        self.handle.accumulator.flush().await
    }

    /// As [`Producer::close`]; what is not delivered when `timeout` is over fails with [`ClientError::Closed`], and the
    /// result is [`ClientError::TimedOut`].
    pub async fn close_within(self, timeout: std::time::Duration) -> Result<()> {
        let Handle { core, accumulator, .. } = &*self.handle;
        let began = Instant::now();
        accumulator.start_closing();
        let flushed = match tokio::time::timeout(timeout, self.flush()).await {
            Ok(flushed) => flushed,
            Err(_) => {
                accumulator.fail(ClientError::Closed("producer"));
                Err(ClientError::TimedOut {
                    what: "closing the producer".to_owned(),
                    after: timeout,
                    setting: "the time that close_within was given",
                })
            }
        };
        self.close_interceptors();
        let _ = tokio::time::timeout(timeout.saturating_sub(began.elapsed()), core.close()).await;
        flushed
    }

    fn close_interceptors(&self) {
        for interceptor in &self.handle.hooks.interceptors {
            caught("an interceptor's close", || interceptor.close());
        }
    }

    /// Flushes and ends; later calls of `send` fail.
    pub async fn close(self) -> Result<()> {
        self.handle.accumulator.start_closing();
        let flushed = self.flush().await;
        self.close_interceptors();
        self.handle.core.close().await;
        flushed
    }
}

fn no_partition(topic: &Topic, partition: i32) -> ClientError {
    ClientError::Usage(format!(
        "topic {} has no partition {partition}; it has {} partitions, from 0",
        topic.name,
        topic.partitions.len()
    ))
}
