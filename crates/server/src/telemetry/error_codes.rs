//! The error codes in responses (`kafka.network:type=RequestMetrics,name=ErrorsPerSec`): where each response has them, and how they travel
//! with it to where it is counted.
//!
//! As in the reference, each code in a response counts, NONE included: a Fetch of ten partitions counts eleven.

use moldau_protocol::messages::*;

/// The codes of one response. A response without errors allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ErrorCounts {
    /// How many parts went well.
    pub(crate) none: u32,
    /// Codes and how many parts have them.
    pub(crate) others: Vec<(i16, u32)>,
}

impl ErrorCounts {
    /// Those of a response.
    pub(crate) fn of(response: &impl ErrorCodes) -> Self {
        let mut counts = ErrorCounts::default();
        response.each_code(&mut |code| counts.add(code));
        counts
    }

    fn add(&mut self, code: i16) {
        if code == 0 {
            self.none += 1;
            return;
        }
        match self.others.iter_mut().find(|(other, _)| *other == code) {
            Some((_, count)) => *count += 1,
            None => self.others.push((code, 1)),
        }
    }
}

/// A response that says what went wrong.
pub(crate) trait ErrorCodes {
    /// Calls `note` with each error code in the response.
    fn each_code(&self, note: &mut dyn FnMut(i16));
}

/// A part of a response with codes: its own, those of a list, those of lists in lists.
macro_rules! part {
    ($response:expr, $note:ident, top) => {
        $note($response.error_code)
    };
    ($response:expr, $note:ident, $list:ident) => {
        $response.$list.iter().for_each(|item| $note(item.error_code))
    };
    ($response:expr, $note:ident, $list:ident $($inner:ident)+) => {
        $response.$list.iter().for_each(|item| part!(item, $note, $($inner)+))
    };
}

macro_rules! responses {
    ($($response:ident: $([$($path:ident)+])+;)+) => {
        $(impl ErrorCodes for $response {
            fn each_code(&self, note: &mut dyn FnMut(i16)) {
                $(part!(self, note, $($path)+);)+
            }
        })+
    };
}

responses! {
    ProduceResponse: [responses partition_responses];
    FetchResponse: [top] [responses partitions];
    ListOffsetsResponse: [topics partitions];
    MetadataResponse: [top] [topics] [topics partitions];
    OffsetCommitResponse: [topics partitions];
    JoinGroupResponse: [top];
    HeartbeatResponse: [top];
    LeaveGroupResponse: [top] [members];
    SyncGroupResponse: [top];
    DescribeGroupsResponse: [groups];
    ListGroupsResponse: [top];
    ApiVersionsResponse: [top];
    CreateTopicsResponse: [topics];
    DeleteTopicsResponse: [responses];
    DeleteRecordsResponse: [topics partitions];
    InitProducerIdResponse: [top];
    OffsetForLeaderEpochResponse: [topics partitions];
    DescribeConfigsResponse: [results];
    AlterConfigsResponse: [responses];
    AlterReplicaLogDirsResponse: [results partitions];
    DescribeLogDirsResponse: [top] [results];
    CreatePartitionsResponse: [results];
    DeleteGroupsResponse: [results];
    ElectLeadersResponse: [top] [replica_election_results partition_result];
    IncrementalAlterConfigsResponse: [responses];
    OffsetDeleteResponse: [top] [topics partitions];
    DescribeClusterResponse: [top];
    DescribeProducersResponse: [topics partitions];
    ListConfigResourcesResponse: [top];
    DescribeTopicPartitionsResponse: [topics] [topics partitions];
}

/// From version 4 on there is a code for each key, and none of its own.
impl ErrorCodes for FindCoordinatorResponse {
    fn each_code(&self, note: &mut dyn FnMut(i16)) {
        if self.coordinators.is_empty() {
            return note(self.error_code);
        }
        part!(self, note, coordinators);
    }
}

/// From version 8 on groups have what was the response's own.
impl ErrorCodes for OffsetFetchResponse {
    fn each_code(&self, note: &mut dyn FnMut(i16)) {
        if self.groups.is_empty() {
            note(self.error_code);
            part!(self, note, topics partitions);
        }
        part!(self, note, groups);
        part!(self, note, groups topics partitions);
    }
}

#[cfg(test)]
mod tests {
    use moldau_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
    use moldau_protocol::messages::find_coordinator_response::Coordinator;

    use super::*;

    #[test]
    fn each_partition_of_a_fetch_counts() {
        let partition = |error_code| PartitionData { error_code, ..Default::default() };
        let topic =
            FetchableTopicResponse { partitions: [0, 3, 1, 3].map(partition).to_vec(), ..Default::default() };
        let response = FetchResponse { responses: vec![topic], ..Default::default() };
        let wanted = ErrorCounts { none: 2, others: vec![(3, 2), (1, 1)] };
        assert_eq!(ErrorCounts::of(&response), wanted);
    }

    #[test]
    fn a_code_that_a_list_took_the_place_of_does_not_count() {
        let coordinator = Coordinator { error_code: 15, ..Default::default() };
        let many = FindCoordinatorResponse { coordinators: vec![coordinator; 2], ..Default::default() };
        assert_eq!(ErrorCounts::of(&many), ErrorCounts { none: 0, others: vec![(15, 2)] });
        let one = FindCoordinatorResponse { error_code: 15, ..Default::default() };
        assert_eq!(ErrorCounts::of(&one), ErrorCounts { none: 0, others: vec![(15, 1)] });
    }
}
