//! Each key of Kafka's clients, one by one: it is effective here, or inert for a reason that the docs give, or refused.

use std::collections::BTreeSet;

use super::super::elsewhere::{ONLY, WITHOUT_EFFECT, why_without_effect};
use super::*;

/// A row of Kafka's own tables (`config/kafka/*.tsv`).
struct Key {
    name: &'static str,
    default: &'static str,
    valid: &'static str,
}

const DOCS: &str = include_str!("../../../../../docs/rust-client.md");

/// Effective keys whose default is another one here; docs/rust-client.md says so.
const OTHER_DEFAULTS: &[&str] = &[
    "bootstrap.servers",
    "client.id",
    "send.buffer.bytes",
    "receive.buffer.bytes",
    "key.serializer",
    "value.serializer",
    "key.deserializer",
    "value.deserializer",
];

fn keys_of(table: &'static str) -> Vec<Key> {
    let row = |line: &'static str| {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().expect("four cells");
        let (name, _, default, valid) = (cell(), cell(), cell(), cell());
        Key { name, default, valid }
    };
    table.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

/// What a client does with a key: its keys, the text of a default, and whether a value can be had.
struct Client {
    name: &'static str,
    table: &'static str,
    keys: Vec<&'static str>,
    default: fn(&str) -> Option<String>,
    take: fn(&str, &str) -> Result<(), ConfigError>,
}

fn clients() -> [Client; 3] {
    [
        Client {
            name: "producer",
            table: include_str!("../kafka/producer.tsv"),
            keys: ProducerConfig::keys(),
            default: |key| ProducerConfig::default().get(key),
            take: |key, value| ProducerConfig::from_pairs([(key, value)])?.validate(),
        },
        Client {
            name: "consumer",
            table: include_str!("../kafka/consumer.tsv"),
            keys: ConsumerConfig::keys(),
            default: |key| ConsumerConfig::default().get(key),
            take: |key, value| ConsumerConfig::from_pairs([("group.id", "g"), (key, value)])?.validate(),
        },
        Client {
            name: "admin",
            table: include_str!("../kafka/admin.tsv"),
            keys: AdminConfig::keys(),
            default: |key| AdminConfig::default().get(key),
            take: |key, value| AdminConfig::from_pairs([(key, value)])?.validate(),
        },
    ]
}

#[test]
fn each_key_of_kafkas_clients_is_effective_or_inert_or_refused_and_only_one_of_them() {
    for client in clients() {
        let keys = keys_of(client.table);
        assert!(keys.len() > 70, "{} has {} keys", client.name, keys.len());
        for Key { name, .. } in keys {
            let effective = client.keys.contains(&name);
            let inert = why_without_effect(name).is_some();
            let refused = ONLY.iter().any(|(key, ..)| *key == name);
            let ways = [effective, inert, refused];
            assert_eq!(ways.iter().filter(|way| **way).count(), 1, "{} {name}: {ways:?}", client.name);
        }
    }
}

#[test]
fn kafkas_defaults_are_taken_and_are_the_defaults() {
    for client in clients() {
        for Key { name, default, .. } in keys_of(client.table) {
            let default = match default {
                "null" | "\"\"" => "",
                default => default,
            };
            // A consumer that is not a share consumer refuses these altogether, as Kafka's does.
            if default != "(required)" && !name.starts_with("share.") {
                let value = default.replace("class ", "");
                (client.take)(name, &value).unwrap_or_else(|error| panic!("{}: {error}", client.name));
            }
            let Some(ours) = (client.default)(name) else { continue };
            // The admin client's own idle time is put in when it starts.
            let is_other = OTHER_DEFAULTS.contains(&name) || name == "connections.max.idle.ms";
            let same = ours == default || name == "partition.assignment.strategy";
            assert!(same || is_other, "{} {name}: {ours} here, {default} in Kafka", client.name);
        }
    }
}

#[test]
fn values_below_kafkas_least_are_refused_and_the_least_is_taken() {
    let mut seen = 0;
    for client in clients() {
        for Key { name, valid, .. } in keys_of(client.table) {
            let least = valid.strip_prefix('[').and_then(|rest| rest.split(',').next()?.parse::<i64>().ok());
            let (Some(least), Some(_)) = (least, (client.default)(name)) else { continue };
            seen += 1;
            let below = (client.take)(name, &(least - 1).to_string());
            assert!(below.is_err(), "{} {name}={} is taken", client.name, least - 1);
            // What can't be used together with the other defaults is another matter.
            let together = ["delivery.timeout.ms", "retries", "max.request.size"].contains(&name);
            let at = (client.take)(name, &least.to_string());
            assert!(at.is_ok() || together, "{} {name}={least}: {at:?}", client.name);
        }
    }
    assert!(seen > 40, "only {seen} keys with a least value");
}

#[test]
fn one_of_kafkas_words_is_taken_or_said_to_be_missing_and_another_word_is_refused() {
    let mut seen = 0;
    for client in clients() {
        for Key { name, valid, .. } in keys_of(client.table) {
            let list = valid.trim_start_matches("(case insensitive) ");
            let words = list.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            let Some(words) = words.filter(|words| words.starts_with(char::is_alphabetic)) else { continue };
            if why_without_effect(name).is_some() {
                continue;
            }
            seen += 1;
            for word in words.split(", ").filter(|word| !word.contains("PnDT")) {
                match (client.take)(name, word) {
                    Ok(()) | Err(ConfigError::Unsupported { .. }) => {}
                    // acks=0 and 1 go with enable.idempotence=false.
                    Err(error) => assert!(name == "acks", "{}: {error}", client.name),
                }
            }
            assert!((client.take)(name, "something-else").is_err(), "{} {name}", client.name);
        }
    }
    assert!(seen > 8, "only {seen} keys with words");
}

#[test]
fn the_docs_name_each_inert_key_with_its_reason_each_refused_one_and_each_other_default() {
    let line_with = |text: &str| DOCS.lines().find(|line| line.contains(text));
    for (why, keys) in WITHOUT_EFFECT {
        let line = line_with(why).unwrap_or_else(|| panic!("docs/rust-client.md does not say: {why}"));
        for key in *keys {
            let family = key.split('.').next().map(|first| format!("`{first}.*`")).unwrap_or_default();
            assert!(line.contains(&format!("`{key}`")) || line.contains(&family), "{key}: {line}");
        }
    }
    for (key, ..) in ONLY {
        assert!(line_with(&format!("`{key}`")).is_some(), "docs/rust-client.md does not name {key}");
    }
    for key in OTHER_DEFAULTS {
        assert!(line_with(&format!("`{key}`")).is_some(), "docs/rust-client.md does not name {key}");
    }
}

#[test]
fn no_key_is_inert_that_kafkas_clients_do_not_have() {
    let all: BTreeSet<&str> =
        clients().iter().flat_map(|client| keys_of(client.table)).map(|key| key.name).collect();
    let ours =
        WITHOUT_EFFECT.iter().flat_map(|(_, keys)| keys.iter()).chain(ONLY.iter().map(|(key, ..)| key));
    let made_up: Vec<_> = ours.filter(|key| !all.contains(*key)).collect();
    assert!(made_up.is_empty(), "{made_up:?}");
}
