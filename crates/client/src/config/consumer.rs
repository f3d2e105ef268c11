//! The consumer's settings.

use std::time::Duration;

use super::{CommonConfig, ConfigError, ConfigValue, config_keys};
use crate::serialization::SerdeClass;

/// Where a partition without a usable committed offset is started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AutoOffsetReset {
    /// At the log start offset.
    Earliest,
    /// At the end.
    #[default]
    Latest,
    /// At the first record that is not older than this.
    ByDuration(Duration),
    /// Nowhere: it is an error.
    None,
}

impl ConfigValue for AutoOffsetReset {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "earliest" => Ok(Self::Earliest),
            "latest" => Ok(Self::Latest),
            "none" => Ok(Self::None),
            other => other
                .strip_prefix("by_duration:")
                .and_then(iso_duration)
                .map(Self::ByDuration)
                .ok_or_else(|| "must be earliest, latest, none or by_duration:<ISO-8601 duration> such as by_duration:PT1H".to_owned()),
        }
    }
    fn text(&self) -> String {
        match self {
            Self::Earliest => "earliest".to_owned(),
            Self::Latest => "latest".to_owned(),
            Self::None => "none".to_owned(),
            Self::ByDuration(duration) => {
                format!("by_duration:PT{}.{:03}S", duration.as_secs(), duration.subsec_millis())
            }
        }
    }
}

/// Reads `PnDTnHnMnS` with a fraction allowed in the seconds; the units may each be left out, but not all.
fn iso_duration(text: &str) -> Option<Duration> {
    let body = text.strip_prefix('P')?;
    let (days, time) = match body.split_once('T') {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return None,
        None => (body, ""),
    };
    let mut seconds = 0f64;
    let mut found = false;
    for (part, units) in
        [(days, &[('D', 86_400f64)][..]), (time, &[('H', 3_600f64), ('M', 60f64), ('S', 1f64)][..])]
    {
        let mut rest = part;
        for (unit, factor) in units {
            if let Some((number, after)) = rest.split_once(*unit) {
                if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
                    return None;
                }
                seconds += number.parse::<f64>().ok()? * factor;
                found = true;
                rest = after;
            }
        }
        if !rest.is_empty() {
            return None;
        }
    }
    if !found {
        return None;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// Which records of transactions are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IsolationLevel {
    /// All of them, also of transactions that are open or aborted.
    #[default]
    ReadUncommitted,
    /// Those of committed transactions only.
    ReadCommitted,
}

impl IsolationLevel {
    /// The number on the wire.
    pub fn code(self) -> i8 {
        self as i8
    }
}

impl ConfigValue for IsolationLevel {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "read_uncommitted" => Ok(Self::ReadUncommitted),
            "read_committed" => Ok(Self::ReadCommitted),
            _ => Err("must be read_uncommitted or read_committed".to_owned()),
        }
    }
    fn text(&self) -> String {
        match self {
            Self::ReadUncommitted => "read_uncommitted",
            Self::ReadCommitted => "read_committed",
        }
        .to_owned()
    }
}

config_keys! {
    /// The settings of a consumer.
    ///
    /// ```
    /// use moldau_client::{AutoOffsetReset, ConsumerConfig};
    ///
    /// # fn main() -> Result<(), moldau_client::ConfigError> {
    /// let config = ConsumerConfig::from_pairs([("group.id", "boards"), ("auto.offset.reset", "earliest")])?;
    /// assert_eq!(config.auto_offset_reset, AutoOffsetReset::Earliest);
    /// let wrong = ConsumerConfig::default().with("heartbeat.interval.ms", "60000")?.validate().unwrap_err();
    /// assert_eq!(wrong.to_string(), "heartbeat.interval.ms=60000: must be less than session.timeout.ms");
    /// # config.validate()
    /// # }
    /// ```
    pub struct ConsumerConfig: CommonConfig {
        /// The group that shares the partitions and keeps the committed offsets.
        "group.id" => group_id: Option<String> = None;
        /// The name that stays with this member over restarts (static membership).
        "group.instance.id" => group_instance_id: Option<String> = None;
        /// Where to start without a usable committed offset.
        "auto.offset.reset" => auto_offset_reset: AutoOffsetReset = AutoOffsetReset::Latest;
        /// Whether `poll` commits what was given out before.
        "enable.auto.commit" => auto_commit: bool = true;
        /// How often it does.
        "auto.commit.interval.ms" => auto_commit_interval: Duration = Duration::from_secs(5);
        /// How many bytes the broker waits for.
        "fetch.min.bytes" => fetch_min_bytes: i32 = 1;
        /// How many bytes an answer may have; a single larger batch still comes.
        "fetch.max.bytes" => fetch_max_bytes: i32 = 52_428_800;
        /// How long the broker waits for `fetch.min.bytes`.
        "fetch.max.wait.ms" => fetch_max_wait: Duration = Duration::from_millis(500);
        /// How many bytes of one partition an answer may have.
        "max.partition.fetch.bytes" => max_partition_fetch_bytes: i32 = 1_048_576;
        /// How many records one `poll` gives at most.
        "max.poll.records" => max_poll_records: usize = 500;
        /// The longest time between two polls before the member leaves its group.
        "max.poll.interval.ms" => max_poll_interval: Duration = Duration::from_secs(300);
        /// How long the coordinator waits for a heartbeat.
        "session.timeout.ms" => session_timeout: Duration = Duration::from_secs(45);
        /// How often a heartbeat is sent.
        "heartbeat.interval.ms" => heartbeat_interval: Duration = Duration::from_secs(3);
        /// How the group's leader shares out partitions, the favourite first: `range`, `roundrobin`, or their Java classes.
        "partition.assignment.strategy" => assignment_strategy: Vec<String> = vec!["range".to_owned(), "cooperative-sticky".to_owned()];
        /// Which records of transactions are given.
        "isolation.level" => isolation_level: IsolationLevel = IsolationLevel::ReadUncommitted;
        /// Whether the checksum of each batch is verified.
        "check.crcs" => check_crcs: bool = true;
        /// Where this client is, so that a near replica can be fetched from.
        "client.rack" => client_rack: String = String::new();
        /// Whether a pattern leaves out the cluster's own topics.
        "exclude.internal.topics" => exclude_internal_topics: bool = true;
        /// How bytes become keys; counts for `TypedConsumer::from_config`.
        "key.deserializer" => key_deserializer: Option<SerdeClass> = None;
        /// How bytes become values; counts for `TypedConsumer::from_config`.
        "value.deserializer" => value_deserializer: Option<SerdeClass> = None;
        /// Whether subscribing to an unknown topic makes it, if the broker allows that.
        "allow.auto.create.topics" => allow_auto_create_topics: bool = true;
    }
}

impl ConsumerConfig {
    /// Refuses combinations that can't work.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.common.validate()?;
        let refuse = |key: &str, why: &str| {
            Err(ConfigError::Invalid {
                key: key.to_owned(),
                value: self.get(key).unwrap_or_default(),
                why: why.to_owned(),
            })
        };
        if self.max_poll_records == 0 {
            return refuse("max.poll.records", "must be at least 1");
        }
        if self.max_poll_interval.is_zero() {
            return refuse("max.poll.interval.ms", "must be at least 1");
        }
        if self.heartbeat_interval >= self.session_timeout {
            return refuse("heartbeat.interval.ms", "must be less than session.timeout.ms");
        }
        if self.group_instance_id.is_some() && self.group_id.is_none() {
            return refuse("group.instance.id", "needs group.id");
        }
        for (key, value) in [
            ("fetch.min.bytes", self.fetch_min_bytes),
            ("fetch.max.bytes", self.fetch_max_bytes),
            ("max.partition.fetch.bytes", self.max_partition_fetch_bytes),
        ] {
            if value < 0 {
                return refuse(key, "must not be negative");
            }
        }
        Ok(())
    }
}
