//! The crate against a data directory that Apache Kafka left behind, and against random records.

mod fixture;
mod image;
mod records;
mod simulation;
