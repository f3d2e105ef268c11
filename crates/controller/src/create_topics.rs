//! CreateTopics.
//!
//! Each topic succeeds or fails by itself; what succeeds is created in one batch: the topic, its configs, its
//! partitions. A creation that only validates answers the same and has no records.

use std::collections::{BTreeMap, BTreeSet};

use moldau_config::alter::{AlterOp, Alteration, alter_topic};
use moldau_config::describe::describe_topic;
use moldau_metadata::{
    ConfigEntries, ConfigResource, LeaderRecoveryState, MetadataRecord, PartitionRegistration, collision_form,
};
use moldau_protocol::messages::create_topics_request::CreatableTopic;
use moldau_protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use moldau_protocol::messages::{
    ClearElrRecord, ConfigRecord, CreateTopicsRequest, CreateTopicsResponse, TopicRecord,
};
use moldau_types::{BrokerId, ErrorCode, LeaderEpoch, Uuid};

use crate::config_rules::{MIN_INSYNC_REPLICAS, settings_of};
use crate::partition_change::ChangeRules;
use crate::placement::{UsableBroker, place_replicas};
use crate::topic_name::{CLUSTER_METADATA_TOPIC, validate_topic_name};
use crate::{ApiError, Context, Controller, ControllerResult};

/// Most new partitions of one request: its records must fit one batch.
const PARTITIONS_MAX: i64 = 10_000;

/// Stands for the count of a name that was given several times and has been answered.
pub(crate) const ANSWERED: usize = usize::MAX;

/// Where a new partition goes.
pub(crate) struct Assignment {
    pub(crate) replicas: Vec<BrokerId>,
    /// Those of the replicas that are active, in their order.
    pub(crate) isr: Vec<BrokerId>,
}

impl Controller {
    /// Handles CreateTopics.
    pub fn create_topics(
        &mut self,
        cx: &mut Context<'_>,
        request: &CreateTopicsRequest,
    ) -> ControllerResult<CreateTopicsResponse> {
        let mut topics = Vec::with_capacity(request.topics.len());
        let mut records = Vec::new();
        let mut times_named = BTreeMap::new();
        request
            .topics
            .iter()
            .for_each(|topic| *times_named.entry(topic.name.as_str()).or_insert(0usize) += 1);
        let mut created = BTreeSet::new();
        let too_many = self.partitions_of(request) > PARTITIONS_MAX;
        for topic in &request.topics {
            let result = if times_named.get(topic.name.as_str()).is_some_and(|times| *times > 1) {
                // Answered once.
                if times_named.insert(topic.name.as_str(), ANSWERED) == Some(ANSWERED) {
                    continue;
                }
                Err(ApiError::new(ErrorCode::InvalidRequest, "Duplicate topic name."))
            } else if topic.name == CLUSTER_METADATA_TOPIC {
                let message = format!("Creation of internal topic {CLUSTER_METADATA_TOPIC} is prohibited.");
                Err(ApiError::new(ErrorCode::InvalidRequest, message))
            } else if too_many {
                let message = "Excessively large number of partitions per request.";
                Err(ApiError::new(ErrorCode::PolicyViolation, message))
            } else {
                check_name(cx, &topic.name, &created).and_then(|()| self.create_topic(cx, topic))
            };
            topics.push(match result {
                Ok((result, topic_records)) => {
                    created.insert(collision_form(&topic.name));
                    records.extend(topic_records);
                    result
                }
                Err(error) => CreatableTopicResult {
                    name: topic.name.clone(),
                    error_code: error.code.code(),
                    error_message: Some(error.message),
                    ..Default::default()
                },
            });
        }
        let response = CreateTopicsResponse { topics, ..Default::default() };
        if request.validate_only {
            return ControllerResult::unchanged(response);
        }
        ControllerResult::atomic(records, response)
    }

    fn partitions_of(&self, request: &CreateTopicsRequest) -> i64 {
        let partitions = request.topics.iter().map(|topic| match topic.num_partitions {
            _ if !topic.assignments.is_empty() => topic.assignments.len() as i64,
            -1 => i64::from(self.settings.num_partitions),
            count => i64::from(count.max(0)),
        });
        partitions.sum()
    }

    fn create_topic(
        &self,
        cx: &mut Context<'_>,
        topic: &CreatableTopic,
    ) -> Result<(CreatableTopicResult, Vec<MetadataRecord>), ApiError> {
        let configs = checked_configs(topic)?;
        let assignments = self.assign(cx, topic)?;
        let topic_id = new_topic_id(cx);
        let rules = ChangeRules::new(cx.image);
        let mut records = vec![TopicRecord { name: topic.name.clone(), topic_id }.into()];
        // Configs come before the partitions: whoever replays these must know them when it makes the logs.
        for (name, value) in &configs {
            let resource = ConfigResource::topic(&*topic.name);
            records.push(
                ConfigRecord {
                    resource_type: resource.resource_type.code(),
                    resource_name: resource.name,
                    name: name.clone(),
                    value: Some(value.clone()),
                }
                .into(),
            );
        }
        if rules.elr_enabled && configs.contains_key(MIN_INSYNC_REPLICAS) {
            records.push(ClearElrRecord { topic_name: topic.name.clone() }.into());
        }
        let record_version = cx.version().partition_record_version();
        let (num_partitions, replication_factor) =
            (assignments.len(), assignments.first().map_or(0, |a| a.replicas.len()));
        for (index, assignment) in assignments.into_iter().enumerate() {
            let partition = new_partition(&rules, assignment);
            records.push(partition.to_record(topic_id, index as i32, record_version).into());
        }
        let node = settings_of(cx.image, &self.settings, self.settings.node_id);
        let described = describe_topic(&configs, &node).into_iter().map(|entry| CreatableTopicConfigs {
            name: entry.name,
            value: entry.value,
            read_only: entry.read_only,
            config_source: entry.source.code(),
            is_sensitive: entry.sensitive,
        });
        let result = CreatableTopicResult {
            name: topic.name.clone(),
            topic_id,
            error_message: None,
            num_partitions: num_partitions as i32,
            replication_factor: replication_factor as i16,
            configs: Some(described.collect()),
            ..Default::default()
        };
        Ok((result, records))
    }

    /// Replicas and ISR of each new partition.
    fn assign(&self, cx: &mut Context<'_>, topic: &CreatableTopic) -> Result<Vec<Assignment>, ApiError> {
        let request_error = |message: &str| Err(ApiError::new(ErrorCode::InvalidRequest, message));
        if !topic.assignments.is_empty() {
            if topic.replication_factor != -1 {
                return request_error(
                    "A manual partition assignment was specified, but replication factor was not set to -1.",
                );
            }
            if topic.num_partitions != -1 {
                return request_error(
                    "A manual partition assignment was specified, but numPartitions was not set to -1.",
                );
            }
            return manual_assignments(cx, topic);
        }
        if topic.replication_factor < -1 || topic.replication_factor == 0 {
            let message = "Replication factor must be larger than 0, or -1 to use the default value.";
            return Err(ApiError::new(ErrorCode::InvalidReplicationFactor, message));
        }
        if topic.num_partitions < -1 || topic.num_partitions == 0 {
            let message = "Number of partitions was set to an invalid non-positive value.";
            return Err(ApiError::new(ErrorCode::InvalidPartitions, message));
        }
        let or_default = |given: i32, default: i32| if given == -1 { default } else { given };
        let partitions = or_default(topic.num_partitions, self.settings.num_partitions);
        let defaults = &self.settings;
        let replicas =
            or_default(topic.replication_factor.into(), defaults.default_replication_factor.into()) as i16;
        place_new(cx, usize::try_from(partitions).unwrap_or(0), replicas)
    }
}

/// Whether a new topic may have the name: it is valid, free, and collides neither with a topic that exists nor with one
/// that the same request creates.
fn check_name(cx: &Context<'_>, name: &str, created: &BTreeSet<String>) -> Result<(), ApiError> {
    let invalid = |message: String| ApiError::new(ErrorCode::InvalidTopicException, message);
    validate_topic_name(name).map_err(|error| invalid(error.to_string()))?;
    if cx.image.topics.id_of(name).is_some() {
        return Err(ApiError::new(ErrorCode::TopicAlreadyExists, format!("Topic '{name}' already exists.")));
    }
    if let Some(existing) = cx.image.topics.colliding(name) {
        return Err(invalid(format!("Topic '{name}' collides with existing topic: {existing}")));
    }
    if created.contains(&collision_form(name)) {
        return Err(invalid(format!("Topic '{name}' collides with another topic of the same request")));
    }
    Ok(())
}

/// The configs of the new topic, if it may have them.
fn checked_configs(topic: &CreatableTopic) -> Result<ConfigEntries, ApiError> {
    let mut nulls: Vec<&str> =
        topic.configs.iter().filter(|c| c.value.is_none()).map(|c| c.name.as_str()).collect();
    if !nulls.is_empty() {
        nulls.sort_unstable();
        let message = format!("Null value not supported for topic configs: {}", nulls.join(","));
        return Err(ApiError::new(ErrorCode::InvalidConfig, message));
    }
    // Named twice, the last one counts.
    let wanted: BTreeMap<_, _> = topic.configs.iter().map(|c| (c.name.clone(), c.value.clone())).collect();
    let set = wanted.into_iter().map(|(name, value)| Alteration { name, op: AlterOp::Set, value });
    let altered = alter_topic(&ConfigEntries::new(), &set.collect::<Vec<_>>())?;
    Ok(altered.configs)
}

fn new_topic_id(cx: &mut Context<'_>) -> Uuid {
    loop {
        let id = Uuid::random_from(&mut *cx.rng);
        if cx.image.topics.by_id(id).is_none() {
            return id;
        }
    }
}

fn manual_assignments(cx: &Context<'_>, topic: &CreatableTopic) -> Result<Vec<Assignment>, ApiError> {
    let invalid = |message: String| ApiError::new(ErrorCode::InvalidReplicaAssignment, message);
    let mut assigned = BTreeMap::new();
    let mut replication_factor = None;
    for assignment in &topic.assignments {
        let index = assignment.partition_index;
        if assigned.contains_key(&index) {
            return Err(invalid(format!(
                "Found multiple manual partition assignments for partition {index}"
            )));
        }
        let replicas = check_manual(cx, &assignment.broker_ids, replication_factor)?;
        replication_factor = Some(replicas.len());
        assigned.insert(index, with_isr(cx, index, replicas)?);
    }
    if assigned.keys().copied().ne(0..assigned.len() as i32) {
        return Err(invalid("partitions should be a consecutive 0-based integer sequence".into()));
    }
    Ok(assigned.into_values().collect())
}

/// The replicas of a manual assignment, if they may be one.
pub(crate) fn check_manual(
    cx: &Context<'_>,
    broker_ids: &[i32],
    replication_factor: Option<usize>,
) -> Result<Vec<BrokerId>, ApiError> {
    let invalid = |message: String| Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message));
    if broker_ids.is_empty() {
        return invalid("The manual partition assignment includes an empty replica list.".into());
    }
    let mut sorted = broker_ids.to_vec();
    sorted.sort_unstable();
    for (at, id) in sorted.iter().enumerate() {
        if cx.image.cluster.broker(BrokerId(*id)).is_none() {
            return invalid(format!(
                "The manual partition assignment includes broker {id}, but no such broker is registered."
            ));
        }
        if at > 0 && sorted[at - 1] == *id {
            return invalid(format!(
                "The manual partition assignment includes the broker {id} more than once."
            ));
        }
    }
    if let Some(wanted) = replication_factor
        && wanted != broker_ids.len()
    {
        return invalid(format!(
            "The manual partition assignment includes a partition with {} replica(s), but this is not consistent with \
             previous partitions, which have {wanted} replica(s).",
            broker_ids.len()
        ));
    }
    Ok(broker_ids.iter().copied().map(BrokerId).collect())
}

/// A manual assignment with those of its replicas that are active.
pub(crate) fn with_isr(
    cx: &Context<'_>,
    partition: i32,
    replicas: Vec<BrokerId>,
) -> Result<Assignment, ApiError> {
    let isr: Vec<_> = replicas.iter().copied().filter(|id| cx.image.cluster.is_active(*id)).collect();
    if isr.is_empty() {
        let message = format!(
            "All brokers specified in the manual partition assignment for partition {partition} are fenced or in \
             controlled shutdown."
        );
        return Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message));
    }
    Ok(Assignment { replicas, isr })
}

/// Replicas and ISRs of so many new partitions.
pub(crate) fn place_new(
    cx: &mut Context<'_>,
    partitions: usize,
    replication_factor: i16,
) -> Result<Vec<Assignment>, ApiError> {
    let refuse = |why: String| {
        let message = format!("Unable to replicate the partition {replication_factor} time(s): {why}");
        ApiError::new(ErrorCode::InvalidReplicationFactor, message)
    };
    let all_cordoned = |broker: &moldau_metadata::BrokerRegistration| {
        let cordoned = broker.cordoned_directories.as_deref().unwrap_or_default();
        !broker.directories.is_empty()
            && broker.directories.iter().all(|directory| cordoned.contains(directory))
    };
    let usable = cx.image.cluster.brokers().filter(|b| !b.in_controlled_shutdown && !all_cordoned(b));
    let brokers: Vec<_> =
        usable.map(|b| UsableBroker { id: b.id, rack: b.rack.clone(), fenced: b.fenced }).collect();
    let placed = place_replicas(partitions, replication_factor, &brokers, &mut *cx.rng)
        .map_err(|error| refuse(error.to_string()))?;
    let with_isr = placed.into_iter().map(|replicas| {
        let isr: Vec<_> = replicas.iter().copied().filter(|id| cx.image.cluster.is_active(*id)).collect();
        Assignment { replicas, isr }
    });
    let placed: Vec<_> = with_isr.collect();
    if placed.iter().any(|assignment| assignment.isr.is_empty()) {
        return Err(refuse("All brokers are currently fenced or in controlled shutdown.".into()));
    }
    Ok(placed)
}

/// A partition at its beginning: the first of the ISR leads.
pub(crate) fn new_partition(rules: &ChangeRules<'_>, assignment: Assignment) -> PartitionRegistration {
    let Assignment { replicas, isr } = assignment;
    PartitionRegistration {
        directories: replicas.iter().map(|id| rules.default_directory(*id)).collect(),
        replicas,
        leader: isr.first().copied().unwrap_or(moldau_metadata::NO_LEADER),
        isr,
        removing_replicas: Vec::new(),
        adding_replicas: Vec::new(),
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        leader_recovery_state: LeaderRecoveryState::Recovered,
        leader_epoch: LeaderEpoch(0),
        partition_epoch: 0,
    }
}
