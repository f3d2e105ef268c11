//! Kafka's wire protocol: messages generated from schemas, record batches, compression.

pub mod records;
