//! LeaveGroup. Up to v2 one member leaves (the caller makes a list of it); v3 takes many and static ones, v5 reasons.
//!
//! An administrator removes a static member by its group instance id alone.

use moldau_protocol::messages::leave_group_request::MemberIdentity;
use moldau_protocol::messages::leave_group_response::MemberResponse;
use moldau_types::ErrorCode;

use super::group::{ClassicGroup, Step};
use super::state::ClassicGroupState;

impl ClassicGroup {
    /// Takes members out and starts what follows from it. One answer a member, in the request's order.
    pub(crate) fn leave(&mut self, step: &mut Step<'_>, members: &[MemberIdentity]) -> Vec<MemberResponse> {
        let mut responses = Vec::with_capacity(members.len());
        let mut anyone_left = false;
        for member in members {
            let outcome = self.leave_one(step, member);
            anyone_left |= outcome.is_ok();
            responses.push(MemberResponse {
                member_id: member.member_id.clone(),
                group_instance_id: member.group_instance_id.clone(),
                error_code: outcome.err().unwrap_or(ErrorCode::None).code(),
            });
        }
        if anyone_left {
            match self.state() {
                ClassicGroupState::Stable | ClassicGroupState::CompletingRebalance => {
                    self.rebalance_or_complete_join(step);
                }
                ClassicGroupState::PreparingRebalance => self.maybe_complete_join(step),
                ClassicGroupState::Empty | ClassicGroupState::Dead => {}
            }
        }
        responses
    }

    fn leave_one(&mut self, step: &mut Step<'_>, identity: &MemberIdentity) -> Result<(), ErrorCode> {
        let member_id = identity.member_id.as_str();
        let instance_id = identity.group_instance_id.as_deref();
        if member_id.is_empty() {
            let static_member =
                instance_id.and_then(|instance_id| self.static_members.get(instance_id)).cloned();
            let member_id = static_member.ok_or(ErrorCode::UnknownMemberId)?;
            self.remove(step, &member_id);
        } else {
            if !self.pending_join.contains_key(member_id) {
                self.validate_member(member_id, instance_id)?;
            }
            self.remove(step, member_id);
        }
        Ok(())
    }
}
