//! ElectLeaders: to the preferred replica, or uncleanly to any that is online.

use moldau_metadata::{MetadataRecord, PartitionRegistration};
use moldau_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use moldau_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse};
use moldau_types::{ErrorCode, PartitionIndex, Uuid};

use crate::config_rules::TopicRules;
use crate::partition_change::{ChangeRules, Election, PartitionChange};
use crate::result::outcome;
use crate::{ApiError, Context, Controller, ControllerResult};

impl Controller {
    /// Handles ElectLeaders. Without a list of partitions every partition is looked at; each topic is answered, with those of its
    /// partitions where something was to be done.
    pub fn elect_leaders(
        &mut self,
        cx: &mut Context<'_>,
        request: &ElectLeadersRequest,
    ) -> ControllerResult<ElectLeadersResponse> {
        let election = match request.election_type {
            0 => Election::Preferred,
            1 => Election::Unclean,
            unknown => return ControllerResult::unchanged(refused(request, unknown)),
        };
        let rules = TopicRules::new(cx.image, &self.settings);
        let mut records = Vec::new();
        let mut results = Vec::new();
        match &request.topic_partitions {
            Some(asked) => {
                for topic in asked {
                    let mut answers = Vec::with_capacity(topic.partitions.len());
                    for index in &topic.partitions {
                        let result = elect_one(cx, &rules, &topic.topic, PartitionIndex(*index), election);
                        answers.push(answer(*index, result, &mut records));
                    }
                    results.push(ReplicaElectionResult {
                        topic: topic.topic.clone(),
                        partition_result: answers,
                    });
                }
            }
            None => {
                for topic in cx.image.topics.sorted() {
                    let mut answers = Vec::new();
                    for index in topic.partitions.keys() {
                        let result = elect_one(cx, &rules, &topic.name, *index, election);
                        if !matches!(&result, Err(error) if error.code == ErrorCode::ElectionNotNeeded) {
                            answers.push(answer(index.0, result, &mut records));
                        }
                    }
                    let topic = topic.name.to_string();
                    results.push(ReplicaElectionResult { topic, partition_result: answers });
                }
            }
        }
        ControllerResult::of(
            records,
            ElectLeadersResponse { replica_election_results: results, ..Default::default() },
        )
    }
}

/// The answer to an election of no known type: the same for each partition.
fn refused(request: &ElectLeadersRequest, election_type: i8) -> ElectLeadersResponse {
    let error_code = ErrorCode::InvalidRequest.code();
    let of_partition = |index: &i32| PartitionResult {
        partition_id: *index,
        error_code,
        error_message: Some(format!("Unknown election type {election_type}")),
    };
    let topics = request.topic_partitions.iter().flatten().map(|topic| ReplicaElectionResult {
        topic: topic.topic.clone(),
        partition_result: topic.partitions.iter().map(of_partition).collect(),
    });
    ElectLeadersResponse { error_code, replica_election_results: topics.collect(), ..Default::default() }
}

fn answer(
    partition_id: i32,
    result: Result<MetadataRecord, ApiError>,
    records: &mut Vec<MetadataRecord>,
) -> PartitionResult {
    let (error_code, error_message) = outcome(&result.map(|record| {
        // The same partition twice in a request is elected once: its records would repeat.
        if !records.contains(&record) {
            records.push(record);
        }
    }));
    PartitionResult { partition_id, error_code, error_message }
}

fn elect_one(
    cx: &Context<'_>,
    rules: &TopicRules,
    topic: &str,
    index: PartitionIndex,
    election: Election,
) -> Result<MetadataRecord, ApiError> {
    let unknown = |message: String| ApiError::new(ErrorCode::UnknownTopicOrPartition, message);
    let image = cx.image;
    let found = image.topics.by_name(topic).ok_or_else(|| unknown(format!("No such topic as {topic}")))?;
    let partition =
        found.partition(index).ok_or_else(|| unknown(format!("No such partition as {topic}-{index}")))?;
    let (needed, failure) = match election {
        Election::Preferred => (!partition.has_preferred_leader(), ErrorCode::PreferredLeaderNotAvailable),
        Election::Unclean | Election::Online => {
            (!partition.has_leader(), ErrorCode::EligibleLeadersNotAvailable)
        }
    };
    if !needed {
        return Err(ErrorCode::ElectionNotNeeded.into());
    }
    let min_isr = rules.min_isr(image.configs.topic(topic));
    change_of(partition, image, min_isr, election, found.id, index).ok_or_else(|| failure.into())
}

fn change_of(
    partition: &PartitionRegistration,
    image: &moldau_metadata::MetadataImage,
    min_isr: usize,
    election: Election,
    topic_id: Uuid,
    index: PartitionIndex,
) -> Option<MetadataRecord> {
    let mut change = PartitionChange::new(partition, ChangeRules::new(image), min_isr);
    change.election = election;
    change.build(topic_id, index.0).map(MetadataRecord::from)
}
