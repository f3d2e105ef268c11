//! A topic's configs with types, and the check of what a client wants to set.
//!
//! What always holds: a topic's own value goes before the broker's dynamic ones, those before the broker's file,
//! that before the default; `internal.segment.bytes` goes before `segment.bytes`. What was checked here once is
//! never refused later: an override that no longer fits is passed over.

use crate::error::InvalidConfig;
use crate::key::Key;
use crate::keys;
use crate::settings::{Configs, Settings};
use crate::value::Value;

#[cfg(test)]
mod tests;

/// What becomes of old records; neither is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// Old segments are deleted by age and size.
    pub delete: bool,
    /// The log keeps the last record of each key.
    pub compact: bool,
}

/// How a topic's batches are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionType {
    /// As the producer sent them.
    Producer,
    /// Not.
    Uncompressed,
    /// With gzip.
    Gzip,
    /// With snappy.
    Snappy,
    /// With lz4.
    Lz4,
    /// With zstd.
    Zstd,
}

/// Which time a record has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// Its producer's.
    CreateTime,
    /// That of its append.
    LogAppendTime,
}

/// The configs of one topic. Fields have Kafka's names and units; -1 is unlimited where Kafka has it so.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicConfig {
    /// Size at which a new segment is begun.
    pub segment_bytes: i32,
    /// Age at which a new segment is begun.
    pub segment_ms: i64,
    /// Most random milliseconds taken off `segment_ms`.
    pub segment_jitter_ms: i64,
    /// Most bytes of an index.
    pub segment_index_bytes: i32,
    /// Records after which the log is synced.
    pub flush_messages: i64,
    /// Milliseconds after which the log is synced.
    pub flush_ms: i64,
    /// Bytes above which old segments go, or -1.
    pub retention_bytes: i64,
    /// Age above which old segments go, or -1.
    pub retention_ms: i64,
    /// Largest batch.
    pub max_message_bytes: i32,
    /// Bytes between two index entries.
    pub index_interval_bytes: i32,
    /// How long a tombstone is kept.
    pub delete_retention_ms: i64,
    /// How long a record is safe from compaction.
    pub min_compaction_lag_ms: i64,
    /// How long a record may wait for compaction.
    pub max_compaction_lag_ms: i64,
    /// How long a removed file stays.
    pub file_delete_delay_ms: i64,
    /// Uncompacted share from which the log is compacted.
    pub min_cleanable_dirty_ratio: f64,
    /// What becomes of old records.
    pub cleanup_policy: CleanupPolicy,
    /// Whether a replica out of sync may lead.
    pub unclean_leader_election_enable: bool,
    /// In-sync replicas that acks=all needs, or all where a partition has fewer.
    pub min_insync_replicas: i32,
    /// How batches are compressed.
    pub compression_type: CompressionType,
    /// Level of gzip, -1 its default.
    pub compression_gzip_level: i32,
    /// Level of zstd.
    pub compression_zstd_level: i32,
    /// Whether a segment takes its whole size at once.
    pub preallocate: bool,
    /// Which time a record has.
    pub message_timestamp_type: TimestampType,
    /// How far a record's time may lie behind.
    pub message_timestamp_before_max_ms: i64,
    /// How far a record's time may lie ahead.
    pub message_timestamp_after_max_ms: i64,
}

impl TopicConfig {
    /// The configs of a topic with these overrides on a broker with these settings.
    pub fn resolve(overrides: &Configs, settings: &Settings) -> Self {
        let values = Values { overrides, settings };
        Self {
            segment_bytes: values
                .set_int("internal.segment.bytes")
                .unwrap_or_else(|| values.int("segment.bytes")),
            segment_ms: values.long("segment.ms"),
            segment_jitter_ms: values.long("segment.jitter.ms"),
            segment_index_bytes: values.int("segment.index.bytes"),
            flush_messages: values.long("flush.messages"),
            flush_ms: values.long("flush.ms"),
            retention_bytes: values.long("retention.bytes").max(-1),
            retention_ms: values.long("retention.ms").max(-1),
            max_message_bytes: values.int("max.message.bytes"),
            index_interval_bytes: values.int("index.interval.bytes"),
            delete_retention_ms: values.long("delete.retention.ms"),
            min_compaction_lag_ms: values.long("min.compaction.lag.ms"),
            max_compaction_lag_ms: values.long("max.compaction.lag.ms"),
            file_delete_delay_ms: values.long("file.delete.delay.ms"),
            min_cleanable_dirty_ratio: values.double("min.cleanable.dirty.ratio"),
            cleanup_policy: values.cleanup_policy(),
            unclean_leader_election_enable: values.boolean("unclean.leader.election.enable"),
            min_insync_replicas: values.int("min.insync.replicas"),
            compression_type: values.compression_type(),
            compression_gzip_level: values.int("compression.gzip.level"),
            compression_zstd_level: values.int("compression.zstd.level"),
            preallocate: values.boolean("preallocate"),
            message_timestamp_type: match values.text("message.timestamp.type").as_str() {
                "LogAppendTime" => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            message_timestamp_before_max_ms: values.long("message.timestamp.before.max.ms"),
            message_timestamp_after_max_ms: values.long("message.timestamp.after.max.ms"),
        }
    }
}

impl Default for TopicConfig {
    /// The configs of a topic without overrides on a broker where nothing is set.
    fn default() -> Self {
        Self::resolve(&Configs::new(), &Settings::default())
    }
}

/// What the broker keeps records for where a topic says nothing.
pub(crate) fn retention_ms(settings: &Settings) -> i64 {
    Values { overrides: &Configs::new(), settings }.long("retention.ms")
}

/// The value of a topic key: the override, else the first broker key that has one, in the topic key's unit.
pub(crate) fn value(key: &Key, overrides: &Configs, settings: &Settings) -> Option<Value> {
    let own = overrides.get(key.name).and_then(|text| Value::of(key, text).ok());
    own.or_else(|| broker_value(key, settings)).or_else(|| Value::default_of(key))
}

fn broker_value(key: &Key, settings: &Settings) -> Option<Value> {
    key.synonyms.iter().find_map(|name| {
        let value = settings.value(keys::find_broker(name)?)?;
        Some(match value {
            Value::Number(number) => Value::Number(number.saturating_mul(unit_in_ms(name))),
            other => other,
        })
    })
}

fn unit_in_ms(name: &str) -> i64 {
    if name.ends_with(".hours") {
        3_600_000
    } else if name.ends_with(".minutes") {
        60_000
    } else {
        1
    }
}

/// The values of one topic by key. A key that is not in the table of topic keys, or of another type there, is a
/// mistake in this crate and panics; the test that resolves a topic finds it.
struct Values<'a> {
    overrides: &'a Configs,
    settings: &'a Settings,
}

impl Values<'_> {
    fn get(&self, name: &str) -> Value {
        keys::find_topic(name)
            .and_then(|key| value(key, self.overrides, self.settings))
            .unwrap_or_else(|| panic!("{name} is no topic key with a value"))
    }

    fn long(&self, name: &str) -> i64 {
        self.get(name).as_number().unwrap_or_else(|| panic!("{name} is no number"))
    }

    fn int(&self, name: &str) -> i32 {
        self.long(name).try_into().unwrap_or(i32::MAX)
    }

    fn set_int(&self, name: &str) -> Option<i32> {
        value(keys::find_topic(name)?, self.overrides, self.settings)?.as_number()?.try_into().ok()
    }

    fn double(&self, name: &str) -> f64 {
        match self.get(name) {
            Value::Double(double) => double,
            other => panic!("{name} is {other:?}"),
        }
    }

    fn boolean(&self, name: &str) -> bool {
        self.get(name) == Value::Boolean(true)
    }

    fn text(&self, name: &str) -> String {
        self.get(name).as_text().unwrap_or_default().to_owned()
    }

    fn cleanup_policy(&self) -> CleanupPolicy {
        let policies = self.get("cleanup.policy");
        let has = |policy: &str| policies.as_list().is_some_and(|all| all.iter().any(|p| p == policy));
        CleanupPolicy { delete: has("delete"), compact: has("compact") }
    }

    fn compression_type(&self) -> CompressionType {
        match self.text("compression.type").as_str() {
            "uncompressed" => CompressionType::Uncompressed,
            "gzip" => CompressionType::Gzip,
            "snappy" => CompressionType::Snappy,
            "lz4" => CompressionType::Lz4,
            "zstd" => CompressionType::Zstd,
            _ => CompressionType::Producer,
        }
    }
}

/// The configs that a new topic is asked to have, once they were found right.
pub fn topic_configs(
    asked: impl IntoIterator<Item = (String, Option<String>)>,
) -> Result<Configs, InvalidConfig> {
    let mut configs = Configs::new();
    let mut without_value = Vec::new();
    for (name, value) in asked {
        match value {
            Some(value) => drop(configs.insert(name, value)),
            None => without_value.push(name),
        }
    }
    if !without_value.is_empty() {
        let names = without_value.join(",");
        return Err(InvalidConfig::new(format!("Null value not supported for topic configs: {names}")));
    }
    validate_topic_configs(&configs)?;
    Ok(configs)
}

/// Whether a topic may have these configs: names, values, and what they mean together.
pub fn validate_topic_configs(configs: &Configs) -> Result<(), InvalidConfig> {
    if let Some(name) = configs.keys().find(|name| keys::find_topic(name).is_none()) {
        return Err(InvalidConfig::new(format!("Unknown topic config name: {name}")));
    }
    for key in keys::topic() {
        if let Some(text) = configs.get(key.name) {
            Value::of(key, text)?;
        }
    }
    let number = |name: &str| {
        let key = keys::find_topic(name)?;
        configs
            .get(name)
            .map_or_else(|| Value::default_of(key), |text| Value::of(key, text).ok())?
            .as_number()
    };
    if let (Some(min), Some(max)) = (number("min.compaction.lag.ms"), number("max.compaction.lag.ms"))
        && min > max
    {
        return Err(InvalidConfig::new(format!(
            "conflict topic config setting min.compaction.lag.ms ({min}) > max.compaction.lag.ms ({max})"
        )));
    }
    if configs.get("remote.storage.enable").is_some_and(|on| on.trim().eq_ignore_ascii_case("true")) {
        return Err(InvalidConfig::new(
            "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log \
             storage.",
        ));
    }
    Ok(())
}
