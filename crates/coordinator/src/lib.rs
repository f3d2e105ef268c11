//! Group coordination as pure state machines.
//!
//! [`GroupShard`] is the state of one partition of `__consumer_offsets`: classic groups and committed offsets. Events go in with the time
//! as an argument; out come records to append, answers, and what is left to do when the records are committed
//! ([`CoordinatorResult`]). No sockets, files, tasks or clock are in here; `moldau-coordinator-runtime` has them.

mod admin;
mod classic;
mod config;
mod offsets;
mod partitioner;
mod record;
mod result;
mod shard;
mod timers;

pub use admin::ListGroupsFilter;
pub use classic::{ClassicGroup, ClassicGroupState};
pub use config::GroupConfig;
pub use offsets::{OffsetAndMetadata, no_offset};
pub use partitioner::partition_for;
pub use record::{EncodedRecord, GroupRecord, GroupType};
pub use result::{
    Completion, CoordinatorResult, JoinEvent, Now, Reply, ReplyBody, RequestContext, RequestId,
    StaticMemberReplaced,
};
pub use shard::{Group, GroupShard, OtherGroup};
