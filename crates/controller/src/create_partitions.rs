//! CreatePartitions: more partitions for topics that exist.

use std::collections::BTreeMap;

use moldau_metadata::MetadataRecord;
use moldau_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use moldau_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use moldau_protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse};
use moldau_types::ErrorCode;

use crate::create_topics::{ANSWERED, check_manual, new_partition, place_new, with_isr};
use crate::partition_change::ChangeRules;
use crate::result::outcome;
use crate::{ApiError, Context, Controller, ControllerResult};

/// Most partitions that one request may add to a topic: its records must fit one batch.
const ADDED_PARTITIONS_MAX: usize = 10_000;

impl Controller {
    /// Handles CreatePartitions.
    pub fn create_partitions(
        &mut self,
        cx: &mut Context<'_>,
        request: &CreatePartitionsRequest,
    ) -> ControllerResult<CreatePartitionsResponse> {
        let mut records = Vec::new();
        let mut results = Vec::with_capacity(request.topics.len());
        let mut times_named = BTreeMap::new();
        request
            .topics
            .iter()
            .for_each(|topic| *times_named.entry(topic.name.as_str()).or_insert(0usize) += 1);
        for topic in &request.topics {
            let result = if times_named.get(topic.name.as_str()).is_some_and(|times| *times > 1) {
                if times_named.insert(topic.name.as_str(), ANSWERED) == Some(ANSWERED) {
                    continue;
                }
                Err(ApiError::new(ErrorCode::InvalidRequest, "Duplicate topic name."))
            } else {
                add_partitions(cx, topic).map(|added| records.extend(added))
            };
            let (error_code, error_message) = outcome(&result);
            results.push(CreatePartitionsTopicResult { name: topic.name.clone(), error_code, error_message });
        }
        let response = CreatePartitionsResponse { results, ..Default::default() };
        if request.validate_only {
            return ControllerResult::unchanged(response);
        }
        ControllerResult::atomic(records, response)
    }
}

fn add_partitions(
    cx: &mut Context<'_>,
    request: &CreatePartitionsTopic,
) -> Result<Vec<MetadataRecord>, ApiError> {
    let name = &request.name;
    // The reference has no words for it here.
    let unknown = || ApiError::new(ErrorCode::UnknownTopicOrPartition, "");
    let topic = cx.image.topics.by_name(name).ok_or_else(unknown)?;
    let current = topic.partitions.len();
    let invalid = |message: String| Err(ApiError::new(ErrorCode::InvalidPartitions, message));
    let wanted = usize::try_from(request.count).unwrap_or(0);
    if wanted == current {
        return invalid(format!("Topic already has {current} partition(s)."));
    }
    if wanted < current {
        return invalid(format!(
            "The topic {name} currently has {current} partition(s); {} would not be an increase.",
            request.count
        ));
    }
    let additional = wanted - current;
    if let Some(given) = request.assignments.as_ref().map(Vec::len)
        && given != additional
    {
        let message = format!(
            "Attempted to add {additional} additional partition(s), but only {given} assignment(s) were specified."
        );
        return Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message));
    }
    if additional > ADDED_PARTITIONS_MAX {
        let message = "Excessively large number of partitions per request.";
        return Err(ApiError::new(ErrorCode::PolicyViolation, message));
    }
    let Some(first) = topic.partitions.values().next() else {
        let message = format!("Invalid state: topic {name} appears to have no partitions.");
        return Err(ApiError::new(ErrorCode::UnknownServerError, message));
    };
    let replication_factor = first.replicas.len();
    let assigned = match &request.assignments {
        Some(assignments) => {
            let mut assigned = Vec::with_capacity(additional);
            for (at, assignment) in assignments.iter().enumerate() {
                let replicas = check_manual(cx, &assignment.broker_ids, Some(replication_factor))?;
                assigned.push(with_isr(cx, (current + at) as i32, replicas)?);
            }
            assigned
        }
        None => place_new(cx, additional, i16::try_from(replication_factor).unwrap_or(i16::MAX))?,
    };
    let rules = ChangeRules::new(cx.image);
    let record_version = cx.version().partition_record_version();
    let records = assigned.into_iter().enumerate().map(|(at, assignment)| {
        let partition = new_partition(&rules, assignment);
        partition.to_record(topic.id, (current + at) as i32, record_version).into()
    });
    Ok(records.collect())
}
