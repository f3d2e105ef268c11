//! Produce (api key 0), versions 3 to 13; advertised from 0, as the reference does for old librdkafka.
//!
//! - A valid batch is never rebuilt: base offset and leader epoch are written into the received bytes, outside of the
//!   checksum, and those bytes go to the log.
//! - All produce requests that a connection has sent by now are worked on together: the batches of one partition go to
//!   its log in one append, whatever the number of requests.
//! - `acks=0` is never answered; an error then closes the connection.
//! - Version 8 added the records that were refused one by one (KIP-467), 10 the current leader (KIP-951), 13 topic ids.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use moldau_log::AppendError;
use moldau_protocol::ApiKey;
use moldau_protocol::messages::ProduceResponse;
use moldau_protocol::messages::produce_request::ProduceRequestView;
use moldau_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, TopicProduceResponse,
};
use moldau_types::{ErrorCode, Uuid};

use super::offered::is_offered;
use crate::broker::{Broker, CurrentLeader, LeaderEndpoint, Partition, current_leader};
use crate::dispatch::{RequestContext, RequestHead, now_or_later, reader, reply};
use crate::network::{ConnectionInfo, Outcome};
use crate::produce::{Batch, Cause, Refusal, Unpacking, append, validate};

/// Clients of the version before it do not know KAFKA_STORAGE_ERROR; they look for the leader and try again.
const FIRST_VERSION_WITH_STORAGE_ERROR: i16 = 4;

/// Where in a response a partition's answer goes.
#[derive(Clone, Copy)]
struct Slot {
    request: usize,
    topic: usize,
    partition: usize,
}

/// A request that is being worked on.
struct Produce {
    context: RequestContext,
    acks: i16,
    response: ProduceResponse,
}

/// What the requests that are worked on together share.
struct Turn {
    now_ms: i64,
    unpacking: Unpacking,
    /// Records that were told of, one by one.
    record_errors: usize,
}

/// Records that the answers of a turn tell of; what is wrong with the others is the same, or found when these are mended.
const RECORD_ERRORS_MAX: usize = 10_000;

/// Works on produce requests that a connection sent one after another.
pub(crate) fn handle(
    broker: &Arc<Broker>,
    connection: &Arc<ConnectionInfo>,
    bytes: &mut [u8],
    frames: &[Range<usize>],
    outcomes: &mut Vec<Outcome>,
) {
    let mut requests: Vec<Result<Produce, String>> = Vec::with_capacity(frames.len());
    let mut batches: Vec<Batch<Slot>> = Vec::with_capacity(frames.len());
    let mut turn = Turn {
        now_ms: broker.now_ms(),
        unpacking: Unpacking::of(frames.iter().map(ExactSizeIterator::len).sum()),
        record_errors: 0,
    };
    for frame in frames {
        let request = read(broker, connection, bytes, frame.clone(), requests.len(), &mut batches, &mut turn);
        let ends = request.as_ref().map_or(true, |request| failed_without_acks(request).is_some());
        requests.push(request);
        if ends {
            break;
        }
    }
    // Of each request, in the same order; empty until one has to wait.
    let mut durable = Vec::new();
    append(batches, bytes, turn.now_ms, |slot, partition, result| {
        let Ok(Produce { response, .. }) = &mut requests[slot.request] else { return };
        let answer = &mut response.responses[slot.topic].partition_responses[slot.partition];
        match result {
            Ok(appended) => {
                partition.counters.messages_in.add(appended.records);
                partition.counters.bytes_in.add(appended.bytes);
                answer.base_offset = appended.base_offset.0;
                answer.log_append_time_ms = appended.log_append_time_ms;
                answer.log_start_offset = appended.log_start_offset.0;
                if let Some(wait) = appended.durable {
                    if durable.is_empty() {
                        durable.resize_with(frames.len(), Vec::new);
                    }
                    durable[slot.request].push(wait);
                }
            }
            Err(error) => append_failed(answer, partition, &error),
        }
    });
    let mut durable = durable.into_iter();
    for request in requests {
        let waits = durable.next().unwrap_or_default();
        let request = match request {
            Ok(request) => request,
            Err(reason) => {
                outcomes.push(Outcome::Close(reason));
                return;
            }
        };
        if waits.is_empty() {
            outcomes.push(finish(request));
            continue;
        }
        outcomes.push(now_or_later(async move {
            for wait in waits {
                if let Err(error) = wait.await {
                    return Outcome::Close(format!("the append could not be made durable: {error}"));
                }
            }
            finish(request)
        }));
    }
}

/// Reads one request: validates its batches, lists those that may be appended, and answers the others.
fn read(
    broker: &Arc<Broker>,
    connection: &Arc<ConnectionInfo>,
    bytes: &mut [u8],
    frame: Range<usize>,
    request_at: usize,
    batches: &mut Vec<Batch<Slot>>,
    turn: &mut Turn,
) -> Result<Produce, String> {
    let head = RequestHead::parse(&bytes[frame.clone()])?;
    let version = head.api_version;
    if !is_offered(ApiKey::Produce, version, connection.is_controller) {
        return Err(format!("Produce version {version} is not offered here"));
    }
    let context = head.context(ApiKey::Produce, connection);
    let body = frame.start + head.body_at..frame.end;
    let view = ProduceRequestView::decode(&mut reader(&bytes[body]), version)
        .map_err(|e| format!("ProduceRequest version {version}: {e}"))?;
    let acks = view.acks;
    let refused_as_a_whole = if !matches!(acks, -1..=1) {
        Some(ErrorCode::InvalidRequiredAcks)
    } else if view.transactional_id.is_some() {
        Some(ErrorCode::TransactionalIdAuthorizationFailed)
    } else {
        None
    };
    let mut response = ProduceResponse::default();
    let start = bytes.as_ptr() as usize;
    let mut found: Vec<(Slot, Arc<Partition>, Range<usize>)> = Vec::new();
    for (topic_at, topic) in view.topic_data.iter().enumerate() {
        let mut answers = TopicProduceResponse {
            name: topic.name.to_owned(),
            topic_id: topic.topic_id,
            partition_responses: Vec::with_capacity(topic.partition_data.len()),
        };
        for (partition_at, data) in topic.partition_data.iter().enumerate() {
            let mut answer = PartitionProduceResponse {
                index: data.index,
                base_offset: -1,
                log_append_time_ms: -1,
                log_start_offset: -1,
                ..PartitionProduceResponse::default()
            };
            let records = data.records.unwrap_or_default();
            let target = match refused_as_a_whole {
                Some(error) => Err(error),
                None => find(broker, topic.name, topic.topic_id, data.index, version),
            };
            match target {
                Err(error) => {
                    answer.error_code = error.code();
                    broker.telemetry.topics.others().produce_requests.add(1);
                    broker.telemetry.topics.others().failed_produce_requests.add(1);
                }
                Ok(partition) => {
                    let at = records.as_ptr() as usize - start;
                    let slot = Slot { request: request_at, topic: topic_at, partition: partition_at };
                    partition.counters.produce_requests.add(1);
                    found.push((slot, partition, at..at + records.len()));
                }
            }
            answers.partition_responses.push(answer);
        }
        response.responses.push(answers);
    }
    if version >= 10 {
        name_leaders(broker, &connection.listener, &mut response);
    }
    let mut written = HashSet::new();
    let several = found.len() > 1;
    for (slot, partition, range) in found {
        if several && !written.insert(Arc::as_ptr(&partition).addr()) {
            refuse(&mut response.responses[slot.topic].partition_responses[slot.partition], twice(), version);
            continue;
        }
        let records = &mut bytes[range.clone()];
        match validate(&partition, records, version, turn.now_ms, &mut turn.unpacking) {
            Ok(validated) => batches.push(Batch { slot, partition, range, validated }),
            Err(mut refusal) => {
                refusal.records.truncate(RECORD_ERRORS_MAX - turn.record_errors);
                turn.record_errors += refusal.records.len();
                count_refusal(&partition, &refusal, range.len());
                let answer = &mut response.responses[slot.topic].partition_responses[slot.partition];
                if !refusal.records.is_empty() {
                    answer.log_start_offset = partition.log.offsets().log_start.0;
                }
                refuse(answer, refusal, version);
            }
        }
    }
    Ok(Produce { context, acks, response })
}

/// Kafka takes the last batch for such a partition and drops the others without a word.
fn twice() -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest, "the request has more than one batch for this partition")
}

fn find(
    broker: &Broker,
    name: &str,
    id: Uuid,
    index: i32,
    version: i16,
) -> Result<Arc<Partition>, ErrorCode> {
    match version {
        13.. => broker.led_by_id(id, index),
        _ => broker.led_by_name(name, index),
    }
}

/// Names the current leader of each partition that another broker leads.
fn name_leaders(broker: &Broker, listener: &str, response: &mut ProduceResponse) {
    for topic in &mut response.responses {
        let elsewhere = ErrorCode::NotLeaderOrFollower.code();
        for answer in topic.partition_responses.iter_mut().filter(|answer| answer.error_code == elsewhere) {
            let (image, index) = (broker.image(), answer.index.into());
            let by_name = || image.topics.partition(&topic.name, index);
            let Some(partition) = image.topics.partition_by_id(topic.topic_id, index).or_else(by_name) else {
                continue;
            };
            let CurrentLeader { leader_id, leader_epoch, endpoint } =
                current_leader(&image, partition, listener);
            answer.current_leader = LeaderIdAndEpoch { leader_id, leader_epoch };
            if let Some(LeaderEndpoint { node_id, host, port, rack }) = endpoint
                && response.node_endpoints.iter().all(|known| known.node_id != node_id)
            {
                response.node_endpoints.push(NodeEndpoint { node_id, host, port: i32::from(port), rack });
            }
        }
    }
}

fn count_refusal(partition: &Partition, refusal: &Refusal, bytes: usize) {
    let counters = &partition.counters;
    counters.failed_produce_requests.add(1);
    match refusal.error {
        ErrorCode::MessageTooLarge => counters.bytes_rejected.add(bytes as u64),
        _ if refusal.cause == Cause::Magic => counters.invalid_magic.add(1),
        ErrorCode::CorruptMessage => counters.invalid_crc.add(1),
        ErrorCode::InvalidRecord if refusal.cause == Cause::NoKey => counters.no_key_compacted.add(1),
        ErrorCode::InvalidRecord => counters.invalid_offset_or_sequence.add(1),
        _ => {}
    }
}

fn refuse(answer: &mut PartitionProduceResponse, refusal: Refusal, version: i16) {
    answer.error_code = refusal.error.code();
    if version >= 8 {
        answer.error_message = Some(refusal.message);
        answer.record_errors = refusal
            .records
            .into_iter()
            .map(|(batch_index, message)| BatchIndexAndErrorMessage {
                batch_index,
                batch_index_error_message: Some(message),
            })
            .collect();
    }
}

fn append_failed(answer: &mut PartitionProduceResponse, partition: &Partition, error: &AppendError) {
    let code = match error {
        AppendError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
        AppendError::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
        AppendError::InvalidTransactionState { .. } => ErrorCode::InvalidTxnState,
        AppendError::CoordinatorFenced { .. } => ErrorCode::TransactionCoordinatorFenced,
        AppendError::FencedLeaderEpoch { .. } => ErrorCode::NotLeaderOrFollower,
        AppendError::BatchTooLarge { .. } => ErrorCode::MessageTooLarge,
        AppendError::BatchLargerThanSegment { .. } => ErrorCode::RecordListTooLarge,
        AppendError::Malformed(_) => ErrorCode::CorruptMessage,
        AppendError::UnexpectedOffset { .. } => ErrorCode::InvalidRecord,
        AppendError::Storage(_) => ErrorCode::KafkaStorageError,
    };
    partition.counters.failed_produce_requests.add(1);
    if code == ErrorCode::OutOfOrderSequenceNumber {
        partition.counters.invalid_offset_or_sequence.add(1);
    }
    if code == ErrorCode::KafkaStorageError {
        tracing::error!(topic = %partition.topic, partition = partition.index.0, "append refused: {error}");
    }
    answer.error_code = code.code();
    answer.log_start_offset = partition.log.offsets().log_start.0;
}

/// The partition for which a request that asks for no answer has failed so far.
fn failed_without_acks(request: &Produce) -> Option<&PartitionProduceResponse> {
    let mut partitions = request.response.responses.iter().flat_map(|topic| &topic.partition_responses);
    if request.acks == 0 { partitions.find(|partition| partition.error_code != 0) } else { None }
}

fn finish(mut request: Produce) -> Outcome {
    if request.context.api_version < FIRST_VERSION_WITH_STORAGE_ERROR {
        let topics = request.response.responses.iter_mut();
        for answer in topics.flat_map(|topic| &mut topic.partition_responses) {
            if answer.error_code == ErrorCode::KafkaStorageError.code() {
                answer.error_code = ErrorCode::NotLeaderOrFollower.code();
            }
        }
    }
    if request.acks != 0 {
        return reply(&request.context, &request.response);
    }
    match failed_without_acks(&request) {
        None => Outcome::Silence,
        Some(partition) => Outcome::Close(format!(
            "a produce request with acks=0 failed with {}; closing is the only way to tell",
            ErrorCode::from_code(partition.error_code).name()
        )),
    }
}
