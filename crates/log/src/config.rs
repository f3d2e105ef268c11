//! The settings of one partition's log, resolved and typed. Whoever opens a log fills them in from topic and broker
//! configs; nothing here parses text. Changes take effect at the next append, roll or pass.

pub use moldau_protocol::records::TimestampType;

/// Settings of one log. The names are those of the topic configs, with dots as underscores.
#[derive(Clone, Debug, PartialEq)]
pub struct LogConfig {
    /// A segment is closed before it would grow past this many bytes.
    pub segment_bytes: u32,
    /// A segment is closed when a record's timestamp is this much later than the segment's first.
    pub segment_ms: i64,
    /// Upper bound of the random time taken off `segment_ms`, so that partitions do not all roll at once.
    pub segment_jitter_ms: i64,
    /// Bytes of log between two entries of the offset index.
    pub index_interval_bytes: u32,
    /// Largest size of an index file; the active ones are preallocated to it.
    pub segment_index_bytes: u32,
    /// Segments whose records are all older are deleted; −1 keeps them.
    pub retention_ms: i64,
    /// Oldest segments are deleted while the rest has at least this many bytes; −1 keeps them.
    pub retention_bytes: i64,
    /// Largest batch a client may append, as it is stored.
    pub max_message_bytes: u32,
    /// Appended records after which the log is synced.
    pub flush_messages: i64,
    /// Time in milliseconds after which the log is synced.
    pub flush_ms: i64,
    /// How long the files of a deleted segment stay.
    pub file_delete_delay_ms: i64,
    /// `cleanup.policy` has `delete`.
    pub delete: bool,
    /// `cleanup.policy` has `compact`.
    pub compact: bool,
    /// Records younger than this are not compacted.
    pub min_compaction_lag_ms: i64,
    /// Records older than this make the log due for compaction.
    pub max_compaction_lag_ms: i64,
    /// How long a tombstone stays after it became the last record of its key.
    pub delete_retention_ms: i64,
    /// Part of the log that must be dirty for a compaction.
    pub min_cleanable_dirty_ratio: f64,
    /// Whether records keep their own time or get the broker's.
    pub message_timestamp_type: TimestampType,
    /// How far a record's timestamp may lie before the broker's clock.
    pub message_timestamp_before_max_ms: i64,
    /// How far a record's timestamp may lie after the broker's clock.
    pub message_timestamp_after_max_ms: i64,
    /// Segment files get their whole size at once.
    pub preallocate: bool,
    /// How long an idle producer id is remembered (`producer.id.expiration.ms`, a broker config).
    pub producer_id_expiration_ms: i64,
}

impl Default for LogConfig {
    /// Kafka's defaults.
    fn default() -> LogConfig {
        LogConfig {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3_600_000,
            segment_jitter_ms: 0,
            index_interval_bytes: 4096,
            segment_index_bytes: 10 << 20,
            retention_ms: 7 * 24 * 3_600_000,
            retention_bytes: -1,
            max_message_bytes: 1_048_588,
            flush_messages: i64::MAX,
            flush_ms: i64::MAX,
            file_delete_delay_ms: 60_000,
            delete: true,
            compact: false,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            delete_retention_ms: 24 * 3_600_000,
            min_cleanable_dirty_ratio: 0.5,
            message_timestamp_type: TimestampType::CreateTime,
            message_timestamp_before_max_ms: i64::MAX,
            message_timestamp_after_max_ms: 3_600_000,
            preallocate: false,
            producer_id_expiration_ms: 24 * 3_600_000,
        }
    }
}

impl LogConfig {
    /// When a segment is closed by time: a compacted log's no later than `max.compaction.lag.ms` asks for, since the active
    /// segment is never compacted.
    pub fn max_segment_ms(&self) -> i64 {
        if self.compact && self.max_compaction_lag_ms > 0 {
            self.segment_ms.min(self.max_compaction_lag_ms)
        } else {
            self.segment_ms
        }
    }

    /// The settings of a topic, with the one that is the broker's.
    pub fn of_topic(topic: &moldau_config::TopicConfig, producer_id_expiration_ms: i64) -> LogConfig {
        let bytes = |value: i32| u32::try_from(value).unwrap_or(0);
        LogConfig {
            segment_bytes: bytes(topic.segment_bytes),
            segment_ms: topic.segment_ms,
            segment_jitter_ms: topic.segment_jitter_ms,
            index_interval_bytes: bytes(topic.index_interval_bytes),
            segment_index_bytes: bytes(topic.segment_index_bytes),
            retention_ms: topic.retention_ms,
            retention_bytes: topic.retention_bytes,
            max_message_bytes: bytes(topic.max_message_bytes),
            flush_messages: topic.flush_messages,
            flush_ms: topic.flush_ms,
            file_delete_delay_ms: topic.file_delete_delay_ms,
            delete: topic.cleanup_policy.delete,
            compact: topic.cleanup_policy.compact,
            min_compaction_lag_ms: topic.min_compaction_lag_ms,
            max_compaction_lag_ms: topic.max_compaction_lag_ms,
            delete_retention_ms: topic.delete_retention_ms,
            min_cleanable_dirty_ratio: topic.min_cleanable_dirty_ratio,
            message_timestamp_type: match topic.message_timestamp_type {
                moldau_config::topic::TimestampType::CreateTime => TimestampType::CreateTime,
                moldau_config::topic::TimestampType::LogAppendTime => TimestampType::LogAppendTime,
            },
            message_timestamp_before_max_ms: topic.message_timestamp_before_max_ms,
            message_timestamp_after_max_ms: topic.message_timestamp_after_max_ms,
            preallocate: topic.preallocate,
            producer_id_expiration_ms,
        }
    }
}
