//! AlterPartition: a leader tells its partition's new ISR.
//!
//! Only the current leader in its current reign may, and only replicas that are registered, unfenced and not stopping may
//! join.

use moldau_metadata::{LeaderRecoveryState, MetadataRecord, NO_LEADER_CHANGE, PartitionRegistration};
use moldau_protocol::messages::alter_partition_request::{BrokerState, PartitionData as Asked};
use moldau_protocol::messages::alter_partition_response::{PartitionData, TopicData};
use moldau_protocol::messages::{AlterPartitionRequest, AlterPartitionResponse};
use moldau_types::{BrokerId, ErrorCode, PartitionIndex, Uuid};

use crate::broker_heartbeat::check_broker_epoch;
use crate::config_rules::TopicRules;
use crate::partition_change::{ChangeRules, Election, PartitionChange};
use crate::{Context, Controller, ControllerResult};

impl Controller {
    /// Handles AlterPartition.
    pub fn alter_partition(
        &mut self,
        cx: &mut Context<'_>,
        request: &AlterPartitionRequest,
    ) -> ControllerResult<AlterPartitionResponse> {
        let broker = BrokerId(request.broker_id);
        if let Err(error) = check_broker_epoch(cx, broker, request.broker_epoch) {
            let error_code = error.code.code();
            return ControllerResult::unchanged(AlterPartitionResponse { error_code, ..Default::default() });
        }
        let rules = TopicRules::new(cx.image, &self.settings);
        let mut records: Vec<MetadataRecord> = Vec::new();
        let mut topics = Vec::with_capacity(request.topics.len());
        let mut seen = std::collections::BTreeSet::new();
        for topic in &request.topics {
            let partitions = topic.partitions.iter().map(|asked| {
                // The second change of a partition would be made from a state that is over.
                let result = if seen.insert((topic.topic_id, asked.partition_index)) {
                    alter_one(cx, &rules, broker, topic.topic_id, asked, &mut records)
                } else {
                    Err(ErrorCode::InvalidRequest)
                };
                match result {
                    Ok(partition) => PartitionData {
                        partition_index: asked.partition_index,
                        error_code: ErrorCode::None.code(),
                        leader_id: partition.leader.0,
                        leader_epoch: partition.leader_epoch.0,
                        isr: partition.isr.iter().map(|id| id.0).collect(),
                        leader_recovery_state: partition.leader_recovery_state.code(),
                        partition_epoch: partition.partition_epoch,
                    },
                    Err(error) => PartitionData {
                        partition_index: asked.partition_index,
                        error_code: error.code(),
                        ..Default::default()
                    },
                }
            });
            topics.push(TopicData { topic_id: topic.topic_id, partitions: partitions.collect() });
        }
        ControllerResult::of(records, AlterPartitionResponse { topics, ..Default::default() })
    }
}

/// The partition as it will be.
fn alter_one(
    cx: &Context<'_>,
    rules: &TopicRules,
    broker: BrokerId,
    topic_id: Uuid,
    asked: &Asked,
    records: &mut Vec<MetadataRecord>,
) -> Result<PartitionRegistration, ErrorCode> {
    let topic = cx.image.topics.by_id(topic_id).ok_or(ErrorCode::UnknownTopicId)?;
    let partition =
        topic.partition(PartitionIndex(asked.partition_index)).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let isr = isr_of(asked);
    let recovery_state = check(cx, broker, partition, asked, &isr)?;
    let configs = cx.image.configs.topic(&topic.name);
    let mut change = PartitionChange::new(partition, ChangeRules::new(cx.image), rules.min_isr(configs));
    if rules.unclean_election(configs) {
        change.election = Election::Unclean;
    }
    change.isr = isr.iter().map(|member| BrokerId(member.broker_id)).collect();
    change.recovery_state = recovery_state;
    let Some(record) = change.build(topic_id, asked.partition_index) else {
        return Ok((**partition).clone());
    };
    let merged = partition.merged(&record).ok_or(ErrorCode::UnknownServerError)?;
    // The new ISR may complete a reassignment, and that may end the reign of the leader that asks.
    let deposed = record.leader != NO_LEADER_CHANGE && record.leader != broker.0;
    records.push(record.into());
    if deposed { Err(ErrorCode::NewLeaderElected) } else { Ok(merged) }
}

/// The new ISR; version 2 has no broker epochs.
fn isr_of(asked: &Asked) -> Vec<BrokerState> {
    let without_epoch = |id: &i32| BrokerState { broker_id: *id, broker_epoch: -1 };
    if asked.new_isr_with_epochs.is_empty() {
        asked.new_isr.iter().map(without_epoch).collect()
    } else {
        asked.new_isr_with_epochs.clone()
    }
}

fn check(
    cx: &Context<'_>,
    broker: BrokerId,
    partition: &PartitionRegistration,
    asked: &Asked,
    isr: &[BrokerState],
) -> Result<LeaderRecoveryState, ErrorCode> {
    // The leader knows of a later state than this controller: it should look for a newer one.
    if asked.leader_epoch > partition.leader_epoch.0 || asked.partition_epoch > partition.partition_epoch {
        return Err(ErrorCode::NotController);
    }
    if asked.leader_epoch < partition.leader_epoch.0 {
        return Err(ErrorCode::FencedLeaderEpoch);
    }
    if broker != partition.leader {
        return Err(ErrorCode::InvalidRequest);
    }
    if asked.partition_epoch < partition.partition_epoch {
        return Err(ErrorCode::InvalidUpdateVersion);
    }
    let mut members: Vec<_> = isr.iter().map(|member| BrokerId(member.broker_id)).collect();
    members.sort_unstable();
    let distinct = members.windows(2).all(|pair| pair[0] != pair[1]);
    if !distinct
        || !members.iter().all(|id| partition.replicas.contains(id))
        || !members.contains(&partition.leader)
    {
        return Err(ErrorCode::InvalidRequest);
    }
    let state =
        LeaderRecoveryState::from_code(asked.leader_recovery_state).ok_or(ErrorCode::InvalidRequest)?;
    if state == LeaderRecoveryState::Recovering
        && (members.len() > 1 || partition.leader_recovery_state == LeaderRecoveryState::Recovered)
    {
        return Err(ErrorCode::InvalidRequest);
    }
    let eligible = |member: &BrokerState| {
        let registered = cx.image.cluster.broker(BrokerId(member.broker_id));
        registered.is_some_and(|registered| {
            let same = member.broker_epoch == -1 || member.broker_epoch == registered.broker_epoch;
            registered.is_active() && same
        })
    };
    if isr.iter().all(eligible) { Ok(state) } else { Err(ErrorCode::IneligibleReplica) }
}
