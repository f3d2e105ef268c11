//! A member of a classic group.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use moldau_protocol::messages::join_group_request::JoinGroupRequestProtocol;

use crate::result::RequestId;
use crate::timers::SessionTimer;

/// One member, and the requests that wait for it.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) member_id: Arc<str>,
    pub(crate) group_instance_id: Option<Arc<str>>,
    pub(crate) client_id: Arc<str>,
    /// As Java writes an address: a slash and the numbers.
    pub(crate) client_host: Arc<str>,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) session_timeout_ms: i32,
    /// What the member supports, in its order of preference.
    pub(crate) protocols: Vec<(Arc<str>, Bytes)>,
    pub(crate) assignment: Bytes,
    pub(crate) awaiting_join: Option<RequestId>,
    pub(crate) awaiting_sync: Option<RequestId>,
    /// Never got a JoinGroup answer yet: it cannot heartbeat, so its waiting is limited.
    pub(crate) is_new: bool,
    pub(crate) session: SessionTimer,
}

impl Member {
    /// The metadata under `protocol`, empty when the member does not know it.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|(name, _)| **name == *protocol);
        found.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
    }

    /// Whether the request brings the same protocols in the same order.
    pub(crate) fn matches(&self, protocols: &[JoinGroupRequestProtocol]) -> bool {
        let mine = self.protocols.iter().map(|(name, metadata)| (&**name, metadata));
        mine.eq(protocols.iter().map(|protocol| (protocol.name.as_str(), &protocol.metadata)))
    }

    /// The member's favourite among the protocols that `all_support` accepts.
    pub(crate) fn vote(&self, all_support: impl Fn(&str) -> bool) -> Option<&Arc<str>> {
        self.protocols.iter().map(|(name, _)| name).find(|name| all_support(name))
    }

    /// Whether the end of the session may be overlooked because the member waits for the group.
    pub(crate) fn is_waiting_for_the_group(&self) -> bool {
        !self.is_new && (self.awaiting_join.is_some() || self.awaiting_sync.is_some())
    }
}

/// The protocols of a JoinGroup as a member keeps them: each name once, the first of its kind.
pub(crate) fn protocols_of(protocols: &[JoinGroupRequestProtocol]) -> Vec<(Arc<str>, Bytes)> {
    let mut seen = HashSet::with_capacity(protocols.len());
    let first = protocols.iter().filter(|protocol| seen.insert(protocol.name.as_str()));
    // Copied: a slice would keep the whole request in memory as long as the member lives.
    first
        .map(|protocol| (protocol.name.as_str().into(), Bytes::copy_from_slice(&protocol.metadata)))
        .collect()
}
