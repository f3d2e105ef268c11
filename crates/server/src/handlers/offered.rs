//! Which APIs this node answers, in which versions, on which listener: the one list that ApiVersions and the dispatch
//! share, so that nothing is advertised that is not answered and nothing is answered that is not advertised.

use moldau_protocol::{ApiKey, VersionRange};

const ON_BROKERS: &[ApiKey] = &[
    ApiKey::Produce,
    ApiKey::Fetch,
    ApiKey::ListOffsets,
    ApiKey::Metadata,
    ApiKey::OffsetCommit,
    ApiKey::OffsetFetch,
    ApiKey::FindCoordinator,
    ApiKey::JoinGroup,
    ApiKey::Heartbeat,
    ApiKey::LeaveGroup,
    ApiKey::SyncGroup,
    ApiKey::DescribeGroups,
    ApiKey::ListGroups,
    ApiKey::ApiVersions,
    ApiKey::CreateTopics,
    ApiKey::DeleteTopics,
    ApiKey::DeleteRecords,
    ApiKey::InitProducerId,
    ApiKey::OffsetForLeaderEpoch,
    ApiKey::DescribeConfigs,
    ApiKey::AlterConfigs,
    ApiKey::AlterReplicaLogDirs,
    ApiKey::DescribeLogDirs,
    ApiKey::CreatePartitions,
    ApiKey::DeleteGroups,
    ApiKey::ElectLeaders,
    ApiKey::IncrementalAlterConfigs,
    ApiKey::OffsetDelete,
    ApiKey::DescribeCluster,
    ApiKey::DescribeProducers,
    ApiKey::ListConfigResources,
    ApiKey::DescribeTopicPartitions,
];

const ON_CONTROLLERS: &[ApiKey] = &[
    ApiKey::ApiVersions,
    ApiKey::CreateTopics,
    ApiKey::DeleteTopics,
    ApiKey::CreatePartitions,
    ApiKey::AlterConfigs,
    ApiKey::IncrementalAlterConfigs,
    ApiKey::ElectLeaders,
    ApiKey::DescribeCluster,
    ApiKey::DescribeConfigs,
];

/// The versions of an API that are advertised; none where the API was removed.
pub(crate) fn versions(key: ApiKey) -> VersionRange {
    key.advertised_versions().unwrap_or(VersionRange { min: 0, max: -1 })
}

/// What is offered on a listener.
pub(crate) fn offered(on_controller: bool) -> impl Iterator<Item = (ApiKey, VersionRange)> {
    let keys = if on_controller { ON_CONTROLLERS } else { ON_BROKERS };
    keys.iter().map(|key| (*key, versions(*key)))
}

/// Whether a request of this API and version is taken on a listener.
pub(crate) fn is_offered(key: ApiKey, version: i16, on_controller: bool) -> bool {
    let keys = if on_controller { ON_CONTROLLERS } else { ON_BROKERS };
    let decodable = key.versions().is_some_and(|range| range.min <= version);
    keys.contains(&key) && decodable && versions(key).contains(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn produce_is_advertised_from_zero_and_taken_from_three() {
        assert_eq!(versions(ApiKey::Produce), VersionRange { min: 0, max: 13 });
        assert!(!is_offered(ApiKey::Produce, 2, false));
        assert!(is_offered(ApiKey::Produce, 3, false));
    }

    #[test]
    fn each_offered_api_belongs_on_its_listener() {
        assert!(offered(false).all(|(key, _)| key.listeners().broker));
        assert!(offered(true).all(|(key, _)| key.listeners().controller));
    }
}
