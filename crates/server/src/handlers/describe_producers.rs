//! DescribeProducers (api key 61), version 0 (KIP-664): the idempotent producers that a partition remembers.

use std::collections::HashSet;
use std::sync::Arc;

use moldau_controller::validate_topic_name;
use moldau_protocol::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use moldau_protocol::messages::{DescribeProducersRequest, DescribeProducersResponse};
use moldau_types::ErrorCode;

use crate::broker::Broker;
use crate::dispatch::RequestContext;

/// Answers a DescribeProducers request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: DescribeProducersRequest,
) -> DescribeProducersResponse {
    // A partition that is named again has its answer: each can be large.
    let mut described = HashSet::new();
    let topics = request.topics.into_iter().map(|topic| {
        let name: Arc<str> = topic.name.as_str().into();
        let indexes = topic.partition_indexes.into_iter();
        let once = indexes.filter(|index| described.insert((name.clone(), *index)));
        let partitions = once.map(|index| describe(&broker, &name, index)).collect();
        TopicResponse { name: topic.name, partitions }
    });
    DescribeProducersResponse { topics: topics.collect(), ..DescribeProducersResponse::default() }
}

fn describe(broker: &Broker, topic: &str, index: i32) -> PartitionResponse {
    let refused = |error: ErrorCode, message: Option<String>| PartitionResponse {
        partition_index: index,
        error_code: error.code(),
        error_message: message,
        ..PartitionResponse::default()
    };
    if let Err(reason) = validate_topic_name(topic) {
        return refused(ErrorCode::InvalidTopicException, Some(reason.to_string()));
    }
    if broker.image().topics.by_name(topic).is_none() {
        let message = "This server does not host this topic-partition.";
        return refused(ErrorCode::UnknownTopicOrPartition, Some(message.to_owned()));
    }
    let Some(partition) = broker.partitions().get(topic, index) else {
        return refused(broker.why_not_led(topic, index), None);
    };
    let state = |producer: moldau_log::ActiveProducer| ProducerState {
        producer_id: producer.producer_id.0,
        producer_epoch: i32::from(producer.producer_epoch.0),
        last_sequence: producer.last_sequence,
        last_timestamp: producer.last_timestamp,
        coordinator_epoch: producer.coordinator_epoch,
        current_txn_start_offset: producer.current_txn_first_offset.map_or(-1, |offset| offset.0),
    };
    PartitionResponse {
        partition_index: index,
        active_producers: partition.log.active_producers().into_iter().map(state).collect(),
        ..PartitionResponse::default()
    }
}
