//! DescribeLogDirs (api key 35), versions 1 to 5: what lies in each log directory, copies of partitions that are moved
//! there too.
//!
//! Version 4 added the sizes of the volumes (KIP-827), 5 whether a directory is cordoned.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use moldau_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use moldau_protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use moldau_types::ErrorCode;

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers a DescribeLogDirs request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: DescribeLogDirsRequest,
) -> DescribeLogDirsResponse {
    let wanted = request.topics.map(|topics| {
        let mut wanted: HashMap<String, HashSet<i32>> = HashMap::new();
        for topic in topics {
            wanted.entry(topic.topic).or_default().extend(topic.partitions);
        }
        wanted
    });
    let asked = |topic: &str, partition: i32| match &wanted {
        None => true,
        Some(wanted) => wanted.get(topic).is_some_and(|partitions| partitions.contains(&partition)),
    };
    // A copy that becomes the log meanwhile is not shown twice.
    let copies = broker.logs.future_logs();
    let logs = broker.logs.logs();
    let says_cordoned = broker.image().features.version().has_cordoned_dirs();
    let results = broker.logs.dirs().into_iter().map(|dir| {
        let log_dir = dir.path.display().to_string();
        if let Some(reason) = dir.failure {
            tracing::debug!(%log_dir, %reason, "described as offline");
            return DescribeLogDirsResult {
                error_code: ErrorCode::KafkaStorageError.code(),
                log_dir,
                ..DescribeLogDirsResult::default()
            };
        }
        let mut topics: BTreeMap<String, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
        let here = logs.iter().filter(|log| log.directory().path() == dir.path);
        for log in here.filter(|log| asked(log.topic(), log.partition())) {
            topics.entry(log.topic().to_string()).or_default().push(DescribeLogDirsPartition {
                partition_index: log.partition(),
                partition_size: i64::try_from(log.size()).unwrap_or(i64::MAX),
                offset_lag: 0,
                is_future_key: false,
            });
        }
        let coming = copies.iter().filter(|copy| copy.dir == dir.path && asked(&copy.topic, copy.partition));
        for copy in coming {
            let partitions = topics.entry(copy.topic.to_string()).or_default();
            if partitions.iter().all(|known| known.partition_index != copy.partition) {
                partitions.push(DescribeLogDirsPartition {
                    partition_index: copy.partition,
                    partition_size: i64::try_from(copy.size).unwrap_or(i64::MAX),
                    offset_lag: copy.offset_lag,
                    is_future_key: true,
                });
            }
        }
        DescribeLogDirsResult {
            error_code: 0,
            log_dir,
            topics: topics
                .into_iter()
                .map(|(name, partitions)| DescribeLogDirsTopic { name, partitions })
                .collect(),
            total_bytes: dir.total_bytes,
            usable_bytes: dir.usable_bytes,
            is_cordoned: says_cordoned && dir.cordoned,
        }
    });
    DescribeLogDirsResponse { results: results.collect(), ..DescribeLogDirsResponse::default() }
}
