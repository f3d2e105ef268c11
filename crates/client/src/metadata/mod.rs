//! What is known of the cluster: its brokers, topics and partition leaders, read again when it is old or was wrong.
//!
//! Always: a [`Cluster`] is a snapshot that never changes; a newer one replaces it whole. An answer with an older leader epoch
//! for a partition never replaces a newer one.

mod cache;
mod cluster;
mod core;

pub(crate) use self::core::Core;
pub use cluster::{Broker, Cluster, Partition, Topic};
