//! The crate against a data directory that Apache Kafka left behind.

mod fixture;
mod image;
mod records;
