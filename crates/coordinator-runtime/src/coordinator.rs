//! The group coordinator of a node: requests in, responses out.
//!
//! It finds the shard of a group, runs the operation there and gives error codes their place in the response. What needs the
//! cluster's metadata (whether topics exist, names for topic ids) and authorization is the handlers' part.
//!
//! A partition that is led and could not be read is read again while that may help; until then clients are told that it is loading.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use moldau_coordinator::{JoinEvent, RequestContext, partition_for};
use moldau_protocol::messages::leave_group_request::MemberIdentity;
use moldau_protocol::messages::leave_group_response::MemberResponse;
use moldau_protocol::messages::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse,
};
use moldau_types::{ErrorCode, Uuid};
use parking_lot::RwLock;
use tokio::sync::oneshot;
use tokio::time::Duration;

use crate::batch::BatchEncoder;
use crate::clock::Clock;
use crate::config::GroupCoordinatorConfig;
use crate::load::{LoadError, load};
use crate::partition::CoordinatorPartition;
use crate::shard::{Shard, Waiter};

/// How long a load that failed is left alone at first.
const LOAD_RETRY_MIN: Duration = Duration::from_millis(100);
/// How long it is left alone after it has failed again and again.
const LOAD_RETRY_MAX: Duration = Duration::from_secs(30);

/// See the module. Made once a node and shared.
pub struct GroupCoordinator {
    pub(crate) config: GroupCoordinatorConfig,
    group_config: Arc<moldau_coordinator::GroupConfig>,
    clock: Arc<Clock>,
    /// How many partitions `__consumer_offsets` had when it was first seen, 0 while it does not exist.
    partitions: AtomicI32,
    shards: RwLock<HashMap<i32, Arc<Shard>>>,
}

impl GroupCoordinator {
    /// A coordinator that leads nothing yet.
    pub fn new(config: GroupCoordinatorConfig) -> Arc<Self> {
        Arc::new(GroupCoordinator {
            group_config: Arc::new(config.group.clone()),
            clock: Arc::new(Clock::new()),
            partitions: AtomicI32::new(0),
            shards: RwLock::default(),
            config,
        })
    }

    /// The config it was made with.
    pub fn config(&self) -> &GroupCoordinatorConfig {
        &self.config
    }

    /// Says how many partitions `__consumer_offsets` has. Only the first count is taken: with another one groups would be looked
    /// for where they are not. As in Kafka, partitions that are added count after a restart.
    pub fn set_partition_count(&self, partitions: i32) {
        let _ = self.partitions.compare_exchange(0, partitions.max(1), Ordering::Relaxed, Ordering::Relaxed);
    }

    /// `__consumer_offsets` was deleted: the next one may have another number of partitions.
    pub fn forget_partition_count(&self) {
        self.partitions.store(0, Ordering::Relaxed);
    }

    /// The partition of `__consumer_offsets` that holds a group.
    pub fn partition_for(&self, group_id: &str) -> i32 {
        let partitions = match self.partitions.load(Ordering::Relaxed) {
            0 => self.config.offsets_topic_num_partitions.max(1),
            seen => seen,
        };
        partition_for(group_id, partitions)
    }

    /// This node became the leader of a partition of `__consumer_offsets`: its groups are read, then served. Needs a tokio runtime.
    pub fn elected(
        self: &Arc<Self>,
        partition_index: i32,
        leader_epoch: i32,
        partition: Arc<dyn CoordinatorPartition>,
    ) {
        let shard = Arc::new(Shard::new(
            partition_index,
            leader_epoch,
            self.clock.clone(),
            BatchEncoder::new(self.config.offsets_topic_compression_codec),
            self.group_config.offsets_retention_check_interval_ms,
        ));
        {
            let mut shards = self.shards.write();
            if shards.get(&partition_index).is_some_and(|known| known.leader_epoch >= leader_epoch) {
                return;
            }
            if let Some(earlier) = shards.insert(partition_index, shard.clone()) {
                earlier.close();
            }
        }
        if partition.log_start_offset() >= partition.log_end_offset() {
            // Nothing to read, so nobody is told that it is being read: a client does not send an asynchronous commit again.
            if let Err(error) = self.load_shard(&shard, &partition) {
                self.load_failed(&shard, partition.as_ref(), &error);
            }
            return;
        }
        let coordinator = self.clone();
        tokio::spawn(async move { coordinator.load_until_it_passes(shard, partition).await });
    }

    async fn load_until_it_passes(
        self: Arc<Self>,
        shard: Arc<Shard>,
        partition: Arc<dyn CoordinatorPartition>,
    ) {
        let mut retry_in = LOAD_RETRY_MIN;
        while !shard.is_closed() {
            let (coordinator, loading, from) = (self.clone(), shard.clone(), partition.clone());
            let attempt = tokio::task::spawn_blocking(move || coordinator.load_shard(&loading, &from));
            match attempt.await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => {
                    if !self.load_failed(&shard, partition.as_ref(), &error) {
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(partition = shard.partition_index, %error, "the load of groups ended early");
                    return self.remove_shard(shard.partition_index, shard.leader_epoch);
                }
            }
            shard.wait_unless_closed(retry_in).await;
            retry_in = (retry_in * 2).min(LOAD_RETRY_MAX);
        }
    }

    fn load_shard(
        &self,
        shard: &Arc<Shard>,
        partition: &Arc<dyn CoordinatorPartition>,
    ) -> Result<(), LoadError> {
        let stop = || shard.is_closed();
        let Some((groups, stats)) = load(partition.as_ref(), self.group_config.clone(), stop)? else {
            return Ok(());
        };
        tracing::debug!(
            partition = shard.partition_index,
            records = stats.records,
            bytes = stats.bytes,
            unknown = stats.unknown,
            "groups loaded"
        );
        shard.activate(groups, partition.clone());
        Ok(())
    }

    /// Tells of a failed load; `true` if another try may pass. Otherwise this node serves none of the partition's groups.
    fn load_failed(&self, shard: &Shard, partition: &dyn CoordinatorPartition, error: &LoadError) -> bool {
        let (partition_index, location) = (shard.partition_index, partition.location());
        match error {
            LoadError::Read { offset, error } => {
                tracing::error!(
                    partition = partition_index,
                    location,
                    offset,
                    error = error.name(),
                    "groups could not be loaded; it is tried again"
                );
                true
            }
            LoadError::Unreadable { offset, reason } => {
                tracing::error!(
                    partition = partition_index,
                    location,
                    offset,
                    reason,
                    "the groups of this partition are not served: its log has something unreadable"
                );
                self.remove_shard(partition_index, shard.leader_epoch);
                false
            }
        }
    }

    /// This node no longer leads a partition of `__consumer_offsets`, from this leader epoch on.
    pub fn resigned(&self, partition_index: i32, leader_epoch: i32) {
        self.remove_shard(partition_index, leader_epoch);
    }

    fn remove_shard(&self, partition_index: i32, leader_epoch: i32) {
        let mut shards = self.shards.write();
        if shards.get(&partition_index).is_some_and(|shard| shard.leader_epoch <= leader_epoch)
            && let Some(shard) = shards.remove(&partition_index)
        {
            shard.close();
        }
    }

    /// Gives up every partition: the node stops.
    pub fn shut_down(&self) {
        for (_, shard) in self.shards.write().drain() {
            shard.close();
        }
    }

    pub(crate) fn shard_for(&self, group_id: &str) -> Result<Arc<Shard>, ErrorCode> {
        let partition = self.partition_for(group_id);
        self.shards.read().get(&partition).cloned().ok_or(ErrorCode::NotCoordinator)
    }

    /// Every shard, by partition.
    pub(crate) fn shards(&self) -> Vec<Arc<Shard>> {
        let mut shards: Vec<_> = self.shards.read().values().cloned().collect();
        shards.sort_by_key(|shard| shard.partition_index);
        shards
    }

    /// JoinGroup, all versions.
    pub async fn join_group(
        &self,
        context: RequestContext<'_>,
        request: JoinGroupRequest,
    ) -> JoinGroupResponse {
        let (sender, receiver) = oneshot::channel();
        let random = rand::random();
        let parked = self.shard_for(&request.group_id).and_then(|shard| {
            shard.park(Waiter::Join(sender), |groups, now, request_id, out| {
                groups.join_group(now, &JoinEvent { context, request_id, random, request }, out);
            })
        });
        let error = match parked {
            Ok(()) => match receiver.await {
                Ok(mut response) => {
                    response.protocol_name = protocol_name_in(context.api_version, response.protocol_name);
                    return response;
                }
                Err(_) => ErrorCode::NotCoordinator,
            },
            Err(error) => error,
        };
        JoinGroupResponse {
            error_code: error.code(),
            protocol_name: protocol_name_in(context.api_version, None),
            ..Default::default()
        }
    }

    /// SyncGroup, all versions.
    pub async fn sync_group(&self, api_version: i16, request: SyncGroupRequest) -> SyncGroupResponse {
        let error =
            if api_version >= 5 && (request.protocol_type.is_none() || request.protocol_name.is_none()) {
                ErrorCode::InconsistentGroupProtocol
            } else {
                let (sender, receiver) = oneshot::channel();
                let parked = self.shard_for(&request.group_id).and_then(|shard| {
                    shard.park(Waiter::Sync(sender), |groups, now, request_id, out| {
                        groups.sync_group(now, request_id, &request, out);
                    })
                });
                match parked {
                    Ok(()) => match receiver.await {
                        Ok(response) => return response,
                        Err(_) => ErrorCode::NotCoordinator,
                    },
                    Err(error) => error,
                }
            };
        SyncGroupResponse { error_code: error.code(), ..Default::default() }
    }

    /// Heartbeat, all versions. Never waits.
    pub fn heartbeat(&self, request: &HeartbeatRequest) -> HeartbeatResponse {
        let outcome = self
            .shard_for(&request.group_id)
            .and_then(|shard| shard.touch(|groups, now| groups.heartbeat(now, request)));
        let error = match outcome {
            // While the group is being read nobody is expired, so the member is as good as alive.
            Ok(()) | Err(ErrorCode::CoordinatorLoadInProgress) => ErrorCode::None,
            Err(error) => error,
        };
        HeartbeatResponse { error_code: error.code(), ..Default::default() }
    }

    /// LeaveGroup, all versions.
    pub async fn leave_group(&self, api_version: i16, request: &LeaveGroupRequest) -> LeaveGroupResponse {
        let single;
        let members = if api_version < 3 {
            single = [MemberIdentity { member_id: request.member_id.clone(), ..Default::default() }];
            &single[..]
        } else {
            &request.members[..]
        };
        let mut response = match self.leave_members(&request.group_id, members).await {
            Ok(members) => LeaveGroupResponse { members, ..Default::default() },
            // No such group: then each is unknown.
            Err(ErrorCode::UnknownMemberId) => {
                let unknown = |member: &MemberIdentity| MemberResponse {
                    member_id: member.member_id.clone(),
                    group_instance_id: member.group_instance_id.clone(),
                    error_code: ErrorCode::UnknownMemberId.code(),
                };
                LeaveGroupResponse { members: members.iter().map(unknown).collect(), ..Default::default() }
            }
            Err(error) => LeaveGroupResponse { error_code: error.code(), ..Default::default() },
        };
        if api_version < 3
            && let Some(member) = std::mem::take(&mut response.members).first()
        {
            response.error_code = member.error_code;
        }
        response
    }

    async fn leave_members(
        &self,
        group_id: &str,
        members: &[MemberIdentity],
    ) -> Result<Vec<MemberResponse>, ErrorCode> {
        let (responses, commit) = self
            .shard_for(group_id)?
            .write(|groups, now, out| groups.leave_group(now, group_id, members, out))?;
        commit.wait().await?;
        Ok(responses)
    }

    /// Topics were deleted, given by name and id: their offsets go with them. To be called when no new commit for them is let through
    /// any more.
    pub fn topics_deleted(&self, topics: &[(Arc<str>, Uuid)]) {
        for shard in self.shards() {
            if let Err(error) = shard.topics_deleted(topics) {
                tracing::warn!(
                    partition = shard.partition_index,
                    error = error.name(),
                    "offsets of deleted topics stay"
                );
            }
        }
    }
}

/// No protocol is null from version 7 on, the empty string before.
fn protocol_name_in(api_version: i16, protocol_name: Option<String>) -> Option<String> {
    if api_version < 7 {
        Some(protocol_name.unwrap_or_default())
    } else {
        protocol_name.filter(|name| !name.is_empty())
    }
}
