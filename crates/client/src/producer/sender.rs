//! The task that takes batches to the partitions' leaders and judges the answers.
//!
//! Always: at most `max.in.flight.requests.per.connection` requests to a broker are unanswered. Nothing here blocks on one
//! broker: connections, metadata and answers come back as events.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use moldau_protocol::Message;
use moldau_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use moldau_protocol::messages::produce_response::PartitionProduceResponse;
use moldau_protocol::messages::{InitProducerIdRequest, ProduceRequest, ProduceResponse};
use moldau_types::{ErrorCode, Uuid};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::accumulator::{Accumulator, Gate};
use super::batch::Batch;
use super::delivery::Written;
use crate::config::{Acks, ProducerConfig};
use crate::error::{ClientError, Result};
use crate::metadata::{Cluster, Core};
use crate::net::{Connection, InFlight, Lane, Unanswered};

/// The last version of Produce that names topics; later ones use their ids.
const LAST_VERSION_WITH_NAMES: i16 = 12;

enum Event {
    Connected { node: i32, result: Result<Connection> },
    Refreshed(Result<()>),
    Identity(Result<(i64, i16)>),
    Answered { node: i32, batches: Vec<Batch>, result: Result<ProduceResponse> },
}

enum Started {
    Answered(InFlight<ProduceResponse>),
    Unanswered(Unanswered),
}

#[derive(Default)]
struct Node {
    connection: Option<Connection>,
    connecting: bool,
    in_flight: usize,
}

/// When the sender ends before it is finished, nobody is left to send: fails all that waits and all that comes.
struct FailAtEnd(Option<Arc<Accumulator>>);

impl Drop for FailAtEnd {
    fn drop(&mut self) {
        if let Some(accumulator) = &self.0 {
            accumulator.fail_all(ClientError::Closed("producer"));
        }
    }
}

/// The sender of one producer.
pub(super) struct Sender {
    core: Arc<Core>,
    config: Arc<ProducerConfig>,
    accumulator: Arc<Accumulator>,
    nodes: HashMap<i32, Node>,
    identity: Option<(i64, i16)>,
    taking_identity: bool,
    refreshing: bool,
    /// Metadata is not read again before this, unless it is merely old.
    next_refresh: Instant,
    events: mpsc::UnboundedReceiver<Event>,
    report: mpsc::UnboundedSender<Event>,
}

impl Sender {
    pub(super) fn new(core: Arc<Core>, config: Arc<ProducerConfig>, accumulator: Arc<Accumulator>) -> Self {
        let (report, events) = mpsc::unbounded_channel();
        Self {
            core,
            config,
            accumulator,
            nodes: HashMap::new(),
            identity: None,
            taking_identity: false,
            refreshing: false,
            next_refresh: Instant::now(),
            events,
            report,
        }
    }

    pub(super) async fn run(mut self) {
        let mut guard = FailAtEnd(Some(self.accumulator.clone()));
        self.run_until_finished().await;
        guard.0 = None;
    }

    async fn run_until_finished(&mut self) {
        let mut refresh_wanted = false;
        loop {
            let mut next = None;
            let waits = self.accumulator.has_waiting();
            refresh_wanted |= waits && self.core.is_stale();
            if waits && self.config.idempotence {
                self.keep_identity();
            }
            if waits && (!self.config.idempotence || self.identity.is_some()) {
                let cluster = self.core.cluster();
                let drained = self.accumulator.drain(&cluster, self.identity, |node| self.gate(node));
                next = drained.next;
                refresh_wanted |= drained.leader_unknown;
                for node in drained.unconnected {
                    self.connect(node);
                }
                for (node, batches) in drained.by_node {
                    self.send(node, batches, &cluster);
                }
                if self.config.idempotence {
                    // A queue may have found the epochs used up.
                    self.keep_identity();
                }
            } else if waits {
                // Only to let expired batches go.
                next = self.accumulator.drain(&Cluster::default(), None, |_| Gate::Busy).next;
            }
            let expires_at = self.accumulator.expire_sent();
            if self.accumulator.is_finished() {
                return;
            }
            if refresh_wanted && !self.refreshing {
                if self.next_refresh <= Instant::now() {
                    refresh_wanted = false;
                    self.refresh();
                } else {
                    next = Some(next.map_or(self.next_refresh, |next| next.min(self.next_refresh)));
                }
            }
            let next = next.into_iter().chain(expires_at).min();
            let wake_at = next.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            tokio::select! {
                () = self.accumulator.wake.notified() => {}
                () = sleep_until(wake_at) => {}
                Some(event) = self.events.recv() => {
                    refresh_wanted |= self.on(event);
                    while let Ok(event) = self.events.try_recv() {
                        refresh_wanted |= self.on(event);
                    }
                }
            }
        }
    }

    fn gate(&self, node: i32) -> Gate {
        match self.nodes.get(&node) {
            Some(Node { connecting: true, .. }) => Gate::Busy,
            Some(Node { connection: Some(connection), in_flight, .. }) if !connection.is_closed() => {
                if *in_flight < self.config.max_in_flight {
                    Gate::Open
                } else {
                    Gate::Busy
                }
            }
            _ => Gate::Unconnected,
        }
    }

    fn connect(&mut self, node: i32) {
        self.nodes.entry(node).or_default().connecting = true;
        let (core, report) = (self.core.clone(), self.report.clone());
        tokio::spawn(async move {
            let result = core.node(node, Lane::Main).await;
            let _ = report.send(Event::Connected { node, result });
        });
    }

    fn refresh(&mut self) {
        self.refreshing = true;
        let waiting = self.accumulator.waiting_topics();
        self.core.want(&waiting.iter().map(|topic| &**topic).collect::<Vec<_>>());
        let (core, report) = (self.core.clone(), self.report.clone());
        tokio::spawn(async move {
            let result = core.refresh().await.map(|_| ());
            let _ = report.send(Event::Refreshed(result));
        });
    }

    fn keep_identity(&mut self) {
        if self.taking_identity || (self.identity.is_some() && !self.accumulator.wants_other_id()) {
            return;
        }
        self.taking_identity = true;
        let (core, report) = (self.core.clone(), self.report.clone());
        tokio::spawn(async move {
            let _ = report.send(Event::Identity(take_identity(&core).await));
        });
    }

    fn send(&mut self, node: i32, mut batches: Vec<Batch>, cluster: &Cluster) {
        let Some(state) = self.nodes.get_mut(&node) else { return };
        let Some(connection) = state.connection.clone() else { return };
        state.in_flight += 1;
        self.accumulator.metrics.requests_in_flight.fetch_add(1, Ordering::Relaxed);
        let report = self.report.clone();
        let built = build(&connection, &mut batches, cluster, &self.config);
        let (version, request) = match built {
            Ok(built) => built,
            Err(error) => {
                let _ = report.send(Event::Answered { node, batches, result: Err(error) });
                return;
            }
        };
        self.note_sent(&batches, &request);
        self.core.want(&batches.iter().map(|batch| &*batch.topic).collect::<Vec<_>>());
        let began = Instant::now();
        let started = if self.config.acks == Acks::None {
            connection.send_unanswered(version, &request).map(Started::Unanswered)
        } else {
            connection.start(version, &request).map(Started::Answered)
        };
        match started {
            Ok(started) => {
                batches.iter_mut().for_each(|batch| batch.attempts += 1);
                let accumulator = self.accumulator.clone();
                tokio::spawn(async move {
                    let result = match started {
                        Started::Answered(in_flight) => in_flight.answer().await,
                        // Not before it is written: only then may its memory and its place among the requests go to others.
                        Started::Unanswered(request) => {
                            request.written().await.map(|()| ProduceResponse::default())
                        }
                    };
                    accumulator.metrics.request_latencies.note(began.elapsed().as_secs_f64() * 1e3);
                    let _ = report.send(Event::Answered { node, batches, result });
                });
            }
            Err(error) => {
                let _ = report.send(Event::Answered { node, batches, result: Err(error) });
            }
        }
    }

    fn note_sent(&self, batches: &[Batch], request: &ProduceRequest) {
        let metrics = &self.accumulator.metrics;
        let sizes = request.topic_data.iter().flat_map(|topic| &topic.partition_data);
        let sizes = sizes.map(|partition| partition.records.as_ref().map_or(0, |records| records.len()));
        for (batch, size) in batches.iter().zip(sizes) {
            metrics.batch_sizes.note(size as f64);
            metrics.compression.note(size as f64 / batch.size().max(1) as f64);
            metrics.queue_times.note(batch.created.elapsed().as_secs_f64() * 1e3);
        }
        metrics.records_per_request.note(batches.iter().map(|batch| f64::from(batch.count())).sum());
    }

    /// Works an event in; whether metadata is to be read again.
    fn on(&mut self, event: Event) -> bool {
        match event {
            Event::Connected { node, result } => {
                let state = self.nodes.entry(node).or_default();
                state.connecting = false;
                match result {
                    Ok(connection) => {
                        state.connection = Some(connection);
                        false
                    }
                    Err(error) => {
                        tracing::warn!(node, %error, "no connection to a partition's leader");
                        true
                    }
                }
            }
            Event::Refreshed(result) => {
                self.refreshing = false;
                self.next_refresh = Instant::now() + self.core.config().retry_backoff;
                if let Err(error) = result {
                    tracing::warn!(%error, "metadata can't be read");
                    return true;
                }
                self.fail_hopeless_topics();
                false
            }
            Event::Identity(Ok(identity)) => {
                tracing::debug!(producer_id = identity.0, producer_epoch = identity.1, "producer id taken");
                self.taking_identity = false;
                self.identity = Some(identity);
                self.accumulator.took_id();
                false
            }
            Event::Identity(Err(error)) => {
                self.taking_identity = false;
                if error.is_retriable() {
                    tracing::warn!(%error, "no producer id");
                } else {
                    self.accumulator.fail(error);
                }
                false
            }
            Event::Answered { node, batches, result } => self.on_answer(node, batches, result),
        }
    }

    fn fail_hopeless_topics(&self) {
        let cluster = self.core.cluster();
        for name in self.accumulator.waiting_topics() {
            if let Some(topic) = cluster.topic(&name)
                && topic.error.is_error()
                && !topic.error.is_retriable()
            {
                self.accumulator.fail_topic(&name, topic.error);
            }
        }
    }

    fn on_answer(&mut self, node: i32, batches: Vec<Batch>, result: Result<ProduceResponse>) -> bool {
        self.accumulator.metrics.requests_in_flight.fetch_sub(1, Ordering::Relaxed);
        if let Some(state) = self.nodes.get_mut(&node) {
            state.in_flight = state.in_flight.saturating_sub(1);
            if state.connection.as_ref().is_some_and(Connection::is_closed) {
                state.connection = None;
            }
        }
        match result {
            Ok(response) if self.config.acks == Acks::None => {
                debug_assert!(response.responses.is_empty());
                for batch in batches {
                    self.accumulator.written(batch, Written { base_offset: None, append_time: None });
                }
                false
            }
            Ok(response) => {
                let mut refresh = false;
                let mut answers: HashMap<(Uuid, String, i32), PartitionProduceResponse> = HashMap::new();
                for topic in response.responses {
                    for partition in topic.partition_responses {
                        answers.insert((topic.topic_id, topic.name.clone(), partition.index), partition);
                    }
                }
                for batch in batches {
                    let by_name = (Uuid::ZERO, batch.topic.to_string(), batch.partition);
                    let by_id = (batch.sent_topic_id, String::new(), batch.partition);
                    let answer = answers.remove(&by_name).or_else(|| answers.remove(&by_id));
                    refresh |= match answer {
                        Some(answer) => self.judge(batch, answer),
                        None => {
                            let error = ClientError::server(
                                format!("batch for {}-{}", batch.topic, batch.partition),
                                ErrorCode::UnknownServerError,
                                Some("the answer does not speak of it".to_owned()),
                            );
                            self.accumulator.failed(batch, error);
                            false
                        }
                    };
                }
                refresh
            }
            Err(error) => {
                let retriable = error.is_retriable();
                for mut batch in batches {
                    batch.maybe_written |= batch.attempts > 0;
                    if retriable && batch.attempts <= self.config.retries {
                        self.again(batch, &error);
                    } else {
                        self.accumulator.failed(batch, error.clone());
                    }
                }
                true
            }
        }
    }

    /// Judges the answer for one batch; whether metadata is to be read again.
    fn judge(&mut self, mut batch: Batch, answer: PartitionProduceResponse) -> bool {
        let code = ErrorCode::from_code(answer.error_code);
        let offset = (answer.base_offset >= 0).then_some(answer.base_offset);
        let append_time = (answer.log_append_time_ms >= 0).then_some(answer.log_append_time_ms);
        match code {
            ErrorCode::None => {
                self.accumulator.written(batch, Written { base_offset: offset, append_time });
                return false;
            }
            // An earlier attempt was written, and the broker no longer knows at which offset.
            ErrorCode::DuplicateSequenceNumber => {
                self.accumulator.written(batch, Written { base_offset: offset, append_time: None });
                return false;
            }
            _ => {}
        }
        let what = format!("batch of {} records for {}-{}", batch.count(), batch.topic, batch.partition);
        let message = answer
            .record_errors
            .first()
            .and_then(|first| {
                first
                    .batch_index_error_message
                    .as_ref()
                    .map(|text| format!("record {}: {text}", first.batch_index))
            })
            .or(answer.error_message);
        let error = ClientError::server(what, code, message);
        let sequence_error = matches!(
            code,
            ErrorCode::OutOfOrderSequenceNumber
                | ErrorCode::UnknownProducerId
                | ErrorCode::InvalidProducerEpoch
        );
        if sequence_error && batch.stamp.is_some() {
            if self.accumulator.out_of_sequence(&mut batch) {
                // A batch before it was given up, or the broker has lost this producer's state.
                tracing::warn!(%error, "the partition goes on under another producer epoch");
            }
            self.again(batch, &error);
            return false;
        }
        let batch = match code {
            ErrorCode::MessageTooLarge => self.accumulator.split(batch),
            _ => Some(batch),
        };
        let Some(mut batch) = batch else { return false };
        if error.is_retriable() && batch.attempts <= self.config.retries {
            // The leader has it, only too few replicas do, or the time was over while it waited for them.
            batch.maybe_written |=
                matches!(code, ErrorCode::NotEnoughReplicasAfterAppend | ErrorCode::RequestTimedOut);
            self.again(batch, &error);
        } else {
            self.accumulator.failed(batch, error.clone());
        }
        error.needs_metadata()
    }

    fn again(&self, batch: Batch, error: &ClientError) {
        let pause = self.core.config().retry_pause(batch.attempts.saturating_sub(1));
        tracing::debug!(topic = &*batch.topic, partition = batch.partition, %error, "a batch is sent again");
        self.accumulator.again(batch, Instant::now() + pause, error.clone());
    }
}

fn build(
    connection: &Connection,
    batches: &mut [Batch],
    cluster: &Cluster,
    config: &ProducerConfig,
) -> Result<(i16, ProduceRequest)> {
    let id_of = |topic: &str| cluster.topic(topic).map_or(Uuid::ZERO, |topic| topic.id);
    let all_ids_known = batches.iter().all(|batch| !id_of(&batch.topic).is_zero());
    let highest = if all_ids_known { ProduceRequest::MAX_VERSION } else { LAST_VERSION_WITH_NAMES };
    let version = connection.version_between::<ProduceRequest>(ProduceRequest::MIN_VERSION, highest)?;
    let mut request = ProduceRequest {
        acks: config.acks.code(),
        timeout_ms: config.common.request_timeout.as_millis().min(i32::MAX as u128) as i32,
        ..Default::default()
    };
    for batch in batches.iter_mut() {
        let partition = PartitionProduceData {
            index: batch.partition,
            records: Some(batch.bytes().map_err(|why| ClientError::Unencodable {
                what: format!("a batch for {}-{}", batch.topic, batch.partition),
                why: why.to_string(),
            })?),
        };
        let by_id = version > LAST_VERSION_WITH_NAMES;
        batch.sent_topic_id = if by_id { id_of(&batch.topic) } else { Uuid::ZERO };
        match request.topic_data.last_mut() {
            Some(last) if *last.name == *batch.topic => last.partition_data.push(partition),
            _ => request.topic_data.push(TopicProduceData {
                name: batch.topic.to_string(),
                topic_id: batch.sent_topic_id,
                partition_data: vec![partition],
            }),
        }
    }
    Ok((version, request))
}

/// Takes a producer id from any broker, trying until one gives it.
async fn take_identity(core: &Core) -> Result<(i64, i16)> {
    let deadline = Instant::now() + core.config().default_api_timeout;
    let mut attempt = 0;
    loop {
        let result = take_identity_once(core).await;
        match result {
            Err(error) if error.is_retriable() => core.pause_or(error, &mut attempt, deadline).await?,
            other => return other,
        }
    }
}

async fn take_identity_once(core: &Core) -> Result<(i64, i16)> {
    let connection = core.any().await?;
    let request = InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: i32::MAX,
        ..Default::default()
    };
    let version = connection.version_between::<InitProducerIdRequest>(0, 5)?;
    let response = connection.start(version, &request)?.answer().await?;
    ClientError::check(response.error_code, || "a producer id for enable.idempotence".to_owned(), None)?;
    Ok((response.producer_id, response.producer_epoch))
}
