//! What the runtime and the internal topic need of the broker's config.

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
