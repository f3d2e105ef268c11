//! JoinGroup on a classic group.
//!
//! v0 has no rebalance timeout. From v4 a dynamic member first gets its id with MEMBER_ID_REQUIRED and comes back with it. v5 adds
//! static members, v7 the protocol type in answers, v9 lets a returning static leader skip the assignment.

use std::fmt::Write;
use std::sync::Arc;

use moldau_types::ErrorCode;

use super::member::{Member, protocols_of};
use super::{ClassicGroup, ClassicGroupState, Step};
use crate::result::{Completion, JoinEvent, StaticMemberReplaced, java_host};
use crate::timers::{SessionTimer, TimerKey};

/// From this version a dynamic member must come with an id.
const FIRST_VERSION_REQUIRING_MEMBER_ID: i16 = 4;
/// From this version a leader can be told that no assignment is wanted.
const FIRST_VERSION_SKIPPING_ASSIGNMENT: i16 = 9;

impl ClassicGroup {
    /// Lets a member in, or answers why not.
    pub(crate) fn join(&mut self, step: &mut Step<'_>, event: &JoinEvent<'_>) {
        let request = &event.request;
        let member_id = request.member_id.as_str();
        if !self.accepts_joining_member(step, member_id) {
            self.remove(step, member_id);
            step.join_error(event.request_id, "", ErrorCode::GroupMaxSizeReached);
        } else if !self.supports_protocols(&request.protocol_type, &request.protocols) {
            step.join_error(event.request_id, member_id, ErrorCode::InconsistentGroupProtocol);
        } else if member_id.is_empty() {
            self.join_new_member(step, event);
        } else {
            self.join_existing_member(step, event);
        }
    }

    /// Whether the group has room. Who waits already may go on waiting.
    fn accepts_joining_member(&self, step: &Step<'_>, member_id: &str) -> bool {
        let member = self.members.get(member_id);
        match self.state() {
            ClassicGroupState::Empty | ClassicGroupState::Dead => true,
            // Members that do not come back are dropped, so those that wait are counted.
            ClassicGroupState::PreparingRebalance => {
                member.is_some_and(|member| member.awaiting_join.is_some())
                    || self.awaiting_join() < step.config.max_size
            }
            ClassicGroupState::CompletingRebalance | ClassicGroupState::Stable => {
                member.is_some() || self.len() < step.config.max_size
            }
        }
    }

    fn join_new_member(&mut self, step: &mut Step<'_>, event: &JoinEvent<'_>) {
        let instance_id = event.request.group_instance_id.as_deref();
        let prefix = instance_id.unwrap_or(event.context.client_id);
        let new_member_id: Arc<str> = generate_member_id(prefix, event.random).into();
        if let Some(instance_id) = instance_id {
            match self.static_members.get(instance_id).cloned() {
                Some(old_member_id) => self.rejoin_static_member(step, event, &old_member_id, &new_member_id),
                None => self.add_member(step, event, new_member_id),
            }
        } else if event.context.api_version >= FIRST_VERSION_REQUIRING_MEMBER_ID {
            let mut session = SessionTimer::default();
            let deadline_ms = step.deadline_ms(event.request.session_timeout_ms);
            session.reschedule(step.timers, deadline_ms, || TimerKey::Session {
                group_id: self.group_id.clone(),
                member_id: new_member_id.clone(),
            });
            step.join_error(event.request_id, &new_member_id, ErrorCode::MemberIdRequired);
            self.pending_join.insert(new_member_id, session);
        } else {
            self.add_member(step, event, new_member_id);
        }
    }

    fn join_existing_member(&mut self, step: &mut Step<'_>, event: &JoinEvent<'_>) {
        let request = &event.request;
        let member_id = request.member_id.as_str();
        let instance_id = request.group_instance_id.as_deref();
        if instance_id.is_none() && self.pending_join.contains_key(member_id) {
            return self.add_member(step, event, member_id.into());
        }
        if let Err(error) = self.validate_member(member_id, instance_id) {
            return step.join_error(event.request_id, member_id, error);
        }
        let unchanged = self.members.get(member_id).is_some_and(|member| member.matches(&request.protocols));
        match self.state() {
            ClassicGroupState::PreparingRebalance => self.rejoin_member(step, event),
            // It may not have got the answer of this join phase: give it again.
            ClassicGroupState::CompletingRebalance if unchanged => self.answer_with_generation(step, event),
            // A follower without news gets the generation; a leader may know of changes that its metadata does not show.
            ClassicGroupState::Stable if unchanged && !self.is_leader(member_id) => {
                self.answer_with_generation(step, event);
            }
            ClassicGroupState::CompletingRebalance | ClassicGroupState::Stable => {
                self.rejoin_member(step, event)
            }
            ClassicGroupState::Empty | ClassicGroupState::Dead => {
                step.join_error(event.request_id, member_id, ErrorCode::UnknownMemberId);
            }
        }
    }

    fn answer_with_generation(&self, step: &mut Step<'_>, event: &JoinEvent<'_>) {
        let mut response = self.join_response(&event.request.member_id);
        if self.is_in(ClassicGroupState::CompletingRebalance) && self.is_leader(&event.request.member_id) {
            response.members = self.members_for_leader();
        }
        step.reply_join(event.request_id, response);
    }

    fn rejoin_member(&mut self, step: &mut Step<'_>, event: &JoinEvent<'_>) {
        let request = &event.request;
        let protocols = protocols_of(&request.protocols);
        let timeouts_ms = (event.rebalance_timeout_ms(), request.session_timeout_ms);
        self.update_member(step, &request.member_id, protocols, timeouts_ms, Some(event.request_id));
        self.rebalance_or_complete_join(step);
    }

    fn add_member(&mut self, step: &mut Step<'_>, event: &JoinEvent<'_>, member_id: Arc<str>) {
        let request = &event.request;
        let first_rebalance = self.is_in(ClassicGroupState::PreparingRebalance)
            && self.previous_state() == ClassicGroupState::Empty;
        if first_rebalance {
            self.new_member_added = true;
        }
        let member = Member {
            member_id: member_id.clone(),
            group_instance_id: request.group_instance_id.as_deref().map(Into::into),
            client_id: event.context.client_id.into(),
            client_host: java_host(event.context.client_host).into(),
            rebalance_timeout_ms: event.rebalance_timeout_ms(),
            session_timeout_ms: request.session_timeout_ms,
            protocols: protocols_of(&request.protocols),
            assignment: Default::default(),
            awaiting_join: Some(event.request_id),
            awaiting_sync: None,
            is_new: true,
            session: self.pending_join.remove(&member_id).unwrap_or_default(),
        };
        self.add(member, &request.protocol_type);
        // It cannot heartbeat before it has its answer; a client that is gone must not be waited for without end.
        self.reschedule_session(step, &member_id, Some(step.config.new_member_join_timeout_ms));
        self.rebalance_or_complete_join(step);
    }

    /// A static member is back without its member id.
    fn rejoin_static_member(
        &mut self,
        step: &mut Step<'_>,
        event: &JoinEvent<'_>,
        old_member_id: &Arc<str>,
        new_member_id: &Arc<str>,
    ) {
        let request = &event.request;
        let Some(instance_id) = request.group_instance_id.as_deref().map(Arc::<str>::from) else { return };
        let old_leader = self.leader_id.clone();
        self.replace_static_member(step, &instance_id, old_member_id, new_member_id);
        self.reschedule_session(step, new_member_id, None);
        let Some(member) = self.members.get(new_member_id) else { return };
        let old_protocols = member.protocols.clone();
        let (old_rebalance_timeout_ms, old_session_timeout_ms) =
            (member.rebalance_timeout_ms, member.session_timeout_ms);
        let timeouts_ms = (event.rebalance_timeout_ms(), request.session_timeout_ms);
        let protocols = protocols_of(&request.protocols);
        self.update_member(step, new_member_id, protocols, timeouts_ms, Some(event.request_id));
        match self.state() {
            // The same protocol would be chosen: the assignment stands, only the member's id has to be written down.
            ClassicGroupState::Stable if self.select_protocol() == self.protocol_name => {
                let value = self.to_value(|member| member.assignment.clone());
                step.append_group(&self.group_id, value);
                step.out.completion =
                    Some(Completion::StaticMemberReplaced(Box::new(StaticMemberReplaced {
                        group_id: self.group_id.clone(),
                        group_instance_id: instance_id,
                        old_member_id: old_member_id.clone(),
                        new_member_id: new_member_id.clone(),
                        old_protocols,
                        old_rebalance_timeout_ms,
                        old_session_timeout_ms,
                        old_leader,
                        request: event.request_id,
                        api_version: event.context.api_version,
                    })));
            }
            ClassicGroupState::Stable => self.rebalance_or_complete_join(step),
            // The leader may already assign for the old id.
            ClassicGroupState::CompletingRebalance => self.prepare_rebalance(step),
            _ => self.maybe_complete_join(step),
        }
    }

    /// The second half of a static member's return, when its record is committed or was refused.
    pub(crate) fn static_member_replaced(
        &mut self,
        step: &mut Step<'_>,
        replaced: StaticMemberReplaced,
        outcome: Result<(), ErrorCode>,
    ) {
        // The member may have asked again meanwhile; then this answer has no one waiting.
        let waits = self
            .members
            .get(&replaced.new_member_id)
            .is_some_and(|member| member.awaiting_join == Some(replaced.request));
        if !waits {
            return;
        }
        match outcome {
            Ok(()) => {
                let mut response = self.join_response(&replaced.new_member_id);
                if replaced.api_version >= FIRST_VERSION_SKIPPING_ASSIGNMENT {
                    response.skip_assignment = self.is_leader(&replaced.new_member_id);
                    if response.skip_assignment {
                        response.members = self.members_for_leader();
                    }
                } else {
                    // An old client that saw itself as leader would assign again, so it is shown the leader before.
                    response.leader = replaced.old_leader.as_deref().unwrap_or_default().to_owned();
                }
                self.complete_join(step, &replaced.new_member_id, response);
            }
            Err(error) => {
                let mut response = self.join_response("");
                response.leader = replaced.old_leader.as_deref().unwrap_or_default().to_owned();
                response.error_code = error.code();
                self.complete_join(step, &replaced.new_member_id, response);
                let timeouts_ms = (replaced.old_rebalance_timeout_ms, replaced.old_session_timeout_ms);
                self.update_member(step, &replaced.new_member_id, replaced.old_protocols, timeouts_ms, None);
                self.replace_static_member(
                    step,
                    &replaced.group_instance_id,
                    &replaced.new_member_id,
                    &replaced.old_member_id,
                );
                self.reschedule_session(step, &replaced.old_member_id, None);
            }
        }
    }
}

impl JoinEvent<'_> {
    /// v0 has the session timeout only.
    fn rebalance_timeout_ms(&self) -> i32 {
        if self.context.api_version == 0 {
            self.request.session_timeout_ms
        } else {
            self.request.rebalance_timeout_ms
        }
    }
}

/// A prefix and a UUID in its usual text form.
fn generate_member_id(prefix: &str, random: u128) -> String {
    // Version 4, variant 1, as random UUIDs are marked.
    let bits = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let mut id = String::with_capacity(prefix.len() + 37);
    id.push_str(prefix);
    for range in [0..8, 8..12, 12..16, 16..20, 20..32] {
        // Writing to a string cannot fail.
        let _ = write!(id, "-{}", &hex[range]);
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_id_ends_with_a_random_uuid() {
        assert_eq!(generate_member_id("app", u128::MAX), "app-ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(generate_member_id("", 1), "-00000000-0000-4000-8000-000000000001");
    }
}
