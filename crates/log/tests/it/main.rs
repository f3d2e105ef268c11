//! The log as its users see it: against a data directory of Apache Kafka 4.3.1, and against a model.

mod compaction;
mod fixtures;
mod model;
mod moves;
mod reads_kafka;
mod writes_kafka;
