//! The controller's decisions, each record replayed into the image they were made on.

mod brokers;
mod configs;
mod features;
mod partitions;
mod simulation;
mod topics;
mod world;
