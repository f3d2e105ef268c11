//! AssignReplicasToDirs: a broker tells in which of its directories replicas are.

use moldau_metadata::MetadataRecord;
use moldau_protocol::messages::assign_replicas_to_dirs_response::{DirectoryData, PartitionData, TopicData};
use moldau_protocol::messages::{AssignReplicasToDirsRequest, AssignReplicasToDirsResponse};
use moldau_types::{BrokerId, ErrorCode, PartitionIndex, Uuid};

use crate::broker_heartbeat::check_broker_epoch;
use crate::config_rules::TopicRules;
use crate::partition_change::{ChangeRules, PartitionChange};
use crate::{Context, Controller, ControllerResult};

impl Controller {
    /// Handles AssignReplicasToDirs. A replica in a directory that is not online makes the broker leave the ISR, as if
    /// the directory had been lost.
    pub fn assign_replicas_to_dirs(
        &mut self,
        cx: &mut Context<'_>,
        request: &AssignReplicasToDirsRequest,
    ) -> ControllerResult<AssignReplicasToDirsResponse> {
        let broker = BrokerId(request.broker_id);
        let failed = |code: ErrorCode| {
            let error_code = code.code();
            ControllerResult::unchanged(AssignReplicasToDirsResponse { error_code, ..Default::default() })
        };
        if !cx.version().has_directories() {
            return failed(ErrorCode::UnsupportedVersion);
        }
        if let Err(error) = check_broker_epoch(cx, broker, request.broker_epoch) {
            return failed(error.code);
        }
        let rules = TopicRules::new(cx.image, &self.settings);
        let mut records = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        let mut directories = Vec::with_capacity(request.directories.len());
        for directory in &request.directories {
            let mut topics = Vec::with_capacity(directory.topics.len());
            for topic in &directory.topics {
                let partitions = topic.partitions.iter().map(|asked| {
                    let index = asked.partition_index;
                    let result = if seen.insert((topic.topic_id, index)) {
                        assign_one(cx, &rules, broker, directory.id, topic.topic_id, PartitionIndex(index))
                    } else {
                        Err(ErrorCode::InvalidRequest)
                    };
                    let error = match result {
                        Ok(record) => {
                            records.extend(record);
                            ErrorCode::None
                        }
                        Err(error) => error,
                    };
                    PartitionData { partition_index: index, error_code: error.code() }
                });
                topics.push(TopicData { topic_id: topic.topic_id, partitions: partitions.collect() });
            }
            directories.push(DirectoryData { id: directory.id, topics });
        }
        ControllerResult::of(records, AssignReplicasToDirsResponse { directories, ..Default::default() })
    }
}

fn assign_one(
    cx: &Context<'_>,
    rules: &TopicRules,
    broker: BrokerId,
    directory: Uuid,
    topic_id: Uuid,
    index: PartitionIndex,
) -> Result<Option<MetadataRecord>, ErrorCode> {
    let topic = cx.image.topics.by_id(topic_id).ok_or(ErrorCode::UnknownTopicId)?;
    let partition = topic.partition(index).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let at = partition.replicas.iter().position(|id| *id == broker).ok_or(ErrorCode::NotLeaderOrFollower)?;
    let mut directories = partition.directories.clone();
    *directories.get_mut(at).ok_or(ErrorCode::UnknownServerError)? = directory;
    let mut change_rules = ChangeRules::new(cx.image);
    let online = cx.image.cluster.broker(broker).is_some_and(|b| b.has_online_directory(directory));
    let min_isr = rules.min_isr(cx.image.configs.topic(&topic.name));
    if !online {
        change_rules.leaving = Some(broker);
    }
    let mut change = PartitionChange::new(partition, change_rules, min_isr);
    change.directories = Some(directories);
    if !online {
        change.isr.retain(|member| *member != broker);
    }
    Ok(change.build(topic_id, index.0).map(MetadataRecord::from))
}
