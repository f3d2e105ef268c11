//! A producer and a consumer whose keys and values have types.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Datum, Deserializer, SerdeClass, Serializer};
use crate::config::{ConsumerConfig, ProducerConfig};
use crate::consumer::{Consumer, ConsumerRecord};
use crate::error::{ClientError, Result};
use crate::producer::{Delivery, Producer, ProducerRecord};

/// A [`Producer`] with a serializer for keys and one for values. Clones share the producer.
///
/// ```no_run
/// use moldau_client::serialization::{NumberSerde, StringSerde, TypedProducer};
/// use moldau_client::{Producer, ProducerConfig, ProducerRecord};
///
/// # async fn example() -> moldau_client::Result<()> {
/// let producer = Producer::connect(ProducerConfig::default()).await?;
/// let delays: TypedProducer<str, i32> = TypedProducer::new(producer, StringSerde, NumberSerde);
/// delays.send(ProducerRecord::to("delays"), Some("N14228"), Some(&17)).await?.await?;
/// # Ok(())
/// # }
/// ```
pub struct TypedProducer<K: ?Sized, V: ?Sized> {
    producer: Producer,
    key: Arc<dyn Serializer<K>>,
    value: Arc<dyn Serializer<V>>,
}

impl<K: ?Sized, V: ?Sized> Clone for TypedProducer<K, V> {
    fn clone(&self) -> Self {
        Self { producer: self.producer.clone(), key: self.key.clone(), value: self.value.clone() }
    }
}

fn missing(key: &str) -> ClientError {
    ClientError::Usage(format!("{key} is not set; name a class of Kafka's, or give a serializer in code"))
}

impl TypedProducer<Datum, Datum> {
    /// A producer whose serializers are those that `key.serializer` and `value.serializer` name.
    pub fn from_config(config: ProducerConfig) -> Result<Self> {
        let key = config.key_serializer.ok_or_else(|| missing("key.serializer"))?;
        let value = config.value_serializer.ok_or_else(|| missing("value.serializer"))?;
        Ok(Self::new(Producer::new(config)?, key, value))
    }
}

impl<K: ?Sized, V: ?Sized> TypedProducer<K, V> {
    /// A producer with these serializers.
    pub fn new(
        producer: Producer,
        key: impl Serializer<K> + 'static,
        value: impl Serializer<V> + 'static,
    ) -> Self {
        Self { producer, key: Arc::new(key), value: Arc::new(value) }
    }

    /// The producer itself.
    pub fn producer(&self) -> &Producer {
        &self.producer
    }

    /// Hands a record over, with this key and value in place of the record's own.
    pub async fn send(&self, record: ProducerRecord, key: Option<&K>, value: Option<&V>) -> Result<Delivery> {
        self.producer.send(self.filled(record, key, value)?).await
    }

    /// A record with this key and value, to be sent later.
    pub fn filled(
        &self,
        mut record: ProducerRecord,
        key: Option<&K>,
        value: Option<&V>,
    ) -> Result<ProducerRecord> {
        let topic = record.topic.clone();
        let refused =
            |what: &str, why| ClientError::Serialization { what: format!("{what} for topic {topic}"), why };
        record.key = match key {
            Some(key) => {
                let bytes = self.key.serialize_with(&topic, &mut record.headers, key);
                Some(bytes.map_err(|why| refused("a key", why))?)
            }
            None => None,
        };
        record.value = match value {
            Some(value) => {
                let bytes = self.value.serialize_with(&topic, &mut record.headers, value);
                Some(bytes.map_err(|why| refused("a value", why))?)
            }
            None => None,
        };
        Ok(record)
    }
}

/// A [`Consumer`] with a deserializer for keys and one for values.
pub struct TypedConsumer<K, V> {
    consumer: Consumer,
    key: Box<dyn Deserializer<K>>,
    value: Box<dyn Deserializer<V>>,
}

/// A record with a key and a value that have types.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TypedConsumerRecord<K, V> {
    /// The key, `None` for null; an error when its bytes can't be read, which concerns this record alone.
    pub key: Result<Option<K>>,
    /// The value, `None` for null (a tombstone); an error when its bytes can't be read.
    pub value: Result<Option<V>>,
    /// The record as it came.
    pub record: ConsumerRecord,
}

impl TypedConsumer<Datum, Datum> {
    /// A consumer whose deserializers are those that `key.deserializer` and `value.deserializer` name.
    pub fn from_config(config: ConsumerConfig) -> Result<Self> {
        let key: SerdeClass = config.key_deserializer.ok_or_else(|| missing("key.deserializer"))?;
        let value: SerdeClass = config.value_deserializer.ok_or_else(|| missing("value.deserializer"))?;
        Ok(Self::new(Consumer::new(config)?, key, value))
    }
}

impl<K, V> TypedConsumer<K, V> {
    /// A consumer with these deserializers.
    pub fn new(
        consumer: Consumer,
        key: impl Deserializer<K> + 'static,
        value: impl Deserializer<V> + 'static,
    ) -> Self {
        Self { consumer, key: Box::new(key), value: Box::new(value) }
    }

    /// The consumer itself: to subscribe, seek, commit.
    pub fn consumer(&mut self) -> &mut Consumer {
        &mut self.consumer
    }

    /// Back to the consumer.
    pub fn into_consumer(self) -> Consumer {
        self.consumer
    }

    /// As [`Consumer::poll`], with keys and values read.
    pub async fn poll(&mut self, timeout: Duration) -> Result<Vec<TypedConsumerRecord<K, V>>> {
        let records = self.consumer.poll(timeout).await?;
        Ok(records.into_iter().map(|record| self.read(record)).collect())
    }

    /// A record with its key and value read.
    pub fn read(&self, record: ConsumerRecord) -> TypedConsumerRecord<K, V> {
        TypedConsumerRecord {
            key: read(&*self.key, "key", &record, record.key.as_ref()),
            value: read(&*self.value, "value", &record, record.value.as_ref()),
            record,
        }
    }
}

fn read<T>(
    deserializer: &dyn Deserializer<T>,
    what: &str,
    record: &ConsumerRecord,
    bytes: Option<&Bytes>,
) -> Result<Option<T>> {
    let Some(bytes) = bytes else { return Ok(None) };
    let read = deserializer.deserialize_with(&record.topic, &record.headers, bytes);
    read.map(Some).map_err(|why| ClientError::Serialization {
        what: format!("the {what} of {}-{} at offset {}", record.topic, record.partition, record.offset),
        why,
    })
}
