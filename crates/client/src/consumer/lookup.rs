//! Looking offsets up at the partitions' leaders, and committed offsets at a group's coordinator.
//!
//! Always: a partition whose leader was not the one asked is asked for again with fresh metadata, and brokers that can't be
//! reached are tried again, until `default.api.timeout.ms`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use moldau_protocol::Message;
use moldau_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use moldau_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use moldau_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use moldau_protocol::messages::{
    ListOffsetsRequest, OffsetCommitRequest, OffsetFetchRequest, OffsetFetchResponse,
};
use moldau_types::ErrorCode;
use tokio::time::Instant;

use super::record::{FoundOffset, OffsetAndMetadata, OffsetSpec, TopicPartition};
use crate::config::IsolationLevel;
use crate::error::{ClientError, Result};
use crate::metadata::Core;
use crate::net::{Connection, Lane};

/// The last versions of OffsetCommit and OffsetFetch that name topics.
const LAST_OFFSET_VERSION_WITH_NAMES: i16 = 9;

/// Whether the coordinator that was asked is not the group's (any more).
pub(crate) fn needs_coordinator(error: &ClientError) -> bool {
    error.is_connection()
        || matches!(error.code(), Some(ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable))
}

/// Looks offsets up. A partition without a record at or after a timestamp gets `None`.
pub(crate) async fn list_offsets(
    core: &Core,
    wanted: &BTreeMap<TopicPartition, OffsetSpec>,
    isolation: IsolationLevel,
) -> Result<BTreeMap<TopicPartition, Option<FoundOffset>>> {
    let mut found = BTreeMap::new();
    let mut missing = wanted.clone();
    let deadline = Instant::now() + core.config().default_api_timeout;
    let mut attempt = 0;
    loop {
        let last_error = match list_offsets_once(core, &mut missing, &mut found, isolation).await {
            // No metadata, since no broker can be reached.
            Err(error) if error.is_retriable() => Some(error),
            answered => answered?,
        };
        if missing.is_empty() {
            return Ok(found);
        }
        let error = last_error.unwrap_or_else(|| {
            let first = missing.keys().next().map(ToString::to_string).unwrap_or_default();
            ClientError::server(format!("offset of {first}"), ErrorCode::LeaderNotAvailable, None)
        });
        core.pause_or(error, &mut attempt, deadline).await?;
        let _ = core.refresh().await;
    }
}

/// One round; the error that kept a partition from being answered, when it may be tried again.
async fn list_offsets_once(
    core: &Core,
    missing: &mut BTreeMap<TopicPartition, OffsetSpec>,
    found: &mut BTreeMap<TopicPartition, Option<FoundOffset>>,
    isolation: IsolationLevel,
) -> Result<Option<ClientError>> {
    let mut names: Vec<&str> = missing.keys().map(|partition| &*partition.topic).collect();
    names.dedup();
    let cluster = core.topics(&names).await?;
    let mut last_error = None;
    let mut by_leader: BTreeMap<i32, Vec<(TopicPartition, OffsetSpec)>> = BTreeMap::new();
    for (partition, spec) in missing.iter() {
        match cluster.leader(&partition.topic, partition.partition) {
            Some((leader, _)) => by_leader.entry(leader.id).or_default().push((partition.clone(), *spec)),
            None => {
                let code = match cluster.topic(&partition.topic) {
                    Some(topic) if topic.error.is_error() => topic.error,
                    Some(topic) if topic.partition(partition.partition).is_some() => {
                        ErrorCode::LeaderNotAvailable
                    }
                    _ => ErrorCode::UnknownTopicOrPartition,
                };
                let error = ClientError::server(partition.to_string(), code, None);
                if !error.is_retriable() {
                    return Err(error);
                }
                last_error = Some(error);
            }
        }
    }
    let asks =
        by_leader.into_iter().map(|(leader, partitions)| ask_leader(core, leader, partitions, isolation));
    for answered in futures_util::future::join_all(asks).await {
        let answers = match answered {
            Ok(answers) => answers,
            Err(error) if error.is_retriable() => {
                last_error = Some(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        for (partition, answer) in answers {
            match answer {
                Ok(offset) => {
                    missing.remove(&partition);
                    found.insert(partition, offset);
                }
                Err(error) if error.is_retriable() => last_error = Some(error),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(last_error)
}

/// What a broker answered, for each partition.
pub(crate) type Answers = Vec<(TopicPartition, Result<Option<FoundOffset>>)>;

pub(super) async fn ask_leader(
    core: &Core,
    leader: i32,
    partitions: Vec<(TopicPartition, OffsetSpec)>,
    isolation: IsolationLevel,
) -> Result<Answers> {
    let connection = core.node(leader, Lane::Main).await?;
    let timeout_ms = core.config().request_timeout.as_millis().min(i32::MAX as u128) as i32;
    ask_for_offsets(connection, partitions, isolation, timeout_ms).await
}

/// Looks offsets up, once, at this broker.
pub(crate) async fn ask_for_offsets(
    connection: Connection,
    partitions: Vec<(TopicPartition, OffsetSpec)>,
    isolation: IsolationLevel,
    timeout_ms: i32,
) -> Result<Answers> {
    let lowest = partitions.iter().map(|(_, spec)| spec.lowest_version()).max().unwrap_or(0);
    let version = connection.version_between::<ListOffsetsRequest>(
        lowest.max(ListOffsetsRequest::MIN_VERSION),
        ListOffsetsRequest::MAX_VERSION,
    )?;
    let mut request = ListOffsetsRequest { replica_id: -1, ..Default::default() };
    if version >= 2 {
        request.isolation_level = isolation.code();
    }
    if version >= 10 {
        request.timeout_ms = timeout_ms;
    }
    for (partition, spec) in &partitions {
        let entry = ListOffsetsPartition {
            partition_index: partition.partition,
            timestamp: spec.timestamp(),
            ..Default::default()
        };
        match request.topics.last_mut() {
            Some(last) if *last.name == *partition.topic => last.partitions.push(entry),
            _ => request
                .topics
                .push(ListOffsetsTopic { name: partition.topic.to_string(), partitions: vec![entry] }),
        }
    }
    let response = connection.start(version, &request)?.answer().await?;
    let mut answers = Answers::new();
    for topic in response.topics {
        let name: Arc<str> = topic.name.into();
        for answer in topic.partitions {
            let partition = TopicPartition::new(name.clone(), answer.partition_index);
            let result = ClientError::check(answer.error_code, || format!("offset of {partition}"), None)
                .map(|()| {
                    (answer.offset >= 0).then_some(FoundOffset {
                        offset: answer.offset,
                        timestamp: (answer.timestamp >= 0).then_some(answer.timestamp),
                        leader_epoch: (answer.leader_epoch >= 0).then_some(answer.leader_epoch),
                    })
                });
            answers.push((partition, result));
        }
    }
    Ok(answers)
}

/// Who commits: a member in its generation, or nobody in particular.
#[derive(Clone, Debug)]
pub(crate) struct Committer {
    pub(crate) group: String,
    pub(crate) generation: i32,
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
}

impl Committer {
    /// A committer outside the group's membership.
    pub(crate) fn of_group(group: &str) -> Self {
        Self { group: group.to_owned(), generation: -1, member_id: String::new(), instance_id: None }
    }
}

/// Commits offsets, once, at this coordinator.
pub(crate) async fn commit(
    connection: Connection,
    committer: &Committer,
    offsets: &BTreeMap<TopicPartition, OffsetAndMetadata>,
) -> Result<()> {
    commit_each(connection, committer, offsets).await?.into_values().collect()
}

/// Commits offsets, once, at this coordinator; gives a result for each partition.
pub(crate) async fn commit_each(
    connection: Connection,
    committer: &Committer,
    offsets: &BTreeMap<TopicPartition, OffsetAndMetadata>,
) -> Result<BTreeMap<TopicPartition, Result<()>>> {
    let version = connection.version_between::<OffsetCommitRequest>(
        OffsetCommitRequest::MIN_VERSION,
        LAST_OFFSET_VERSION_WITH_NAMES,
    )?;
    let mut request = OffsetCommitRequest {
        group_id: committer.group.clone(),
        generation_id_or_member_epoch: committer.generation,
        member_id: committer.member_id.clone(),
        ..Default::default()
    };
    if version >= 7 {
        request.group_instance_id = committer.instance_id.clone();
    }
    for (partition, offset) in offsets {
        let entry = OffsetCommitRequestPartition {
            partition_index: partition.partition,
            committed_offset: offset.offset,
            committed_leader_epoch: offset.leader_epoch.unwrap_or(-1),
            committed_metadata: Some(offset.metadata.clone()),
        };
        match request.topics.last_mut() {
            Some(last) if *last.name == *partition.topic => last.partitions.push(entry),
            _ => request.topics.push(OffsetCommitRequestTopic {
                name: partition.topic.to_string(),
                partitions: vec![entry],
                ..Default::default()
            }),
        }
    }
    let response = connection.start(version, &request)?.answer().await?;
    let mut results = BTreeMap::new();
    for topic in response.topics {
        let name: Arc<str> = topic.name.into();
        for answer in topic.partitions {
            let partition = TopicPartition::new(name.clone(), answer.partition_index);
            let what = || format!("commit of {partition} for group {}", committer.group);
            let result = ClientError::check(answer.error_code, what, None);
            results.insert(partition, result);
        }
    }
    Ok(results)
}

/// Reads committed offsets, once, at this coordinator; `None` asks for all of the group's. Partitions without one are left out.
pub(crate) async fn committed(
    connection: Connection,
    group: &str,
    partitions: Option<&[TopicPartition]>,
    require_stable: bool,
) -> Result<BTreeMap<TopicPartition, OffsetAndMetadata>> {
    let lowest = if partitions.is_none() { 2 } else { OffsetFetchRequest::MIN_VERSION };
    let version = connection.version_between::<OffsetFetchRequest>(lowest, LAST_OFFSET_VERSION_WITH_NAMES)?;
    let by_topic: Option<BTreeMap<&str, Vec<i32>>> = partitions.map(|partitions| {
        let mut by_topic: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for partition in partitions {
            by_topic.entry(&partition.topic).or_default().push(partition.partition);
        }
        by_topic
    });
    let mut request = OffsetFetchRequest::default();
    if version >= 8 {
        let topics = by_topic.map(|topics| {
            let entry = |(name, partition_indexes): (&str, Vec<i32>)| OffsetFetchRequestTopics {
                name: name.to_owned(),
                partition_indexes,
                ..Default::default()
            };
            topics.into_iter().map(entry).collect()
        });
        request.groups =
            vec![OffsetFetchRequestGroup { group_id: group.to_owned(), topics, ..Default::default() }];
    } else {
        request.group_id = group.to_owned();
        request.topics = by_topic.map(|topics| {
            let entry = |(name, partition_indexes): (&str, Vec<i32>)| OffsetFetchRequestTopic {
                name: name.to_owned(),
                partition_indexes,
            };
            topics.into_iter().map(entry).collect()
        });
    }
    if version >= 7 {
        request.require_stable = require_stable;
    }
    let response = connection.start(version, &request)?.answer().await?;
    collect_committed(response, group)
}

fn collect_committed(
    response: OffsetFetchResponse,
    group: &str,
) -> Result<BTreeMap<TopicPartition, OffsetAndMetadata>> {
    let what = || format!("committed offsets of group {group}");
    ClientError::check(response.error_code, what, None)?;
    let mut committed = BTreeMap::new();
    let mut names: HashMap<String, Arc<str>> = HashMap::new();
    let mut take =
        |topic: &str, partition: i32, code: i16, offset: i64, epoch: i32, metadata: Option<String>| {
            ClientError::check(
                code,
                || format!("committed offset of {topic}-{partition} for group {group}"),
                None,
            )?;
            if offset >= 0 {
                let name = names.entry(topic.to_owned()).or_insert_with(|| topic.into()).clone();
                let value = OffsetAndMetadata {
                    offset,
                    leader_epoch: (epoch >= 0).then_some(epoch),
                    metadata: metadata.unwrap_or_default(),
                };
                committed.insert(TopicPartition::new(name, partition), value);
            }
            Ok::<(), ClientError>(())
        };
    for topic in response.topics {
        for p in topic.partitions {
            let (index, epoch) = (p.partition_index, p.committed_leader_epoch);
            take(&topic.name, index, p.error_code, p.committed_offset, epoch, p.metadata)?;
        }
    }
    for answer in response.groups {
        ClientError::check(answer.error_code, what, None)?;
        for topic in answer.topics {
            for p in topic.partitions {
                let (index, epoch) = (p.partition_index, p.committed_leader_epoch);
                take(&topic.name, index, p.error_code, p.committed_offset, epoch, p.metadata)?;
            }
        }
    }
    Ok(committed)
}

/// Runs `attempt` at a group's coordinator until it succeeds, fails for good, or `default.api.timeout.ms` is over.
pub(crate) async fn at_coordinator<T, F>(
    core: &Core,
    group: &str,
    attempt: impl Fn(Connection) -> F,
) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let deadline = Instant::now() + core.config().default_api_timeout;
    let mut attempts = 0;
    loop {
        let once = async {
            let node = core.group_coordinator(group).await?;
            attempt(core.node(node, Lane::Coordinator).await?).await
        };
        match once.await {
            // A coordinator that does not know a topic will not know it later: the topic is gone, and with it whatever
            // was to be committed.
            Err(error)
                if error.is_retriable() && error.code() != Some(ErrorCode::UnknownTopicOrPartition) =>
            {
                core.pause_or(error, &mut attempts, deadline).await?;
            }
            other => return other,
        }
    }
}
