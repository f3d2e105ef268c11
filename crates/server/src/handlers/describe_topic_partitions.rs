//! DescribeTopicPartitions (api key 75), version 0 (KIP-966): topics in the order of their names, in pages, with
//! eligible leader replicas.

use std::collections::BTreeSet;
use std::sync::Arc;

use moldau_controller::validate_topic_name;
use moldau_metadata::{MetadataImage, TopicImage};
use moldau_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use moldau_protocol::messages::{DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};
use moldau_types::ErrorCode;

use super::authorized;
use super::metadata::{ids, offline};
use crate::broker::{Broker, is_internal_topic};
use crate::dispatch::RequestContext;

/// Answers a DescribeTopicPartitions request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    if request.cursor.as_ref().is_some_and(|cursor| cursor.partition_index < 0) {
        let topics = request.topics.into_iter().map(|topic| refused(&topic.name, ErrorCode::InvalidRequest));
        return DescribeTopicPartitionsResponse { topics: topics.collect(), ..Default::default() };
    }
    let image = broker.image();
    let limit =
        usize::try_from(broker.configs.load().broker.network.max_request_partition_size_limit).unwrap_or(1);
    let mut left = usize::try_from(request.response_partition_limit).unwrap_or(0).clamp(1, limit);
    let (start_topic, start_partition) = match &request.cursor {
        Some(cursor) => (cursor.topic_name.as_str(), cursor.partition_index),
        None => ("", 0),
    };
    let all = request.topics.is_empty();
    let names: BTreeSet<String> = if all {
        image.topics.iter().map(|topic| topic.name.to_string()).collect()
    } else {
        request.topics.into_iter().map(|topic| topic.name).collect()
    };
    let mut response = DescribeTopicPartitionsResponse::default();
    for name in names.iter().filter(|name| name.as_str() >= start_topic) {
        let first = if name.as_str() == start_topic { start_partition } else { 0 };
        if left == 0 {
            response.next_cursor =
                Some(Box::new(Cursor { topic_name: name.clone(), partition_index: first }));
            break;
        }
        let Some(topic) = image.topics.by_name(name) else {
            response.topics.push(missing(name));
            continue;
        };
        let (described, next) = describe(&image, topic, first, left);
        left -= described.partitions.len();
        response.topics.push(described);
        if let Some(partition_index) = next {
            response.next_cursor = Some(Box::new(Cursor { topic_name: name.clone(), partition_index }));
            break;
        }
    }
    response
}

fn missing(name: &str) -> DescribeTopicPartitionsResponseTopic {
    let error = match validate_topic_name(name) {
        Ok(()) => ErrorCode::UnknownTopicOrPartition,
        Err(_) => ErrorCode::InvalidTopicException,
    };
    refused(name, error)
}

fn refused(name: &str, error: ErrorCode) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic {
        error_code: error.code(),
        name: Some(name.to_owned()),
        is_internal: is_internal_topic(name),
        topic_authorized_operations: authorized::NOT_ASKED,
        ..DescribeTopicPartitionsResponseTopic::default()
    }
}

/// One topic from partition `first` on, at most `limit` partitions, and the next partition if there are more.
fn describe(
    image: &MetadataImage,
    topic: &TopicImage,
    first: i32,
    limit: usize,
) -> (DescribeTopicPartitionsResponseTopic, Option<i32>) {
    let mut from_first = topic.partitions.iter().filter(|(index, _)| index.0 >= first);
    let partitions = from_first
        .by_ref()
        .take(limit)
        .map(|(index, partition)| {
            let lives = image.cluster.is_active(partition.leader);
            DescribeTopicPartitionsResponsePartition {
                error_code: if lives { 0 } else { ErrorCode::LeaderNotAvailable.code() },
                partition_index: index.0,
                leader_id: if lives { partition.leader.0 } else { -1 },
                leader_epoch: partition.leader_epoch.0,
                replica_nodes: ids(&partition.replicas),
                isr_nodes: ids(&partition.isr),
                eligible_leader_replicas: Some(ids(&partition.elr)),
                last_known_elr: Some(ids(&partition.last_known_elr)),
                offline_replicas: offline(image, &partition.replicas),
            }
        })
        .collect();
    let described = DescribeTopicPartitionsResponseTopic {
        error_code: 0,
        name: Some(topic.name.to_string()),
        topic_id: topic.id,
        is_internal: is_internal_topic(&topic.name),
        partitions,
        topic_authorized_operations: authorized::ON_TOPIC,
    };
    (described, from_first.next().map(|(index, _)| index.0))
}
