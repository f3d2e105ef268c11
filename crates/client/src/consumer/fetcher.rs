//! Fetches in the background, one request at a time to each broker, and hands out what came.
//!
//! Always: a partition is not asked for again while something of it is buffered or under way, so the memory is bounded by one
//! answer (`fetch.max.bytes`) a broker. What was fetched for a position that has changed since is thrown away.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use moldau_protocol::Message;
use moldau_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use moldau_protocol::messages::fetch_response::PartitionData;
use moldau_protocol::messages::{FetchRequest, FetchResponse};
use moldau_types::{ErrorCode, Uuid};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::parse::Fetched;
use super::record::{ConsumerRecord, TopicPartition};
use super::state::{Need, Readings};
use crate::config::{ConsumerConfig, IsolationLevel};
use crate::error::{ClientError, Result};
use crate::metadata::{Cluster, Core};
use crate::net::Lane;

/// The last version of Fetch that names topics; later ones use their ids.
const LAST_VERSION_WITH_NAMES: i16 = 12;

/// A partition that was asked for.
#[derive(Clone, Debug)]
struct Asked {
    partition: TopicPartition,
    topic_id: Uuid,
    offset: i64,
    leader_epoch: i32,
}

struct Answer {
    node: i32,
    asked: Vec<Asked>,
    result: Result<FetchResponse>,
}

/// The fetches of one consumer.
pub(super) struct Fetcher {
    core: Arc<Core>,
    config: Arc<ConsumerConfig>,
    under_way: JoinSet<Answer>,
    asked_nodes: HashSet<i32>,
    asked_partitions: HashSet<TopicPartition>,
    resting_nodes: HashMap<i32, (Instant, u32)>,
    buffered: VecDeque<Fetched>,
    buffered_partitions: HashSet<TopicPartition>,
    /// Metadata turned out to be wrong.
    pub(super) metadata_wanted: bool,
}

impl Fetcher {
    pub(super) fn new(core: Arc<Core>, config: Arc<ConsumerConfig>) -> Self {
        Self {
            core,
            config,
            under_way: JoinSet::new(),
            asked_nodes: HashSet::new(),
            asked_partitions: HashSet::new(),
            resting_nodes: HashMap::new(),
            buffered: VecDeque::new(),
            buffered_partitions: HashSet::new(),
            metadata_wanted: false,
        }
    }

    /// Starts whatever fetches can be started.
    pub(super) fn start(&mut self, readings: &Readings) {
        let cluster = self.core.cluster();
        let now = Instant::now();
        let mut by_node: BTreeMap<i32, Vec<Asked>> = BTreeMap::new();
        for (partition, reading) in &readings.partitions {
            let Ok(position) = reading.position else { continue };
            if reading.paused
                || self.asked_partitions.contains(partition)
                || self.buffered_partitions.contains(partition)
            {
                continue;
            }
            let Some((leader, leader_epoch)) = cluster.leader(&partition.topic, partition.partition) else {
                self.metadata_wanted = true;
                continue;
            };
            let node =
                reading.preferred_replica.filter(|id| cluster.brokers.contains_key(id)).unwrap_or(leader.id);
            if self.asked_nodes.contains(&node)
                || self.resting_nodes.get(&node).is_some_and(|(until, _)| *until > now)
            {
                continue;
            }
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
            let (core, config) = (self.core.clone(), self.config.clone());
            self.under_way.spawn(async move {
                let result = fetch(&core, &config, node, &asked).await;
                Answer { node, asked, result }
            });
        }
    }

    /// When a broker that rests may be asked again.
    pub(super) fn next_start(&self) -> Option<Instant> {
        let now = Instant::now();
        self.resting_nodes.values().map(|(until, _)| *until).filter(|until| *until > now).min()
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
        for asked in &answer.asked {
            self.asked_partitions.remove(&asked.partition);
        }
        let response = match answer.result {
            Ok(response) => response,
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
        let mut trouble = false;
        let mut first_error = Ok(());
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
                match self.take_in(asked, data, readings) {
                    Ok(fine) => trouble |= !fine,
                    Err(error) => first_error = first_error.and(Err(error)),
                }
            }
        }
        if trouble {
            self.rest(answer.node);
        } else {
            self.resting_nodes.remove(&answer.node);
        }
        first_error
    }

    /// Takes one partition's part of an answer in; `false` when it had an error that passes by itself.
    fn take_in(&mut self, asked: &Asked, data: PartitionData, readings: &mut Readings) -> Result<bool> {
        let Some(reading) = readings.partitions.get_mut(&asked.partition) else { return Ok(true) };
        if reading.position.ok().is_none_or(|position| position.offset != asked.offset) {
            return Ok(true);
        }
        let code = ErrorCode::from_code(data.error_code);
        match code {
            ErrorCode::None => {
                reading.high_watermark = Some(data.high_watermark);
                if data.preferred_read_replica >= 0 {
                    reading.preferred_replica = Some(data.preferred_read_replica);
                    return Ok(true);
                }
                if data.records.as_ref().is_some_and(|records| !records.is_empty()) {
                    let committed_only = self.config.isolation_level == IsolationLevel::ReadCommitted;
                    self.buffered_partitions.insert(asked.partition.clone());
                    self.buffered.push_back(Fetched::new(
                        asked.partition.clone(),
                        asked.offset,
                        data,
                        committed_only,
                        self.config.check_crcs,
                    ));
                }
                Ok(true)
            }
            ErrorCode::OffsetOutOfRange => {
                if reading.preferred_replica.take().is_none() {
                    tracing::info!(partition = %asked.partition, offset = asked.offset, "the position is out of range");
                    reading.position = Err(Need::Reset);
                }
                Ok(true)
            }
            _ => {
                reading.preferred_replica = None;
                let error = ClientError::server(format!("fetch of {}", asked.partition), code, None);
                if !error.is_retriable() {
                    return Err(error);
                }
                tracing::debug!(%error, "fetch");
                self.metadata_wanted |= error.needs_metadata();
                Ok(false)
            }
        }
    }

    /// Takes up to `count` records of what is buffered, and moves the positions past them.
    pub(super) fn take(&mut self, readings: &mut Readings, count: usize) -> Result<Vec<ConsumerRecord>> {
        let mut records = Vec::new();
        let mut resting = VecDeque::new();
        let mut result = Ok(());
        while records.len() < count {
            let Some(mut fetched) = self.buffered.pop_front() else { break };
            let reading = readings.partitions.get_mut(fetched.partition());
            if reading.as_ref().is_some_and(|reading| reading.paused) {
                resting.push_back(fetched);
                continue;
            }
            let position = reading.and_then(|reading| reading.position.as_mut().ok());
            let Some(position) = position.filter(|position| position.offset == fetched.next_offset()) else {
                self.buffered_partitions.remove(fetched.partition());
                continue;
            };
            let taken = fetched.take(count - records.len(), &mut records);
            position.offset = fetched.next_offset();
            position.leader_epoch = fetched.leader_epoch().or(position.leader_epoch);
            match taken {
                Ok(()) if fetched.is_done() => {
                    self.buffered_partitions.remove(fetched.partition());
                }
                Ok(()) => self.buffered.push_front(fetched),
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

    /// Throws away what is buffered of partitions that are no longer read.
    pub(super) fn forget_all_but(&mut self, readings: &Readings) {
        self.buffered.retain(|fetched| readings.partitions.contains_key(fetched.partition()));
        self.buffered_partitions.retain(|partition| readings.partitions.contains_key(partition));
    }
}

fn topic_id(cluster: &Cluster, topic: &str) -> Uuid {
    cluster.topic(topic).map_or(Uuid::ZERO, |topic| topic.id)
}

async fn fetch(core: &Core, config: &ConsumerConfig, node: i32, asked: &[Asked]) -> Result<FetchResponse> {
    let connection = core.node(node, Lane::Fetch).await?;
    let ids_known = asked.iter().all(|asked| !asked.topic_id.is_zero());
    let highest = if ids_known { FetchRequest::MAX_VERSION } else { LAST_VERSION_WITH_NAMES };
    let version = connection.version_between::<FetchRequest>(FetchRequest::MIN_VERSION, highest)?;
    let mut request = FetchRequest {
        max_wait_ms: config.fetch_max_wait.as_millis().min(i32::MAX as u128) as i32,
        min_bytes: config.fetch_min_bytes,
        max_bytes: config.fetch_max_bytes,
        isolation_level: config.isolation_level.code(),
        rack_id: config.client_rack.clone(),
        ..Default::default()
    };
    for asked in asked {
        let partition = FetchPartition {
            partition: asked.partition.partition,
            current_leader_epoch: asked.leader_epoch,
            fetch_offset: asked.offset,
            partition_max_bytes: config.max_partition_fetch_bytes,
            ..Default::default()
        };
        match request.topics.last_mut() {
            Some(last) if *last.topic == *asked.partition.topic => last.partitions.push(partition),
            _ => request.topics.push(FetchTopic {
                topic: asked.partition.topic.to_string(),
                topic_id: asked.topic_id,
                partitions: vec![partition],
            }),
        }
    }
    let allowed = core.config().request_timeout.max(config.fetch_max_wait * 2);
    let response = connection.start_within(version, &request, allowed)?.answer().await?;
    ClientError::check(response.error_code, || format!("fetch from {}", connection.address()), None)?;
    Ok(response)
}
