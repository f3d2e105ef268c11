//! From the wish to rebalance to the next generation.

use std::sync::Arc;

use bytes::Bytes;
use moldau_protocol::messages::{GroupMetadataValue, JoinGroupResponse, SyncGroupResponse};
use moldau_types::ErrorCode;

use super::group::{ClassicGroup, JoinTimer, Step};
use super::state::ClassicGroupState;
use crate::record::GroupRecord;
use crate::timers::TimerKey;

impl Step<'_> {
    /// Appends the group's record; the group itself is that far already.
    pub(crate) fn append_group(&mut self, group_id: &Arc<str>, value: GroupMetadataValue) {
        let value = Some(Box::new(value));
        self.out.records.push(GroupRecord::Group { group_id: group_id.clone(), value });
    }
}

impl ClassicGroup {
    /// Starts a rebalance where the state allows it, otherwise ends the join phase if everybody is there.
    pub(crate) fn rebalance_or_complete_join(&mut self, step: &mut Step<'_>) {
        if self.state().may_become(ClassicGroupState::PreparingRebalance) {
            self.prepare_rebalance(step);
        } else {
            self.maybe_complete_join(step);
        }
    }

    pub(crate) fn prepare_rebalance(&mut self, step: &mut Step<'_>) {
        if self.is_in(ClassicGroupState::CompletingRebalance) {
            self.reset_assignments(step, ErrorCode::RebalanceInProgress);
        }
        self.pending_sync.clear();
        self.cancel_sync_timer(step.timers);
        if self.is_in(ClassicGroupState::Empty) {
            // The group is new: give more members the time to come, at most as long as a rebalance may take.
            let delay_ms = step.config.initial_rebalance_delay_ms;
            let remaining_ms = self.rebalance_timeout_ms().saturating_sub(delay_ms).max(0);
            self.schedule_initial_join(step, delay_ms, remaining_ms);
            self.transition_to(ClassicGroupState::PreparingRebalance, step.now);
        } else {
            self.transition_to(ClassicGroupState::PreparingRebalance, step.now);
            if self.has_all_members_joined() {
                self.complete_join_phase(step);
            } else {
                self.schedule_rebalance_timeout(step);
            }
        }
    }

    fn schedule_initial_join(&mut self, step: &mut Step<'_>, delay_ms: i32, remaining_ms: i32) {
        self.cancel_join_timer(step.timers);
        let key = TimerKey::Join { group_id: self.group_id.clone() };
        let id = step.timers.push(step.deadline_ms(delay_ms), key);
        self.join_timer = Some(JoinTimer::Initial { id, delay_ms, remaining_ms });
    }

    fn schedule_rebalance_timeout(&mut self, step: &mut Step<'_>) {
        self.cancel_join_timer(step.timers);
        let key = TimerKey::Join { group_id: self.group_id.clone() };
        let id = step.timers.push(step.deadline_ms(self.rebalance_timeout_ms()), key);
        self.join_timer = Some(JoinTimer::Rebalance { id });
    }

    /// Ends the join phase when all have joined. The first rebalance of a group waits for its delay in any case.
    pub(crate) fn maybe_complete_join(&mut self, step: &mut Step<'_>) {
        let first = self.previous_state() == ClassicGroupState::Empty;
        if self.is_in(ClassicGroupState::PreparingRebalance) && !first && self.has_all_members_joined() {
            self.complete_join_phase(step);
        }
    }

    /// The delay of a first rebalance is over: wait again if members came meanwhile and there is time left.
    pub(super) fn extend_or_complete_initial_join(
        &mut self,
        step: &mut Step<'_>,
        delay_ms: i32,
        remaining_ms: i32,
    ) {
        if self.new_member_added && remaining_ms != 0 {
            self.new_member_added = false;
            let next_delay_ms = step.config.initial_rebalance_delay_ms.min(remaining_ms);
            let next_remaining_ms = remaining_ms.saturating_sub(delay_ms).max(0);
            self.schedule_initial_join(step, next_delay_ms, next_remaining_ms);
        } else {
            self.complete_join_phase(step);
        }
    }

    /// Drops dynamic members that did not come back and makes the next generation of the others.
    pub(super) fn complete_join_phase(&mut self, step: &mut Step<'_>) {
        self.cancel_join_timer(step.timers);
        let absent: Vec<Arc<str>> = self
            .members
            .values()
            .filter(|member| member.awaiting_join.is_none() && member.group_instance_id.is_none())
            .map(|member| member.member_id.clone())
            .collect();
        for member_id in absent {
            self.remove(step, &member_id);
        }
        if !self.elect_joined_leader() && !self.is_empty() {
            // Only static members are left and none has come: their sessions will decide.
            return self.schedule_rebalance_timeout(step);
        }
        self.init_next_generation(step);
        if self.is_in(ClassicGroupState::Empty) {
            let value = self.to_value(|_| Bytes::new());
            return step.append_group(&self.group_id, value);
        }
        for member_id in self.members.keys().cloned().collect::<Vec<_>>() {
            let mut response = self.join_response(&member_id);
            if self.is_leader(&member_id) {
                response.members = self.members_for_leader();
            }
            self.complete_join(step, &member_id, response);
            self.reschedule_session(step, &member_id, None);
            if let Some(member) = self.members.get_mut(&member_id) {
                member.is_new = false;
            }
            self.pending_sync.insert(member_id);
        }
        self.cancel_sync_timer(step.timers);
        let key = TimerKey::Sync { group_id: self.group_id.clone() };
        self.sync_timer = Some(step.timers.push(step.deadline_ms(self.rebalance_timeout_ms()), key));
    }

    /// Whether there is a leader that has joined, another one than before if need be.
    fn elect_joined_leader(&mut self) -> bool {
        let Some(leader_id) = &self.leader_id else { return false };
        if self.members.get(leader_id).is_some_and(|leader| leader.awaiting_join.is_some()) {
            return true;
        }
        match self.members.values().find(|member| member.awaiting_join.is_some()) {
            Some(member) => {
                self.leader_id = Some(member.member_id.clone());
                true
            }
            None => false,
        }
    }

    fn init_next_generation(&mut self, step: &mut Step<'_>) {
        // Followers would take a negative generation for none.
        self.generation_id = self.generation_id.checked_add(1).unwrap_or(0);
        self.new_member_added = false;
        self.assignment_in_flight = false;
        if self.is_empty() {
            self.protocol_name = None;
            self.subscribed_topics = self.compute_subscribed_topics();
            self.transition_to(ClassicGroupState::Empty, step.now);
        } else {
            self.protocol_name = self.select_protocol();
            self.subscribed_topics = self.compute_subscribed_topics();
            self.transition_to(ClassicGroupState::CompletingRebalance, step.now);
        }
        self.pending_sync.clear();
    }

    /// Forgets the generation's assignments; who waits for one is told why.
    pub(super) fn reset_assignments(&mut self, step: &mut Step<'_>, error: ErrorCode) {
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
        }
        self.propagate_assignments(step, error);
    }

    /// Answers every SyncGroup that waits, and starts those members' sessions anew: while they waited nothing watched them.
    pub(super) fn propagate_assignments(&mut self, step: &mut Step<'_>, error: ErrorCode) {
        let mut answered = Vec::new();
        for member in self.members.values_mut() {
            if let Some(request) = member.awaiting_sync.take() {
                answered.push((request, member.member_id.clone(), member.assignment.clone()));
            }
        }
        let named = error == ErrorCode::None;
        for (request, member_id, assignment) in answered {
            let response = SyncGroupResponse {
                error_code: error.code(),
                protocol_type: self.protocol_type.as_deref().filter(|_| named).map(str::to_owned),
                protocol_name: self.protocol_name.as_deref().filter(|_| named).map(str::to_owned),
                assignment,
                ..Default::default()
            };
            step.reply_sync(request, response);
            self.reschedule_session(step, &member_id, None);
        }
    }

    /// This node no longer coordinates the group: everybody who waits is sent to look for the coordinator.
    pub(crate) fn unload(&mut self, step: &mut Step<'_>) {
        for member in self.members.values_mut() {
            if let Some(request) = member.awaiting_join.take() {
                let response = JoinGroupResponse {
                    error_code: ErrorCode::NotCoordinator.code(),
                    member_id: member.member_id.to_string(),
                    ..Default::default()
                };
                step.reply_join(request, response);
            }
            if let Some(request) = member.awaiting_sync.take() {
                step.sync_error(request, ErrorCode::NotCoordinator);
            }
        }
    }

    /// The group has been read from the log: every member's session starts now.
    pub(crate) fn loaded(&mut self, step: &mut Step<'_>) {
        for member_id in self.members.keys().cloned().collect::<Vec<_>>() {
            self.reschedule_session(step, &member_id, None);
        }
        if self.len() > step.config.max_size {
            self.prepare_rebalance(step);
        }
    }
}
