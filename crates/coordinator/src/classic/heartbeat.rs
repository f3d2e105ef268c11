//! Heartbeat, and OffsetCommit's checks, which keep a session alive too. v3 of Heartbeat adds static members.

use moldau_protocol::messages::HeartbeatRequest;
use moldau_types::ErrorCode;

use super::group::ClassicGroup;
use super::state::ClassicGroupState;
use crate::result::Now;
use crate::timers::{TimerKey, TimerQueue};

impl ClassicGroup {
    /// Keeps a member's session alive; the error says what the member has to do.
    pub(crate) fn heartbeat(
        &mut self,
        timers: &mut TimerQueue,
        now: Now,
        request: &HeartbeatRequest,
    ) -> Result<(), ErrorCode> {
        self.validate_member(&request.member_id, request.group_instance_id.as_deref())?;
        if request.generation_id != self.generation_id {
            return Err(ErrorCode::IllegalGeneration);
        }
        match self.state() {
            ClassicGroupState::Empty | ClassicGroupState::Dead => Err(ErrorCode::UnknownMemberId),
            ClassicGroupState::PreparingRebalance => {
                self.touch(timers, now, &request.member_id);
                Err(ErrorCode::RebalanceInProgress)
            }
            ClassicGroupState::CompletingRebalance | ClassicGroupState::Stable => {
                self.touch(timers, now, &request.member_id);
                Ok(())
            }
        }
    }

    /// Whether a member of this generation, or nobody's client on an empty group, may commit offsets now.
    pub(crate) fn validate_offset_commit(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
        generation_id: i32,
    ) -> Result<(), ErrorCode> {
        if generation_id < 0 && self.is_in(ClassicGroupState::Empty) {
            return Ok(());
        }
        if generation_id < 0 && member_id.is_empty() && instance_id.is_none() {
            return Err(ErrorCode::UnknownMemberId);
        }
        self.validate_member(member_id, instance_id)?;
        if generation_id != self.generation_id {
            return Err(ErrorCode::IllegalGeneration);
        }
        // The member knows the generation but its assignment is not out yet.
        if self.is_in(ClassicGroupState::CompletingRebalance) {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// A commit is as good as a heartbeat.
    pub(crate) fn keep_alive_by_commit(&mut self, timers: &mut TimerQueue, now: Now, member_id: &str) {
        if matches!(self.state(), ClassicGroupState::Stable | ClassicGroupState::PreparingRebalance) {
            self.touch(timers, now, member_id);
        }
    }

    fn touch(&mut self, timers: &mut TimerQueue, now: Now, member_id: &str) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        let deadline_ms = now.monotonic_ms.saturating_add(i64::from(member.session_timeout_ms));
        member.session.reschedule(timers, deadline_ms, || TimerKey::Session {
            group_id: self.group_id.clone(),
            member_id: member.member_id.clone(),
        });
    }

    /// Whether offsets may be deleted: a group that is no consumers' must be empty.
    pub(crate) fn validate_offset_delete(&self) -> Result<(), ErrorCode> {
        match self.state() {
            ClassicGroupState::Dead => Err(ErrorCode::GroupIdNotFound),
            ClassicGroupState::Empty => Ok(()),
            _ if self.uses_consumer_protocol() => Ok(()),
            _ => Err(ErrorCode::NonEmptyGroup),
        }
    }
}
