//! Loads, replays, appends and times out the coordinators' state machines over partitions.
//!
//! [`GroupCoordinator`] is what request handlers talk to. Inside, each led partition of `__consumer_offsets` is a shard: the pure state of
//! `moldau-coordinator`, the partition it appends to ([`CoordinatorPartition`]), the requests that wait, and one timer task.

mod admin;
mod batch;
mod census;
mod clock;
mod config;
mod coordinator;
mod load;
mod memory;
mod offsets;
mod partition;
mod shard;

pub use census::Census;
pub use config::GroupCoordinatorConfig;
pub use coordinator::GroupCoordinator;
pub use memory::MemoryPartition;
pub use moldau_coordinator::{RequestContext, no_offset};
pub use offsets::{offset_commit_error, offset_fetch_error};
pub use partition::{Commit, CommitFuture, CoordinatorPartition};
