//! The groups and offsets of one partition of `__consumer_offsets`.
//!
//! How the caller drives it, one event at a time: call an operation with an empty [`CoordinatorResult`]; append its records; give those
//! that want it to [`GroupShard::appended`]; and, if there is a completion, give it to [`GroupShard::completed`] once the records are
//! committed or with the error that refused them. What an operation did to offsets becomes visible by `appended` only,
//! so a refused append leaves them as they were. Classic groups run ahead of their records and are put back by `completed`.

use std::collections::BTreeMap;
use std::sync::Arc;

use moldau_protocol::messages::leave_group_request::MemberIdentity;
use moldau_protocol::messages::leave_group_response::MemberResponse;
use moldau_protocol::messages::{HeartbeatRequest, SyncGroupRequest};
use moldau_types::ErrorCode;

use crate::classic::{ClassicGroup, Step};
use crate::config::GroupConfig;
use crate::offsets::OffsetStore;
use crate::record::{GroupRecord, GroupType};
use crate::result::{Completion, CoordinatorResult, JoinEvent, Now, RequestId};
use crate::timers::{TimerKey, TimerQueue};

/// A group of any kind.
#[derive(Debug)]
pub enum Group {
    /// A classic group, or one that only has offsets.
    Classic(Box<ClassicGroup>),
    /// Known from the log, not served.
    Other(OtherGroup),
}

/// A group of a kind that is not served here. Its records stay as they are.
#[derive(Clone, Copy, Debug)]
pub struct OtherGroup {
    /// Its kind.
    pub group_type: GroupType,
}

/// See the module.
#[derive(Debug)]
pub struct GroupShard {
    config: Arc<GroupConfig>,
    groups: BTreeMap<Arc<str>, Group>,
    offsets: OffsetStore,
    timers: TimerQueue,
}

impl GroupShard {
    /// A shard that has read nothing yet.
    pub fn new(config: Arc<GroupConfig>) -> Self {
        GroupShard {
            config,
            groups: BTreeMap::new(),
            offsets: OffsetStore::default(),
            timers: TimerQueue::default(),
        }
    }

    pub(crate) fn config(&self) -> &GroupConfig {
        &self.config
    }

    pub(crate) fn offsets(&self) -> &OffsetStore {
        &self.offsets
    }

    /// Every group, by id.
    pub fn groups(&self) -> impl Iterator<Item = (&Arc<str>, &Group)> {
        self.groups.iter()
    }

    /// How many offsets are committed.
    pub fn offset_count(&self) -> usize {
        self.offsets.len()
    }

    pub(crate) fn group(&self, group_id: &str) -> Option<(&Arc<str>, &Group)> {
        self.groups.get_key_value(group_id)
    }

    pub(crate) fn group_and_timers(
        &mut self,
        group_id: &str,
    ) -> Option<(Arc<str>, &mut Group, &mut TimerQueue)> {
        let group_id = self.groups.get_key_value(group_id)?.0.clone();
        let group = self.groups.get_mut(&group_id)?;
        Some((group_id, group, &mut self.timers))
    }

    fn put_group(&mut self, group_id: Arc<str>, group: Group) {
        self.remove_group(&group_id);
        self.groups.insert(group_id, group);
    }

    /// Takes a group out with its deadlines.
    fn remove_group(&mut self, group_id: &str) {
        if let Some(Group::Classic(mut group)) = self.groups.remove(group_id) {
            group.cancel_timers(&mut self.timers);
        }
    }

    /// Runs `action` on a classic group, `None` when there is no such group.
    fn with_classic<R>(
        &mut self,
        group_id: &str,
        now: Now,
        out: &mut CoordinatorResult,
        action: impl FnOnce(&mut ClassicGroup, &mut Step<'_>) -> R,
    ) -> Option<R> {
        let Some(Group::Classic(group)) = self.groups.get_mut(group_id) else { return None };
        let mut step = Step { now, config: &self.config, timers: &mut self.timers, out };
        Some(action(group, &mut step))
    }

    /// JoinGroup. The answer comes as a reply to the event's request id, now or later.
    pub fn join_group(&mut self, now: Now, event: &JoinEvent<'_>, out: &mut CoordinatorResult) {
        let request = &event.request;
        let timeouts = self.config.min_session_timeout_ms..=self.config.max_session_timeout_ms;
        let (member_id, error) = if request.group_id.is_empty() {
            (request.member_id.as_str(), ErrorCode::InvalidGroupId)
        } else if !timeouts.contains(&request.session_timeout_ms) {
            (request.member_id.as_str(), ErrorCode::InvalidSessionTimeout)
        } else {
            match self.groups.get(request.group_id.as_str()) {
                Some(Group::Classic(_)) => ("", ErrorCode::None),
                Some(Group::Other(_)) => ("", ErrorCode::InconsistentGroupProtocol),
                // Only somebody without a past can be the first.
                None if request.member_id.is_empty() => ("", ErrorCode::None),
                None => (request.member_id.as_str(), ErrorCode::UnknownMemberId),
            }
        };
        if error != ErrorCode::None {
            let mut step = Step { now, config: &self.config, timers: &mut self.timers, out };
            return step.join_error(event.request_id, member_id, error);
        }
        let is_new = !self.groups.contains_key(request.group_id.as_str());
        if is_new {
            let group_id: Arc<str> = request.group_id.as_str().into();
            let group = ClassicGroup::new(group_id.clone(), Some(now));
            self.groups.insert(group_id, Group::Classic(Box::new(group)));
        }
        let refused = self.with_classic(&request.group_id, now, out, |group, step| {
            group.join(step, event);
            if is_new && step.out.records.is_empty() && !group.is_unused() {
                // Written down at once, so that the group is known before its first generation.
                step.append_group(&group.id(), group.to_empty_value());
                step.out.completion = Some(Completion::NewGroup { group_id: group.id() });
            }
            group.is_unused()
        });
        if is_new && refused == Some(true) {
            self.remove_group(&request.group_id);
        }
    }

    /// SyncGroup. The answer comes as a reply to `request_id`, now or later.
    pub fn sync_group(
        &mut self,
        now: Now,
        request_id: RequestId,
        request: &SyncGroupRequest,
        out: &mut CoordinatorResult,
    ) {
        let error = if request.group_id.is_empty() {
            ErrorCode::InvalidGroupId
        } else {
            let synced = self.with_classic(&request.group_id, now, out, |group, step| {
                group.sync(step, request_id, request)
            });
            if synced.is_some() {
                return;
            }
            ErrorCode::UnknownMemberId
        };
        let mut step = Step { now, config: &self.config, timers: &mut self.timers, out };
        step.sync_error(request_id, error);
    }

    /// Heartbeat.
    pub fn heartbeat(&mut self, now: Now, request: &HeartbeatRequest) -> Result<(), ErrorCode> {
        if request.group_id.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        match self.groups.get_mut(request.group_id.as_str()) {
            Some(Group::Classic(group)) => group.heartbeat(&mut self.timers, now, request),
            _ => Err(ErrorCode::UnknownMemberId),
        }
    }

    /// LeaveGroup. Answers come in the order of `members`.
    pub fn leave_group(
        &mut self,
        now: Now,
        group_id: &str,
        members: &[MemberIdentity],
        out: &mut CoordinatorResult,
    ) -> Result<Vec<MemberResponse>, ErrorCode> {
        if group_id.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        let left = self.with_classic(group_id, now, out, |group, step| group.leave(step, members));
        left.ok_or(ErrorCode::UnknownMemberId)
    }

    /// When [`GroupShard::fire_due_timer`] should be called next, in monotonic milliseconds.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.timers.next_deadline_ms()
    }

    /// Lets the next deadline that is due take effect. False when none is; `out` may stay empty either way.
    pub fn fire_due_timer(&mut self, now: Now, out: &mut CoordinatorResult) -> bool {
        let Some(due) = self.timers.pop_due(now.monotonic_ms) else { return false };
        match &due.key {
            TimerKey::Session { group_id, member_id } => {
                self.with_classic(group_id, now, out, |group, step| group.session_due(step, member_id, &due));
            }
            TimerKey::Join { group_id } => {
                self.with_classic(group_id, now, out, |group, step| group.join_due(step, &due));
            }
            TimerKey::Sync { group_id } => {
                self.with_classic(group_id, now, out, |group, step| group.sync_due(step, &due));
            }
        }
        true
    }

    /// Records of an event that wanted them replayed are in the log from `base_offset` on.
    pub fn appended(&mut self, base_offset: i64, records: impl IntoIterator<Item = GroupRecord>) {
        for (record_offset, mut record) in (base_offset..).zip(records) {
            if let GroupRecord::Offset { value: Some(value), .. } = &mut record {
                value.record_offset = record_offset;
            }
            self.replay(record, -1);
        }
    }

    /// The records of an event are committed, or were refused with an error that the waiting requests get.
    pub fn completed(
        &mut self,
        now: Now,
        completion: Completion,
        outcome: Result<(), ErrorCode>,
        out: &mut CoordinatorResult,
    ) {
        match completion {
            Completion::NewGroup { group_id } => {
                let Err(error) = outcome else { return };
                self.with_classic(&group_id, now, out, |group, step| group.creation_failed(step, error));
                self.remove_group(&group_id);
            }
            Completion::Assignment { group_id, generation_id, assignments } => {
                self.with_classic(&group_id, now, out, |group, step| {
                    group.assignment_appended(step, generation_id, &assignments, outcome);
                });
            }
            Completion::StaticMemberReplaced(replaced) => {
                let group_id = replaced.group_id.clone();
                self.with_classic(&group_id, now, out, |group, step| {
                    group.static_member_replaced(step, *replaced, outcome);
                });
            }
        }
    }

    /// Takes a record from the log. `producer_id` is its batch's when that is transactional, otherwise −1.
    pub fn replay(&mut self, record: GroupRecord, producer_id: i64) {
        match record {
            GroupRecord::Offset { group_id, topic, partition, value: Some(offset) } => {
                if !self.groups.contains_key(&group_id) {
                    let group = ClassicGroup::new(group_id.clone(), None);
                    self.groups.insert(group_id.clone(), Group::Classic(Box::new(group)));
                }
                self.offsets.replay_commit(group_id, topic, partition, offset, producer_id);
            }
            GroupRecord::Offset { group_id, topic, partition, value: None } => {
                self.offsets.replay_removal(&group_id, &topic, partition);
            }
            GroupRecord::Group { group_id, value: Some(value) } => {
                let group = ClassicGroup::from_value(group_id.clone(), *value);
                self.put_group(group_id, Group::Classic(Box::new(group)));
            }
            GroupRecord::Group { group_id, value: None } => {
                if let Some(Group::Classic(_)) = self.groups.get(&group_id) {
                    self.remove_group(&group_id);
                }
            }
            GroupRecord::OtherGroup { group_id, group_type, exists: true } => {
                self.put_group(group_id, Group::Other(OtherGroup { group_type }));
            }
            GroupRecord::OtherGroup { group_id, group_type, exists: false } => {
                let same = matches!(self.groups.get(&group_id), Some(Group::Other(other)) if other.group_type == group_type);
                if same {
                    self.remove_group(&group_id);
                }
            }
            GroupRecord::Unknown { .. } => {}
        }
    }

    /// Takes the marker that ends a producer's transaction from the log.
    pub fn replay_end_transaction(&mut self, producer_id: i64, committed: bool) {
        self.offsets.replay_end_transaction(producer_id, committed);
    }

    /// The whole log has been replayed: every member's session starts now.
    pub fn loaded(&mut self, now: Now, out: &mut CoordinatorResult) {
        for group in self.groups.values_mut() {
            if let Group::Classic(group) = group {
                group.loaded(&mut Step { now, config: &self.config, timers: &mut self.timers, out });
            }
        }
    }

    /// Says what does not hold although it always should. For simulations.
    pub fn check(&self) -> Result<(), String> {
        let mut owned_timers = 0;
        for group in self.groups.values() {
            if let Group::Classic(group) = group {
                group.check()?;
                owned_timers += group.timer_count();
            }
        }
        let queued_timers = self.timers.len();
        if queued_timers != owned_timers {
            return Err(format!("{queued_timers} deadlines are queued and {owned_timers} have an owner"));
        }
        Ok(())
    }

    /// Another node coordinates these groups now: every request that waits is answered with NOT_COORDINATOR.
    pub fn unload(&mut self, now: Now, out: &mut CoordinatorResult) {
        for group in self.groups.values_mut() {
            if let Group::Classic(group) = group {
                group.unload(&mut Step { now, config: &self.config, timers: &mut self.timers, out });
            }
        }
        self.groups.clear();
        self.offsets = OffsetStore::default();
        self.timers = TimerQueue::default();
    }
}
