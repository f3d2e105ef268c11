//! DescribeGroups, ListGroups and DeleteGroups.
//!
//! DescribeGroups says GROUP_ID_NOT_FOUND from v6 on; before, a missing group is a dead one. ListGroups filters by state from v4, by type
//! from v5, both without regard to case.

use std::collections::HashSet;
use std::sync::Arc;

use moldau_protocol::messages::delete_groups_response::DeletableGroupResult;
use moldau_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use moldau_protocol::messages::list_groups_response::ListedGroup;
use moldau_types::ErrorCode;

use crate::classic::{ClassicGroup, ClassicGroupState, Step};
use crate::record::{GroupRecord, GroupType};
use crate::result::CoordinatorResult;
use crate::shard::{Group, GroupShard};

/// Which groups a ListGroups asks for, whatever the case; an empty list asks for all.
#[derive(Clone, Debug)]
pub struct ListGroupsFilter {
    states: Vec<ClassicGroupState>,
    types: Vec<GroupType>,
}

impl ListGroupsFilter {
    /// Reads the lists of a request. Names that stand for nothing pass nothing.
    pub fn new(states: &[String], types: &[String]) -> Self {
        let asked = |list: &[String], name: &str| {
            list.is_empty() || list.iter().any(|asked| asked.eq_ignore_ascii_case(name))
        };
        ListGroupsFilter {
            states: ClassicGroupState::ALL.into_iter().filter(|state| asked(states, state.name())).collect(),
            types: GroupType::ALL.into_iter().filter(|group_type| asked(types, group_type.name())).collect(),
        }
    }

    fn passes(&self, state: ClassicGroupState, group_type: GroupType) -> bool {
        self.states.contains(&state) && self.types.contains(&group_type)
    }
}

impl GroupShard {
    /// One group of a DescribeGroups.
    pub fn describe_group(&self, group_id: &str, api_version: i16) -> DescribedGroup {
        match self.group(group_id) {
            Some((_, Group::Classic(group))) => group.describe(),
            Some((_, Group::Other(_))) => {
                missing(group_id, api_version, format!("Group {group_id} is not a classic group."))
            }
            None => missing(group_id, api_version, format!("Group {group_id} not found.")),
        }
    }

    /// The groups that pass the filter.
    pub fn list_groups(&self, filter: &ListGroupsFilter, groups: &mut Vec<ListedGroup>) {
        for (group_id, group) in self.groups() {
            let Group::Classic(group) = group else { continue };
            if filter.passes(group.state(), GroupType::Classic) {
                groups.push(ListedGroup {
                    group_id: group_id.to_string(),
                    protocol_type: group.protocol_type_name(),
                    group_state: group.state().name().to_owned(),
                    group_type: GroupType::Classic.name().to_owned(),
                });
            }
        }
    }

    /// Deletes empty groups with their offsets.
    pub fn delete_groups(
        &self,
        group_ids: &[String],
        out: &mut CoordinatorResult,
    ) -> Vec<DeletableGroupResult> {
        out.replay_records = true;
        let mut seen = HashSet::with_capacity(group_ids.len());
        let mut results = Vec::with_capacity(group_ids.len());
        for group_id in group_ids.iter().filter(|group_id| seen.insert(group_id.as_str())) {
            let error = self.delete_group(group_id, out).err().unwrap_or(ErrorCode::None);
            results.push(DeletableGroupResult { group_id: group_id.clone(), error_code: error.code() });
        }
        results
    }

    fn delete_group(&self, group_id: &str, out: &mut CoordinatorResult) -> Result<(), ErrorCode> {
        let Some((group_id, Group::Classic(group))) = self.group(group_id) else {
            return Err(ErrorCode::GroupIdNotFound);
        };
        match group.state() {
            ClassicGroupState::Empty => {}
            ClassicGroupState::Dead => return Err(ErrorCode::GroupIdNotFound),
            _ => return Err(ErrorCode::NonEmptyGroup),
        }
        self.delete_all_offsets(group_id, out);
        out.records.push(GroupRecord::Group { group_id: group_id.clone(), value: None });
        Ok(())
    }
}

fn missing(group_id: &str, api_version: i16, message: String) -> DescribedGroup {
    let mut described = DescribedGroup {
        group_id: group_id.to_owned(),
        group_state: ClassicGroupState::Dead.name().to_owned(),
        ..Default::default()
    };
    if api_version >= 6 {
        described.error_code = ErrorCode::GroupIdNotFound.code();
        described.error_message = Some(message);
    }
    described
}

impl ClassicGroup {
    pub(crate) fn id(&self) -> Arc<str> {
        self.group_id.clone()
    }

    fn protocol_type_name(&self) -> String {
        self.protocol_type.as_deref().unwrap_or_default().to_owned()
    }

    /// Whether nobody has ever been let in.
    pub(crate) fn is_unused(&self) -> bool {
        self.may_be_deleted() && self.generation_id == 0
    }

    /// The group's first record was refused, so there is no group: who waits is told.
    pub(crate) fn creation_failed(&mut self, step: &mut Step<'_>, error: ErrorCode) {
        for member in self.members.values() {
            if let Some(request) = member.awaiting_join {
                step.join_error(request, "", error);
            }
        }
    }

    /// As DescribeGroups shows it. Metadata and assignments are shown of stable groups only.
    fn describe(&self) -> DescribedGroup {
        let stable = self.state() == ClassicGroupState::Stable;
        let protocol = self.protocol_name.as_deref().filter(|_| stable).unwrap_or_default();
        let members = self.members.values().map(|member| DescribedGroupMember {
            member_id: member.member_id.to_string(),
            group_instance_id: member.group_instance_id.as_deref().map(str::to_owned),
            client_id: member.client_id.to_string(),
            client_host: member.client_host.to_string(),
            member_metadata: if stable { member.metadata(protocol) } else { Default::default() },
            member_assignment: if stable { member.assignment.clone() } else { Default::default() },
        });
        DescribedGroup {
            group_id: self.group_id.to_string(),
            group_state: self.state().name().to_owned(),
            protocol_type: self.protocol_type_name(),
            protocol_data: protocol.to_owned(),
            members: members.collect(),
            ..Default::default()
        }
    }
}
