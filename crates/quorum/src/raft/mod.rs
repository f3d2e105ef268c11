//! The quorum over openraft: its types, our storage, our runtime, and the trait of this crate on top.
//!
//! One raft entry is one batch, the term is the leader epoch. Index 0 belongs to no batch: it stands for the voters that
//! the log begins with, so the batch at offset 0 has index 1.

mod entry;
mod machine;
mod network;
mod runtime;
mod storage;
#[cfg(test)]
mod suite;
mod watch;

pub(crate) use entry::{
    Applied, Entry, Member, Payload, StoredBatch, membership_controls, membership_from_controls,
    membership_of, voters,
};
pub(crate) use machine::Machine;
pub(crate) use network::{Alone, Links, Transport};
#[cfg(test)]
pub(crate) use network::{Answer, Call, TransportError};
pub(crate) use runtime::QuorumRuntime;
#[cfg(test)]
pub(crate) use runtime::seed_this_thread;
pub(crate) use storage::LogStorage;

/// openraft with our entries and one leader a term.
#[derive(Debug, Clone, Copy, Default, Eq, PartialEq, Ord, PartialOrd)]
pub(crate) struct Types;

impl openraft::RaftTypeConfig for Types {
    type D = crate::Proposal;
    type R = Applied;
    type NodeId = u64;
    type Node = Member;
    type Term = u64;
    type LeaderId = openraft::impls::leader_id_std::LeaderId<u64, u64>;
    type Vote = openraft::impls::Vote<Self::LeaderId>;
    type Payload = Payload;
    type Entry = Entry;
    type AsyncRuntime = QuorumRuntime;
    type Responder<T>
        = openraft::impls::OneshotResponder<Self, T>
    where
        T: openraft::OptionalSend + 'static;
    type Batch<T>
        = openraft::impls::InlineBatch<T>
    where
        T: openraft::OptionalSend + 'static;
    type ErrorSource = openraft::impls::BoxedErrorSource;
}

pub(crate) type LogId = openraft::alias::LogIdOf<Types>;
pub(crate) type Vote = openraft::alias::VoteOf<Types>;
pub(crate) type Membership = openraft::Membership<u64, Member>;
pub(crate) type StoredMembership = openraft::alias::StoredMembershipOf<Types>;
pub(crate) type SnapshotMeta = openraft::alias::SnapshotMetaOf<Types>;

/// The log id of a batch of this leader epoch.
pub(crate) fn log_id(leader_epoch: i32, index: u64) -> LogId {
    use openraft::vote::RaftLeaderIdExt;
    let term = u64::try_from(leader_epoch).unwrap_or(0);
    LogId::new(openraft::alias::LeaderIdOf::<Types>::new_committed(term, 0), index)
}

/// The leader epoch of a log id.
pub(crate) fn epoch_of(id: &LogId) -> i32 {
    i32::try_from(id.committed_leader_id().term).unwrap_or(i32::MAX)
}
