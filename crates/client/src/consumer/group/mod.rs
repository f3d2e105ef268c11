//! Membership in a classic group: joining, heartbeats, leaving, and who gets which partitions.
//!
//! Always: a member owns partitions only between a completed join and the next one's start, unless all its assignors are
//! cooperative: then it goes on with what it has while it joins. The embedded protocol is Kafka's `consumer` protocol, so
//! members of other languages may be in the same group.

pub(super) mod assignor;
pub(super) mod heartbeat;
pub(super) mod join;
mod protocol;
mod sticky;

pub(crate) use protocol::{Previous, decode_assignment, decode_subscription};
