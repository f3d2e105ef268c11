//! Offsets end `offsets.retention.minutes` after the group became empty, or after their commit where the group is simple or
//! stable and does not subscribe to the topic. A group without members loses its own record with its last offset.

use std::sync::Arc;

use super::delete::tombstone;
use crate::classic::{ClassicGroup, ExpiryBase};
use crate::record::GroupRecord;
use crate::result::{CoordinatorResult, Now};
use crate::shard::{Group, GroupShard};

impl GroupShard {
    /// Removes what is past its time. Called every `offsets.retention.check.interval.ms`.
    pub fn expire_offsets(&self, now: Now, out: &mut CoordinatorResult) {
        for (group_id, group) in self.groups() {
            let Group::Classic(group) = group else { continue };
            if self.expire_offsets_of(group_id, group, now, out) && group.may_be_deleted() {
                out.records.push(GroupRecord::Group { group_id: group_id.clone(), value: None });
            }
        }
        out.replay_records = true;
    }

    /// Whether no offset is left.
    fn expire_offsets_of(
        &self,
        group_id: &Arc<str>,
        group: &ClassicGroup,
        now: Now,
        out: &mut CoordinatorResult,
    ) -> bool {
        let has_pending = self.offsets().has_pending(group_id);
        let Some(topics) = self.offsets().group(group_id) else { return !has_pending };
        let Some(base) = group.offset_expiry_base() else { return false };
        let mut all_expired = true;
        for (topic, partitions) in topics {
            let subscribed = group.is_subscribed_to(topic);
            for (&partition, offset) in partitions {
                let expired = match offset.expire_timestamp_ms {
                    Some(expire_ms) => now.timestamp_ms >= expire_ms,
                    None => {
                        let since_ms = match base {
                            ExpiryBase::Commit => offset.commit_timestamp_ms,
                            ExpiryBase::Since(timestamp_ms) => timestamp_ms,
                        };
                        now.timestamp_ms.saturating_sub(since_ms) >= self.config().offsets_retention_ms
                    }
                };
                if !subscribed && expired && !self.offsets().is_pending(group_id, topic, partition) {
                    out.records.push(tombstone(group_id, topic, partition));
                } else {
                    all_expired = false;
                }
            }
        }
        all_expired && !has_pending
    }
}
