//! What DescribeConfigs says of a resource: every key with its value, where the value is from, and what else it could
//! have been.
//!
//! What always holds: the first synonym is where the value is from; a sensitive value is never given, nor is the value
//! of a key whose type is not known. The topic keys `flush.ms`, `retention.ms`, `segment.ms` and `segment.jitter.ms` name
//! no synonyms unless their broker key itself is set, since Kafka leaves out whatever stands before that key. The
//! entries are sorted by name; which of them were asked for is the handler's matter.

use std::collections::{BTreeMap, BTreeSet};

use crate::key::{Key, ValueType};
use crate::keys;
use crate::settings::{Configs, Settings, find, find_for_listener};
use crate::topic;
use crate::value::Value;

#[cfg(test)]
mod tests;

/// Where a value is from, with its number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum ConfigSource {
    /// Set for the topic.
    DynamicTopic = 1,
    /// Set for this broker while it ran.
    DynamicBroker = 2,
    /// Set for all brokers while they ran.
    DynamicDefaultBroker = 3,
    /// Set by file or command line.
    StaticBroker = 4,
    /// Not set.
    Default = 5,
    /// A logger's level.
    DynamicBrokerLogger = 6,
    /// Set for the client metrics subscription.
    DynamicClientMetrics = 7,
    /// Set for the group.
    DynamicGroup = 8,
}

impl ConfigSource {
    /// Its number in a DescribeConfigs answer.
    pub const fn code(self) -> i8 {
        self as i8
    }
}

/// Another name or layer the value could be from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synonym {
    /// The key.
    pub name: String,
    /// Its value there, none where it is sensitive.
    pub value: Option<String>,
    /// The layer.
    pub source: ConfigSource,
}

/// One key of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    /// The key.
    pub name: String,
    /// Its value, none where it is null or sensitive.
    pub value: Option<String>,
    /// Where the value is from.
    pub source: ConfigSource,
    /// All it could be from, the first in effect.
    pub synonyms: Vec<Synonym>,
    /// Whether only a restart can change it.
    pub read_only: bool,
    /// Whether its value is kept back.
    pub sensitive: bool,
    /// Its type, none where the key is not known.
    pub value_type: Option<ValueType>,
    /// What it is for.
    pub documentation: Option<&'static str>,
}

impl ConfigEntry {
    /// The number of its type in a DescribeConfigs answer.
    pub fn type_code(&self) -> i8 {
        self.value_type.map_or(0, ValueType::code)
    }
}

/// The configs of this broker.
pub fn describe_broker(settings: &Settings) -> Vec<ConfigEntry> {
    let layers = [settings.broker_configs(), settings.cluster_configs(), settings.static_configs()];
    let shown = keys::broker().filter(|key| !key.internal).map(|key| key.name);
    let names: BTreeSet<&str> =
        layers.iter().flat_map(|layer| layer.keys().map(String::as_str)).chain(shown).collect();
    names
        .into_iter()
        .map(|name| {
            let value = match keys::find_broker(name) {
                Some(key) => settings.value(key).and_then(|value| value.to_text()),
                None => layers.iter().find_map(|layer| layer.get(name)).cloned(),
            };
            broker_entry(name, value, broker_synonyms(name, settings))
        })
        .collect()
}

/// The dynamic configs of all brokers.
pub fn describe_default_broker(settings: &Settings) -> Vec<ConfigEntry> {
    let of_all = |synonyms: Vec<Synonym>| {
        synonyms.into_iter().filter(|synonym| synonym.source == ConfigSource::DynamicDefaultBroker).collect()
    };
    let configs = settings.cluster_configs().iter();
    configs
        .map(|(name, text)| broker_entry(name, Some(text.clone()), of_all(broker_synonyms(name, settings))))
        .collect()
}

fn broker_entry(name: &str, value: Option<String>, synonyms: Vec<Synonym>) -> ConfigEntry {
    let key = find(name);
    let sensitive = is_sensitive(key);
    ConfigEntry {
        name: name.to_owned(),
        value: value.filter(|_| !sensitive),
        source: source(&synonyms),
        synonyms,
        read_only: !keys::find_broker(name).is_some_and(Key::is_dynamic),
        sensitive,
        value_type: key.map(|key| key.value_type),
        documentation: key.map(|key| key.doc),
    }
}

/// The configs of a topic that has these overrides.
pub fn describe_topic(overrides: &Configs, settings: &Settings) -> Vec<ConfigEntry> {
    let shown = keys::topic().iter().filter(|key| !key.internal || overrides.contains_key(key.name));
    let entries = shown.map(|key| {
        let value = topic::value(key, overrides, settings).and_then(|value| value.to_text());
        let from_broker =
            key.synonyms.first().map(|name| broker_synonyms(name, settings)).unwrap_or_default();
        entry(key, value, overrides, ConfigSource::DynamicTopic, from_broker)
    });
    sorted(entries)
}

/// The configs of a group that has these overrides.
pub fn describe_group(overrides: &Configs, settings: &Settings) -> Vec<ConfigEntry> {
    let entries = keys::group().iter().map(|key| {
        let from_broker = match key.synonyms.first() {
            Some(name) => broker_synonyms(name, settings),
            None => default_synonym(key).into_iter().collect(),
        };
        let value = group_value(key, overrides, settings).and_then(|value| value.to_text());
        entry(key, value, overrides, ConfigSource::DynamicGroup, from_broker)
    });
    sorted(entries)
}

/// The value of a group key: the override, else the broker's.
pub(crate) fn group_value(key: &Key, overrides: &Configs, settings: &Settings) -> Option<Value> {
    let own = overrides.get(key.name).and_then(|text| Value::of(key, text).ok());
    let broker = || settings.value(keys::find_broker(key.synonyms.first()?)?);
    own.or_else(broker).or_else(|| Value::default_of(key))
}

/// The configs of a client metrics subscription.
pub fn describe_client_metrics(configs: &Configs) -> Vec<ConfigEntry> {
    let entries = keys::client_metrics().iter().map(|key| {
        let own = configs.get(key.name).and_then(|text| Value::of(key, text).ok());
        let value = own.or_else(|| Value::default_of(key)).and_then(|value| value.to_text());
        entry(key, value, configs, ConfigSource::DynamicClientMetrics, Vec::new())
    });
    sorted(entries)
}

/// The loggers of a broker and their levels.
pub fn describe_broker_logger(levels: &BTreeMap<String, String>) -> Vec<ConfigEntry> {
    let entries = levels.iter().map(|(name, level)| ConfigEntry {
        name: name.clone(),
        value: Some(level.clone()),
        source: ConfigSource::DynamicBrokerLogger,
        synonyms: Vec::new(),
        read_only: false,
        sensitive: false,
        value_type: None,
        documentation: None,
    });
    entries.collect()
}

/// A key of a resource whose own configs go before what `below` has.
fn entry(
    key: &'static Key,
    value: Option<String>,
    own: &Configs,
    own_source: ConfigSource,
    below: Vec<Synonym>,
) -> ConfigEntry {
    let own = own.contains_key(key.name).then(|| Synonym {
        name: key.name.to_owned(),
        value: value.clone(),
        source: own_source,
    });
    let synonyms: Vec<Synonym> = own.into_iter().chain(below).collect();
    ConfigEntry {
        name: key.name.to_owned(),
        value,
        source: source(&synonyms),
        synonyms,
        read_only: false,
        sensitive: key.is_sensitive(),
        value_type: Some(key.value_type),
        documentation: Some(key.doc),
    }
}

fn sorted(entries: impl Iterator<Item = ConfigEntry>) -> Vec<ConfigEntry> {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    entries
}

fn source(synonyms: &[Synonym]) -> ConfigSource {
    synonyms.first().map_or(ConfigSource::Default, |synonym| synonym.source)
}

/// A key that is not known may be a password of some plug-in.
fn is_sensitive(key: Option<&Key>) -> bool {
    key.is_none_or(Key::is_sensitive)
}

fn default_synonym(key: &Key) -> Option<Synonym> {
    let value = key.default.text()?;
    let value = (!key.is_sensitive()).then(|| value.to_owned());
    Some(Synonym { name: key.name.to_owned(), value, source: ConfigSource::Default })
}

/// The broker keys that mean the same as this one, layer by layer, from this key's first own appearance on.
fn broker_synonyms(name: &str, settings: &Settings) -> Vec<Synonym> {
    let sensitive = is_sensitive(find(name));
    let names: Vec<&str> = match keys::find_broker(name) {
        Some(key) if !key.synonyms.is_empty() => key.synonyms.to_vec(),
        Some(_) => vec![name],
        None => match find_for_listener(name) {
            Some(base) => vec![name, base.name],
            None => std::iter::once(name).chain(without_listener(name)).collect(),
        },
    };
    let layers = [
        (settings.broker_configs(), ConfigSource::DynamicBroker),
        (settings.cluster_configs(), ConfigSource::DynamicDefaultBroker),
        (settings.static_configs(), ConfigSource::StaticBroker),
    ];
    let set = layers.iter().flat_map(|(layer, source)| {
        names.iter().filter_map(|name| {
            let value = layer.get(*name)?;
            Some(Synonym {
                name: (*name).to_owned(),
                value: (!sensitive).then(|| value.clone()),
                source: *source,
            })
        })
    });
    // a replication quota has no default among the broker's configs
    let has_default = |key: &&Key| !keys::broker_quota().iter().any(|quota| quota.name == key.name);
    let defaults =
        names.iter().filter_map(|name| keys::find_broker(name).filter(has_default).and_then(default_synonym));
    set.chain(defaults).skip_while(|synonym| synonym.name != name).collect()
}

/// The part of `listener.name.X.key` after the listener.
fn without_listener(name: &str) -> Option<&str> {
    Some(name.strip_prefix(crate::settings::LISTENER_PREFIX)?.split_once('.')?.1)
}
