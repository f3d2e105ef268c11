//! What ends by time: sessions, join phases, the wait for SyncGroup, and the retention of offsets.

use std::sync::Arc;

use super::group::{ClassicGroup, ExpiryBase, JoinTimer, Step};
use super::state::ClassicGroupState;
use crate::timers::{DueTimer, SessionCheck};

impl ClassicGroup {
    /// A session's deadline came due.
    pub(crate) fn session_due(&mut self, step: &mut Step<'_>, member_id: &Arc<str>, due: &DueTimer) {
        let now_ms = step.now.monotonic_ms;
        if let Some(session) = self.pending_join.get_mut(member_id) {
            if session.check(step.timers, due, now_ms) == SessionCheck::Expired {
                self.remove(step, member_id);
                if self.is_in(ClassicGroupState::PreparingRebalance) && self.has_all_members_joined() {
                    self.complete_join_phase(step);
                }
            }
            return;
        }
        let Some(member) = self.members.get_mut(member_id) else { return };
        if member.session.check(step.timers, due, now_ms) == SessionCheck::Alive
            || member.is_waiting_for_the_group()
        {
            return;
        }
        self.remove(step, member_id);
        match self.state() {
            ClassicGroupState::Stable | ClassicGroupState::CompletingRebalance => {
                self.rebalance_or_complete_join(step);
            }
            ClassicGroupState::PreparingRebalance if self.has_all_members_joined() => {
                self.complete_join_phase(step);
            }
            _ => {}
        }
    }

    /// The join phase's deadline came due.
    pub(crate) fn join_due(&mut self, step: &mut Step<'_>, due: &DueTimer) {
        match self.join_timer {
            Some(JoinTimer::Initial { id, delay_ms, remaining_ms }) if id == due.id => {
                self.join_timer = None;
                self.extend_or_complete_initial_join(step, delay_ms, remaining_ms);
            }
            Some(JoinTimer::Rebalance { id }) if id == due.id => {
                self.join_timer = None;
                self.complete_join_phase(step);
            }
            _ => {}
        }
    }

    /// The time for SyncGroup is over: who has not sent it is out.
    pub(crate) fn sync_due(&mut self, step: &mut Step<'_>, due: &DueTimer) {
        if self.sync_timer != Some(due.id) {
            return;
        }
        self.sync_timer = None;
        let synced =
            matches!(self.state(), ClassicGroupState::CompletingRebalance | ClassicGroupState::Stable);
        if !synced || self.pending_sync.is_empty() {
            return;
        }
        for member_id in std::mem::take(&mut self.pending_sync) {
            self.remove(step, &member_id);
        }
        self.prepare_rebalance(step);
    }

    /// From when on the retention of this group's offsets counts, `None` while they are kept.
    pub(crate) fn offset_expiry_base(&self) -> Option<ExpiryBase> {
        if self.protocol_type.is_none() {
            return Some(ExpiryBase::Commit);
        }
        match self.state() {
            ClassicGroupState::Empty => {
                Some(self.state_timestamp_ms.map_or(ExpiryBase::Commit, ExpiryBase::Since))
            }
            ClassicGroupState::Stable
                if self.uses_consumer_protocol() && self.subscribed_topics.is_some() =>
            {
                Some(ExpiryBase::Commit)
            }
            _ => None,
        }
    }
}
