//! What is in a raft log entry: before it is written a blank, a proposal or a change of the voters; afterwards the batch
//! that it became, which is what goes to followers, so that all logs hold the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use moldau_types::{BrokerId, Uuid};
use openraft::entry::{RaftEntry, RaftPayload};

use super::{LogId, Membership};
use crate::control::Control;
use crate::{Proposal, Voter, VoterEndpoint};

/// What the quorum knows of a member besides its id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) directory_id: Uuid,
    pub(crate) endpoints: Vec<VoterEndpoint>,
    pub(crate) kraft_versions: (i16, i16),
}

/// A batch of the log, whole.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoredBatch {
    pub(crate) bytes: Bytes,
    pub(crate) base_offset: i64,
    pub(crate) last_offset: i64,
    /// The voters it brings, if it is a Voters batch.
    pub(crate) membership: Option<Membership>,
}

/// Content of an entry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Payload {
    Blank,
    Proposal(Proposal),
    Membership(Membership),
    Stored(StoredBatch),
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Payload::Blank => write!(f, "leader change"),
            Payload::Proposal(proposal) => write!(f, "{} records", proposal.records.len()),
            Payload::Membership(membership) => write!(f, "voters {membership}"),
            Payload::Stored(batch) => write!(f, "offsets {}..={}", batch.base_offset, batch.last_offset),
        }
    }
}

impl RaftPayload for Payload {
    type D = Proposal;
    type NodeId = u64;
    type Node = Member;

    fn blank() -> Self {
        Payload::Blank
    }

    fn with_normal(self, data: Proposal) -> Self {
        Payload::Proposal(data)
    }

    fn with_membership(self, membership: Membership) -> Self {
        Payload::Membership(membership)
    }

    fn get_membership(&self) -> Option<Membership> {
        match self {
            Payload::Membership(membership) => Some(membership.clone()),
            Payload::Stored(batch) => batch.membership.clone(),
            _ => None,
        }
    }
}

/// A raft log entry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) log_id: LogId,
    pub(crate) payload: Payload,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.log_id, self.payload)
    }
}

impl RaftEntry for Entry {
    type CommittedLeaderId =
        <openraft::alias::LeaderIdOf<super::Types> as openraft::vote::RaftLeaderId>::Committed;
    type Payload = Payload;

    fn new(log_id: LogId, payload: Payload) -> Self {
        Entry { log_id, payload }
    }

    fn log_id_parts(&self) -> (&Self::CommittedLeaderId, u64) {
        (self.log_id.committed_leader_id(), self.log_id.index)
    }

    fn set_log_id(&mut self, new: LogId) {
        self.log_id = new;
    }

    fn get_membership(&self) -> Option<Membership> {
        self.payload.get_membership()
    }
}

/// What became of an applied entry: where its batch is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) base_offset: i64,
    pub(crate) last_offset: i64,
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offsets {}..={}", self.base_offset, self.last_offset)
    }
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records for offset {}", self.records.len(), self.base_offset)
    }
}

fn voter(id: u64, member: &Member) -> Voter {
    Voter {
        id: BrokerId(i32::try_from(id).unwrap_or(-1)),
        directory_id: member.directory_id,
        endpoints: member.endpoints.clone(),
        min_kraft_version: member.kraft_versions.0,
        max_kraft_version: member.kraft_versions.1,
    }
}

/// The voters of the newest set, by id.
pub(crate) fn voters(membership: &Membership) -> Vec<Voter> {
    let Some(newest) = membership.get_joint_config().last() else { return Vec::new() };
    newest.iter().filter_map(|id| membership.get_node(id).map(|member| voter(*id, member))).collect()
}

/// A membership of one set of voters; `None` without any.
pub(crate) fn membership_of(voters: &[Voter]) -> Option<Membership> {
    membership_from(vec![voters.to_vec()], &[])
}

fn membership_from(sets: Vec<Vec<Voter>>, observers: &[Voter]) -> Option<Membership> {
    let id = |voter: &Voter| u64::try_from(voter.id.0).unwrap_or(0);
    let mut nodes = BTreeMap::new();
    for voter in sets.iter().flatten().chain(observers) {
        let member = Member {
            directory_id: voter.directory_id,
            endpoints: voter.endpoints.clone(),
            kraft_versions: (voter.min_kraft_version, voter.max_kraft_version),
        };
        nodes.insert(id(voter), member);
    }
    let config: Vec<BTreeSet<u64>> = sets.iter().map(|set| set.iter().map(id).collect()).collect();
    Membership::new(config, nodes).ok()
}

/// The control records that say a membership.
pub(crate) fn membership_controls(membership: &Membership) -> Vec<Control> {
    let mut controls = Vec::new();
    let observers: Vec<Voter> = membership
        .learner_ids()
        .filter_map(|id| membership.get_node(&id).map(|member| voter(id, member)))
        .collect();
    if !observers.is_empty() {
        controls.push(Control::Observers(observers));
    }
    for set in membership.get_joint_config() {
        let set = set.iter().filter_map(|id| membership.get_node(id).map(|member| voter(*id, member)));
        controls.push(Control::Voters(set.collect()));
    }
    controls
}

/// The membership that a batch's control records say, if they say one.
pub(crate) fn membership_from_controls(controls: &[Control]) -> Option<Membership> {
    let mut sets = Vec::new();
    let mut observers = Vec::new();
    for control in controls {
        match control {
            Control::Voters(voters) => sets.push(voters.clone()),
            Control::Observers(list) => observers = list.clone(),
            _ => {}
        }
    }
    if sets.is_empty() { None } else { membership_from(sets, &observers) }
}
