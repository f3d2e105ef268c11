//! The controller's decisions: a request and the metadata image in, metadata records and a response out.
//!
//! Nothing here does I/O, looks at a clock or draws its own randomness: time and random numbers come with the
//! [`Context`]. The caller appends the records to the metadata log (in one batch when they are atomic), replays them
//! into its image once they are committed, and only then sends the response. Requests are handled one after the other,
//! each on the image with all records of those before it.
//!
//! Always true of the records: a partition's leader is in its ISR or there is none, ISR ⊆ replicas, leader epochs and
//! partition epochs only grow, no two topics share a name or collide (`a.b`, `a_b`), and a request that only validates
//! has none.
//!
//! What is not in the log is soft state of [`Controller`]: when each broker was last heard of.

mod alter_configs;
mod alter_partition;
mod assign_directories;
mod bootstrap;
mod broker_heartbeat;
mod broker_liveness;
mod broker_registration;
mod config_rules;
mod controller;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod describe;
mod elect_leaders;
mod leadership;
mod partition_change;
mod placement;
mod producer_ids;
mod reassignment;
mod result;
mod settings;
mod topic_name;
mod update_features;

pub use bootstrap::{BootstrapError, BootstrapOptions, OfCheckpoint, bootstrap_records};
pub use controller::{Context, Controller};
pub use describe::list_config_resources;
pub use placement::{PlacementError, UsableBroker, place_replicas};
pub use result::{ApiError, ControllerResult};
pub use settings::ControllerSettings;
pub use topic_name::{InvalidTopicName, validate_topic_name};
