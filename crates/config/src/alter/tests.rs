//! The messages here were read off the reference.

use super::{
    AlterError, AlterOp, Alteration, Altered, alter_broker, alter_client_metrics, alter_group, alter_topic,
    check_broker_logger, replacing,
};
use crate::settings::{Configs, Settings};

fn configs(pairs: &[(&str, &str)]) -> Configs {
    pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
}

fn op(name: &str, op: AlterOp, value: &str) -> Alteration {
    Alteration { name: name.into(), op, value: Some(value.into()) }
}

fn set(name: &str, value: &str) -> Alteration {
    op(name, AlterOp::Set, value)
}

fn settings() -> Settings {
    Settings::load(configs(&[("log.dirs", "/data")])).unwrap().0
}

fn refused_config(message: &str) -> Result<Altered, AlterError> {
    Err(AlterError::InvalidConfig(message.into()))
}

fn refused_request(message: &str) -> Result<Altered, AlterError> {
    Err(AlterError::InvalidRequest(message.into()))
}

fn policy_after(current: Option<&str>, operation: AlterOp, value: &str) -> String {
    let current: Configs = current.map(|text| ("cleanup.policy".into(), text.into())).into_iter().collect();
    let altered = alter_topic(&current, &[op("cleanup.policy", operation, value)]).unwrap();
    altered.configs["cleanup.policy"].clone()
}

#[test]
fn lists_are_added_to_and_taken_from() {
    use AlterOp::{Append, Subtract};
    assert_eq!(
        policy_after(None, Append, "compact"),
        "delete,compact",
        "what is not set starts from the default"
    );
    assert_eq!(policy_after(None, Subtract, "compact"), "delete");
    assert_eq!(policy_after(Some("delete,compact"), Append, "compact"), "delete,compact");
    assert_eq!(policy_after(Some("delete,compact"), Subtract, "delete"), "compact");
    assert_eq!(policy_after(Some("compact"), Subtract, "compact"), "");
    assert_eq!(policy_after(Some(""), Append, "compact,delete"), "compact,delete");
    assert_eq!(policy_after(Some("compact , delete"), Subtract, "compact,delete"), "");
    let replicas = "leader.replication.throttled.replicas";
    let altered = alter_topic(&configs(&[(replicas, "0:1,1:1")]), &[op(replicas, Subtract, "0:1")]).unwrap();
    assert_eq!(altered.configs[replicas], "1:1");
}

#[test]
fn only_what_differs_is_a_change() {
    let current = configs(&[("retention.ms", "5"), ("preallocate", "true")]);
    let delete = |name: &str| Alteration { name: name.into(), op: AlterOp::Delete, value: None };
    let altered = alter_topic(
        &current,
        &[set("retention.ms", "5"), delete("preallocate"), delete("x"), set("segment.ms", "9")],
    );
    let altered = altered.unwrap();
    let changes: Vec<_> = altered.changes.into_iter().collect();
    assert_eq!(changes, [("preallocate".into(), None), ("segment.ms".into(), Some("9".into()))]);
    assert_eq!(altered.configs, configs(&[("retention.ms", "5"), ("segment.ms", "9")]));
}

#[test]
fn what_a_broker_was_given_again_was_not_written_again() {
    let settings = settings()
        .with_dynamic(configs(&[("log.cleaner.threads", "2")]), configs(&[("log.cleaner.threads", "2")]));
    for for_all in [false, true] {
        let altered = alter_broker(&settings, for_all, &[set("log.cleaner.threads", "2")], false).unwrap();
        assert_eq!(altered.changes, [("log.cleaner.threads".into(), Some("2".into()))].into());
    }
}

#[test]
fn only_what_was_added_to_a_list_was_measured_not_the_list() {
    let replicas = "leader.replication.throttled.replicas";
    let list = |from: usize, to: usize| (from..to).map(|n| format!("{n}:1")).collect::<Vec<_>>().join(",");
    let current = configs(&[(replicas, &list(0, 4_000))]);
    let refused = refused_config(
        "The configuration value cannot be added because it exceeds the maximum value size of 32767 bytes.",
    );
    assert_eq!(alter_topic(&current, &[op(replicas, AlterOp::Append, &list(4_000, 5_000))]), refused);
    assert_eq!(alter_topic(&Configs::new(), &[set(replicas, &list(0, 5_000))]), refused);
    let altered = alter_topic(&current, &[op(replicas, AlterOp::Subtract, &list(0, 5_000))]).unwrap();
    assert_eq!(altered.configs[replicas], "");
}

#[test]
fn replacing_takes_away_what_is_not_named() {
    let current = configs(&[("retention.ms", "5"), ("preallocate", "true")]);
    let ops = replacing(&current, &[("retention.ms".into(), Some("6".into()))]);
    assert_eq!(alter_topic(&current, &ops).unwrap().configs, configs(&[("retention.ms", "6")]));
    let ops = replacing(&current, &[("retention.ms".into(), None)]);
    assert_eq!(alter_topic(&current, &ops), refused_request("Null value not supported for : retention.ms"));
}

#[test]
fn a_topic_refuses_what_cannot_be() {
    let topic = |ops: &[Alteration]| alter_topic(&Configs::new(), ops);
    use AlterOp::{Append, Subtract};
    assert_eq!(
        topic(&[set("retention.ms", "x")]),
        refused_config("Invalid value x for configuration retention.ms: Not a number of type LONG")
    );
    assert_eq!(topic(&[set("x", "y")]), refused_config("Unknown topic config name: x"));
    assert_eq!(
        topic(&[op("x", Append, "y")]),
        refused_config("Can't APPEND to key x because its type is not LIST.")
    );
    assert_eq!(
        topic(&[op("retention.ms", Subtract, "5")]),
        refused_config("Can't SUBTRACT to key retention.ms because its type is not LIST.")
    );
    assert_eq!(
        topic(&[op("cleanup.policy", Append, "foo")]),
        refused_config(
            "Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete"
        )
    );
    assert_eq!(
        topic(&[set("retention.ms", "5"), set("retention.ms", "6")]),
        refused_request("Error due to duplicate config keys")
    );
}

#[test]
fn a_broker_refuses_what_only_a_restart_or_one_broker_can_have() {
    let settings = settings();
    let one = |ops: &[Alteration]| alter_broker(&settings, false, ops, true);
    let all = |ops: &[Alteration]| alter_broker(&settings, true, ops, true);
    for alter in [&one as &dyn Fn(&[Alteration]) -> _, &all] {
        assert_eq!(
            alter(&[set("node.id", "5"), set("broker.id", "6")]),
            refused_request("Cannot update these configs dynamically: [broker.id, node.id]")
        );
        assert_eq!(
            alter(&[set("log.retention.ms", "7"), set("log.retention.hours", "8")]),
            refused_request("Cannot update these configs dynamically: [log.retention.hours]")
        );
        assert_eq!(
            alter(&[set("ssl.keystore.type", "PEM")]),
            refused_request(
                "These security configs can be dynamically updated only per-listener using the listener prefix: [ssl.keystore.type]"
            )
        );
        assert_eq!(
            alter(&[set("log.segment.bytes", "5")]),
            refused_request(
                "Invalid value 5 for configuration log.segment.bytes: Value must be at least 1048576"
            )
        );
        assert_eq!(
            alter(&[op("log.retention.ms", AlterOp::Append, "5")]),
            refused_config("Config value append is not allowed for config key: log.retention.ms")
        );
        assert_eq!(
            alter(&[set("group.consumer.assignment.interval.ms", "20000")]),
            refused_request(
                "group.consumer.assignment.interval.ms must be less than or equal to group.consumer.max.assignment.interval.ms"
            )
        );
        assert!(alter(&[set("metric.reporters", "foo")]).is_err());
        assert!(alter(&[set("log.cleaner.threads", "200")]).is_err());
        for fine in [
            set("log.retention.ms", "100"),
            set("x", "y"),
            set("retention.ms", "5"),
            set("leader.replication.throttled.rate", "100"),
            set("listener.name.plaintext.max.connections", "10"),
            op("log.cleanup.policy", AlterOp::Append, "compact"),
            op("node.id", AlterOp::Delete, ""),
        ] {
            assert!(alter(std::slice::from_ref(&fine)).is_ok(), "{fine:?}");
        }
    }
    for name in [
        "listeners",
        "cordoned.log.dirs",
        "listener.name.plaintext.num.io.threads",
        "listener.name.plaintext.x",
    ] {
        let value = if name == "listeners" { "PLAINTEXT://h:1" } else { "1" };
        let message = format!(
            "Cannot update these configs at default cluster level, broker id must be specified: [{name}]"
        );
        assert_eq!(all(&[set(name, value)]), refused_request(&message));
    }
    assert!(one(&[set("cordoned.log.dirs", "/data")]).is_ok());
    assert!(one(&[set("cordoned.log.dirs", "/nope")]).is_err());
}

/// Any number was taken; the reference lets a thread count halve or double in one change.
#[test]
fn thread_counts_change_in_steps() {
    let settings = settings();
    let refused = |reason: &str| {
        refused_request(&format!(
            "Invalid value org.apache.kafka.common.config.ConfigException: {reason} for configuration Invalid dynamic \
             configuration"
        ))
    };
    let threads = |settings: &Settings, for_all: bool, name: &str, value: &str| {
        alter_broker(settings, for_all, &[set(name, value)], false)
    };
    let failed = "Dynamic thread count update validation failed for";
    for (name, value, bound) in [
        ("num.io.threads", "99", "not be greater than double the current value 8"),
        ("num.io.threads", "3", "be at least half the current value 8"),
        ("num.network.threads", "99", "not be greater than double the current value 3"),
        ("num.replica.fetchers", "3", "not be greater than double the current value 1"),
        ("remote.log.reader.threads", "99", "not be greater than double the current value 10"),
    ] {
        let reason = format!("{failed} {name}={value}, value should {bound}");
        assert_eq!(threads(&settings, false, name, value), refused(&reason));
    }
    for (name, value) in [("num.io.threads", "4"), ("num.io.threads", "16"), ("num.network.threads", "1")] {
        assert!(threads(&settings, false, name, value).is_ok(), "{name}={value}");
    }
    // What the broker's own value hides may be anything.
    let own = settings.with_dynamic(Configs::new(), configs(&[("num.io.threads", "4")]));
    assert!(threads(&own, true, "num.io.threads", "99").is_ok());
    let cleaning = settings.with_dynamic(configs(&[("log.cleaner.threads", "4")]), Configs::new());
    for (value, bound) in [
        ("0", "should be at least 1"),
        ("1", "cannot be reduced to less than half the current value 4"),
        ("9", "cannot be increased to more than double the current value 4"),
    ] {
        let reason = format!("Log cleaner threads {bound}");
        assert_eq!(threads(&cleaning, true, "log.cleaner.threads", value), refused(&reason));
    }
    assert!(threads(&cleaning, true, "log.cleaner.threads", "8").is_ok());
}

#[test]
fn min_insync_replicas_belongs_to_the_cluster_while_elr_is_on() {
    let name = "min.insync.replicas";
    let settings = settings().with_dynamic(configs(&[(name, "1")]), Configs::new());
    assert_eq!(
        alter_broker(&settings, false, &[set(name, "2")], true),
        refused_config("Broker-level min.insync.replicas cannot be altered while ELR is enabled.")
    );
    assert_eq!(
        alter_broker(&settings, true, &[op(name, AlterOp::Delete, "")], true),
        refused_config("Cluster-level min.insync.replicas cannot be removed while ELR is enabled.")
    );
    assert!(alter_broker(&settings, true, &[set(name, "2")], true).is_ok());
    assert!(alter_broker(&settings, false, &[set(name, "2")], false).is_ok());
}

#[test]
fn a_group_stays_within_the_broker_s_limits() {
    let settings = settings();
    let group = |name: &str, value: &str| alter_group(&Configs::new(), &[set(name, value)], &settings);
    assert_eq!(group("x", "y"), refused_config("Unknown group config name: x"));
    for (name, value, expected) in [
        (
            "consumer.session.timeout.ms",
            "1",
            "must be greater than or equal to group.consumer.min.session.timeout.ms",
        ),
        (
            "consumer.session.timeout.ms",
            "100000",
            "must be less than or equal to group.consumer.max.session.timeout.ms",
        ),
        (
            "share.delivery.count.limit",
            "100",
            "must be less than or equal to group.share.max.delivery.count.limit",
        ),
        (
            "share.record.lock.duration.ms",
            "100000",
            "must be less than or equal to group.share.max.record.lock.duration.ms",
        ),
        (
            "share.partition.max.record.locks",
            "50000",
            "must be less than or equal to group.share.max.partition.max.record.locks",
        ),
        (
            "streams.num.standby.replicas",
            "5",
            "must be less than or equal to group.streams.max.standby.replicas",
        ),
        (
            "streams.assignment.interval.ms",
            "100000",
            "must be less than or equal to group.streams.max.assignment.interval.ms",
        ),
    ] {
        assert_eq!(group(name, value), refused_config(&format!("{name} {expected}")));
    }
    assert_eq!(
        group("share.partition.max.record.locks", "50"),
        refused_config(
            "Invalid value 50 for configuration share.partition.max.record.locks: Value must be at least 100"
        )
    );
    assert!(group("consumer.session.timeout.ms", "50000").is_ok());
    assert!(group("streams.initial.rebalance.delay.ms", "100000").is_ok());
}

#[test]
fn a_client_metrics_subscription_says_whom_it_means() {
    let alter = |name: &str, value: &str| alter_client_metrics(&Configs::new(), &[set(name, value)]);
    assert_eq!(alter("x", "y"), refused_request("Unknown client metrics configuration: x"));
    assert_eq!(
        alter("interval.ms", "x"),
        refused_config("Invalid value x for configuration interval.ms: Not a number of type INT")
    );
    for interval in ["5", "3600001"] {
        let message = format!(
            "Invalid value {interval} for interval.ms, interval must be between 100 and 3600000 (1 hour)"
        );
        assert_eq!(alter("interval.ms", interval), refused_request(&message));
    }
    for pattern in
        ["foo", "foo=bar", "client_id=[", "client_id", "client_id=a=b", "client_id=(", "client_id=a)"]
    {
        assert_eq!(
            alter("match", pattern),
            refused_config(&format!("Illegal client matching pattern: {pattern}"))
        );
    }
    assert_eq!(alter("metrics", "a,,b"), refused_config("Configuration 'metrics' values must not be empty."));
    for (name, value) in [
        ("interval.ms", "100"),
        ("match", "client_id=a,client_software_name=b.*"),
        ("metrics", "a,a"),
        ("metrics", ""),
    ] {
        assert!(alter(name, value).is_ok(), "{name}={value}");
    }
    assert_eq!(
        alter_client_metrics(&Configs::new(), &[op("metrics", AlterOp::Append, "c")]),
        refused_config("Can't APPEND to key metrics because its type is not LIST.")
    );
}

#[test]
fn loggers_have_levels_and_the_root_keeps_one() {
    let check =
        |operation: Alteration| check_broker_logger(&[operation], |name| ["root", "a.b"].contains(&name));
    let config = |message: &str| Err(AlterError::InvalidConfig(message.into()));
    let request = |message: &str| Err(AlterError::InvalidRequest(message.into()));
    assert_eq!(check(set("a.b", "DEBUG")), Ok(()));
    assert_eq!(check(op("a.b", AlterOp::Delete, "")), Ok(()));
    assert_eq!(check(set("x.y", "foo")), config("Logger x.y does not exist!"));
    assert_eq!(
        check(set("a.b", "debug")),
        config(
            "Cannot set the log level of a.b to debug as it is not a supported log level. Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN"
        )
    );
    assert_eq!(
        check(op("root", AlterOp::Delete, "")),
        request("Removing the log level of the root logger is not allowed")
    );
    assert_eq!(
        check(op("a.b", AlterOp::Append, "DEBUG")),
        request("APPEND operation is not allowed for the BROKER_LOGGER resource")
    );
}
