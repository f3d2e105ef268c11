//! The tables: every key of brokers, topics, groups and client metrics subscriptions, each in one place.
//!
//! What always holds: the broker, topic, group and client metrics tables have exactly Kafka 4.3.1's keys, types,
//! defaults, ranges, importances and update modes (a test compares them with what the reference says of itself);
//! Moldau's own keys are apart and begin with `moldau.`.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::key::Key;

pub mod reasons;

mod cleaner;
mod client_metrics;
mod consumer_groups;
mod group;
mod groups;
mod listeners;
mod log;
mod metrics;
mod network;
mod node;
mod oauthbearer;
mod offsets;
mod own;
mod quorum;
mod quota;
mod quotas;
mod remote;
mod replication;
mod sasl;
mod security;
mod share_groups;
mod ssl;
mod streams_groups;
#[cfg(test)]
mod tests;
mod topic;
mod topics;
mod transactions;

/// The areas of the broker table with their titles, in the order of the docs.
pub fn broker_areas() -> &'static [(&'static str, &'static [Key])] {
    static AREAS: &[(&str, &[Key])] = &[
        ("The node itself: its id, its roles, what it says of itself", node::KEYS),
        ("Where the node listens and what it tells clients to connect to", listeners::KEYS),
        ("Sockets, connections and requests, with the limits on each", network::KEYS),
        ("How topics come and go, and what they start with", topics::KEYS),
        ("Log directories, segments, flushing and retention", log::KEYS),
        ("The log cleaner: compaction of topics with that policy", cleaner::KEYS),
        ("Groups of the classic protocol, and their coordinator", groups::KEYS),
        ("Committed offsets and the topic `__consumer_offsets`", offsets::KEYS),
        ("Groups of the consumer protocol (KIP-848)", consumer_groups::KEYS),
        ("Groups of the streams protocol (KIP-1071)", streams_groups::KEYS),
        ("Share groups (KIP-932) and the topic `__share_group_state`", share_groups::KEYS),
        ("Transactions, their coordinator and the topic `__transaction_state`", transactions::KEYS),
        ("The controller quorum and its metadata log", quorum::KEYS),
        ("Replication between brokers, and leadership", replication::KEYS),
        ("Quotas, and the windows they are measured in", quotas::KEYS),
        ("Tiered storage", remote::KEYS),
        ("Metrics and telemetry", metrics::KEYS),
        ("Who may do what: authorization, principals, delegation tokens", security::KEYS),
        ("TLS", ssl::KEYS),
        ("SASL logins", sasl::KEYS),
        ("SASL OAUTHBEARER", oauthbearer::KEYS),
    ];
    AREAS
}

/// Every broker key of Kafka.
pub fn broker() -> impl Iterator<Item = &'static Key> {
    broker_areas().iter().flat_map(|(_, keys)| keys.iter())
}

/// Moldau's own broker keys.
pub fn own() -> &'static [Key] {
    own::KEYS
}

/// The replication quotas, which can only be set while brokers run.
pub fn broker_quota() -> &'static [Key] {
    quota::BROKER
}

/// Every topic key.
pub fn topic() -> &'static [Key] {
    topic::KEYS
}

/// Every group key.
pub fn group() -> &'static [Key] {
    group::KEYS
}

/// Every key of a client metrics subscription.
pub fn client_metrics() -> &'static [Key] {
    client_metrics::KEYS
}

/// The broker key of this name: Kafka's, Moldau's own, or a replication quota.
pub fn find_broker(name: &str) -> Option<&'static Key> {
    static BY_NAME: LazyLock<HashMap<&'static str, &'static Key>> =
        LazyLock::new(|| broker().chain(own()).chain(broker_quota()).map(|key| (key.name, key)).collect());
    BY_NAME.get(name).copied()
}

/// The topic key of this name.
pub fn find_topic(name: &str) -> Option<&'static Key> {
    find(topic(), name)
}

/// The group key of this name.
pub fn find_group(name: &str) -> Option<&'static Key> {
    find(group(), name)
}

/// The client metrics key of this name.
pub fn find_client_metrics(name: &str) -> Option<&'static Key> {
    find(client_metrics(), name)
}

fn find(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    keys.iter().find(|key| key.name == name)
}
