//! Kafka producer, consumer and admin for Rust, on tokio, without a C library.
//!
//! ```no_run
//! use std::time::Duration;
//! use moldau_client::{Consumer, ConsumerConfig, Producer, ProducerConfig, ProducerRecord};
//!
//! # async fn example() -> moldau_client::Result<()> {
//! let producer = Producer::connect(ProducerConfig::from_pairs([("bootstrap.servers", "127.0.0.1:9092")])?).await?;
//! let delivery = producer.send(ProducerRecord::to("flights").key("N14228").value("EWR-IAH")).await?;
//! println!("written at {:?}", delivery.await?.offset);
//! producer.close().await?;
//!
//! let mut consumer = Consumer::connect(ConsumerConfig::from_pairs([
//!     ("bootstrap.servers", "127.0.0.1:9092"),
//!     ("group.id", "boards"),
//!     ("auto.offset.reset", "earliest"),
//! ])?)
//! .await?;
//! consumer.subscribe(["flights"])?;
//! for record in consumer.poll(Duration::from_secs(1)).await? {
//!     println!("{}: {:?}", record.offset, record.value);
//! }
//! consumer.close().await
//! # }
//! ```
//!
//! The modules: `net` has connections and versions, `metadata` the snapshot of the cluster that all clients share,
//! [`producer`], [`consumer`] and [`admin`] what users see, [`config`] Kafka's keys, [`error`] what can go wrong.
//! It works against Apache Kafka as well as against Moldau. Transactions, the consumer protocol of KIP-848, TLS and SASL
//! are not here yet.

#![deny(missing_docs)]

/// Its example is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod admin;
pub mod config;
pub mod consumer;
pub mod error;
pub mod metadata;
mod metrics;
mod net;
pub mod producer;
pub mod serialization;

pub use admin::Admin;
pub use config::{
    Acks, AdminConfig, AutoOffsetReset, CommonConfig, CompressionType, ConfigError, ConsumerConfig,
    IsolationLevel, MetadataRecovery, ProducerConfig,
};
pub use consumer::{
    Consumer, ConsumerBuilder, ConsumerRecord, FoundOffset, OffsetAndMetadata, OffsetSpec, Offsets,
    RebalanceListener, TimestampType, TopicPartition,
};
pub use error::{ClientError, Result};
pub use metadata::{Broker, Cluster, Partition, Topic};
pub use metrics::Metric;
pub use moldau_types::{ErrorCode, Uuid};
pub use producer::{Delivery, Header, Producer, ProducerBuilder, ProducerRecord, RecordMetadata};
