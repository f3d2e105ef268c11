//! Fetches in the background, one request at a time to each broker, and hands out what came.
//!
//! Always: a partition is not asked for again while something of it is buffered or under way, and a broker only for what is
//! left of `fetch.max.bytes` beside what is buffered of its answers. So the memory is bounded by that for each broker, but for
//! a first batch that is bigger, and for what was buffered of partitions that are paused by now (they must not keep the others
//! waiting). What was fetched for a position that has changed since is thrown away.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use moldau_protocol::Message;
use moldau_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use moldau_protocol::messages::fetch_response::PartitionData;
use moldau_protocol::messages::{FetchRequest, FetchResponse};
use moldau_types::{ErrorCode, Uuid};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::fetch_metrics::Tally;
use super::metrics::{ConsumerMetrics, note_since};
use super::parse::Fetched;
use super::record::{ConsumerRecord, TopicPartition};
use super::session::{Ask, END, Plan, Session, is_of_session};
use super::state::{Need, Reading, Readings};
use crate::config::{AutoOffsetReset, ConsumerConfig, IsolationLevel};
use crate::error::{ClientError, Result};
use crate::metadata::{Cluster, Core};
use crate::net::Lane;

/// The last version of Fetch that names topics; later ones use their ids.
const LAST_VERSION_WITH_NAMES: i16 = 12;

/// The first version of Fetch with sessions.
const FIRST_VERSION_WITH_SESSIONS: i16 = 7;

/// A partition that was asked for.
#[derive(Clone, Debug)]
struct Asked {
    partition: TopicPartition,
    topic_id: Uuid,
    offset: i64,
    leader_epoch: i32,
}

/// One partition's part of an answer, as it waits to be given out.
struct Buffered {
    /// The broker that it came from.
    node: i32,
    /// Its share of the answer, which stays in memory until all of it was given out.
    bytes: usize,
    fetched: Fetched,
}

struct Answer {
    node: i32,
    asked: Vec<Asked>,
    session: Session,
    result: Result<FetchResponse>,
}

/// The fetches of one consumer.
pub(super) struct Fetcher {
    core: Arc<Core>,
    config: Arc<ConsumerConfig>,
    metrics: Arc<ConsumerMetrics>,
    under_way: JoinSet<Answer>,
    asked_nodes: HashSet<i32>,
    asked_partitions: HashSet<TopicPartition>,
    /// The sessions with the brokers that are not asked at the moment.
    sessions: HashMap<i32, Session>,
    resting_nodes: HashMap<i32, (Instant, u32)>,
    buffered: VecDeque<Buffered>,
    buffered_partitions: HashSet<TopicPartition>,
    /// Metadata turned out to be wrong.
    pub(super) metadata_wanted: bool,
}

impl Fetcher {
    pub(super) fn new(core: Arc<Core>, config: Arc<ConsumerConfig>, metrics: Arc<ConsumerMetrics>) -> Self {
        Self {
            core,
            config,
            metrics,
            under_way: JoinSet::new(),
            asked_nodes: HashSet::new(),
            asked_partitions: HashSet::new(),
            sessions: HashMap::new(),
            resting_nodes: HashMap::new(),
            buffered: VecDeque::new(),
            buffered_partitions: HashSet::new(),
            metadata_wanted: false,
        }
    }

    /// Starts whatever fetches can be started.
    pub(super) fn start(&mut self, readings: &mut Readings) {
        let cluster = self.core.cluster();
        let now = Instant::now();
        let room = self.room(readings);
        let mut by_node: BTreeMap<i32, Vec<Asked>> = BTreeMap::new();
        for (partition, reading) in &mut readings.partitions {
            let Ok(position) = reading.position else { continue };
            if reading.paused
                || reading.rests_until(now).is_some()
                || self.asked_partitions.contains(partition)
                || self.buffered_partitions.contains(partition)
            {
                continue;
            }
            let Some((leader, leader_epoch)) = cluster.leader(&partition.topic, partition.partition) else {
                self.metadata_wanted = true;
                continue;
            };
            if reading.is_doubtful(leader_epoch) {
                continue;
            }
            let node =
                reading.replica(now).filter(|id| cluster.brokers.contains_key(id)).unwrap_or(leader.id);
            if self.asked_nodes.contains(&node)
                || self.resting_nodes.get(&node).is_some_and(|(until, _)| *until > now)
                || room.get(&node).is_some_and(|room| *room <= 0)
            {
                continue;
            }
            // What this leader gives is good in its epoch.
            reading.checked_in = Some(leader_epoch);
            by_node.entry(node).or_default().push(Asked {
                partition: partition.clone(),
                topic_id: topic_id(&cluster, &partition.topic),
                offset: position.offset,
                leader_epoch,
            });
        }
        for (node, asked) in by_node {
            self.asked_nodes.insert(node);
            self.asked_partitions.extend(asked.iter().map(|asked| asked.partition.clone()));
            let (core, config, metrics) = (self.core.clone(), self.config.clone(), self.metrics.clone());
            let mut session = self.sessions.remove(&node).unwrap_or_default();
            let max_bytes = room.get(&node).copied().unwrap_or(config.fetch_max_bytes);
            self.under_way.spawn(async move {
                let began = Instant::now();
                let result = fetch(&core, &config, node, &asked, max_bytes, &mut session).await;
                if let Ok(response) = &result {
                    note_since(&metrics.fetches.latencies, began);
                    metrics.fetches.throttle_times.note(f64::from(response.throttle_time_ms));
                }
                Answer { node, asked, session, result }
            });
        }
    }

    /// How many bytes each broker may be asked for of which something is buffered.
    fn room(&self, readings: &Readings) -> HashMap<i32, i32> {
        let mut room = HashMap::new();
        for buffered in &self.buffered {
            let reading = readings.partitions.get(buffered.fetched.partition());
            if reading.is_none_or(|reading| !reading.paused) {
                let room = room.entry(buffered.node).or_insert(self.config.fetch_max_bytes);
                *room = room.saturating_sub(i32::try_from(buffered.bytes).unwrap_or(i32::MAX));
            }
        }
        room
    }

    /// When a broker or a partition that rests may be asked again.
    pub(super) fn next_start(&self, readings: &Readings) -> Option<Instant> {
        let now = Instant::now();
        let nodes = self.resting_nodes.values().map(|(until, _)| *until).filter(|until| *until > now);
        nodes.chain(readings.partitions.values().filter_map(|reading| reading.rests_until(now))).min()
    }

    /// Waits for the next answer and works it in; pends while nothing is under way.
    pub(super) async fn answered(&mut self, readings: &mut Readings) -> Result<()> {
        match self.under_way.join_next().await {
            Some(Ok(answer)) => self.work_in(answer, readings),
            Some(Err(_)) => Ok(()),
            None => std::future::pending().await,
        }
    }

    /// Works in the answers that are there already.
    pub(super) fn work_in_ready(&mut self, readings: &mut Readings) -> Result<()> {
        while let Some(answer) = self.under_way.try_join_next() {
            if let Ok(answer) = answer {
                self.work_in(answer, readings)?;
            }
        }
        Ok(())
    }

    fn rest(&mut self, node: i32) {
        let (_, failures) = self.resting_nodes.get(&node).copied().unwrap_or((Instant::now(), 0));
        let until = Instant::now() + self.core.config().retry_pause(failures);
        self.resting_nodes.insert(node, (until, failures.saturating_add(1)));
    }

    fn work_in(&mut self, answer: Answer, readings: &mut Readings) -> Result<()> {
        self.asked_nodes.remove(&answer.node);
        self.sessions.insert(answer.node, answer.session);
        for asked in &answer.asked {
            self.asked_partitions.remove(&asked.partition);
        }
        let response = match answer.result {
            Ok(response) => response,
            Err(error) if error.code().is_some_and(is_of_session) => {
                tracing::debug!(node = answer.node, %error, "the fetch session is begun anew");
                self.metadata_wanted |= error.needs_metadata();
                return Ok(());
            }
            Err(error) if error.is_retriable() => {
                tracing::debug!(node = answer.node, %error, "fetch");
                // The replica that was named may be gone.
                for asked in &answer.asked {
                    if let Some(reading) = readings.partitions.get_mut(&asked.partition) {
                        reading.preferred_replica = None;
                    }
                }
                self.metadata_wanted = true;
                self.rest(answer.node);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.resting_nodes.remove(&answer.node);
        let mut first_error = Ok(());
        // An answer of a session that speaks of no partition has nothing to be counted.
        let tally = Tally::new(self.metrics.clone());
        for topic in response.responses {
            for data in topic.partitions {
                let asked = answer.asked.iter().find(|asked| {
                    asked.partition.partition == data.partition_index
                        && if topic.topic.is_empty() {
                            asked.topic_id == topic.topic_id
                        } else {
                            *asked.partition.topic == *topic.topic
                        }
                });
                let Some(asked) = asked else { continue };
                let taken = self.take_in(answer.node, asked, data, readings, &tally);
                first_error = first_error.and(taken);
            }
        }
        first_error
    }

    /// Takes one partition's part of an answer in. One with an error that passes by itself rests.
    fn take_in(
        &mut self,
        node: i32,
        asked: &Asked,
        data: PartitionData,
        readings: &mut Readings,
        tally: &Arc<Tally>,
    ) -> Result<()> {
        let Some(reading) = readings.partitions.get_mut(&asked.partition) else { return Ok(()) };
        if reading.position.ok().is_none_or(|position| position.offset != asked.offset) {
            return Ok(());
        }
        let code = ErrorCode::from_code(data.error_code);
        match code {
            ErrorCode::None => {
                let committed_only = self.config.isolation_level == IsolationLevel::ReadCommitted;
                reading.end_offset =
                    Some(if committed_only { data.last_stable_offset } else { data.high_watermark });
                if data.preferred_read_replica < 0 {
                    reading.resting = None;
                }
                reading.log_start_offset = Some(data.log_start_offset).filter(|offset| *offset >= 0);
                if data.preferred_read_replica >= 0 {
                    let replica = data.preferred_read_replica;
                    let until = Instant::now() + self.core.config().metadata_max_age;
                    reading.preferred_replica = Some((replica, until));
                    if !self.core.cluster().brokers.contains_key(&replica) {
                        self.metadata_wanted = true;
                        reading.rest(self.core.config());
                    }
                    return Ok(());
                }
                let bytes = data.records.as_ref().map_or(0, |records| records.len());
                if bytes > 0 {
                    self.buffered_partitions.insert(asked.partition.clone());
                    let fetched = Fetched::new(
                        asked.partition.clone(),
                        asked.offset,
                        data,
                        committed_only,
                        self.config.check_crcs,
                        tally.clone(),
                    );
                    self.buffered.push_back(Buffered { node, bytes, fetched });
                }
                Ok(())
            }
            ErrorCode::OffsetOutOfRange => {
                if reading.preferred_replica.take().is_none() {
                    if self.config.auto_offset_reset == AutoOffsetReset::None {
                        // The position stays, and is said again, until the caller seeks.
                        reading.rest(self.core.config());
                        let partitions = vec![(asked.partition.to_string(), asked.offset)];
                        return Err(ClientError::OffsetOutOfRange { partitions });
                    }
                    tracing::info!(partition = %asked.partition, offset = asked.offset, "the position is out of range");
                    reading.position = Err(Need::Reset);
                }
                Ok(())
            }
            _ => {
                reading.preferred_replica = None;
                let error = ClientError::server(format!("fetch of {}", asked.partition), code, None);
                if !error.is_retriable() {
                    return Err(error);
                }
                tracing::debug!(%error, "fetch");
                self.metadata_wanted |= error.needs_metadata();
                reading.rest(self.core.config());
                Ok(())
            }
        }
    }

    /// Takes up to `count` records of what is buffered, and moves the positions past them.
    pub(super) fn take(&mut self, readings: &mut Readings, count: usize) -> Result<Vec<ConsumerRecord>> {
        let mut records = Vec::new();
        let mut resting = VecDeque::new();
        let mut result = Ok(());
        while records.len() < count {
            let Some(mut buffered) = self.buffered.pop_front() else { break };
            let fetched = &mut buffered.fetched;
            let reading = readings.partitions.get_mut(fetched.partition());
            if reading.as_ref().is_some_and(|reading| reading.paused) {
                resting.push_back(buffered);
                continue;
            }
            let stands = |reading: &&mut Reading| {
                reading.position.is_ok_and(|position| position.offset == fetched.next_offset())
            };
            let Some(reading) = reading.filter(stands) else {
                self.buffered_partitions.remove(fetched.partition());
                continue;
            };
            let taken = fetched.take(count - records.len(), &mut records);
            if let Ok(position) = &mut reading.position {
                position.offset = fetched.next_offset();
                position.leader_epoch = fetched.leader_epoch().or(position.leader_epoch);
            }
            self.metrics.fetches.note_distances(fetched.partition(), reading);
            match taken {
                Ok(()) if fetched.is_done() => {
                    self.buffered_partitions.remove(fetched.partition());
                }
                Ok(()) => self.buffered.push_front(buffered),
                Err(error) => {
                    self.buffered_partitions.remove(fetched.partition());
                    result = Err(error);
                    break;
                }
            }
        }
        self.buffered.append(&mut resting);
        // What came before an error is given out first; the error comes again with the next fetch.
        match result {
            Err(error) if records.is_empty() => Err(error),
            _ => Ok(records),
        }
    }

    /// Ends the sessions, so that brokers need not keep them; what does not work at once is left.
    pub(super) async fn end_sessions(&mut self) {
        const AT_MOST: Duration = Duration::from_millis(500);
        let end = |(node, session): (i32, Session)| {
            let core = self.core.clone();
            async move {
                let Some(session_id) = session.open_id() else { return };
                let Ok(connection) = core.node(node, Lane::Fetch).await else { return };
                let request = FetchRequest { session_id, session_epoch: END, ..Default::default() };
                if let Err(error) = connection.request(&request).await {
                    tracing::debug!(node, %error, "ending a fetch session");
                }
            }
        };
        let ends = futures_util::future::join_all(self.sessions.drain().map(end));
        let _ = tokio::time::timeout(AT_MOST, ends).await;
    }

    /// Throws away what is buffered of partitions that are no longer read.
    pub(super) fn forget_all_but(&mut self, readings: &Readings) {
        self.buffered.retain(|buffered| readings.partitions.contains_key(buffered.fetched.partition()));
        self.buffered_partitions.retain(|partition| readings.partitions.contains_key(partition));
        self.metrics.fetches.forget_all_but(readings);
    }
}

fn topic_id(cluster: &Cluster, topic: &str) -> Uuid {
    cluster.topic(topic).map_or(Uuid::ZERO, |topic| topic.id)
}

async fn fetch(
    core: &Core,
    config: &ConsumerConfig,
    node: i32,
    asked: &[Asked],
    max_bytes: i32,
    session: &mut Session,
) -> Result<FetchResponse> {
    let result = fetch_once(core, config, node, asked, max_bytes, session).await;
    match &result {
        Ok(response) => session.answered(response.session_id),
        Err(error) => session.failed(error.code()),
    }
    result
}

async fn fetch_once(
    core: &Core,
    config: &ConsumerConfig,
    node: i32,
    asked: &[Asked],
    max_bytes: i32,
    session: &mut Session,
) -> Result<FetchResponse> {
    let connection = core.node(node, Lane::Fetch).await?;
    let ids_known = asked.iter().all(|asked| !asked.topic_id.is_zero());
    let highest = if ids_known { FetchRequest::MAX_VERSION } else { LAST_VERSION_WITH_NAMES };
    let version = connection.version_between::<FetchRequest>(FetchRequest::MIN_VERSION, highest)?;
    let ask = |asked: &Asked| Ask {
        topic_id: asked.topic_id,
        offset: asked.offset,
        leader_epoch: asked.leader_epoch,
    };
    let asks = asked.iter().map(|asked| (asked.partition.clone(), ask(asked))).collect();
    let mut plan = session.plan(asks, version > LAST_VERSION_WITH_NAMES);
    if version < FIRST_VERSION_WITH_SESSIONS {
        (plan.session_id, plan.session_epoch) = (0, END);
    }
    let request = request(config, plan, max_bytes);
    let allowed = core.config().request_timeout.max(config.fetch_max_wait * 2);
    let response = connection.start_within(version, &request, allowed)?.answer().await?;
    ClientError::check(response.error_code, || format!("fetch from {}", connection.address()), None)?;
    Ok(response)
}

fn request(config: &ConsumerConfig, plan: Plan, max_bytes: i32) -> FetchRequest {
    let mut request = FetchRequest {
        max_wait_ms: config.fetch_max_wait.as_millis().min(i32::MAX as u128) as i32,
        min_bytes: config.fetch_min_bytes,
        max_bytes,
        isolation_level: config.isolation_level.code(),
        rack_id: config.client_rack.clone(),
        session_id: plan.session_id,
        session_epoch: plan.session_epoch,
        ..Default::default()
    };
    for (partition, ask) in plan.named {
        let entry = FetchPartition {
            partition: partition.partition,
            current_leader_epoch: ask.leader_epoch,
            fetch_offset: ask.offset,
            partition_max_bytes: config.max_partition_fetch_bytes,
            ..Default::default()
        };
        match request.topics.last_mut() {
            Some(last) if *last.topic == *partition.topic && last.topic_id == ask.topic_id => {
                last.partitions.push(entry);
            }
            _ => request.topics.push(FetchTopic {
                topic: partition.topic.to_string(),
                topic_id: ask.topic_id,
                partitions: vec![entry],
            }),
        }
    }
    for (partition, topic_id) in plan.forgotten {
        match request.forgotten_topics_data.last_mut() {
            Some(last) if *last.topic == *partition.topic && last.topic_id == topic_id => {
                last.partitions.push(partition.partition);
            }
            _ => request.forgotten_topics_data.push(ForgottenTopic {
                topic: partition.topic.to_string(),
                topic_id,
                partitions: vec![partition.partition],
            }),
        }
    }
    request
}
