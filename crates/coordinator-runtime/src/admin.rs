//! The coordinator's requests about groups as a whole: DescribeGroups, ListGroups, DeleteGroups.

use std::collections::BTreeMap;

use moldau_coordinator::ListGroupsFilter;
use moldau_protocol::messages::delete_groups_response::DeletableGroupResult;
use moldau_protocol::messages::describe_groups_response::DescribedGroup;
use moldau_protocol::messages::{ListGroupsRequest, ListGroupsResponse};
use moldau_types::ErrorCode;

use crate::coordinator::GroupCoordinator;

impl GroupCoordinator {
    /// One group of a DescribeGroups, all versions.
    pub async fn describe_group(&self, api_version: i16, group_id: &str) -> DescribedGroup {
        let described = match self.shard_for(group_id) {
            Ok(shard) => shard.read(|groups| groups.describe_group(group_id, api_version)).await,
            Err(error) => Err(error),
        };
        described.unwrap_or_else(|error| DescribedGroup {
            group_id: group_id.to_owned(),
            error_code: error.code(),
            ..Default::default()
        })
    }

    /// ListGroups, all versions, of the partitions that this node leads.
    pub async fn list_groups(&self, request: &ListGroupsRequest) -> ListGroupsResponse {
        let filter = ListGroupsFilter::new(&request.states_filter, &request.types_filter);
        let mut response = ListGroupsResponse::default();
        for shard in self.shards() {
            let listed = shard.read(|groups| {
                let mut listed = Vec::new();
                groups.list_groups(&filter, &mut listed);
                listed
            });
            match listed.await {
                Ok(mut groups) => response.groups.append(&mut groups),
                // Its new coordinator will list them.
                Err(ErrorCode::NotCoordinator) => {}
                Err(error) => {
                    return ListGroupsResponse { error_code: error.code(), ..Default::default() };
                }
            }
        }
        response
    }

    /// DeleteGroups, all versions: one result a group, in the request's order.
    pub async fn delete_groups(&self, group_ids: &[String]) -> Vec<DeletableGroupResult> {
        let mut by_partition: BTreeMap<i32, Vec<String>> = BTreeMap::new();
        for group_id in group_ids {
            by_partition.entry(self.partition_for(group_id)).or_default().push(group_id.clone());
        }
        let mut results: BTreeMap<String, DeletableGroupResult> = BTreeMap::new();
        for group_ids in by_partition.into_values() {
            for result in self.delete_groups_of_shard(&group_ids).await {
                results.insert(result.group_id.clone(), result);
            }
        }
        group_ids.iter().filter_map(|group_id| results.remove(group_id)).collect()
    }

    async fn delete_groups_of_shard(&self, group_ids: &[String]) -> Vec<DeletableGroupResult> {
        let deleted = async {
            let Some(first) = group_ids.first() else { return Ok(Vec::new()) };
            let shard = self.shard_for(first)?;
            let (results, commit) = shard.write(|groups, _, out| Ok(groups.delete_groups(group_ids, out)))?;
            commit.wait().await?;
            Ok(results)
        };
        let deleted: Result<_, ErrorCode> = deleted.await;
        deleted.unwrap_or_else(|error| {
            let refused = |group_id: &String| DeletableGroupResult {
                group_id: group_id.clone(),
                error_code: error.code(),
            };
            group_ids.iter().map(refused).collect()
        })
    }
}
