//! The messages here were read off the reference.

use crate::keys;
use crate::value::Value;

fn broker(name: &str, text: &str) -> Result<(), String> {
    Value::of(keys::find_broker(name).unwrap(), text).map(|_| ()).map_err(|e| e.message)
}

fn topic(name: &str, text: &str) -> Result<(), String> {
    Value::of(keys::find_topic(name).unwrap(), text).map(|_| ()).map_err(|e| e.message)
}

fn group(name: &str, text: &str) -> Result<(), String> {
    Value::of(keys::find_group(name).unwrap(), text).map(|_| ()).map_err(|e| e.message)
}

fn refused(name: &str, value: &str, why: &str) -> Result<(), String> {
    Err(format!("Invalid value {value} for configuration {name}: {why}"))
}

#[test]
fn ranges_say_which_end_was_passed() {
    let name = "num.partitions";
    assert_eq!(broker(name, "0"), refused(name, "0", "Value must be at least 1"));
    let name = "log.cleaner.min.cleanable.ratio";
    assert_eq!(broker(name, "1e3"), refused(name, "1000.0", "Value must be no more than 1"));
    assert_eq!(broker(name, "-0.1"), refused(name, "-0.1", "Value must be at least 0"));
    let name = "compression.zstd.level";
    assert_eq!(broker(name, "23"), refused(name, "23", "Value must be no more than 22"));
    assert_eq!(broker(name, "-131073"), refused(name, "-131073", "Value must be at least -131072"));
    assert_eq!(broker(name, "-131072"), Ok(()));
    let name = "remote.log.manager.task.retry.jitter";
    assert_eq!(broker(name, "0.6"), refused(name, "0.6", "Value must be no more than 0.5"));
    let name = "compression.gzip.level";
    assert_eq!(broker(name, "-1"), Ok(()));
    assert_eq!(broker(name, "0"), refused(name, "0", "Value must be between 1 and 9 or equal to -1"));
    let name = "segment.bytes";
    assert_eq!(topic(name, "1048575"), refused(name, "1048575", "Value must be at least 1048576"));
}

#[test]
fn texts_say_what_is_allowed() {
    let name = "compression.type";
    let all = "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer";
    assert_eq!(broker(name, "GZIP"), refused(name, "GZIP", all));
    assert_eq!(broker(name, ""), refused(name, "", all));
    let name = "group.consumer.migration.policy";
    assert_eq!(broker(name, "Upgrade"), Ok(()));
    let all = "String must be one of (case insensitive): DISABLED, DOWNGRADE, UPGRADE, BIDIRECTIONAL";
    assert_eq!(broker(name, "x"), refused(name, "x", all));
    let name = "remote.log.metadata.manager.class.name";
    assert_eq!(broker(name, " "), refused(name, "", "String must be non-empty"));
}

#[test]
fn lists_refuse_what_is_twice_or_empty() {
    let error = |text: &str| Err(text.to_owned());
    let name = "listeners";
    assert_eq!(
        broker(name, ""),
        error("Configuration 'listeners' must not be empty. Valid values include: any non-empty value")
    );
    assert_eq!(broker(name, "a,a"), error("Configuration 'listeners' values must not be duplicated."));
    assert_eq!(broker(name, "a,,b"), error("Configuration 'listeners' values must not be empty."));
    assert_eq!(broker("cordoned.log.dirs", ""), Ok(()));
    let name = "process.roles";
    assert_eq!(
        broker(name, ""),
        error("Configuration 'process.roles' must not be empty. Valid values include: [broker, controller]")
    );
    assert_eq!(broker(name, "broker,x"), refused(name, "x", "String must be one of: broker, controller"));
    assert_eq!(broker("log.cleanup.policy", ""), Ok(()));
    assert_eq!(broker("log.cleanup.policy", "compact, delete"), Ok(()));
    assert_eq!(
        broker("log.cleanup.policy", "compact,compact"),
        error("Configuration 'log.cleanup.policy' values must not be duplicated.")
    );
    assert_eq!(
        topic("cleanup.policy", "delete,"),
        error("Configuration 'cleanup.policy' values must not be empty.")
    );
}

#[test]
fn voters_have_an_id_and_an_address() {
    let name = "controller.quorum.voters";
    assert_eq!(broker(name, "1@localhost:9093,2@[::1]:9093"), Ok(()));
    assert_eq!(broker(name, ""), Ok(()));
    for text in ["a", "1@localhost", "x@localhost:1", "-1@localhost:1"] {
        let message = broker(name, text).unwrap_err();
        assert!(message.ends_with("Each entry should be in the form `{id}@{host}:{port}`."), "{message}");
    }
}

#[test]
fn throttled_replicas_are_pairs_or_a_star() {
    let name = "leader.replication.throttled.replicas";
    for text in ["", "*", "0:1", "0:1,1:2", "0:1,"] {
        assert_eq!(topic(name, text), Ok(()), "{text}");
    }
    for text in ["x", "0", "0:a", "*,0:1", ":"] {
        assert!(topic(name, text).is_err(), "{text}");
    }
    assert_eq!(
        topic(name, "*,0:1"),
        refused(
            name,
            "[*, 0:1]",
            "leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the following \
             format: [partitionId]:[brokerId],[partitionId]:[brokerId],..."
        )
    );
}

#[test]
fn an_offset_reset_may_be_a_duration() {
    let name = "share.auto.offset.reset";
    for text in [
        "latest",
        "earliest",
        "by_duration:PT1H",
        "by_duration:P1DT2H3.5S",
        "by_duration:P1D",
        "by_duration:pt5m",
    ] {
        assert_eq!(group(name, text), Ok(()), "{text}");
    }
    for text in [
        "",
        "x",
        "LATEST",
        "by_duration:",
        "by_duration:x",
        "by_duration:-PT1H",
        "by_duration:1h",
        "by_duration:P",
        "by_duration:PT",
        "by_duration:PT1S2H",
        "by_duration:P1DT",
        "by_duration:PT1.5H",
    ] {
        assert!(group(name, text).is_err(), "{text}");
    }
}
