//! A classic group's own data: who is in it, what they support, what the group has chosen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use moldau_protocol::messages::GroupMetadataValue;
use moldau_protocol::messages::group_metadata_value::MemberMetadata;
use moldau_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use moldau_protocol::messages::join_group_response::JoinGroupResponseMember;
use moldau_protocol::messages::{JoinGroupResponse, SyncGroupResponse};
use moldau_types::ErrorCode;

use super::ClassicGroupState;
use super::member::Member;
use super::subscription::subscribed_topics;
use crate::config::GroupConfig;
use crate::result::{CoordinatorResult, Now, Reply, ReplyBody, RequestId};
use crate::timers::{SessionTimer, TimerId, TimerKey, TimerQueue};

/// The protocol type of Kafka's consumers.
pub(crate) const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

/// What an event may touch beside its group.
pub(crate) struct Step<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a GroupConfig,
    pub(crate) timers: &'a mut TimerQueue,
    pub(crate) out: &'a mut CoordinatorResult,
}

impl Step<'_> {
    pub(crate) fn reply_join(&mut self, request: RequestId, response: JoinGroupResponse) {
        self.out.replies.push(Reply { request, response: ReplyBody::Join(response) });
    }

    pub(crate) fn reply_sync(&mut self, request: RequestId, response: SyncGroupResponse) {
        self.out.replies.push(Reply { request, response: ReplyBody::Sync(response) });
    }

    pub(crate) fn join_error(&mut self, request: RequestId, member_id: &str, error: ErrorCode) {
        self.reply_join(request, join_error(member_id, error));
    }

    pub(crate) fn sync_error(&mut self, request: RequestId, error: ErrorCode) {
        self.reply_sync(request, SyncGroupResponse { error_code: error.code(), ..Default::default() });
    }

    pub(crate) fn deadline_ms(&self, timeout_ms: i32) -> i64 {
        self.now.monotonic_ms.saturating_add(i64::from(timeout_ms.max(0)))
    }
}

/// A JoinGroup's refusal.
pub(crate) fn join_error(member_id: &str, error: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse { error_code: error.code(), member_id: member_id.to_owned(), ..Default::default() }
}

/// What ends a join phase that not everybody has joined.
#[derive(Debug)]
pub(crate) enum JoinTimer {
    /// The first rebalance of an empty group, which waits for more members.
    Initial { id: TimerId, delay_ms: i32, remaining_ms: i32 },
    /// The rebalance timeout.
    Rebalance { id: TimerId },
}

impl JoinTimer {
    pub(super) fn id(&self) -> TimerId {
        match self {
            JoinTimer::Initial { id, .. } | JoinTimer::Rebalance { id } => *id,
        }
    }
}

/// From when on an offset's retention counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ExpiryBase {
    /// Its own commit.
    Commit,
    /// A time of the group.
    Since(i64),
}

/// A classic group.
#[derive(Debug)]
pub struct ClassicGroup {
    pub(crate) group_id: Arc<str>,
    state: ClassicGroupState,
    previous_state: ClassicGroupState,
    pub(super) state_timestamp_ms: Option<i64>,
    pub(crate) generation_id: i32,
    pub(crate) protocol_type: Option<Arc<str>>,
    pub(crate) protocol_name: Option<Arc<str>>,
    pub(super) leader_id: Option<Arc<str>>,
    pub(crate) members: BTreeMap<Arc<str>, Member>,
    /// Member ids by group instance id.
    pub(super) static_members: BTreeMap<Arc<str>, Arc<str>>,
    /// Member ids that were handed out and have not come back.
    pub(super) pending_join: BTreeMap<Arc<str>, SessionTimer>,
    /// Members of the generation that have not yet sent their SyncGroup.
    pub(super) pending_sync: BTreeSet<Arc<str>>,
    awaiting_join: usize,
    /// How many members support each protocol.
    supported_protocols: BTreeMap<Arc<str>, usize>,
    pub(super) new_member_added: bool,
    pub(super) subscribed_topics: Option<BTreeSet<String>>,
    pub(super) join_timer: Option<JoinTimer>,
    pub(super) sync_timer: Option<TimerId>,
    /// The leader's assignment is on its way to the log.
    pub(super) assignment_in_flight: bool,
}

impl ClassicGroup {
    /// A group without members and without a protocol.
    pub(crate) fn new(group_id: Arc<str>, now: Option<Now>) -> Self {
        ClassicGroup {
            group_id,
            state: ClassicGroupState::Empty,
            previous_state: ClassicGroupState::Dead,
            state_timestamp_ms: now.map(|now| now.timestamp_ms),
            generation_id: 0,
            protocol_type: None,
            protocol_name: None,
            leader_id: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending_join: BTreeMap::new(),
            pending_sync: BTreeSet::new(),
            awaiting_join: 0,
            supported_protocols: BTreeMap::new(),
            new_member_added: false,
            subscribed_topics: None,
            join_timer: None,
            sync_timer: None,
            assignment_in_flight: false,
        }
    }

    /// The group that a record describes: stable when it has members, otherwise empty.
    pub(crate) fn from_value(group_id: Arc<str>, value: GroupMetadataValue) -> Self {
        let mut group = ClassicGroup::new(group_id, None);
        group.generation_id = value.generation;
        group.protocol_type = Some(value.protocol_type.into()).filter(|name: &Arc<str>| !name.is_empty());
        group.state_timestamp_ms =
            (value.current_state_timestamp != -1).then_some(value.current_state_timestamp);
        let protocol: Option<Arc<str>> = value.protocol.map(Into::into);
        for member in value.members {
            let timeout = member.rebalance_timeout;
            let member = Member {
                member_id: member.member_id.into(),
                group_instance_id: member.group_instance_id.map(Into::into),
                client_id: member.client_id.into(),
                client_host: member.client_host.into(),
                rebalance_timeout_ms: if timeout == -1 { member.session_timeout } else { timeout },
                session_timeout_ms: member.session_timeout,
                protocols: vec![(protocol.clone().unwrap_or_default(), member.subscription)],
                assignment: member.assignment,
                awaiting_join: None,
                awaiting_sync: None,
                is_new: false,
                session: SessionTimer::default(),
            };
            // A record of ours names each member once; of another's the first counts.
            if !group.members.contains_key(&member.member_id) {
                group.insert(member);
            }
        }
        group.protocol_name = protocol;
        let leader: Option<Arc<str>> = value.leader.map(Into::into);
        group.leader_id = leader
            .filter(|leader| group.members.contains_key(leader))
            .or_else(|| group.members.keys().next().cloned());
        if !group.members.is_empty() {
            group.state = ClassicGroupState::Stable;
        }
        group.subscribed_topics = group.compute_subscribed_topics();
        group
    }

    /// The record of a group that has had no generation yet, whoever is joining it.
    pub(crate) fn to_empty_value(&self) -> GroupMetadataValue {
        GroupMetadataValue {
            current_state_timestamp: self.state_timestamp_ms.unwrap_or(-1),
            protocol: None,
            leader: None,
            ..Default::default()
        }
    }

    /// The record of the current generation, with the given assignments.
    pub(crate) fn to_value(&self, assignment_of: impl Fn(&Member) -> Bytes) -> GroupMetadataValue {
        let protocol = self.protocol_name.as_deref();
        let members = self.members.values().map(|member| MemberMetadata {
            member_id: member.member_id.to_string(),
            group_instance_id: member.group_instance_id.as_deref().map(str::to_owned),
            client_id: member.client_id.to_string(),
            client_host: member.client_host.to_string(),
            rebalance_timeout: member.rebalance_timeout_ms,
            session_timeout: member.session_timeout_ms,
            subscription: member.metadata(protocol.unwrap_or_default()),
            assignment: assignment_of(member),
        });
        GroupMetadataValue {
            protocol_type: self.protocol_type.as_deref().unwrap_or_default().to_owned(),
            generation: self.generation_id,
            protocol: protocol.map(str::to_owned),
            leader: self.leader_id.as_deref().map(str::to_owned),
            current_state_timestamp: self.state_timestamp_ms.unwrap_or(-1),
            members: members.collect(),
        }
    }

    /// The state.
    pub fn state(&self) -> ClassicGroupState {
        self.state
    }

    /// The state before the current one.
    pub(crate) fn previous_state(&self) -> ClassicGroupState {
        self.previous_state
    }

    pub(super) fn is_in(&self, state: ClassicGroupState) -> bool {
        self.state == state
    }

    pub(super) fn transition_to(&mut self, state: ClassicGroupState, now: Now) {
        debug_assert!(self.state.may_become(state), "{} to {state}", self.state);
        self.previous_state = self.state;
        self.state = state;
        self.state_timestamp_ms = Some(now.timestamp_ms);
    }

    /// The generation id; it rises with each completed join phase.
    pub fn generation_id(&self) -> i32 {
        self.generation_id
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether the group has no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether the group could be removed without taking anything from anybody.
    pub(crate) fn may_be_deleted(&self) -> bool {
        self.is_in(ClassicGroupState::Empty) && self.pending_join.is_empty()
    }

    pub(super) fn is_leader(&self, member_id: &str) -> bool {
        self.leader_id.as_deref() == Some(member_id)
    }

    /// Adds a member whose protocols the group supports. Its id is pending no more.
    pub(super) fn add(&mut self, member: Member, protocol_type: &str) {
        if self.members.is_empty() {
            self.protocol_type = Some(protocol_type.into());
        }
        if self.leader_id.is_none() {
            self.leader_id = Some(member.member_id.clone());
        }
        debug_assert!(!self.pending_join.contains_key(&member.member_id));
        self.insert(member);
    }

    fn insert(&mut self, member: Member) {
        if let Some(instance_id) = &member.group_instance_id {
            self.static_members.insert(instance_id.clone(), member.member_id.clone());
        }
        self.awaiting_join += usize::from(member.awaiting_join.is_some());
        self.count_protocols(&member.protocols, true);
        self.members.insert(member.member_id.clone(), member);
    }

    fn count_protocols(&mut self, protocols: &[(Arc<str>, Bytes)], added: bool) {
        for (name, _) in protocols {
            let count = self.supported_protocols.entry(name.clone()).or_default();
            *count = if added { *count + 1 } else { count.saturating_sub(1) };
            if *count == 0 {
                self.supported_protocols.remove(name);
            }
        }
    }

    /// Takes a member out. A SyncGroup it waited for is answered; its JoinGroup must have been.
    pub(super) fn remove(&mut self, step: &mut Step<'_>, member_id: &str) {
        if let Some(mut member) = self.members.remove(member_id) {
            member.session.cancel(step.timers);
            self.count_protocols(&member.protocols, false);
            if let Some(request) = member.awaiting_join {
                self.awaiting_join -= 1;
                step.join_error(request, "", ErrorCode::UnknownMemberId);
            }
            if let Some(request) = member.awaiting_sync {
                step.sync_error(request, ErrorCode::UnknownMemberId);
            }
            if let Some(instance_id) = &member.group_instance_id {
                self.static_members.remove(instance_id);
            }
        }
        if self.is_leader(member_id) {
            self.leader_id = self.members.keys().next().cloned();
        }
        if let Some(mut session) = self.pending_join.remove(member_id) {
            session.cancel(step.timers);
        }
        self.pending_sync.remove(member_id);
    }

    /// Takes every deadline of the group and its members out of the queue.
    pub(crate) fn cancel_timers(&mut self, timers: &mut TimerQueue) {
        let members = self.members.values_mut().map(|member| &mut member.session);
        for session in members.chain(self.pending_join.values_mut()) {
            session.cancel(timers);
        }
        self.cancel_join_timer(timers);
        self.cancel_sync_timer(timers);
    }

    pub(super) fn cancel_join_timer(&mut self, timers: &mut TimerQueue) {
        if let Some(timer) = self.join_timer.take() {
            timers.cancel(timer.id());
        }
    }

    pub(super) fn cancel_sync_timer(&mut self, timers: &mut TimerQueue) {
        if let Some(id) = self.sync_timer.take() {
            timers.cancel(id);
        }
    }

    /// Puts a static member under a new member id. Requests that wait under the old one are fenced.
    pub(super) fn replace_static_member(
        &mut self,
        step: &mut Step<'_>,
        group_instance_id: &Arc<str>,
        old_member_id: &str,
        new_member_id: &Arc<str>,
    ) {
        let Some(mut member) = self.members.remove(old_member_id) else { return };
        if let Some(request) = member.awaiting_join.take() {
            self.awaiting_join -= 1;
            step.join_error(request, old_member_id, ErrorCode::FencedInstanceId);
        }
        if let Some(request) = member.awaiting_sync.take() {
            step.sync_error(request, ErrorCode::FencedInstanceId);
        }
        member.member_id = new_member_id.clone();
        member.session.cancel(step.timers);
        if self.is_leader(old_member_id) {
            self.leader_id = Some(new_member_id.clone());
        }
        if self.pending_sync.remove(old_member_id) {
            self.pending_sync.insert(new_member_id.clone());
        }
        self.static_members.insert(group_instance_id.clone(), new_member_id.clone());
        self.members.insert(new_member_id.clone(), member);
    }

    /// Gives a member the protocols and timeouts of its latest JoinGroup, and lets that request wait.
    pub(super) fn update_member(
        &mut self,
        step: &mut Step<'_>,
        member_id: &str,
        protocols: Vec<(Arc<str>, Bytes)>,
        timeouts_ms: (i32, i32),
        request: Option<RequestId>,
    ) {
        let Some(mut member) = self.members.remove(member_id) else { return };
        self.count_protocols(&member.protocols, false);
        self.count_protocols(&protocols, true);
        member.protocols = protocols;
        (member.rebalance_timeout_ms, member.session_timeout_ms) = timeouts_ms;
        if let Some(earlier) = member.awaiting_join.take() {
            self.awaiting_join -= 1;
            // The member asked again; whoever still listens for the first answer is told to do the same.
            step.join_error(earlier, member_id, ErrorCode::RebalanceInProgress);
        }
        self.awaiting_join += usize::from(request.is_some());
        member.awaiting_join = request;
        self.members.insert(member.member_id.clone(), member);
    }

    /// Answers a member's JoinGroup, if one waits.
    pub(super) fn complete_join(
        &mut self,
        step: &mut Step<'_>,
        member_id: &str,
        response: JoinGroupResponse,
    ) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        if let Some(request) = member.awaiting_join.take() {
            self.awaiting_join -= 1;
            step.reply_join(request, response);
        }
    }

    /// How many members wait for the end of the join phase.
    pub(super) fn awaiting_join(&self) -> usize {
        self.awaiting_join
    }

    pub(super) fn supported_protocols(&self) -> &BTreeMap<Arc<str>, usize> {
        &self.supported_protocols
    }

    /// Whether nobody has to be waited for.
    pub(super) fn has_all_members_joined(&self) -> bool {
        self.members.len() == self.awaiting_join && self.pending_join.is_empty()
    }

    /// The longest rebalance timeout of the members.
    pub(super) fn rebalance_timeout_ms(&self) -> i32 {
        self.members.values().map(|member| member.rebalance_timeout_ms).max().unwrap_or(0)
    }

    /// Whether somebody with these protocols could become a member.
    pub(super) fn supports_protocols(
        &self,
        protocol_type: &str,
        protocols: &[JoinGroupRequestProtocol],
    ) -> bool {
        if self.is_in(ClassicGroupState::Empty) {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|protocol| self.all_support(&protocol.name))
    }

    fn all_support(&self, protocol: &str) -> bool {
        self.supported_protocols.get(protocol).copied().unwrap_or(0) == self.members.len()
    }

    /// The protocol with the most votes. Among equals the one that a member of lower id voted for.
    pub(super) fn select_protocol(&self) -> Option<Arc<str>> {
        // Each protocol with its votes and the place of the first one.
        let mut votes: BTreeMap<&Arc<str>, (usize, usize)> = BTreeMap::new();
        for (place, member) in self.members.values().enumerate() {
            if let Some(vote) = member.vote(|name| self.all_support(name)) {
                votes.entry(vote).or_insert((0, place)).0 += 1;
            }
        }
        let most = votes.into_iter().max_by_key(|(_, (count, place))| (*count, std::cmp::Reverse(*place)));
        most.map(|(name, _)| name.clone())
    }

    /// Members with the metadata of the chosen protocol: what the leader gets.
    pub(super) fn members_for_leader(&self) -> Vec<JoinGroupResponseMember> {
        let protocol = self.protocol_name.as_deref().unwrap_or_default();
        let members = self.members.values().map(|member| JoinGroupResponseMember {
            member_id: member.member_id.to_string(),
            group_instance_id: member.group_instance_id.as_deref().map(str::to_owned),
            metadata: member.metadata(protocol),
        });
        members.collect()
    }

    /// Whether the member exists and, when the request names one, its group instance id is that member's.
    pub(super) fn validate_member(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance_id) = instance_id {
            match self.static_members.get(instance_id) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(existing) if **existing != *member_id => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member_id) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    /// Whether members are Kafka consumers.
    pub(super) fn uses_consumer_protocol(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER_PROTOCOL_TYPE)
    }

    /// Whether the group reads the topic. Consumers whose topics are not known may read any.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        match &self.subscribed_topics {
            Some(topics) => topics.contains(topic),
            None => self.uses_consumer_protocol(),
        }
    }

    pub(super) fn compute_subscribed_topics(&self) -> Option<BTreeSet<String>> {
        if !self.uses_consumer_protocol() {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol_name.as_deref()?;
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            topics.extend(subscribed_topics(&member.metadata(protocol))?);
        }
        Some(topics)
    }

    /// Starts (or moves) the deadline of a member's session.
    pub(super) fn reschedule_session(
        &mut self,
        step: &mut Step<'_>,
        member_id: &str,
        timeout_ms: Option<i32>,
    ) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        let deadline_ms = step.deadline_ms(timeout_ms.unwrap_or(member.session_timeout_ms));
        member.session.reschedule(step.timers, deadline_ms, || TimerKey::Session {
            group_id: self.group_id.clone(),
            member_id: member.member_id.clone(),
        });
    }

    /// The first half of a JoinGroup's answer in the current generation.
    pub(super) fn join_response(&self, member_id: &str) -> JoinGroupResponse {
        JoinGroupResponse {
            generation_id: self.generation_id,
            protocol_type: self.protocol_type.as_deref().map(str::to_owned),
            protocol_name: self.protocol_name.as_deref().map(str::to_owned),
            leader: self.leader_id.as_deref().unwrap_or_default().to_owned(),
            member_id: member_id.to_owned(),
            ..Default::default()
        }
    }
}
