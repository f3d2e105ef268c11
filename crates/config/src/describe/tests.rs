//! Our answers against those that were read off the reference.

use std::collections::BTreeMap;

use super::{
    ConfigEntry, ConfigSource, describe_broker, describe_broker_logger, describe_client_metrics,
    describe_default_broker, describe_group, describe_topic,
};
use crate::settings::{Configs, Settings};

fn configs(pairs: &[(&str, &str)]) -> Configs {
    pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
}

/// The node that the fixtures were read off, with its metadata log's one dynamic config: that of a fresh cluster.
fn reference() -> Settings {
    let file = configs(&[
        ("process.roles", "broker,controller"),
        ("node.id", "1"),
        ("controller.quorum.voters", "1@127.0.0.1:28093"),
        ("listeners", "PLAINTEXT://127.0.0.1:28092,CONTROLLER://127.0.0.1:28093"),
        ("advertised.listeners", "PLAINTEXT://127.0.0.1:28092"),
        ("controller.listener.names", "CONTROLLER"),
        ("log.dirs", "/data/logs"),
        ("offsets.topic.replication.factor", "1"),
        ("transaction.state.log.replication.factor", "1"),
        ("transaction.state.log.min.isr", "1"),
        ("share.coordinator.state.topic.replication.factor", "1"),
        ("share.coordinator.state.topic.min.isr", "1"),
        ("group.initial.rebalance.delay.ms", "0"),
    ]);
    Settings::load(file).unwrap().0.with_dynamic(configs(&[("min.insync.replicas", "1")]), Configs::new())
}

fn source_name(source: ConfigSource) -> &'static str {
    match source {
        ConfigSource::DynamicTopic => "DYNAMIC_TOPIC_CONFIG",
        ConfigSource::DynamicBroker => "DYNAMIC_BROKER_CONFIG",
        ConfigSource::DynamicDefaultBroker => "DYNAMIC_DEFAULT_BROKER_CONFIG",
        ConfigSource::StaticBroker => "STATIC_BROKER_CONFIG",
        ConfigSource::Default => "DEFAULT_CONFIG",
        ConfigSource::DynamicBrokerLogger => "DYNAMIC_BROKER_LOGGER_CONFIG",
        ConfigSource::DynamicClientMetrics => "DYNAMIC_CLIENT_METRICS_CONFIG",
        ConfigSource::DynamicGroup => "DYNAMIC_GROUP_CONFIG",
    }
}

/// name, value, source, read only, sensitive, type, synonyms with values.
fn with_values(entry: &ConfigEntry) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".into());
    let synonyms: Vec<_> = entry
        .synonyms
        .iter()
        .map(|s| format!("{}:{}:{}", s.name, text(&s.value), source_name(s.source)))
        .collect();
    let value_type = entry.value_type.map_or("UNKNOWN", |t| t.name());
    [
        entry.name.as_str(),
        &text(&entry.value),
        source_name(entry.source),
        &entry.read_only.to_string(),
        &entry.sensitive.to_string(),
        value_type,
        &synonyms.join("|"),
    ]
    .join("\t")
}

/// name, type, source, read only, sensitive, synonyms without values.
fn without_values(entry: &ConfigEntry) -> String {
    let synonyms: Vec<_> =
        entry.synonyms.iter().map(|s| format!("{}:{}", s.name, source_name(s.source))).collect();
    let synonyms = if synonyms.is_empty() { "-".into() } else { synonyms.join(",") };
    [
        entry.name.as_str(),
        entry.value_type.map_or("UNKNOWN", |t| t.name()),
        source_name(entry.source),
        &entry.read_only.to_string(),
        &entry.sensitive.to_string(),
        &synonyms,
    ]
    .join("\t")
}

fn compare(tsv: &str, resource: &str, entries: &[ConfigEntry], text: fn(&ConfigEntry) -> String) {
    let mut expected: Vec<&str> =
        tsv.lines().filter_map(|line| line.strip_prefix(resource)?.strip_prefix('\t')).collect();
    expected.sort_unstable();
    let mut ours: Vec<String> = entries.iter().map(text).collect();
    ours.sort_unstable();
    for (ours, expected) in ours.iter().zip(&expected) {
        assert_eq!(ours, expected, "{resource}");
    }
    assert_eq!(ours.len(), expected.len(), "{resource}");
}

#[test]
fn a_default_node_answers_as_the_reference_with_every_value() {
    let tsv = include_str!("../../tests/fixtures/described.tsv");
    let settings = reference();
    let none = Configs::new();
    let broker = describe_broker(&settings);
    assert_eq!(broker.len(), 340);
    compare(tsv, "BROKER", &broker, with_values);
    compare(tsv, "TOPIC", &describe_topic(&none, &settings), with_values);
    compare(tsv, "GROUP", &describe_group(&none, &settings), with_values);
    compare(tsv, "CLIENT_METRICS", &describe_client_metrics(&none), with_values);
}

#[test]
fn a_node_in_use_answers_as_the_reference() {
    let tsv = include_str!("../../tests/fixtures/describe-configs.tsv");
    let settings = reference();
    compare(tsv, "BROKER", &describe_broker(&settings), without_values);
    compare(tsv, "TOPIC", &describe_topic(&Configs::new(), &settings), without_values);
    let group = configs(&[("share.auto.offset.reset", "earliest")]);
    compare(tsv, "GROUP", &describe_group(&group, &settings), without_values);
    let metrics = configs(&[("interval.ms", "1000"), ("metrics", "*")]);
    compare(tsv, "CLIENT_METRICS", &describe_client_metrics(&metrics), without_values);
}

fn line(entries: &[ConfigEntry], name: &str) -> String {
    with_values(entries.iter().find(|entry| entry.name == name).unwrap_or_else(|| panic!("no {name}")))
}

#[test]
fn every_layer_of_a_broker_key_is_named() {
    let settings = reference().with_dynamic(
        configs(&[("log.segment.bytes", "3000000"), ("log.retention.ms", "100"), ("x", "y")]),
        configs(&[
            ("log.segment.bytes", "2000000"),
            ("log.retention.ms", "100"),
            ("x", "y"),
            ("listener.name.plaintext.max.connections", "10"),
            ("leader.replication.throttled.rate", "100"),
            ("listener.name.plaintext.x", "4"),
        ]),
    );
    let broker = describe_broker(&settings);
    for expected in [
        "log.segment.bytes\t2000000\tDYNAMIC_BROKER_CONFIG\tfalse\tfalse\tINT\tlog.segment.bytes:2000000:DYNAMIC_BROKER_CONFIG|log.segment.bytes:3000000:DYNAMIC_DEFAULT_BROKER_CONFIG|log.segment.bytes:1073741824:DEFAULT_CONFIG",
        "log.retention.ms\t100\tDYNAMIC_BROKER_CONFIG\tfalse\tfalse\tLONG\tlog.retention.ms:100:DYNAMIC_BROKER_CONFIG|log.retention.ms:100:DYNAMIC_DEFAULT_BROKER_CONFIG|log.retention.hours:168:DEFAULT_CONFIG",
        "x\tnull\tDYNAMIC_BROKER_CONFIG\ttrue\ttrue\tUNKNOWN\tx:null:DYNAMIC_BROKER_CONFIG|x:null:DYNAMIC_DEFAULT_BROKER_CONFIG",
        "listener.name.plaintext.max.connections\t10\tDYNAMIC_BROKER_CONFIG\ttrue\tfalse\tINT\tlistener.name.plaintext.max.connections:10:DYNAMIC_BROKER_CONFIG|max.connections:2147483647:DEFAULT_CONFIG",
        "leader.replication.throttled.rate\t100\tDYNAMIC_BROKER_CONFIG\tfalse\tfalse\tLONG\tleader.replication.throttled.rate:100:DYNAMIC_BROKER_CONFIG",
        "listener.name.plaintext.x\tnull\tDYNAMIC_BROKER_CONFIG\ttrue\ttrue\tUNKNOWN\tlistener.name.plaintext.x:null:DYNAMIC_BROKER_CONFIG|x:null:DYNAMIC_BROKER_CONFIG|x:null:DYNAMIC_DEFAULT_BROKER_CONFIG",
    ] {
        assert_eq!(line(&broker, expected.split('\t').next().unwrap()), expected);
    }
}

#[test]
fn the_default_broker_shows_what_is_set_for_all() {
    let settings = reference().with_dynamic(
        configs(&[("log.retention.ms", "100"), ("x", "y"), ("max.connections", "10")]),
        configs(&[("log.retention.ms", "5")]),
    );
    let entries: Vec<_> = describe_default_broker(&settings).iter().map(with_values).collect();
    assert_eq!(
        entries,
        [
            "log.retention.ms\t100\tDYNAMIC_DEFAULT_BROKER_CONFIG\tfalse\tfalse\tLONG\tlog.retention.ms:100:DYNAMIC_DEFAULT_BROKER_CONFIG",
            "max.connections\t10\tDYNAMIC_DEFAULT_BROKER_CONFIG\tfalse\tfalse\tINT\tmax.connections:10:DYNAMIC_DEFAULT_BROKER_CONFIG",
            "x\tnull\tDYNAMIC_DEFAULT_BROKER_CONFIG\ttrue\ttrue\tUNKNOWN\tx:null:DYNAMIC_DEFAULT_BROKER_CONFIG",
        ]
    );
}

#[test]
fn a_topic_names_its_override_and_the_broker_s_layers() {
    let settings = reference().with_dynamic(
        configs(&[("min.insync.replicas", "2"), ("log.retention.ms", "100")]),
        configs(&[("log.retention.ms", "100"), ("log.segment.bytes", "2000000")]),
    );
    let topic = configs(&[
        ("retention.ms", " 77 "),
        ("min.insync.replicas", "3"),
        ("internal.segment.bytes", "2000000"),
        ("preallocate", "TRUE"),
        ("cleanup.policy", "compact , delete"),
    ]);
    let entries = describe_topic(&topic, &settings);
    for expected in [
        "retention.ms\t77\tDYNAMIC_TOPIC_CONFIG\tfalse\tfalse\tLONG\tretention.ms:77:DYNAMIC_TOPIC_CONFIG|log.retention.ms:100:DYNAMIC_BROKER_CONFIG|log.retention.ms:100:DYNAMIC_DEFAULT_BROKER_CONFIG|log.retention.hours:168:DEFAULT_CONFIG",
        "min.insync.replicas\t3\tDYNAMIC_TOPIC_CONFIG\tfalse\tfalse\tINT\tmin.insync.replicas:3:DYNAMIC_TOPIC_CONFIG|min.insync.replicas:2:DYNAMIC_DEFAULT_BROKER_CONFIG|min.insync.replicas:1:DEFAULT_CONFIG",
        "segment.bytes\t2000000\tDYNAMIC_BROKER_CONFIG\tfalse\tfalse\tINT\tlog.segment.bytes:2000000:DYNAMIC_BROKER_CONFIG|log.segment.bytes:1073741824:DEFAULT_CONFIG",
        "internal.segment.bytes\t2000000\tDYNAMIC_TOPIC_CONFIG\tfalse\tfalse\tINT\tinternal.segment.bytes:2000000:DYNAMIC_TOPIC_CONFIG",
        "preallocate\ttrue\tDYNAMIC_TOPIC_CONFIG\tfalse\tfalse\tBOOLEAN\tpreallocate:true:DYNAMIC_TOPIC_CONFIG|log.preallocate:false:DEFAULT_CONFIG",
        "cleanup.policy\tcompact,delete\tDYNAMIC_TOPIC_CONFIG\tfalse\tfalse\tLIST\tcleanup.policy:compact,delete:DYNAMIC_TOPIC_CONFIG|log.cleanup.policy:delete:DEFAULT_CONFIG",
    ] {
        assert_eq!(line(&entries, expected.split('\t').next().unwrap()), expected);
    }
}

#[test]
fn a_group_names_its_override_and_the_broker_s_key() {
    let group = configs(&[("consumer.session.timeout.ms", "50000")]);
    assert_eq!(
        line(&describe_group(&group, &reference()), "consumer.session.timeout.ms"),
        "consumer.session.timeout.ms\t50000\tDYNAMIC_GROUP_CONFIG\tfalse\tfalse\tINT\tconsumer.session.timeout.ms:50000:DYNAMIC_GROUP_CONFIG|group.consumer.session.timeout.ms:45000:DEFAULT_CONFIG"
    );
}

#[test]
fn passwords_are_shown_nowhere() {
    let file = configs(&[("ssl.key.password", "hunter2"), ("listener.name.x.ssl.key.password", "hunter2")]);
    let settings = Settings::load(file).unwrap().0;
    let all = format!("{:?}", describe_broker(&settings));
    assert!(all.contains("ssl.key.password") && !all.contains("hunter2"));
}

#[test]
fn loggers_are_shown_with_their_levels() {
    let entries = describe_broker_logger(&BTreeMap::from([("root".to_owned(), "INFO".to_owned())]));
    assert_eq!(with_values(&entries[0]), "root\tINFO\tDYNAMIC_BROKER_LOGGER_CONFIG\tfalse\tfalse\tUNKNOWN\t");
    assert_eq!(entries[0].type_code(), 0);
}
