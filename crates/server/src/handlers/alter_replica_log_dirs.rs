//! AlterReplicaLogDirs (api key 34), versions 1 and 2: moves partitions to other log directories of this node (KIP-113).
//!
//! A move goes on after the answer; DescribeLogDirs shows its copy until it is done. Asked for the directory where the
//! partition is, a move under way is given up. A partition that is not here yet is refused, and the directory is
//! remembered for when it comes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use moldau_log::MoveRefusal;
use moldau_protocol::messages::alter_replica_log_dirs_response::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
};
use moldau_protocol::messages::{AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse};
use moldau_types::{ErrorCode, PartitionIndex};

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers an AlterReplicaLogDirs request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: AlterReplicaLogDirsRequest,
) -> AlterReplicaLogDirsResponse {
    // A copy's files are made and a given-up copy's renamed.
    let altered = tokio::task::spawn_blocking(move || alter_all(&broker, request)).await;
    let results = altered.unwrap_or_else(|error| {
        tracing::error!("moving partitions panicked: {error}");
        Vec::new()
    });
    AlterReplicaLogDirsResponse { results, ..AlterReplicaLogDirsResponse::default() }
}

fn alter_all(broker: &Broker, request: AlterReplicaLogDirsRequest) -> Vec<AlterReplicaLogDirTopicResult> {
    let mut results: Vec<AlterReplicaLogDirTopicResult> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for dir in request.dirs {
        let path = PathBuf::from(&dir.path);
        for topic in dir.topics {
            let partitions = topic.partitions.iter().map(|index| AlterReplicaLogDirPartitionResult {
                partition_index: *index,
                error_code: alter(broker, &path, &topic.name, *index).code(),
            });
            let partitions: Vec<_> = partitions.collect();
            match places.get(&topic.name) {
                Some(at) => results[*at].partitions.extend(partitions),
                None => {
                    places.insert(topic.name.clone(), results.len());
                    results.push(AlterReplicaLogDirTopicResult { partitions, topic_name: topic.name });
                }
            }
        }
    }
    broker.moves_begun.notify_one();
    results
}

fn alter(broker: &Broker, path: &Path, topic: &str, index: i32) -> ErrorCode {
    let Err(refusal) = broker.logs.begin_move(topic, index, path, broker.now_ms()) else {
        return ErrorCode::None;
    };
    tracing::warn!(topic, partition = index, to = %path.display(), "not moved: {refusal}");
    match refusal {
        MoveRefusal::UnknownDir(_) => ErrorCode::LogDirNotFound,
        MoveRefusal::NameTooLong => ErrorCode::InvalidTopicException,
        MoveRefusal::Cordoned(_) => ErrorCode::InvalidReplicaAssignment,
        MoveRefusal::NotHere => match broker.image().topics.partition(topic, PartitionIndex(index)) {
            None => ErrorCode::UnknownTopicOrPartition,
            Some(known) if known.replicas.contains(&broker.node_id()) => ErrorCode::KafkaStorageError,
            Some(_) => ErrorCode::ReplicaNotAvailable,
        },
        MoveRefusal::OtherOffline(_) | MoveRefusal::Failed(_) | MoveRefusal::Storage(_) => {
            ErrorCode::KafkaStorageError
        }
    }
}
