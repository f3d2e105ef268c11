//! What an event does: the records to append, the parked requests to answer, and what is left to do once the
//! records are committed.
//!
//! The caller appends `records` as one batch, then gives the outcome back to the shard. Nothing here does I/O.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use moldau_protocol::messages::{JoinGroupRequest, JoinGroupResponse, SyncGroupResponse};

use crate::record::GroupRecord;

/// The time of an event, as an argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Now {
    /// Wall clock, milliseconds since 1970: what is written into records.
    pub timestamp_ms: i64,
    /// A clock that never goes back: what deadlines are measured with.
    pub monotonic_ms: i64,
}

/// A JoinGroup or SyncGroup that waits for its answer. Chosen by the caller, unique while it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Who sent a request, and in which version.
#[derive(Clone, Copy, Debug)]
pub struct RequestContext<'a> {
    /// The client id of the request header, empty when it was null.
    pub client_id: &'a str,
    /// The peer's address.
    pub client_host: IpAddr,
    /// The version of the request.
    pub api_version: i16,
}

/// The answer to a parked request.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The request it answers.
    pub request: RequestId,
    /// The answer.
    pub response: ReplyBody,
}

/// A JoinGroup's or a SyncGroup's answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplyBody {
    /// Answers a JoinGroup.
    Join(JoinGroupResponse),
    /// Answers a SyncGroup.
    Sync(SyncGroupResponse),
}

/// What an event led to.
#[derive(Debug, Default)]
pub struct CoordinatorResult {
    /// To be appended as one batch, in this order.
    pub records: Vec<GroupRecord>,
    /// Whether the shard must replay `records` once they are appended. False where the group is ahead of them already.
    pub replay_records: bool,
    /// Answers that may go out at once.
    pub replies: Vec<Reply>,
    /// What follows when `records` are committed, or could not be.
    pub completion: Option<Completion>,
}

impl CoordinatorResult {
    /// Whether nothing has to be appended.
    pub fn is_read_only(&self) -> bool {
        self.records.is_empty()
    }
}

/// The second half of an event whose records must be committed first.
#[derive(Debug)]
pub enum Completion {
    /// A group came into being; without its record it never was.
    NewGroup {
        /// The group.
        group_id: Arc<str>,
    },
    /// The leader's assignment of a generation.
    Assignment {
        /// The group.
        group_id: Arc<str>,
        /// The generation it belongs to.
        generation_id: i32,
        /// The assignment of each member.
        assignments: Vec<(Arc<str>, Bytes)>,
    },
    /// A static member came back under a new member id and the group goes on without a rebalance.
    StaticMemberReplaced(Box<StaticMemberReplaced>),
}

/// See [`Completion::StaticMemberReplaced`].
#[derive(Debug)]
pub struct StaticMemberReplaced {
    pub(crate) group_id: Arc<str>,
    pub(crate) group_instance_id: Arc<str>,
    pub(crate) old_member_id: Arc<str>,
    pub(crate) new_member_id: Arc<str>,
    pub(crate) old_protocols: Vec<(Arc<str>, Bytes)>,
    pub(crate) old_rebalance_timeout_ms: i32,
    pub(crate) old_session_timeout_ms: i32,
    /// The leader before the replacement.
    pub(crate) old_leader: Option<Arc<str>>,
    pub(crate) request: RequestId,
    pub(crate) api_version: i16,
}

/// A JoinGroup with what the machine cannot know itself.
#[derive(Debug)]
pub struct JoinEvent<'a> {
    /// The sender.
    pub context: RequestContext<'a>,
    /// The name under which the answer will come.
    pub request_id: RequestId,
    /// Randomness for a new member's id.
    pub random: u128,
    /// The request.
    pub request: JoinGroupRequest,
}

/// An address as Java's `InetAddress` prints it: a slash, and for IPv6 all eight groups without zero compression.
pub(crate) fn java_host(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("/{address}"),
        IpAddr::V6(address) => {
            let groups = address.segments().map(|group| format!("{group:x}"));
            format!("/{}", groups.join(":"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_look_as_java_prints_them() {
        let host = |text: &str| java_host(text.parse().expect("an address"));
        assert_eq!(host("127.0.0.1"), "/127.0.0.1");
        assert_eq!(host("::1"), "/0:0:0:0:0:0:0:1");
        assert_eq!(host("::ffff:10.0.0.1"), "/10.0.0.1");
    }
}
