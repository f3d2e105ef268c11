//! What a topic's configs come to, and what is refused.

use super::{
    CleanupPolicy, CompressionType, TimestampType, TopicConfig, topic_configs, validate_topic_configs,
};
use crate::settings::{Configs, Settings};

fn configs(pairs: &[(&str, &str)]) -> Configs {
    pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    Settings::load(configs(pairs)).unwrap().0
}

fn resolved(overrides: &[(&str, &str)], file: &[(&str, &str)]) -> TopicConfig {
    TopicConfig::resolve(&configs(overrides), &settings(file))
}

#[test]
fn a_topic_without_overrides_has_the_defaults() {
    let topic = TopicConfig::default();
    assert_eq!(topic.segment_bytes, 1 << 30);
    assert_eq!(topic.segment_ms, 7 * 24 * 3_600_000);
    assert_eq!(topic.segment_jitter_ms, 0);
    assert_eq!(topic.retention_ms, 7 * 24 * 3_600_000);
    assert_eq!(topic.retention_bytes, -1);
    assert_eq!(topic.flush_ms, i64::MAX);
    assert_eq!(topic.cleanup_policy, CleanupPolicy { delete: true, compact: false });
    assert_eq!(topic.compression_type, CompressionType::Producer);
    assert_eq!(topic.message_timestamp_type, TimestampType::CreateTime);
    assert_eq!(topic.min_cleanable_dirty_ratio, 0.5);
    assert_eq!(topic.max_message_bytes, 1048588);
}

#[test]
fn smaller_units_go_before_larger_ones() {
    let ms = |file: &[(&str, &str)]| resolved(&[], file).retention_ms;
    assert_eq!(ms(&[("log.retention.hours", "2")]), 7_200_000);
    assert_eq!(ms(&[("log.retention.hours", "2"), ("log.retention.minutes", "3")]), 180_000);
    assert_eq!(ms(&[("log.retention.minutes", "3"), ("log.retention.ms", "4")]), 4);
    assert_eq!(ms(&[("log.retention.hours", "-1")]), -1);
    assert_eq!(resolved(&[], &[("log.roll.hours", "1")]).segment_ms, 3_600_000);
    assert_eq!(resolved(&[], &[("log.roll.hours", "1"), ("log.roll.ms", "9")]).segment_ms, 9);
    assert_eq!(resolved(&[], &[("log.roll.jitter.hours", "1")]).segment_jitter_ms, 3_600_000);
    assert_eq!(resolved(&[], &[("log.flush.scheduler.interval.ms", "8")]).flush_ms, 8);
    assert_eq!(
        resolved(&[], &[("log.flush.scheduler.interval.ms", "8"), ("log.flush.interval.ms", "6")]).flush_ms,
        6
    );
}

#[test]
fn an_override_goes_before_the_broker() {
    let topic = resolved(
        &[
            ("retention.ms", "5"),
            ("cleanup.policy", "compact,delete"),
            ("compression.type", "zstd"),
            ("message.timestamp.type", "LogAppendTime"),
            ("internal.segment.bytes", "1000"),
            ("preallocate", "TRUE"),
        ],
        &[("log.retention.ms", "6"), ("log.cleanup.policy", "delete")],
    );
    assert_eq!(topic.retention_ms, 5);
    assert_eq!(topic.cleanup_policy, CleanupPolicy { delete: true, compact: true });
    assert_eq!(topic.compression_type, CompressionType::Zstd);
    assert_eq!(topic.message_timestamp_type, TimestampType::LogAppendTime);
    assert_eq!(topic.segment_bytes, 1000);
    assert!(topic.preallocate);
    assert_eq!(
        resolved(&[("cleanup.policy", "")], &[]).cleanup_policy,
        CleanupPolicy { delete: false, compact: false }
    );
    assert_eq!(resolved(&[("retention.ms", "x")], &[]).retention_ms, 7 * 24 * 3_600_000);
}

#[test]
fn dynamic_broker_configs_reach_topics() {
    let file = settings(&[("log.retention.hours", "2")]);
    let dynamic = file
        .with_dynamic(configs(&[("log.retention.ms", "7")]), configs(&[("log.segment.bytes", "2000000")]));
    let topic = TopicConfig::resolve(&Configs::new(), &dynamic);
    assert_eq!((topic.retention_ms, topic.segment_bytes), (7, 2_000_000));
}

#[test]
fn what_a_client_may_not_set_is_refused_in_kafka_s_words() {
    let error = |pairs: &[(&str, &str)]| validate_topic_configs(&configs(pairs)).unwrap_err().message;
    assert_eq!(error(&[("x", "y"), ("retention.ms", "x")]), "Unknown topic config name: x");
    assert_eq!(
        error(&[("retention.ms", "x"), ("segment.bytes", "1")]),
        "Invalid value 1 for configuration segment.bytes: Value must be at least 1048576"
    );
    assert_eq!(
        error(&[("retention.ms", "")]),
        "Invalid value  for configuration retention.ms: Not a number of type LONG"
    );
    assert_eq!(
        error(&[("max.compaction.lag.ms", "5"), ("min.compaction.lag.ms", "10")]),
        "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)"
    );
    assert_eq!(
        error(&[("remote.storage.enable", "true")]),
        "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."
    );
    assert_eq!(error(&[("log.retention.ms", "5")]), "Unknown topic config name: log.retention.ms");
}

#[test]
fn what_a_client_may_set_is_let_through() {
    for pair in [
        ("cleanup.policy", ""),
        ("retention.bytes", "-5"),
        ("internal.segment.bytes", "1000"),
        ("remote.log.copy.disable", "true"),
        ("min.insync.replicas", "5"),
        ("retention.ms", " 77 "),
    ] {
        assert_eq!(validate_topic_configs(&configs(&[pair])), Ok(()), "{pair:?}");
    }
}

#[test]
fn a_new_topic_s_configs_have_values() {
    let ask = |value: Option<&str>| topic_configs([("retention.ms".to_owned(), value.map(str::to_owned))]);
    assert_eq!(ask(Some("5")).unwrap(), configs(&[("retention.ms", "5")]));
    assert_eq!(ask(None).unwrap_err().message, "Null value not supported for topic configs: retention.ms");
    assert!(ask(Some("x")).is_err());
}
