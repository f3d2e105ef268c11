//! Gathers records into batches by partition, within a bound of memory, and says which batches may leave.
//!
//! Always: memory that a record reserved is given back once, when its batch is settled and no request holds it. One lock
//! guards all queues; nothing is compressed or awaited under it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use moldau_types::ErrorCode;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::batch::{Batch, ID_STEP};
use super::delivery::{Delivery, Outcome, Written, settled};
use super::metrics::{Gauges, ProducerMetrics};
use super::partitioner::{StickyPartition, partition_of_key};
use super::queue::{Queue, Readiness};
use super::record::{ProducerRecord, now_ms};
use crate::config::ProducerConfig;
use crate::error::{ClientError, Result};
use crate::metadata::{Cluster, Core, Topic};
use crate::metrics::Metric;

#[derive(Default)]
struct TopicQueues {
    sticky: StickyPartition,
    queues: Vec<Queue>,
}

#[derive(Default)]
struct State {
    topics: HashMap<Arc<str>, TopicQueues>,
    /// Brokers that could not take a batch that was ready, and since when.
    stalled: HashMap<i32, Instant>,
    /// Queues with waiting batches.
    active: BTreeSet<(Arc<str>, i32)>,
    /// Batches that were sent and are not settled. The first one was made first, so its time is over first.
    in_flight: BTreeMap<u64, Sent>,
    /// Outcomes of batches that are not settled.
    unsettled: BTreeMap<u64, Arc<Outcome>>,
    next_batch_id: u64,
    flushes: usize,
    closing: bool,
    failed: Option<ClientError>,
    /// A queue has used up the epochs of the producer id: another one is to be taken.
    other_id_wanted: bool,
}

/// What has to be known of a batch while the sender has it.
struct Sent {
    expires_at: Instant,
    topic: Arc<str>,
    partition: i32,
    count: u32,
}

/// The records on their way.
pub(super) struct Accumulator {
    config: Arc<ProducerConfig>,
    state: Mutex<State>,
    memory: Semaphore,
    pub(super) metrics: ProducerMetrics,
    /// Wakes the sender.
    pub(super) wake: Notify,
}

/// Whether batches can be sent to a broker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// Yes.
    Open,
    /// As many requests as allowed are under way.
    Busy,
    /// A connection is missing.
    Unconnected,
}

/// What may leave, and what to do about the rest.
#[derive(Default)]
pub(super) struct Drained {
    /// Batches by the leader's node id, at most one for each partition.
    pub(super) by_node: BTreeMap<i32, Vec<Batch>>,
    /// Leaders that batches wait for and that have no connection.
    pub(super) unconnected: BTreeSet<i32>,
    /// Batches wait for a partition without a known leader.
    pub(super) leader_unknown: bool,
    /// When to look again.
    pub(super) next: Option<Instant>,
}

impl Accumulator {
    pub(super) fn new(config: Arc<ProducerConfig>) -> Self {
        Self {
            memory: Semaphore::new(config.buffer_memory.min(Semaphore::MAX_PERMITS)),
            metrics: ProducerMetrics::new(&config.common),
            config,
            state: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// Reserves memory for a record, waiting until there is some or `deadline` comes, which is `max.block.ms` after the call.
    pub(super) async fn reserve(&self, size: usize, deadline: Instant) -> Result<()> {
        let permits = size as u32;
        if let Ok(permit) = self.memory.try_acquire_many(permits) {
            permit.forget();
            return Ok(());
        }
        match timeout_at(deadline, self.memory.acquire_many(permits)).await {
            Ok(Ok(permit)) => {
                permit.forget();
                Ok(())
            }
            Ok(Err(_)) => Err(ClientError::Closed("producer")),
            Err(_) => Err(ClientError::TimedOut {
                what: "waiting for memory (buffer.memory)".to_owned(),
                after: self.config.max_block,
                setting: "max.block.ms",
            }),
        }
    }

    /// Puts a record, for which `size` bytes were reserved, into its partition's batch.
    pub(super) fn append(&self, record: ProducerRecord, size: usize, topic: &Arc<Topic>) -> Result<Delivery> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let refused =
            if state.closing { Some(ClientError::Closed("producer")) } else { state.failed.clone() };
        if let Some(error) = refused {
            drop(guard);
            self.memory.add_permits(size);
            return Err(error);
        }
        if !state.topics.contains_key(&topic.name) {
            state.topics.insert(topic.name.clone(), TopicQueues::default());
        }
        let Some(queues) = state.topics.get_mut(&topic.name) else {
            return Err(ClientError::Closed("producer"));
        };
        let count = topic.partitions.len();
        let partition = match (record.partition, &record.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) if !self.config.ignore_keys => partition_of_key(key, count),
            _ => {
                let waiting = |partition: i32| queues.queues.get(partition as usize).map_or(0, Queue::len);
                let candidates = || candidates(&self.config, topic, &state.stalled, waiting);
                queues.sticky.next(size, self.config.batch_size, candidates, count)
            }
        };
        let at = partition as usize;
        if queues.queues.len() <= at {
            queues.queues.resize_with(at + 1, Queue::default);
        }
        let queue = &mut queues.queues[at];
        let timestamp = record.timestamp.unwrap_or_else(now_ms);
        let mut woken = false;
        if let Some(batch) = queue.open()
            && (batch.size() + size > self.config.batch_size)
        {
            batch.close();
            woken = true;
        }
        let added = match queue.open() {
            Some(batch) => {
                let added = batch.push(&record, timestamp, size);
                if batch.size() >= self.config.batch_size {
                    batch.close();
                    woken = true;
                }
                added.map(|index| Delivery::new(batch.outcome.clone(), index, timestamp))
            }
            None => {
                let id = state.next_batch_id;
                let outcome = Outcome::new(topic.name.clone(), partition);
                let compression = (self.config.compression, self.config.compression_level());
                let mut batch = Batch::new(id, topic.name.clone(), partition, compression, outcome.clone());
                batch.push(&record, timestamp, size).map(|index| {
                    state.next_batch_id += ID_STEP;
                    if batch.size() >= self.config.batch_size {
                        batch.close();
                    }
                    if queue.is_empty() {
                        state.active.insert((topic.name.clone(), partition));
                    }
                    queue.push(batch);
                    state.unsettled.insert(id, outcome.clone());
                    woken = true;
                    Delivery::new(outcome, index, timestamp)
                })
            }
        };
        drop(guard);
        if woken {
            self.wake.notify_one();
        }
        added.map_err(|why| {
            self.memory.add_permits(size);
            ClientError::Unencodable {
                what: format!("a record for topic {}", topic.name),
                why: why.to_string(),
            }
        })
    }

    /// Takes the batches that may leave now.
    pub(super) fn drain(
        &self,
        cluster: &Cluster,
        identity: Option<(i64, i16)>,
        gate: impl Fn(i32) -> Gate,
    ) -> Drained {
        let now = Instant::now();
        let mut drained = Drained::default();
        let mut expired = Vec::new();
        {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            let hurry = state.closing || state.flushes > 0;
            let mut done = Vec::new();
            let mut sizes: HashMap<i32, usize> = HashMap::new();
            for key in &state.active {
                let Some(queue) = state.topics.get_mut(&key.0).and_then(|t| t.queues.get_mut(key.1 as usize))
                else {
                    continue;
                };
                expired.extend(queue.take_expired(now, self.config.delivery_timeout));
                let mut look_again = queue.expires_at(self.config.delivery_timeout);
                if queue.wants_other_id(identity) {
                    state.other_id_wanted = true;
                } else {
                    match queue.readiness(now, self.config.linger, self.config.batch_size, hurry) {
                        Readiness::Empty => {}
                        Readiness::AfterAnswer => {}
                        Readiness::At(at) => look_again = earliest(look_again, at),
                        Readiness::Now => match cluster.leader(&key.0, key.1) {
                            None => drained.leader_unknown = true,
                            Some((leader, _)) => match gate(leader.id) {
                                Gate::Busy => {
                                    state.stalled.entry(leader.id).or_insert(now);
                                }
                                Gate::Unconnected => {
                                    state.stalled.entry(leader.id).or_insert(now);
                                    drained.unconnected.insert(leader.id);
                                }
                                Gate::Open => {
                                    let size = sizes.entry(leader.id).or_default();
                                    if *size == 0
                                        || *size + queue.first_size() <= self.config.max_request_size
                                    {
                                        *size += queue.first_size();
                                        if let Some(batch) = queue.take_to_send(identity) {
                                            state.stalled.remove(&leader.id);
                                            let sent = Sent {
                                                expires_at: batch.created + self.config.delivery_timeout,
                                                topic: batch.topic.clone(),
                                                partition: batch.partition,
                                                count: batch.count(),
                                            };
                                            state.in_flight.insert(batch.id, sent);
                                            drained.by_node.entry(leader.id).or_default().push(batch);
                                        }
                                        if !queue.is_empty() {
                                            look_again = earliest(look_again, now);
                                        }
                                    } else {
                                        look_again = earliest(look_again, now);
                                    }
                                }
                            },
                        },
                    }
                }
                if queue.is_empty() {
                    done.push(key.clone());
                } else if let Some(at) = look_again {
                    drained.next = earliest(drained.next, at);
                }
            }
            for key in done {
                state.active.remove(&key);
            }
        }
        for batch in expired {
            let error = self.expired(batch.count(), &batch.topic, batch.partition);
            self.settle(batch, Err(error));
        }
        drained
    }

    fn expired(&self, count: u32, topic: &str, partition: i32) -> ClientError {
        ClientError::TimedOut {
            what: format!("delivery of {count} records to {topic}-{partition}"),
            after: self.config.delivery_timeout,
            setting: "delivery.timeout.ms",
        }
    }

    /// Settles batches under way whose time is over; what their answers say counts for the sequence numbers alone. When to
    /// look again.
    pub(super) fn expire_sent(&self) -> Option<Instant> {
        loop {
            let (sent, outcome) = {
                let mut state = self.state.lock();
                let first = state.in_flight.first_entry()?;
                if first.get().expires_at > Instant::now() {
                    return Some(first.get().expires_at);
                }
                let (id, sent) = first.remove_entry();
                (sent, state.unsettled.remove(&id))
            };
            if let Some(outcome) = outcome {
                self.metrics.records_failed.note(f64::from(sent.count));
                outcome.set(Err(self.expired(sent.count, &sent.topic, sent.partition)));
            }
        }
    }

    /// Acts on the queue of a batch that comes back from the sender.
    fn with_queue<T>(&self, batch: &Batch, act: impl FnOnce(&mut Queue) -> T) -> Option<T> {
        let mut guard = self.state.lock();
        guard.in_flight.remove(&batch.id);
        let queue = guard.topics.get_mut(&batch.topic)?.queues.get_mut(batch.partition as usize)?;
        Some(act(queue))
    }

    /// A sent batch was written.
    pub(super) fn written(&self, batch: Batch, written: Written) {
        self.with_queue(&batch, |queue| queue.written(&batch));
        self.settle(batch, Ok(written));
    }

    /// A sent batch failed for good.
    pub(super) fn failed(&self, batch: Batch, error: ClientError) {
        // Only a batch whose every attempt was answered with a refusal was surely not written.
        if batch.maybe_written {
            self.with_queue(&batch, |queue| queue.lost(&batch));
        } else {
            self.with_queue(&batch, |queue| queue.refused(&batch));
        }
        self.settle(batch, Err(error));
    }

    /// A sent batch was too large: it goes on as two halves. Gives it back when it can't be split.
    pub(super) fn split(&self, batch: Batch) -> Option<Batch> {
        let halves = batch.halves().ok().flatten();
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let queue = state
            .topics
            .get_mut(&batch.topic)
            .and_then(|topic| topic.queues.get_mut(batch.partition as usize));
        let (Some((first, second)), Some(queue), None, true) =
            (halves, queue, &state.failed, state.unsettled.contains_key(&batch.id))
        else {
            return Some(batch);
        };
        state.in_flight.remove(&batch.id);
        self.metrics.batches_split.note(1.0);
        state.unsettled.remove(&batch.id);
        state.unsettled.insert(first.id, first.outcome.clone());
        state.unsettled.insert(second.id, second.outcome.clone());
        batch.outcome.split(first.count(), first.outcome.clone(), second.outcome.clone());
        queue.split(&batch, [first, second]);
        state.active.insert((batch.topic.clone(), batch.partition));
        None
    }

    /// A sent batch is to be sent again, not before `not_before`, because of `error`.
    pub(super) fn again(&self, batch: Batch, not_before: Instant, error: ClientError) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let hopeless = match &state.failed {
            Some(failure) => Some(failure.clone()),
            // Its time was over before the answer came.
            None if !state.unsettled.contains_key(&batch.id) => Some(error),
            None => None,
        };
        if let Some(error) = hopeless {
            drop(guard);
            return self.failed(batch, error);
        }
        self.metrics.records_retried.note(f64::from(batch.count()));
        state.in_flight.remove(&batch.id);
        let key = (batch.topic.clone(), batch.partition);
        if let Some(queue) = state
            .topics
            .get_mut(&batch.topic)
            .and_then(|topic| topic.queues.get_mut(batch.partition as usize))
        {
            queue.come_back(batch, not_before);
            state.active.insert(key);
        }
    }

    /// The broker says that a batch does not follow what it has. Where a batch before it that is to be sent again explains
    /// that, it keeps its stamp; else it, and what comes after it, is counted anew. Whether it is counted anew.
    pub(super) fn out_of_sequence(&self, batch: &mut Batch) -> bool {
        let mut state = self.state.lock();
        let queue = state
            .topics
            .get_mut(&batch.topic)
            .and_then(|topic| topic.queues.get_mut(batch.partition as usize));
        let Some(queue) = queue.filter(|queue| !queue.follows_a_failure(batch)) else { return false };
        queue.unknown_to_broker(batch);
        true
    }

    /// The producer's figures.
    pub(super) fn read_metrics(&self, core: &Core) -> Vec<Metric> {
        let gauges = Gauges {
            buffer_total: self.config.buffer_memory,
            buffer_available: self.memory.available_permits(),
            metadata_age: core.metadata_age(),
        };
        self.metrics.read(&gauges, core.connection_metrics())
    }

    fn settle(&self, batch: Batch, result: Result<Written>) {
        if self.state.lock().unsettled.remove(&batch.id).is_some() {
            let records =
                if result.is_ok() { &self.metrics.records_sent } else { &self.metrics.records_failed };
            records.note(f64::from(batch.count()));
            batch.outcome.set(result);
        }
        self.memory.add_permits(batch.reserved());
    }

    /// Whether another producer id is to be taken.
    pub(super) fn wants_other_id(&self) -> bool {
        self.state.lock().other_id_wanted
    }

    /// Another producer id was taken.
    pub(super) fn took_id(&self) {
        self.state.lock().other_id_wanted = false;
    }

    /// Nothing can be sent any more: fails all that waits and all that comes.
    pub(super) fn fail(&self, error: ClientError) {
        let batches: Vec<Batch> = {
            let mut state = self.state.lock();
            state.failed = Some(error.clone());
            state.active.clear();
            state.topics.values_mut().flat_map(|topic| &mut topic.queues).flat_map(Queue::take_all).collect()
        };
        for batch in batches {
            self.settle(batch, Err(error.clone()));
        }
    }

    /// As [`Accumulator::fail`], with the batches under way too, whose answers nobody waits for any more.
    pub(super) fn fail_all(&self, error: ClientError) {
        self.fail(error.clone());
        self.memory.close();
        let unsettled = std::mem::take(&mut self.state.lock().unsettled);
        unsettled.into_values().for_each(|outcome| outcome.set(Err(error.clone())));
    }

    /// Fails what waits for a topic that can't be written to.
    pub(super) fn fail_topic(&self, topic: &str, code: ErrorCode) {
        let batches: Vec<Batch> = {
            let mut state = self.state.lock();
            state.active.retain(|(name, _)| &**name != topic);
            state
                .topics
                .get_mut(topic)
                .map_or_else(Vec::new, |topic| topic.queues.iter_mut().flat_map(Queue::take_all).collect())
        };
        for batch in batches {
            self.settle(batch, Err(ClientError::server(format!("topic {topic}"), code, None)));
        }
    }

    /// The topics that batches wait for.
    pub(super) fn waiting_topics(&self) -> BTreeSet<Arc<str>> {
        self.state.lock().active.iter().map(|(topic, _)| topic.clone()).collect()
    }

    /// Whether any batch waits.
    pub(super) fn has_waiting(&self) -> bool {
        !self.state.lock().active.is_empty()
    }

    /// Whether the sender may end: closing, and everything is settled.
    pub(super) fn is_finished(&self) -> bool {
        let state = self.state.lock();
        state.closing && state.unsettled.is_empty()
    }

    /// Takes no more records; what is here is sent without lingering.
    pub(super) fn start_closing(&self) {
        self.state.lock().closing = true;
        self.wake.notify_one();
    }

    /// Waits until all that is here now is settled; the first failure.
    pub(super) async fn flush(&self) -> Result<()> {
        struct Flushing<'a>(&'a Accumulator);
        impl Drop for Flushing<'_> {
            fn drop(&mut self) {
                self.0.state.lock().flushes -= 1;
            }
        }
        let outcomes: Vec<Arc<Outcome>> = {
            let mut state = self.state.lock();
            state.flushes += 1;
            state.unsettled.values().cloned().collect()
        };
        let _flushing = Flushing(self);
        self.wake.notify_one();
        let mut first_failure = Ok(());
        for outcome in outcomes {
            if let Err(error) = settled(outcome).await
                && first_failure.is_ok()
            {
                first_failure = Err(error);
            }
        }
        first_failure
    }
}

/// The partitions that records without a key may go to, with how many batches wait for each (0 unless that counts).
fn candidates(
    config: &ProducerConfig,
    topic: &Topic,
    stalled: &HashMap<i32, Instant>,
    waiting: impl Fn(i32) -> usize,
) -> Vec<(i32, usize)> {
    let allowed = config.availability_timeout;
    let is_stalled = |leader: i32| {
        !allowed.is_zero() && stalled.get(&leader).is_some_and(|since| since.elapsed() >= allowed)
    };
    let weighed = |index| (index, if config.adaptive_partitioning { waiting(index) } else { 0 });
    let led = topic.partitions.iter().filter_map(|partition| Some((partition.index, partition.leader?)));
    let usable: Vec<_> =
        led.clone().filter(|(_, leader)| !is_stalled(*leader)).map(|(index, _)| weighed(index)).collect();
    if usable.is_empty() { led.map(|(index, _)| weighed(index)).collect() } else { usable }
}

fn earliest(one: Option<Instant>, other: Instant) -> Option<Instant> {
    Some(one.map_or(other, |one| one.min(other)))
}
