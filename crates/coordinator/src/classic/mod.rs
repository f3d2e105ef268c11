//! The classic group protocol: members join, one of them assigns, all sync.
//!
//! A group is soft state: what must survive is one record a generation, written when the leader's assignment comes in. Invariants:
//! a member waits for at most one JoinGroup and one SyncGroup, each gets exactly one answer, and generation ids only rise.

mod check;
mod expiration;
mod group;
mod heartbeat;
mod join;
mod leave;
mod member;
mod rebalance;
mod state;
mod subscription;
mod sync;

pub use group::ClassicGroup;
pub use state::ClassicGroupState;

pub(crate) use group::{ExpiryBase, Step};
