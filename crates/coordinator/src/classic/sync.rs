//! SyncGroup: the leader brings the assignments, everybody takes their own.
//!
//! v3 adds static members; from v5 the request must name the protocol it believes in (that it does is checked before).

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use moldau_protocol::messages::{SyncGroupRequest, SyncGroupResponse};
use moldau_types::ErrorCode;

use super::group::{ClassicGroup, Step};
use super::state::ClassicGroupState;
use crate::result::{Completion, RequestId};

impl ClassicGroup {
    /// Gives the assignment, or lets the member wait for it.
    pub(crate) fn sync(&mut self, step: &mut Step<'_>, request_id: RequestId, request: &SyncGroupRequest) {
        if let Err(error) = self.validate_sync(request) {
            return step.sync_error(request_id, error);
        }
        match self.state() {
            ClassicGroupState::PreparingRebalance => {
                step.sync_error(request_id, ErrorCode::RebalanceInProgress);
            }
            ClassicGroupState::CompletingRebalance => self.sync_generation(step, request_id, request),
            ClassicGroupState::Stable => {
                self.received_sync(step, &request.member_id);
                let assignment =
                    self.members.get(request.member_id.as_str()).map(|member| member.assignment.clone());
                let response = SyncGroupResponse {
                    protocol_type: self.protocol_type.as_deref().map(str::to_owned),
                    protocol_name: self.protocol_name.as_deref().map(str::to_owned),
                    assignment: assignment.unwrap_or_default(),
                    ..Default::default()
                };
                step.reply_sync(request_id, response);
            }
            ClassicGroupState::Empty | ClassicGroupState::Dead => {
                step.sync_error(request_id, ErrorCode::UnknownMemberId);
            }
        }
    }

    fn validate_sync(&self, request: &SyncGroupRequest) -> Result<(), ErrorCode> {
        self.validate_member(&request.member_id, request.group_instance_id.as_deref())?;
        if request.generation_id != self.generation_id {
            return Err(ErrorCode::IllegalGeneration);
        }
        let differs = |asked: &Option<String>, own: &Option<Arc<str>>| {
            asked.as_deref().is_some_and(|asked| own.as_deref().is_some_and(|own| own != asked))
        };
        if differs(&request.protocol_type, &self.protocol_type)
            || differs(&request.protocol_name, &self.protocol_name)
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        Ok(())
    }

    fn sync_generation(&mut self, step: &mut Step<'_>, request_id: RequestId, request: &SyncGroupRequest) {
        let Some(member) = self.members.get_mut(request.member_id.as_str()) else { return };
        if let Some(earlier) = member.awaiting_sync.replace(request_id) {
            // The member asked again; whoever still listens for the first answer is told to do the same.
            step.sync_error(earlier, ErrorCode::RebalanceInProgress);
        }
        self.received_sync(step, &request.member_id);
        // A leader that asks again must not write a second, perhaps different, assignment behind the first.
        if !self.is_leader(&request.member_id) || self.assignment_in_flight {
            return;
        }
        self.assignment_in_flight = true;
        // The last one counts where a member is named twice. Copied: a slice would keep the whole request in memory.
        let given: HashMap<&str, &Bytes> =
            request.assignments.iter().map(|given| (given.member_id.as_str(), &given.assignment)).collect();
        let assignment_of = |member_id: &str| {
            given.get(member_id).map(|assignment| Bytes::copy_from_slice(assignment)).unwrap_or_default()
        };
        let assignments: Vec<(Arc<str>, Bytes)> =
            self.members.keys().map(|member_id| (member_id.clone(), assignment_of(member_id))).collect();
        let value = self.to_value(|member| find_assignment(&assignments, &member.member_id));
        step.append_group(&self.group_id, value);
        step.out.completion = Some(Completion::Assignment {
            group_id: self.group_id.clone(),
            generation_id: self.generation_id,
            assignments,
        });
    }

    /// The record of a generation's assignments is committed, or was refused.
    pub(crate) fn assignment_appended(
        &mut self,
        step: &mut Step<'_>,
        generation_id: i32,
        assignments: &[(Arc<str>, Bytes)],
        outcome: Result<(), ErrorCode>,
    ) {
        // Another member may have joined while the record was on its way.
        if !self.is_in(ClassicGroupState::CompletingRebalance) || self.generation_id != generation_id {
            return;
        }
        self.assignment_in_flight = false;
        match outcome {
            Ok(()) => {
                for member in self.members.values_mut() {
                    member.assignment = find_assignment(assignments, &member.member_id);
                }
                self.propagate_assignments(step, ErrorCode::None);
                self.transition_to(ClassicGroupState::Stable, step.now);
            }
            Err(error) => {
                self.reset_assignments(step, error);
                self.rebalance_or_complete_join(step);
            }
        }
    }

    fn received_sync(&mut self, step: &mut Step<'_>, member_id: &str) {
        self.pending_sync.remove(member_id);
        if self.pending_sync.is_empty() {
            self.cancel_sync_timer(step.timers);
        }
    }
}

/// `assignments` is in the order of member ids.
fn find_assignment(assignments: &[(Arc<str>, Bytes)], member_id: &str) -> Bytes {
    let found = assignments.binary_search_by(|(id, _)| (**id).cmp(member_id));
    found.map(|index| assignments[index].1.clone()).unwrap_or_default()
}
