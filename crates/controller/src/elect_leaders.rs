//! ElectLeaders: to the preferred replica, or uncleanly to any that is online.

use std::collections::HashSet;

use moldau_metadata::{MetadataImage, MetadataRecord};
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
        let image = cx.image;
        let mut elections = Elections {
            image,
            topic_rules: TopicRules::new(image, &self.settings),
            change_rules: ChangeRules::new(image),
            election,
            elected: HashSet::new(),
            records: Vec::new(),
        };
        let mut results = Vec::new();
        match &request.topic_partitions {
            Some(asked) => {
                for topic in asked {
                    let elect =
                        |index: &i32| answer(*index, elections.elect(&topic.topic, PartitionIndex(*index)));
                    let answers = topic.partitions.iter().map(elect).collect();
                    results.push(ReplicaElectionResult {
                        topic: topic.topic.clone(),
                        partition_result: answers,
                    });
                }
            }
            None => {
                for topic in image.topics.sorted() {
                    let mut answers = Vec::new();
                    for index in topic.partitions.keys() {
                        let result = elections.elect(&topic.name, *index);
                        if !matches!(&result, Err(error) if error.code == ErrorCode::ElectionNotNeeded) {
                            answers.push(answer(index.0, result));
                        }
                    }
                    let topic = topic.name.to_string();
                    results.push(ReplicaElectionResult { topic, partition_result: answers });
                }
            }
        }
        ControllerResult::of(
            elections.records,
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

fn answer(partition_id: i32, result: Result<(), ApiError>) -> PartitionResult {
    let (error_code, error_message) = outcome(&result);
    PartitionResult { partition_id, error_code, error_message }
}

/// The elections of one request.
struct Elections<'a> {
    image: &'a MetadataImage,
    topic_rules: TopicRules,
    change_rules: ChangeRules<'a>,
    election: Election,
    /// Partitions that have a record: one that is named twice is elected once.
    elected: HashSet<(Uuid, PartitionIndex)>,
    records: Vec<MetadataRecord>,
}

impl Elections<'_> {
    fn elect(&mut self, topic: &str, index: PartitionIndex) -> Result<(), ApiError> {
        let unknown = |message: String| ApiError::new(ErrorCode::UnknownTopicOrPartition, message);
        let image = self.image;
        let found =
            image.topics.by_name(topic).ok_or_else(|| unknown(format!("No such topic as {topic}")))?;
        let partition =
            found.partition(index).ok_or_else(|| unknown(format!("No such partition as {topic}-{index}")))?;
        let (needed, failure) = match self.election {
            Election::Preferred => {
                (!partition.has_preferred_leader(), ErrorCode::PreferredLeaderNotAvailable)
            }
            Election::Unclean | Election::Online => {
                (!partition.has_leader(), ErrorCode::EligibleLeadersNotAvailable)
            }
        };
        if !needed {
            return Err(ErrorCode::ElectionNotNeeded.into());
        }
        let min_isr = self.topic_rules.min_isr(image.configs.topic(topic));
        let mut change = PartitionChange::new(partition, self.change_rules, min_isr);
        change.election = self.election;
        let record = change.build(found.id, index.0).ok_or(failure)?;
        if self.elected.insert((found.id, index)) {
            self.records.push(record.into());
        }
        Ok(())
    }
}
