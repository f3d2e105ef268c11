//! The producer: records in, batches to the partitions' leaders, one delivery for each record.
//!
//! Always: records of one partition are written in the order of `send`; with `enable.idempotence` (the default) no retry
//! duplicates one. A producer's memory is bounded by `buffer.memory`. Transactions have their place here later.

mod accumulator;
mod batch;
mod delivery;
mod partitioner;
mod queue;
mod record;
mod sender;

use std::sync::Arc;

pub use delivery::Delivery;
pub use partitioner::{murmur2, partition_of_key};
pub(crate) use record::now_ms;
pub use record::{Header, ProducerRecord, RecordMetadata};

use crate::config::ProducerConfig;
use crate::error::{ClientError, Result};
use crate::metadata::{Core, Topic};
use accumulator::Accumulator;

/// Writes records. Clones share one producer; when the last one is dropped, what was sent is still delivered in the
/// background, as long as the runtime lives. [`Producer::close`] waits for it.
#[derive(Clone)]
pub struct Producer {
    handle: Arc<Handle>,
}

struct Handle {
    core: Arc<Core>,
    config: Arc<ProducerConfig>,
    accumulator: Arc<Accumulator>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.accumulator.start_closing();
    }
}

impl Producer {
    /// A producer; connections are made when they are needed. Must be called within a tokio runtime.
    pub fn new(config: ProducerConfig) -> Result<Self> {
        config.validate()?;
        let core = Core::new(config.common.clone(), true)?;
        let config = Arc::new(config);
        let accumulator = Arc::new(Accumulator::new(config.clone()));
        tokio::spawn(sender::Sender::new(core.clone(), config.clone(), accumulator.clone()).run());
        Ok(Self { handle: Arc::new(Handle { core, config, accumulator }) })
    }

    /// As [`Producer::new`], but fails at once when none of the bootstrap addresses answers.
    pub async fn connect(config: ProducerConfig) -> Result<Self> {
        let producer = Self::new(config)?;
        producer.handle.core.refresh().await?;
        Ok(producer)
    }

    /// Hands a record over. Waits only for metadata of a new topic and for memory, at most `max.block.ms`; the
    /// [`Delivery`] then tells where it was written.
    pub async fn send(&self, record: ProducerRecord) -> Result<Delivery> {
        let Handle { config, accumulator, .. } = &*self.handle;
        let size = record.size_bound();
        if size > config.max_request_size || size > config.buffer_memory {
            return Err(ClientError::Usage(format!(
                "a record for topic {} takes up to {size} bytes, more than max.request.size ({}) or buffer.memory ({})",
                record.topic, config.max_request_size, config.buffer_memory
            )));
        }
        let topic = self.topic(&record.topic).await?;
        if let Some(partition) = record.partition
            && topic.partition(partition).is_none()
        {
            return Err(ClientError::Usage(format!(
                "topic {} has no partition {partition}; it has {} partitions, from 0",
                record.topic,
                topic.partitions.len()
            )));
        }
        accumulator.reserve(size).await?;
        accumulator.append(record, size, &topic)
    }

    /// The partitions of a topic.
    pub async fn partitions_for(&self, topic: &str) -> Result<Arc<Topic>> {
        self.topic(topic).await
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

    /// Sends what is waiting without `linger.ms` and waits until all of it is written or has failed. Gives the first
    /// failure; each delivery has its own.
    pub async fn flush(&self) -> Result<()> {
        self.handle.accumulator.flush().await
    }

    /// Flushes and ends; later calls of `send` fail.
    pub async fn close(self) -> Result<()> {
        self.handle.accumulator.start_closing();
        let flushed = self.flush().await;
        self.handle.core.close().await;
        flushed
    }
}
