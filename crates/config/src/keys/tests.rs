//! Our tables against what the reference says of itself.

use std::collections::BTreeMap;

use super::{broker, broker_quota, client_metrics, group, own, topic};
use crate::key::{DefaultValue, Disposition, Key};
use crate::validator::Validator;
use crate::value::Value;

/// The columns after the name.
fn rows(tsv: &'static str) -> BTreeMap<&'static str, Vec<&'static str>> {
    tsv.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut columns = line.split('\t');
            (columns.next().unwrap(), columns.collect())
        })
        .collect()
}

fn default_text(key: &Key) -> &'static str {
    match key.default {
        DefaultValue::Required => "(required)",
        DefaultValue::Null => "null",
        DefaultValue::Is("") => "\"\"",
        DefaultValue::Is(text) => text,
    }
}

/// What the reference prints for a validator. Its words for lists say also whether null is allowed, which a default
/// of null says as well.
fn validator_text(key: &Key) -> String {
    let null = |key: &Key| if key.default == DefaultValue::Null { "may be null" } else { "not null" };
    let empty = |empty: bool| if empty { "may be empty" } else { "not empty" };
    match key.validator {
        Validator::Any if key.name == "authorizer.class.name" => "non-null string".into(),
        Validator::Any => "-".into(),
        Validator::AtLeast(min) => format!("[{min},...]"),
        Validator::Between(min, max) => format!("[{min},...,{max}]"),
        Validator::GzipLevel => "[1,...,9] or -1".into(),
        Validator::OneOf(texts) => format!("[{}]", texts.join(", ")),
        Validator::OneOfAnyCase(texts) => format!("(case insensitive) [{}]", texts.join(", ")),
        Validator::NotBlank => "non-empty string".into(),
        // the one list that has a default and may still be null
        Validator::AnyList { .. } if key.name == "cordoned.log.dirs" => {
            "any list without duplicates, may be empty, may be null".into()
        }
        // and the one that has none and may be empty
        Validator::AnyList { empty: e } => {
            format!("any list without duplicates, {}, {}", empty(e), null(key))
        }
        Validator::ListOf { texts, empty: e } => {
            format!("list of [{}] without duplicates, {}, {}", texts.join(", "), empty(e), null(key))
        }
        Validator::QuorumVoters | Validator::QuorumServers => "non-empty list".into(),
        Validator::ThrottledReplicas => "[partitionId]:[brokerId],[partitionId]:[brokerId],...".into(),
        Validator::OffsetReset => "[latest, earliest, by_duration:PnDTnHnMn.nS]".into(),
        Validator::Address => unreachable!("only keys of our own have it"),
    }
}

/// Compares the columns that all tables have, and that no key is missing or too many.
fn compare<'k>(keys: impl Iterator<Item = &'k Key>, rows: &mut BTreeMap<&'static str, Vec<&'static str>>) {
    for key in keys {
        let row = rows.remove(key.name).unwrap_or_else(|| panic!("{} is no key, or stands twice", key.name));
        let public = if key.internal { "internal" } else { "public" };
        let ours =
            [key.value_type.name(), default_text(key), &validator_text(key), key.importance.name(), public];
        assert_eq!(ours[..], row[..5], "{}", key.name);
    }
    assert!(rows.is_empty(), "missing: {rows:?}");
}

#[test]
fn broker_keys_are_the_reference_s() {
    let all = rows(include_str!("../../tests/fixtures/broker-configs.tsv"));
    assert_eq!(all.len(), 360);
    compare(broker(), &mut all.clone());
    for key in broker() {
        let row = &all[key.name];
        assert_eq!(key.update.name(), row[5], "{}", key.name);
        let synonyms = if key.synonyms.is_empty() { key.name.to_owned() } else { key.synonyms.join(",") };
        assert_eq!(synonyms, row[6], "{}", key.name);
    }
}

#[test]
fn topic_keys_are_the_reference_s() {
    let all = rows(include_str!("../../tests/fixtures/topic-configs.tsv"));
    assert_eq!(all.len(), 34);
    compare(topic().iter(), &mut all.clone());
    for key in topic() {
        let without_units: Vec<_> =
            all[key.name][5].split(',').map(|s| s.split('(').next().unwrap()).collect();
        let ours = if key.synonyms.is_empty() { &["-"] } else { key.synonyms };
        assert_eq!(ours, without_units, "{}", key.name);
    }
}

#[test]
fn group_and_client_metrics_and_quota_keys_are_the_reference_s() {
    let all = rows(include_str!("../../tests/fixtures/group-configs.tsv"));
    compare(group().iter(), &mut all.clone());
    for key in group() {
        assert_eq!(key.synonyms.first().unwrap_or(&"-"), &all[key.name][5], "{}", key.name);
    }
    compare(
        client_metrics().iter(),
        &mut rows(include_str!("../../tests/fixtures/client-metrics-configs.tsv")),
    );
    compare(broker_quota().iter(), &mut rows(include_str!("../../tests/fixtures/quota-broker-configs.tsv")));
}

fn every_key() -> impl Iterator<Item = &'static Key> {
    broker().chain(own()).chain(broker_quota()).chain(topic()).chain(group()).chain(client_metrics())
}

#[test]
fn every_default_is_valid_and_shown_as_it_is_written() {
    for key in every_key() {
        if let Some(text) = key.default.text() {
            let value = Value::of(key, text).unwrap_or_else(|e| panic!("{}: {e}", key.name));
            assert_eq!(value.to_text().as_deref(), Some(text), "{}", key.name);
            assert_eq!(Value::default_of(key), Some(value), "{}", key.name);
        }
    }
}

#[test]
fn every_key_says_what_it_is_for() {
    for key in every_key() {
        assert!(key.doc.ends_with('.') && key.doc.len() > 10, "{}: {:?}", key.name, key.doc);
        if let Disposition::Inert(reason) | Disposition::Refused(reason) = key.disposition {
            assert!(reason.len() > 10 && !reason.ends_with('.'), "{}: {reason:?}", key.name);
        }
    }
}

#[test]
fn own_keys_are_marked_as_such() {
    for key in own() {
        assert!(key.name.starts_with("moldau."), "{}", key.name);
    }
}
