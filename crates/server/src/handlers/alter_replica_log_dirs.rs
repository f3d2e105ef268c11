//! AlterReplicaLogDirs (api key 34), versions 1 and 2. A directory that holds the partition already is confirmed, an
//! unknown one is LOG_DIR_NOT_FOUND; a move to another directory is refused with REPLICA_NOT_AVAILABLE, since this node
//! has no future replicas.

use std::path::Path;
use std::sync::Arc;

use moldau_protocol::messages::alter_replica_log_dirs_response::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
};
use moldau_protocol::messages::{AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse};
use moldau_types::ErrorCode;

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers an AlterReplicaLogDirs request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: AlterReplicaLogDirsRequest,
) -> AlterReplicaLogDirsResponse {
    let mut results: Vec<AlterReplicaLogDirTopicResult> = Vec::new();
    for dir in request.dirs {
        for topic in dir.topics {
            let partitions = topic.partitions.iter().map(|index| AlterReplicaLogDirPartitionResult {
                partition_index: *index,
                error_code: alter(&broker, Path::new(&dir.path), &topic.name, *index).code(),
            });
            let partitions: Vec<_> = partitions.collect();
            match results.iter_mut().find(|result| result.topic_name == topic.name) {
                Some(result) => result.partitions.extend(partitions),
                None => results.push(AlterReplicaLogDirTopicResult { partitions, topic_name: topic.name }),
            }
        }
    }
    AlterReplicaLogDirsResponse { results, ..AlterReplicaLogDirsResponse::default() }
}

fn alter(broker: &Broker, path: &Path, topic: &str, index: i32) -> ErrorCode {
    if !path.is_absolute() {
        return ErrorCode::InvalidRequest;
    }
    let dirs = broker.logs.dirs();
    let Some(dir) = dirs.iter().find(|dir| dir.path == path) else {
        return ErrorCode::LogDirNotFound;
    };
    if dir.failure.is_some() {
        return ErrorCode::KafkaStorageError;
    }
    match broker.partitions().get(topic, index) {
        None => broker.why_not_led(topic, index),
        Some(partition) if partition.log.directory().path() == path => ErrorCode::None,
        Some(_) => ErrorCode::ReplicaNotAvailable,
    }
}
