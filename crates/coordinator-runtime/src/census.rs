//! How many groups and offsets a coordinator has, for its metrics.

use std::collections::BTreeMap;
use std::sync::Arc;

use moldau_coordinator::Group;
use moldau_types::ErrorCode;

use crate::coordinator::GroupCoordinator;

/// What the led partitions of the offsets topic hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Groups by their state, in the words of DescribeGroups.
    pub groups: BTreeMap<&'static str, usize>,
    /// Committed offsets.
    pub offsets: usize,
    /// Partitions that answer.
    pub active_partitions: usize,
    /// Partitions that are still being read.
    pub loading_partitions: usize,
}

impl GroupCoordinator {
    /// Counts. A partition that is still being loaded has no groups yet.
    pub fn census(self: &Arc<Self>) -> Census {
        let mut census = Census::default();
        for shard in self.shards() {
            let counted = shard.touch(|groups, _| {
                census.offsets += groups.offset_count();
                for (_, group) in groups.groups() {
                    // Groups of other kinds are kept in the log and not served.
                    if let Group::Classic(group) = group {
                        *census.groups.entry(group.state().name()).or_default() += 1;
                    }
                }
                Ok(())
            });
            match counted {
                Ok(()) => census.active_partitions += 1,
                Err(ErrorCode::CoordinatorLoadInProgress) => census.loading_partitions += 1,
                Err(_) => {}
            }
        }
        census
    }
}
