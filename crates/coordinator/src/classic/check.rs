//! What holds in a classic group between two events. Simulations check it after each one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ClassicGroup;
use super::state::ClassicGroupState;

impl ClassicGroup {
    /// How many entries of the timer queue are this group's.
    pub(crate) fn timer_count(&self) -> usize {
        let members = self.members.values().map(|member| &member.session);
        let sessions = members.chain(self.pending_join.values());
        sessions.filter(|session| session.is_queued()).count()
            + usize::from(self.join_timer.is_some())
            + usize::from(self.sync_timer.is_some())
    }

    /// Says what does not hold.
    pub(crate) fn check(&self) -> Result<(), String> {
        let require = |holds: bool, what: &str| {
            if holds { Ok(()) } else { Err(format!("{what} in {} of {self:#?}", self.state())) }
        };
        let members = || self.members.values();
        let waiting = members().filter(|member| member.awaiting_join.is_some()).count();
        require(waiting == self.awaiting_join(), "the count of waiting members is wrong")?;
        let mut supported: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for (name, _) in members().flat_map(|member| &member.protocols) {
            *supported.entry(name.clone()).or_default() += 1;
        }
        require(supported == *self.supported_protocols(), "the count of supported protocols is wrong")?;
        require(
            members().all(|member| !self.pending_join.contains_key(&member.member_id)),
            "a member is pending",
        )?;
        require(
            self.pending_sync.iter().all(|member_id| self.members.contains_key(member_id)),
            "nobody's SyncGroup is waited for",
        )?;
        let statics = members()
            .filter_map(|member| Some((member.group_instance_id.clone()?, member.member_id.clone())));
        require(
            statics.collect::<BTreeMap<_, _>>() == self.static_members,
            "static members are not the members",
        )?;
        let leader = self.leader_id.as_ref();
        require(leader.is_none_or(|leader| self.members.contains_key(leader)), "the leader is no member")?;
        let syncing = members().any(|member| member.awaiting_sync.is_some());
        match self.state() {
            ClassicGroupState::Empty => require(self.is_empty(), "there are members"),
            ClassicGroupState::PreparingRebalance => {
                require(self.join_timer.is_some(), "nothing ends the join phase")?;
                require(!syncing, "a SyncGroup waits")
            }
            ClassicGroupState::CompletingRebalance => {
                require(
                    leader.is_some() && self.protocol_name.is_some(),
                    "there is no leader or no protocol",
                )?;
                require(
                    self.sync_timer.is_some() || self.assignment_in_flight,
                    "nothing ends the wait for the assignment",
                )
            }
            ClassicGroupState::Stable => {
                require(
                    leader.is_some() && self.protocol_name.is_some(),
                    "there is no leader or no protocol",
                )?;
                require(!syncing, "a SyncGroup waits")
            }
            ClassicGroupState::Dead => Ok(()),
        }
    }
}
