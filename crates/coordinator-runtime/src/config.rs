//! What the runtime and the internal topic need of the broker's config.

use moldau_config::BrokerConfig;
use moldau_coordinator::GroupConfig;

/// Config of the group coordinator and of `__consumer_offsets`.
#[derive(Clone, Debug)]
pub struct GroupCoordinatorConfig {
    /// What the groups obey.
    pub group: GroupConfig,
    /// `offsets.topic.num.partitions`
    pub offsets_topic_num_partitions: i32,
    /// `offsets.topic.replication.factor`
    pub offsets_topic_replication_factor: i16,
    /// `offsets.topic.segment.bytes`
    pub offsets_topic_segment_bytes: i32,
    /// `offsets.topic.compression.codec`: the number of the codec that the coordinator's own batches have.
    pub offsets_topic_compression_codec: i32,
}

impl Default for GroupCoordinatorConfig {
    fn default() -> Self {
        GroupCoordinatorConfig {
            group: GroupConfig::default(),
            offsets_topic_num_partitions: 50,
            offsets_topic_replication_factor: 3,
            offsets_topic_segment_bytes: 104_857_600,
            offsets_topic_compression_codec: 0,
        }
    }
}

impl GroupCoordinatorConfig {
    /// The topic configs `__consumer_offsets` is created with.
    pub fn offsets_topic_configs(&self) -> Vec<(String, String)> {
        vec![
            ("cleanup.policy".to_owned(), "compact".to_owned()),
            ("compression.type".to_owned(), "producer".to_owned()),
            ("segment.bytes".to_owned(), self.offsets_topic_segment_bytes.to_string()),
        ]
    }
}

impl From<&BrokerConfig> for GroupCoordinatorConfig {
    fn from(config: &BrokerConfig) -> Self {
        let (groups, offsets) = (&config.groups, &config.offsets);
        GroupCoordinatorConfig {
            group: GroupConfig {
                min_session_timeout_ms: groups.group_min_session_timeout_ms,
                max_session_timeout_ms: groups.group_max_session_timeout_ms,
                max_size: usize::try_from(groups.group_max_size).unwrap_or(usize::MAX),
                initial_rebalance_delay_ms: groups.group_initial_rebalance_delay_ms,
                offset_metadata_max_bytes: usize::try_from(offsets.offset_metadata_max_bytes).unwrap_or(0),
                offsets_retention_ms: i64::from(offsets.offsets_retention_minutes) * 60_000,
                offsets_retention_check_interval_ms: offsets.offsets_retention_check_interval_ms,
                offsets_commit_timeout_ms: offsets.offsets_commit_timeout_ms,
                ..GroupConfig::default()
            },
            offsets_topic_num_partitions: offsets.offsets_topic_num_partitions,
            offsets_topic_replication_factor: offsets.offsets_topic_replication_factor,
            offsets_topic_segment_bytes: offsets.offsets_topic_segment_bytes,
            offsets_topic_compression_codec: offsets.offsets_topic_compression_codec,
        }
    }
}
