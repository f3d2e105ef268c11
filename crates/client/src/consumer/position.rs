//! Finds positions in the background: the committed offset, or what `auto.offset.reset` or a seek says.
//!
//! Always: each look-up is one round, at one broker, and what it gives is taken up by itself, so that a partition without an
//! answer keeps no other one waiting; such a partition rests before it is looked up again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::lookup::{ask_leader, at_coordinator, committed};
use super::record::{OffsetSpec, TopicPartition};
use super::state::{Need, Position, Readings};
use crate::config::{AutoOffsetReset, ConsumerConfig, IsolationLevel};
use crate::error::{ClientError, Result};
use crate::metadata::{Cluster, Core};
use crate::producer::now_ms;

/// What a look-up gave for each partition and need that it was made for; `None` where the group has no committed offset.
pub(super) type Found = Vec<(TopicPartition, Need, Result<Option<Position>>)>;

/// The look-ups of one consumer.
pub(super) struct Finder {
    core: Arc<Core>,
    config: Arc<ConsumerConfig>,
    under_way: JoinSet<Found>,
    /// What is looked up at the moment.
    asked: HashMap<TopicPartition, Need>,
    /// Partitions whose look-up failed: when they may be looked up again, and how often it failed in a row.
    resting: HashMap<TopicPartition, (Instant, u32)>,
    /// Metadata is missing, or turned out to be wrong.
    pub(super) metadata_wanted: bool,
}

impl Finder {
    pub(super) fn new(core: Arc<Core>, config: Arc<ConsumerConfig>) -> Self {
        Self {
            core,
            config,
            under_way: JoinSet::new(),
            asked: HashMap::new(),
            resting: HashMap::new(),
            metadata_wanted: false,
        }
    }

    /// Starts whatever look-ups can be started. The error is one that does not pass by itself.
    pub(super) fn start(&mut self, readings: &Readings) -> Result<()> {
        let now = Instant::now();
        self.resting.retain(|partition, _| readings.partitions.contains_key(partition));
        let due: Vec<(TopicPartition, Need)> = readings
            .needs()
            .into_iter()
            .filter(|(partition, need)| self.asked.get(partition) != Some(need))
            .filter(|(partition, _)| self.resting.get(partition).is_none_or(|(until, _)| *until <= now))
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        let cluster = self.core.cluster();
        let mut of_group = Vec::new();
        let mut by_leader: BTreeMap<i32, Vec<(TopicPartition, Need, OffsetSpec)>> = BTreeMap::new();
        let (mut result, mut without) = (Ok(()), Vec::new());
        for (partition, need) in due {
            let spec = match need {
                Need::Seek(spec) => spec,
                Need::Committed if self.config.group_id.is_some() => {
                    of_group.push(partition);
                    continue;
                }
                Need::Committed | Need::Reset => match self.reset() {
                    Some(spec) => spec,
                    None => {
                        without.push(partition.to_string());
                        self.rest(partition);
                        continue;
                    }
                },
            };
            match cluster.leader(&partition.topic, partition.partition) {
                Some((leader, _)) => by_leader.entry(leader.id).or_default().push((partition, need, spec)),
                None => {
                    self.metadata_wanted = true;
                    if let Some(error) = lasting_error(&cluster, &partition) {
                        result = result.and(Err(error));
                        self.rest(partition);
                    }
                }
            }
        }
        if let Some(group) = self.config.group_id.clone()
            && !of_group.is_empty()
        {
            self.asked.extend(of_group.iter().map(|partition| (partition.clone(), Need::Committed)));
            self.under_way.spawn(find_committed(self.core.clone(), group, of_group));
        }
        for (leader, wanted) in by_leader {
            self.asked.extend(wanted.iter().map(|(partition, need, _)| (partition.clone(), *need)));
            self.under_way.spawn(find_at(self.core.clone(), leader, wanted, self.config.isolation_level));
        }
        result.and(all_have_offsets(without))
    }

    /// When a partition that rests may be looked up again.
    pub(super) fn next_start(&self) -> Option<Instant> {
        let now = Instant::now();
        self.resting.values().map(|(until, _)| *until).filter(|until| *until > now).min()
    }

    /// Waits for the next look-up to end; pends while none is under way. Cancelling this loses nothing.
    pub(super) async fn answered(&mut self) -> Found {
        match self.under_way.join_next().await {
            Some(found) => found.unwrap_or_default(),
            None => std::future::pending().await,
        }
    }

    /// Takes up what a look-up gave. The error is one that does not pass by itself.
    pub(super) fn take_up(&mut self, found: Found, readings: &mut Readings) -> Result<()> {
        let (mut result, mut without) = (Ok(()), Vec::new());
        for (partition, need, outcome) in found {
            if self.asked.get(&partition) == Some(&need) {
                self.asked.remove(&partition);
            }
            let reading = readings.partitions.get_mut(&partition);
            // Something else was asked for meanwhile.
            let Some(reading) = reading.filter(|reading| reading.position == Err(need)) else { continue };
            match outcome {
                Ok(Some(position)) => {
                    reading.position = Ok(position);
                    self.resting.remove(&partition);
                }
                Ok(None) if self.config.auto_offset_reset == AutoOffsetReset::None => {
                    without.push(partition.to_string());
                    self.rest(partition);
                }
                Ok(None) => reading.position = Err(Need::Reset),
                Err(error) => {
                    self.metadata_wanted |= error.needs_metadata();
                    if error.is_retriable() {
                        tracing::debug!(%partition, %error, "the position is not found yet");
                    } else {
                        result = result.and(Err(error));
                    }
                    self.rest(partition);
                }
            }
        }
        result.and(all_have_offsets(without))
    }

    fn rest(&mut self, partition: TopicPartition) {
        let failures = self.resting.get(&partition).map_or(0, |(_, failures)| *failures);
        let until = Instant::now() + self.core.config().retry_pause(failures);
        self.resting.insert(partition, (until, failures.saturating_add(1)));
    }

    /// What `auto.offset.reset` says; `None` if nothing.
    fn reset(&self) -> Option<OffsetSpec> {
        match self.config.auto_offset_reset {
            AutoOffsetReset::Earliest => Some(OffsetSpec::Earliest),
            AutoOffsetReset::Latest => Some(OffsetSpec::Latest),
            AutoOffsetReset::ByDuration(back) => {
                Some(OffsetSpec::Timestamp(now_ms() - back.as_millis().min(i64::MAX as u128) as i64))
            }
            AutoOffsetReset::None => None,
        }
    }
}

fn all_have_offsets(without: Vec<String>) -> Result<()> {
    if without.is_empty() { Ok(()) } else { Err(ClientError::NoOffset { partitions: without }) }
}

/// Why a partition has no leader, where that does not pass by itself.
fn lasting_error(cluster: &Cluster, partition: &TopicPartition) -> Option<ClientError> {
    let topic = cluster.topic(&partition.topic)?;
    let error = ClientError::server(partition.to_string(), topic.error, None);
    (topic.error.is_error() && !error.is_retriable()).then_some(error)
}

/// Reads the group's committed offsets.
async fn find_committed(core: Arc<Core>, group: String, partitions: Vec<TopicPartition>) -> Found {
    // Offsets of a transaction that is going on are waited for (KIP-447): where to go on depends on how it ends, whatever
    // the isolation level.
    let read = |connection| committed(connection, &group, Some(&partitions), true);
    let read = at_coordinator(&core, &group, read).await;
    let position = |partition: &TopicPartition| {
        let offset = read.as_ref().map_err(Clone::clone)?.get(partition);
        Ok(offset.map(|offset| Position { offset: offset.offset, leader_epoch: offset.leader_epoch }))
    };
    partitions.iter().map(|partition| (partition.clone(), Need::Committed, position(partition))).collect()
}

/// Looks offsets up at this leader. Where nothing is as young as the time that was asked for, that is the end.
async fn find_at(
    core: Arc<Core>,
    leader: i32,
    wanted: Vec<(TopicPartition, Need, OffsetSpec)>,
    isolation: IsolationLevel,
) -> Found {
    let specs = wanted.iter().map(|(partition, _, spec)| (partition.clone(), *spec)).collect();
    let mut answers = ask(&core, leader, specs, isolation).await;
    if let Ok(answers) = &mut answers {
        let too_young = answers.iter().filter(|(_, answer)| matches!(answer, Ok(None)));
        let at_end: Vec<_> =
            too_young.map(|(partition, _)| (partition.clone(), OffsetSpec::Latest)).collect();
        if !at_end.is_empty() {
            match ask(&core, leader, at_end.clone(), isolation).await {
                Ok(ends) => answers.extend(ends),
                Err(error) => {
                    let failed = |(partition, _): (TopicPartition, _)| (partition, Err(error.clone()));
                    answers.extend(at_end.into_iter().map(failed));
                }
            }
        }
    }
    let position = |partition: &TopicPartition| {
        let answer = answers.as_ref().map_err(Clone::clone)?.get(partition);
        answer.cloned().unwrap_or_else(|| Err(unanswered(partition)))
    };
    let found = wanted.into_iter().map(|(partition, need, _)| {
        let position = position(&partition).map(|position| Some(position.unwrap_or(LOG_START)));
        (partition, need, position)
    });
    found.collect()
}

/// Where a partition begins of which its leader knows no end.
const LOG_START: Position = Position { offset: 0, leader_epoch: None };

type Answers = HashMap<TopicPartition, Result<Option<Position>>>;

async fn ask(
    core: &Core,
    leader: i32,
    wanted: Vec<(TopicPartition, OffsetSpec)>,
    isolation: IsolationLevel,
) -> Result<Answers> {
    let answers = ask_leader(core, leader, wanted, isolation).await?;
    let position = |(partition, answer): (TopicPartition, Result<Option<super::FoundOffset>>)| {
        let position = answer.map(|found| {
            found.map(|found| Position { offset: found.offset, leader_epoch: found.leader_epoch })
        });
        (partition, position)
    };
    Ok(answers.into_iter().map(position).collect())
}

fn unanswered(partition: &TopicPartition) -> ClientError {
    let why = "the answer does not speak of it".to_owned();
    ClientError::server(
        format!("offset of {partition}"),
        moldau_types::ErrorCode::UnknownServerError,
        Some(why),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_seek_during_a_lookup_wins() {
        let config = ConsumerConfig::default();
        let core = Core::new(config.common.clone(), false).expect("a core");
        let mut finder = Finder::new(core, Arc::new(config));
        let partition = TopicPartition::new("t", 0);
        let mut readings = Readings::default();
        readings.replace(std::slice::from_ref(&partition));
        assert_eq!(readings.needs()[&partition], Need::Committed);
        let sought = Need::Seek(OffsetSpec::Latest);
        readings.partitions.get_mut(&partition).expect("read").position = Err(sought);
        let found =
            |need, offset| vec![(partition.clone(), need, Ok(Some(Position { offset, leader_epoch: None })))];
        finder.take_up(found(Need::Committed, 1), &mut readings).expect("taken up");
        assert_eq!(readings.needs()[&partition], sought);
        finder.take_up(found(sought, 9), &mut readings).expect("taken up");
        assert!(readings.needs().is_empty());
    }
}
