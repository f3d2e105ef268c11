//! What a broker's keys are set to, in layers: this broker's dynamic configs over all brokers' dynamic configs over its
//! file and command line over the defaults.
//!
//! What always holds: the static layer was checked when it was loaded. The dynamic layers come from the metadata log,
//! so they may hold anything, also keys and values of another version; what does not fit is passed over. A key
//! that only a restart may change is never taken from a dynamic layer. What the values mean together is decided in
//! [`crate::broker`].

use std::collections::BTreeMap;
use std::fmt;

use crate::error::InvalidConfig;
use crate::key::{Disposition, Key};
use crate::keys;
use crate::nearest::nearest_broker_key;
use crate::value::Value;

/// Configs as they were set: name and text.
pub type Configs = BTreeMap<String, String>;

/// Something about the configs that a user should know and that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The key is not known; it is kept and shown, and does nothing.
    Unknown {
        /// The key.
        name: String,
    },
    /// The key does nothing here.
    Inert {
        /// The key.
        name: String,
        /// Why.
        reason: &'static str,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name } => {
                write!(f, "{name} is not known and has no effect")?;
                match nearest_broker_key(name) {
                    Some(key) => write!(f, "; did you mean {key}?"),
                    None => Ok(()),
                }
            }
            Self::Inert { name, reason } => write!(f, "{name} has no effect: {reason}"),
        }
    }
}

/// The layers of one broker.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    file: Configs,
    cluster: Configs,
    broker: Configs,
}

impl Settings {
    /// Takes what the file and the command line set (later pairs win), adds what Moldau sets by itself, and checks
    /// each value alone.
    pub fn load(
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Self, Vec<Warning>), Vec<InvalidConfig>> {
        let given: Configs = pairs.into_iter().collect();
        let mut errors = Vec::new();
        let mut warnings = Vec::new();
        for (name, text) in &given {
            match find(name) {
                None => warnings.push(Warning::Unknown { name: name.clone() }),
                Some(key) => match check(key, name, text) {
                    Ok(warning) => warnings.extend(warning),
                    Err(error) => errors.push(error),
                },
            }
        }
        if errors.is_empty() {
            Ok((Self { file: complete(given), ..Self::default() }, warnings))
        } else {
            Err(errors)
        }
    }

    /// The same static configs under other dynamic ones: those of all brokers, and those of this one.
    pub fn with_dynamic(&self, cluster: Configs, broker: Configs) -> Self {
        Self { file: self.file.clone(), cluster, broker }
    }

    /// What the file and the command line set, with what Moldau set by itself.
    pub fn static_configs(&self) -> &Configs {
        &self.file
    }

    /// The dynamic configs of all brokers.
    pub fn cluster_configs(&self) -> &Configs {
        &self.cluster
    }

    /// The dynamic configs of this broker.
    pub fn broker_configs(&self) -> &Configs {
        &self.broker
    }

    /// The value of a key as the layers have it, or its default; none where that is null.
    pub fn value(&self, key: &Key) -> Option<Value> {
        self.set_value(key, key.name).or_else(|| Value::default_of(key))
    }

    /// The value of a key, with another value for one listener where that is set.
    pub fn listener_value(&self, listener: &str, key: &Key) -> Option<Value> {
        let name = format!("{LISTENER_PREFIX}{}.{}", listener.to_lowercase(), key.name);
        self.set_value(key, &name).or_else(|| self.value(key))
    }

    /// Whether the key is set in some layer.
    pub fn is_set(&self, name: &str) -> bool {
        [&self.broker, &self.cluster, &self.file].iter().any(|layer| layer.contains_key(name))
    }

    fn set_value(&self, key: &Key, name: &str) -> Option<Value> {
        let dynamic: &[&Configs] = if key.is_dynamic() { &[&self.broker, &self.cluster] } else { &[] };
        dynamic
            .iter()
            .chain([&&self.file])
            .filter_map(|layer| layer.get(name))
            .find_map(|text| Value::of(key, text).ok())
    }
}

pub(crate) const LISTENER_PREFIX: &str = "listener.name.";

/// The key of this name; for `listener.name.X.key` and `listener.name.X.mechanism.key` that key.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    keys::find_broker(name).or_else(|| find_for_listener(name))
}

/// The key that `listener.name.X.key` or `listener.name.X.mechanism.key` sets for one listener.
pub(crate) fn find_for_listener(name: &str) -> Option<&'static Key> {
    let (_, base) = name.strip_prefix(LISTENER_PREFIX)?.split_once('.')?;
    keys::find_broker(base).or_else(|| {
        let (_, after_mechanism) = base.split_once('.')?;
        keys::find_broker(after_mechanism)
    })
}

fn check(key: &Key, name: &str, text: &str) -> Result<Option<Warning>, InvalidConfig> {
    let value = Value::of(key, text)?;
    let has_meaning = Some(&value) != Value::default_of(key).as_ref() && !is_empty(&value);
    match key.disposition {
        Disposition::Refused(reason) if has_meaning => {
            let shown = value.to_text().unwrap_or_else(|| "[hidden]".into());
            Err(InvalidConfig::value(name, &shown, reason))
        }
        Disposition::Inert(reason) if has_meaning => {
            Ok(Some(Warning::Inert { name: name.to_owned(), reason }))
        }
        _ => Ok(None),
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_text().is_some_and(str::is_empty) || value.as_list().is_some_and(<[_]>::is_empty)
}

/// Adds the keys that Kafka derives from others, and Moldau's own starting values.
fn complete(mut configs: Configs) -> Configs {
    let id =
        ["node.id", "broker.id"].iter().find_map(|name| configs.get(*name).cloned()).unwrap_or("1".into());
    for name in ["node.id", "broker.id"] {
        configs.entry(name.into()).or_insert_with(|| id.clone());
    }
    configs.entry("process.roles".into()).or_insert_with(|| "broker,controller".into());
    configs.entry("listeners".into()).or_insert_with(|| "PLAINTEXT://127.0.0.1:9092".into());
    if !configs.contains_key("log.dir") {
        configs.entry("log.dirs".into()).or_insert_with(|| "./moldau-data".into());
    }
    configs
}

#[cfg(test)]
mod tests;
