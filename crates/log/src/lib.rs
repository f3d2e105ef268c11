//! One partition on disk in Kafka's format: segments, indexes, producer state, recovery, retention, compaction.
