//! OffsetForLeaderEpoch (api key 23), versions 2 to 4 (KIP-101, KIP-320): where a leader epoch ended.

use std::sync::Arc;

use moldau_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use moldau_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use moldau_protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use moldau_types::LeaderEpoch;

use crate::broker::Broker;
use crate::dispatch::RequestContext;
use crate::fetch::check_leader_epoch;

/// Answers an OffsetForLeaderEpoch request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| answer(&broker, &topic.topic, asked)).collect();
        OffsetForLeaderTopicResult { topic: topic.topic.clone(), partitions }
    });
    OffsetForLeaderEpochResponse { topics: topics.collect(), ..OffsetForLeaderEpochResponse::default() }
}

fn answer(broker: &Broker, topic: &str, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    let partition = broker
        .partitions()
        .get(topic, asked.partition)
        .ok_or_else(|| broker.why_not_led(topic, asked.partition))
        .and_then(|partition| check_leader_epoch(&partition, asked.current_leader_epoch).map(|()| partition));
    let mut result = EpochEndOffset { partition: asked.partition, ..EpochEndOffset::default() };
    match partition {
        Err(error) => result.error_code = error.code(),
        Ok(partition) => {
            let end = partition.log.epoch_end_offset(LeaderEpoch(asked.leader_epoch));
            result.leader_epoch = end.leader_epoch.0;
            result.end_offset = end.end_offset.0;
        }
    }
    result
}
