//! Whole configs: those that are taken, and those that contradict themselves.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::parts::COMPUTED;
use super::{
    BrokerConfig, CleanerConfig, Durability, GroupConfig, Loaded, LogConfig, MetadataLogConfig,
    NetworkConfig, NodeConfig, OffsetsConfig, QuorumConfig, TopicDefaults,
};
use crate::key::Disposition;
use crate::keys;

fn load(pairs: &[(&str, &str)]) -> Result<Loaded, Vec<String>> {
    BrokerConfig::load(pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())))
        .map_err(|errors| errors.into_iter().map(|e| e.message).collect())
}

fn config(pairs: &[(&str, &str)]) -> BrokerConfig {
    load(pairs).unwrap_or_else(|e| panic!("{e:#?}")).config
}

/// The one error that these configs have.
fn error(pairs: &[(&str, &str)]) -> String {
    let errors = load(pairs).map(|loaded| loaded.config).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    errors.into_iter().next().unwrap()
}

#[test]
fn the_default_http_listener_that_was_asked_for_could_be_missing() {
    let is_default =
        |pairs: &[(&str, &str)]| config(pairs).network.http_listener.expect("there is one").is_default;
    assert!(is_default(&[]));
    assert!(!is_default(&[("moldau.http.listener", "127.0.0.1:9644")]));
    assert!(!is_default(&[("moldau.http.listener", "127.0.0.1:9645")]));
}

#[test]
fn every_effective_key_is_read_by_some_part() {
    let mut read: BTreeSet<&str> = COMPUTED.iter().copied().collect();
    for part in [
        NodeConfig::KEYS,
        NetworkConfig::KEYS,
        TopicDefaults::KEYS,
        LogConfig::KEYS,
        CleanerConfig::KEYS,
        GroupConfig::KEYS,
        OffsetsConfig::KEYS,
        QuorumConfig::KEYS,
        MetadataLogConfig::KEYS,
    ] {
        read.extend(part);
    }
    read.extend(keys::topic().iter().flat_map(|key| key.synonyms));
    read.extend(
        keys::broker_areas()
            .iter()
            .find(|(title, _)| title.starts_with("Where"))
            .unwrap()
            .1
            .iter()
            .map(|k| k.name),
    );
    for key in keys::broker().chain(keys::own()) {
        let effective = key.disposition == Disposition::Effective;
        assert!(
            !effective || read.contains(key.name),
            "{} is said to be effective and nothing reads it",
            key.name
        );
    }
}

#[test]
fn a_node_without_configs_is_broker_and_controller_on_one_plaintext_listener() {
    let config = config(&[]);
    assert!(config.node.is_broker && config.node.is_controller);
    assert_eq!(config.node.node_id, 1);
    assert_eq!(config.listeners.all.len(), 1);
    let listener = &config.listeners.all[0];
    assert_eq!(
        (listener.name.as_str(), listener.address.to_string().as_str()),
        ("PLAINTEXT", "127.0.0.1:9092")
    );
    assert_eq!(listener.advertised, listener.address);
    assert_eq!(config.log.log_dirs, [PathBuf::from("./moldau-data")]);
    assert_eq!(config.metadata_log.dir, PathBuf::from("./moldau-data"));
    assert_eq!(config.log.durability, Durability::Kafka);
    assert!(!config.quorum.is_static());
}

/// A file as Kafka's own integration tests write it for a cluster of one node.
const OF_KAFKA_S_TESTS: &[(&str, &str)] = &[
    ("process.roles", "broker,controller"),
    ("node.id", "0"),
    ("broker.id", "0"),
    ("controller.quorum.voters", "0@localhost:34567"),
    ("listener.security.protocol.map", "EXTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT"),
    ("listeners", "EXTERNAL://localhost:34566,CONTROLLER://localhost:34567"),
    ("advertised.listeners", "EXTERNAL://localhost:34566"),
    ("inter.broker.listener.name", "EXTERNAL"),
    ("controller.listener.names", "CONTROLLER"),
    ("log.dirs", "/tmp/d0-0,/tmp/d0-1"),
    ("log.cleaner.dedupe.buffer.size", "2097152"),
    ("offsets.topic.replication.factor", "1"),
    ("log.initial.task.delay.ms", "100"),
    ("unstable.api.versions.enable", "true"),
    ("group.initial.rebalance.delay.ms", "0"),
];

#[test]
fn a_file_of_kafka_s_own_tests_is_taken_as_it_is() {
    let config = config(OF_KAFKA_S_TESTS);
    assert_eq!(config.node.node_id, 0);
    let names: Vec<_> = config.listeners.for_brokers().map(|l| l.name.as_str()).collect();
    assert_eq!(names, ["EXTERNAL"]);
    let controllers: Vec<_> = config.listeners.for_controllers().map(|l| l.address.port).collect();
    assert_eq!(controllers, [34567]);
    assert!(config.quorum.is_static());
    assert_eq!(config.quorum.voters[0].address.to_string(), "localhost:34567");
    assert_eq!(config.log.log_dirs.len(), 2);
    assert_eq!(config.groups.group_initial_rebalance_delay_ms, 0);
}

fn with(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    OF_KAFKA_S_TESTS.iter().chain(more).copied().collect()
}

#[test]
fn a_listener_with_security_is_refused() {
    let map = ("listener.security.protocol.map", "EXTERNAL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT");
    let message = error(&with(&[map, ("sasl.enabled.mechanisms", "PLAIN")]));
    assert!(message.contains("EXTERNAL") && message.contains("SASL_PLAINTEXT"), "{message}");
    assert!(error(&[("listeners", "SSL://h:1")]).contains("SSL"));
}

#[test]
fn listeners_that_make_no_sense_are_refused() {
    let listeners =
        |text: &'static str| load(&[("listeners", text)]).map(|l| l.config.listeners).unwrap_err();
    assert!(listeners("PLAINTEXT://h")[0].contains("NAME://host:port"));
    assert!(listeners("PLAINTEXT://h:1,PLAINTEXT://h:2")[0].contains("more than once"));
    assert!(listeners("PLAINTEXT://h:1,SSL://h:1").iter().any(|e| e.contains("port 1 more than once")));
    assert!(listeners("FOO://h:1")[0].contains("No security protocol defined for listener FOO"));
    assert!(listeners("PLAINTEXT://0.0.0.0:1")[0].contains("0.0.0.0"));
    assert!(error(&with(&[("advertised.listeners", "OTHER://h:1,EXTERNAL://h:2")])).contains("OTHER"));
    assert!(error(&with(&[("inter.broker.listener.name", "OTHER")])).contains("valid options"));
    assert!(error(&with(&[("controller.listener.names", "OTHER")])).contains("controller.listener.names"));
    assert!(
        load(&with(&[("security.inter.broker.protocol", "PLAINTEXT")])).unwrap_err()[0]
            .contains("Only one of")
    );
}

#[test]
fn an_address_of_every_interface_may_be_listened_on_when_another_is_advertised() {
    let config = config(&[
        ("listeners", "PLAINTEXT://0.0.0.0:9092"),
        ("advertised.listeners", "PLAINTEXT://example.org:80"),
    ]);
    assert_eq!(config.listeners.all[0].address.to_string(), "0.0.0.0:9092");
    assert_eq!(config.listeners.all[0].advertised.to_string(), "example.org:80");
    let empty = self::config(&[("listeners", "PLAINTEXT://:9092")]);
    assert_eq!(empty.listeners.all[0].advertised.host, "");
}

#[test]
fn two_addresses_may_share_a_port() {
    let map = ("listener.security.protocol.map", "A:PLAINTEXT,B:PLAINTEXT");
    let inter = ("inter.broker.listener.name", "A");
    let config = config(&[("listeners", "A://127.0.0.1:9092,B://[::1]:9092"), map, inter]);
    assert_eq!(config.listeners.all.len(), 2);
    assert!(error(&[("listeners", "A://:9092,B://127.0.0.1:9092"), map, inter]).contains("port 9092"));
    assert_eq!(self::config(&[("listeners", "A://h:0,B://h:0"), map, inter]).listeners.all.len(), 2);
}

#[test]
fn a_controller_listener_is_plaintext_without_a_map() {
    let config = config(&[
        ("listeners", "PLAINTEXT://h:1,CONTROLLER://h:2"),
        ("controller.listener.names", "CONTROLLER"),
        ("controller.quorum.voters", "1@h:2"),
    ]);
    assert_eq!(config.listeners.for_controllers().count(), 1);
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    assert!(error(&[("node.id", "1"), ("broker.id", "2")]).contains("must be the same"));
    assert!(error(&[("process.roles", "broker")]).contains("process.roles"));
    assert!(
        error(&[
            ("controller.quorum.voters", "2@h:1"),
            ("controller.listener.names", "C"),
            ("listeners", "PLAINTEXT://h:1,C://h:2")
        ])
        .contains("included in the set of voters")
    );
    assert!(error(&[("queued.max.request.bytes", "5")]).contains("socket.request.max.bytes"));
    assert!(error(&[("max.connections.per.ip", "0")]).contains("max.connections.per.ip.overrides"));
    assert!(error(&[("max.connections.per.ip.overrides", "x")]).contains("host:count"));
    assert!(error(&[("log.retention.ms", "0")]).contains("unlimited (-1)"));
    assert!(error(&[("log.roll.ms", "0")]).contains("log.roll.ms"));
    assert!(error(&[("log.cleaner.threads", "200")]).contains("1MB per cleaner thread"));
    assert!(error(&[("cordoned.log.dirs", "/nope")]).contains("/nope"));
    assert!(
        error(&[("log.retention.ms", "100"), ("log.local.retention.ms", "200")])
            .contains("log.local.retention.ms")
    );
    assert!(error(&[("offsets.topic.compression.codec", "5")]).contains("4 zstd"));
    assert_eq!(
        error(&[("group.consumer.assignment.interval.ms", "20000")]),
        "group.consumer.assignment.interval.ms must be less than or equal to group.consumer.max.assignment.interval.ms"
    );
}

#[test]
fn limits_per_address_are_read() {
    let config = config(&[("max.connections.per.ip.overrides", "127.0.0.1:100, localhost:200,::1:5")]);
    let of = |host: &str| config.network.max_connections_per_ip_overrides[host];
    assert_eq!((of("127.0.0.1"), of("localhost"), of("::1")), (100, 200, 5));
}

#[test]
fn a_listener_s_own_limits_are_its_own() {
    let config = config(&with(&[("listener.name.external.max.connections", "5"), ("max.connections", "9")]));
    let of = |name: &str| config.listeners.all.iter().find(|l| l.name == name).unwrap().max_connections;
    assert_eq!((of("EXTERNAL"), of("CONTROLLER")), (5, 9));
}

#[test]
fn cordoned_directories_may_be_all() {
    assert_eq!(config(&[("log.dirs", "/a,/b"), ("cordoned.log.dirs", "*")]).log.cordoned_log_dirs.len(), 2);
    assert_eq!(
        config(&[("log.dirs", "/a,/b"), ("metadata.log.dir", "/m")]).metadata_log.dir,
        PathBuf::from("/m")
    );
}

/// The keys and values of the file that Kafka's distribution ships for a combined node.
#[test]
fn the_file_that_kafka_ships_is_taken_as_it_is() {
    let loaded = load(&[
        ("process.roles", "broker,controller"),
        ("node.id", "1"),
        ("controller.quorum.bootstrap.servers", "localhost:9093"),
        ("listeners", "PLAINTEXT://:9092,CONTROLLER://:9093"),
        ("inter.broker.listener.name", "PLAINTEXT"),
        ("advertised.listeners", "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093"),
        ("controller.listener.names", "CONTROLLER"),
        (
            "listener.security.protocol.map",
            "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL",
        ),
        ("num.network.threads", "3"),
        ("num.io.threads", "8"),
        ("socket.send.buffer.bytes", "102400"),
        ("socket.receive.buffer.bytes", "102400"),
        ("socket.request.max.bytes", "104857600"),
        ("log.dirs", "/tmp/kraft-combined-logs"),
        ("num.partitions", "1"),
        ("num.recovery.threads.per.data.dir", "2"),
        ("offsets.topic.replication.factor", "1"),
        ("log.retention.hours", "168"),
        ("log.segment.bytes", "1073741824"),
        ("log.retention.check.interval.ms", "300000"),
    ])
    .unwrap();
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2, "{warnings:#?}");
    assert!(warnings.iter().any(|w| w.starts_with("controller.quorum.bootstrap.servers has no effect")));
    assert!(warnings.iter().any(|w| w.starts_with("inter.broker.listener.name has no effect")));
    assert!(!loaded.config.quorum.is_static());
    let clients: Vec<_> = loaded.config.listeners.for_brokers().map(|l| l.advertised.to_string()).collect();
    assert_eq!(clients, ["localhost:9092"]);
}
