//! Changes of configs: what IncrementalAlterConfigs and AlterConfigs make of a resource's configs, and whether it may
//! have the result.
//!
//! What always holds: nothing is changed here; the answer says which keys get which value or lose theirs, and
//! all of a resource's changes hold or none. Whether the resource exists is the caller's question. The messages have
//! the shape that Kafka's tools print.

use std::collections::{BTreeMap, HashSet};

use crate::broker::BrokerConfig;
use crate::describe::group_value;
use crate::error::InvalidConfig;
use crate::key::{Disposition, Key, UpdateMode, ValueType};
use crate::keys;
use crate::settings::{Configs, LISTENER_PREFIX, Settings, find};
use crate::topic::validate_topic_configs;
use crate::value::{Value, split_list};

mod client_metrics;
#[cfg(test)]
mod tests;
mod thread_counts;

/// Longest value that a key can have in the end: its record must stay readable.
const VALUE_BYTES_MAX: usize = 32_767;

/// What to do with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum AlterOp {
    /// Give it a value.
    Set = 0,
    /// Take its value away.
    Delete = 1,
    /// Add texts to a list.
    Append = 2,
    /// Take texts out of a list.
    Subtract = 3,
}

impl AlterOp {
    /// The operation of this number in an IncrementalAlterConfigs request.
    pub const fn from_code(code: i8) -> Option<Self> {
        match code {
            0 => Some(Self::Set),
            1 => Some(Self::Delete),
            2 => Some(Self::Append),
            3 => Some(Self::Subtract),
            _ => None,
        }
    }
}

/// One change of one key, as a client asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alteration {
    /// The key.
    pub name: String,
    /// What to do.
    pub op: AlterOp,
    /// The value, which only a deletion can do without.
    pub value: Option<String>,
}

/// What a resource's configs become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Altered {
    /// The keys that change, and their new values; none where the key is taken away. Of a broker every key that was named, even if
    /// it stays as it is: that it is written again makes the broker read key stores anew.
    pub changes: BTreeMap<String, Option<String>>,
    /// All configs of the resource afterwards.
    pub configs: Configs,
}

impl Altered {
    fn without_unchanged(mut self, current: &Configs) -> Self {
        self.changes.retain(|name, value| current.get(name) != value.as_ref());
        self
    }
}

/// Why a change is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlterError {
    /// A name or value does not fit (INVALID_CONFIG).
    #[error("{0}")]
    InvalidConfig(String),
    /// The request cannot be meant (INVALID_REQUEST).
    #[error("{0}")]
    InvalidRequest(String),
}

impl From<InvalidConfig> for AlterError {
    fn from(error: InvalidConfig) -> Self {
        Self::InvalidConfig(error.message)
    }
}

fn invalid_request(message: impl Into<String>) -> AlterError {
    AlterError::InvalidRequest(message.into())
}

/// The changes that make `current` into exactly `wanted`, as AlterConfigs does: what is not named loses its value.
pub fn replacing(current: &Configs, wanted: &[(String, Option<String>)]) -> Vec<Alteration> {
    let gone = current.keys().filter(|name| !wanted.iter().any(|(wanted, _)| wanted == *name));
    let deletions = gone.map(|name| Alteration { name: name.clone(), op: AlterOp::Delete, value: None });
    let settings = wanted.iter().map(|(name, value)| Alteration {
        name: name.clone(),
        op: AlterOp::Set,
        value: value.clone(),
    });
    settings.chain(deletions).collect()
}

/// Changes a topic.
pub fn alter_topic(current: &Configs, ops: &[Alteration]) -> Result<Altered, AlterError> {
    let altered = apply(current, ops, keys::find_topic, cannot_list)?.without_unchanged(current);
    validate_topic_configs(&altered.configs)?;
    Ok(altered)
}

/// Changes a group on a broker with these settings.
pub fn alter_group(
    current: &Configs,
    ops: &[Alteration],
    settings: &Settings,
) -> Result<Altered, AlterError> {
    let altered = apply(current, ops, keys::find_group, cannot_list)?.without_unchanged(current);
    validate_group_configs(&altered.configs, settings)?;
    Ok(altered)
}

/// Changes a client metrics subscription.
pub fn alter_client_metrics(current: &Configs, ops: &[Alteration]) -> Result<Altered, AlterError> {
    // the reference knows no lists here
    let altered = apply(current, ops, |_| None, cannot_list)?.without_unchanged(current);
    client_metrics::validate(&altered.configs)?;
    Ok(altered)
}

/// Changes this broker's configs, or with `for_all` those of all brokers. `eligible_leader_replicas` is whether the
/// feature of that name is finalized: `min.insync.replicas` then belongs to the cluster alone.
pub fn alter_broker(
    settings: &Settings,
    for_all: bool,
    ops: &[Alteration],
    eligible_leader_replicas: bool,
) -> Result<Altered, AlterError> {
    let current = if for_all { settings.cluster_configs() } else { settings.broker_configs() };
    let altered = apply(current, ops, find, |name, op| {
        let word = if op == AlterOp::Append { "append" } else { "subtract" };
        format!("Config value {word} is not allowed for config key: {name}")
    })?;
    validate_broker_configs(&altered.configs, for_all)?;
    let result = if for_all {
        settings.with_dynamic(altered.configs.clone(), settings.broker_configs().clone())
    } else {
        settings.with_dynamic(settings.cluster_configs().clone(), altered.configs.clone())
    };
    if let Err(errors) = BrokerConfig::of(&result) {
        return Err(invalid_request(errors.into_iter().map(|e| e.message).collect::<Vec<_>>().join("; ")));
    }
    listeners_stay(settings, &result)?;
    thread_counts::validate(settings, &result)?;
    if eligible_leader_replicas {
        match altered.changes.get("min.insync.replicas") {
            Some(None) if for_all => {
                return Err(AlterError::InvalidConfig(
                    "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.".into(),
                ));
            }
            Some(_) if !for_all => {
                return Err(AlterError::InvalidConfig(
                    "Broker-level min.insync.replicas cannot be altered while ELR is enabled.".into(),
                ));
            }
            _ => {}
        }
    }
    Ok(altered)
}

/// Sockets are opened when a node starts: a value that only looked as if it were taken would mislead.
fn listeners_stay(before: &Settings, after: &Settings) -> Result<(), AlterError> {
    for name in ["listeners", "listener.security.protocol.map"] {
        let value = |settings: &Settings| keys::find_broker(name).and_then(|key| settings.value(key));
        if value(before) != value(after) {
            return Err(invalid_request(format!(
                "{name} cannot be changed while a node runs: set it in server.properties and start the node again"
            )));
        }
    }
    Ok(())
}

/// Checks changes of loggers' levels; `exists` says whether there is a logger of this name. The caller sets them.
pub fn check_broker_logger(ops: &[Alteration], exists: impl Fn(&str) -> bool) -> Result<(), AlterError> {
    const LEVELS: [&str; 6] = ["DEBUG", "ERROR", "FATAL", "INFO", "TRACE", "WARN"];
    check_ops(ops)?;
    for Alteration { name, op, value } in ops {
        let op_name = match op {
            AlterOp::Append => "APPEND",
            AlterOp::Subtract => "SUBTRACT",
            AlterOp::Set | AlterOp::Delete if !exists(name) => {
                return Err(AlterError::InvalidConfig(format!("Logger {name} does not exist!")));
            }
            AlterOp::Delete if name == "root" => {
                return Err(invalid_request("Removing the log level of the root logger is not allowed"));
            }
            AlterOp::Delete => continue,
            AlterOp::Set => {
                let level = value.as_deref().unwrap_or_default();
                if !LEVELS.contains(&level) {
                    return Err(AlterError::InvalidConfig(format!(
                        "Cannot set the log level of {name} to {level} as it is not a supported log level. \
                         Valid log levels are {}",
                        LEVELS.join(", ")
                    )));
                }
                continue;
            }
        };
        return Err(invalid_request(format!(
            "{op_name} operation is not allowed for the BROKER_LOGGER resource"
        )));
    }
    Ok(())
}

/// Whether a group may have these configs on a broker with these settings.
pub fn validate_group_configs(configs: &Configs, settings: &Settings) -> Result<(), InvalidConfig> {
    if let Some(name) = configs.keys().find(|name| keys::find_group(name).is_none()) {
        return Err(InvalidConfig::new(format!("Unknown group config name: {name}")));
    }
    for key in keys::group() {
        if let Some(text) = configs.get(key.name) {
            let value = Value::of(key, text)?;
            within_broker_limits(key, &value, settings)?;
        }
    }
    for kind in ["consumer", "share", "streams"] {
        let number = |what: &str| {
            let key = keys::find_group(&format!("{kind}.{what}"))?;
            group_value(key, configs, settings)?.as_number()
        };
        if let (Some(session), Some(heartbeat)) =
            (number("session.timeout.ms"), number("heartbeat.interval.ms"))
            && session <= heartbeat
        {
            return Err(InvalidConfig::new(format!(
                "{kind}.session.timeout.ms must be greater than {kind}.heartbeat.interval.ms"
            )));
        }
    }
    Ok(())
}

/// A group's `kind.what` lies between the broker's `group.kind.min.what` and `group.kind.max.what`.
fn within_broker_limits(key: &Key, value: &Value, settings: &Settings) -> Result<(), InvalidConfig> {
    let Some(number) = value.as_number() else { return Ok(()) };
    let Some((kind, what)) = key.name.split_once('.') else { return Ok(()) };
    let limit = |which: &str| {
        // the one key whose limit does not repeat its whole name
        let what = what.strip_prefix("num.").unwrap_or(what);
        let name = format!("group.{kind}.{which}.{what}");
        let limit = settings.value(keys::find_broker(&name)?)?.as_number()?;
        Some((name, limit))
    };
    if let Some((name, min)) = limit("min")
        && number < min
    {
        return Err(InvalidConfig::new(format!("{} must be greater than or equal to {name}", key.name)));
    }
    if let Some((name, max)) = limit("max")
        && number > max
    {
        return Err(InvalidConfig::new(format!("{} must be less than or equal to {name}", key.name)));
    }
    Ok(())
}

/// Whether brokers may have these dynamic configs, each by itself.
fn validate_broker_configs(configs: &Configs, for_all: bool) -> Result<(), AlterError> {
    let names = |unfit: &dyn Fn(&str) -> bool| -> Option<String> {
        let names: Vec<&str> = configs.keys().map(String::as_str).filter(|name| unfit(name)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    if let Some(names) = names(&|name| keys::find_broker(name).is_some_and(|key| !key.is_dynamic())) {
        return Err(invalid_request(format!("Cannot update these configs dynamically: [{names}]")));
    }
    if let Some(names) = names(&|name| {
        name.starts_with("ssl.")
            && keys::find_broker(name).is_some_and(|key| key.update == UpdateMode::PerBroker)
    }) {
        return Err(invalid_request(format!(
            "These security configs can be dynamically updated only per-listener using the listener prefix: [{names}]"
        )));
    }
    for (name, text) in configs {
        let Some(key) = find(name) else { continue };
        let value = Value::of(key, text).map_err(|error| invalid_request(error.message))?;
        if let Disposition::Refused(reason) = key.disposition
            && Some(&value) != Value::default_of(key).as_ref()
        {
            return Err(invalid_request(InvalidConfig::value(name, text, reason).message));
        }
    }
    if for_all && let Some(names) = names(&is_for_one_broker) {
        return Err(invalid_request(format!(
            "Cannot update these configs at default cluster level, broker id must be specified: [{names}]"
        )));
    }
    Ok(())
}

/// Whether a key makes sense for one broker only: addresses, directories, and all but three keys of listeners.
fn is_for_one_broker(name: &str) -> bool {
    const OF_LISTENERS_EVERYWHERE: [&str; 3] =
        ["max.connections", "max.connection.creation.rate", "num.network.threads"];
    match name.strip_prefix(LISTENER_PREFIX).and_then(|rest| rest.split_once('.')) {
        Some((_, base)) => !OF_LISTENERS_EVERYWHERE.contains(&base),
        None => keys::find_broker(name).is_some_and(|key| key.update == UpdateMode::PerBroker),
    }
}

fn cannot_list(name: &str, op: AlterOp) -> String {
    let word = if op == AlterOp::Append { "APPEND" } else { "SUBTRACT" };
    format!("Can't {word} to key {name} because its type is not LIST.")
}

fn check_ops(ops: &[Alteration]) -> Result<(), AlterError> {
    let mut seen = HashSet::with_capacity(ops.len());
    if !ops.iter().all(|op| seen.insert(op.name.as_str())) {
        return Err(invalid_request("Error due to duplicate config keys"));
    }
    let without_value = |op: &&Alteration| op.value.is_none() && op.op != AlterOp::Delete;
    let names: Vec<&str> = ops.iter().filter(without_value).map(|op| op.name.as_str()).collect();
    if !names.is_empty() {
        return Err(invalid_request(format!("Null value not supported for : {}", names.join(","))));
    }
    Ok(())
}

/// Does what `ops` say; `find` knows the keys, `not_a_list` words the refusal to add to or take from another one.
fn apply(
    current: &Configs,
    ops: &[Alteration],
    find: impl Fn(&str) -> Option<&'static Key>,
    not_a_list: impl Fn(&str, AlterOp) -> String,
) -> Result<Altered, AlterError> {
    check_ops(ops)?;
    let mut altered = Altered { changes: BTreeMap::new(), configs: current.clone() };
    for Alteration { name, op, value } in ops {
        let value = value.clone().unwrap_or_default();
        let new = match op {
            AlterOp::Set => Some(value),
            AlterOp::Delete => None,
            AlterOp::Append | AlterOp::Subtract => {
                let key = find(name).filter(|key| key.value_type == ValueType::List);
                let key = key.ok_or_else(|| AlterError::InvalidConfig(not_a_list(name, *op)))?;
                let had = current.get(name).map(String::as_str).or(key.default.text()).unwrap_or_default();
                Some(combine(had, &value, *op))
            }
        };
        match &new {
            Some(text) => altered.configs.insert(name.clone(), text.clone()),
            None => altered.configs.remove(name),
        };
        altered.changes.insert(name.clone(), new);
    }
    if altered.changes.values().flatten().any(|value| value.len() > VALUE_BYTES_MAX) {
        return Err(AlterError::InvalidConfig(format!(
            "The configuration value cannot be added because it exceeds the maximum value size of {VALUE_BYTES_MAX} bytes."
        )));
    }
    Ok(altered)
}

/// A list with texts added that it did not have, or without texts that it had.
fn combine(had: &str, texts: &str, op: AlterOp) -> String {
    let mut list: Vec<String> = split_list(had).into_iter().filter(|text| !text.is_empty()).collect();
    for text in split_list(texts) {
        match op {
            AlterOp::Append if !list.contains(&text) => list.push(text),
            AlterOp::Subtract => list.retain(|had| *had != text),
            _ => {}
        }
    }
    list.join(",")
}
