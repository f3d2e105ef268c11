//! Client keys: what is taken, what is refused.

mod reference;

use std::time::Duration;

use super::*;

#[test]
fn keys_are_kafkas_and_defaults_are_the_references() {
    let config = ProducerConfig::default();
    assert_eq!(config.get("linger.ms").as_deref(), Some("5"));
    assert_eq!(config.get("batch.size").as_deref(), Some("16384"));
    assert_eq!(config.get("request.timeout.ms").as_deref(), Some("30000"));
    assert_eq!(config.get("acks").as_deref(), Some("all"));
    assert_eq!(ConsumerConfig::default().get("session.timeout.ms").as_deref(), Some("45000"));
}

#[test]
fn each_default_is_read_back_from_its_own_text() {
    let config = ConsumerConfig::default();
    for key in ConsumerConfig::keys() {
        let text = config.get(key).expect("a known key");
        let mut other = ConsumerConfig::default();
        other.set(key, &text).expect("its own text");
        assert_eq!(other.get(key), Some(text), "{key}");
    }
}

#[test]
fn a_misspelt_key_is_refused_and_the_nearest_is_named() {
    let mut config = ProducerConfig::default();
    let error = config.set("linger_ms", "1").expect_err("no such key");
    assert_eq!(error.to_string(), "unknown setting linger_ms; did you mean linger.ms?");
    let error = config.set("bootstrap.server", "x:1").expect_err("no such key");
    assert_eq!(error.to_string(), "unknown setting bootstrap.server; did you mean bootstrap.servers?");
    let error = config.set("completely.unlike.anything", "1").expect_err("no such key");
    assert_eq!(error.to_string(), "unknown setting completely.unlike.anything");
}

#[test]
fn a_bad_value_says_what_it_must_be() {
    let mut config = ProducerConfig::default();
    let error = config.set("acks", "2").expect_err("not a value");
    assert_eq!(error.to_string(), "acks=2: must be all (or -1), 0 or 1");
    assert!(config.set("linger.ms", "-1").is_err());
}

/// The bug: such a file was refused though Java takes it, turning idempotence off.
#[test]
fn idempotence_gives_way_to_what_would_break_it_unless_it_was_asked_for() {
    for (key, value) in [("acks", "1"), ("acks", "0"), ("retries", "0")] {
        let config = |more: &[(&str, &str)]| {
            let pairs = std::iter::once((key, value)).chain(more.iter().copied());
            ProducerConfig::from_pairs(pairs).expect("values")
        };
        assert_eq!(config(&[]).validate(), Ok(()), "{key}={value}");
        assert!(!config(&[]).resolved().idempotence, "{key}={value}");
        assert!(config(&[("enable.idempotence", "true")]).validate().is_err(), "{key}={value}");
        assert_eq!(config(&[("enable.idempotence", "false")]).validate(), Ok(()), "{key}={value}");
    }
    assert!(ProducerConfig::default().resolved().idempotence);
}

/// Since Kafka 4.0 idempotence does not give way to it.
#[test]
fn more_than_five_requests_in_flight_are_refused_unless_idempotence_is_off() {
    let config = |more: &[(&str, &str)]| {
        let pairs = std::iter::once(&("max.in.flight.requests.per.connection", "6")).chain(more);
        ProducerConfig::from_pairs(pairs.copied()).expect("values").validate()
    };
    assert!(config(&[]).is_err());
    assert!(config(&[("enable.idempotence", "true")]).is_err());
    assert_eq!(config(&[("enable.idempotence", "false")]), Ok(()));
    assert_eq!(config(&[("acks", "1")]), Ok(()));
}

/// The bug: a longer `request.timeout.ms` alone was refused.
#[test]
fn the_time_for_a_delivery_follows_longer_requests_unless_it_was_set() {
    let config = ProducerConfig::from_pairs([("request.timeout.ms", "180000")]).expect("a value");
    assert_eq!(config.validate(), Ok(()));
    assert_eq!(config.clone().resolved().delivery_timeout, Duration::from_millis(180_005));
    let config = config.with("delivery.timeout.ms", "120000").expect("a value");
    assert!(config.validate().is_err());
}

/// The bug: −1, Kafka's word for never, was refused.
#[test]
fn connections_may_stay_unused_for_ever() {
    let config = ProducerConfig::from_pairs([("connections.max.idle.ms", "-1")]).expect("a value");
    assert_eq!(config.common.connections_max_idle, None);
    assert_eq!(config.get("connections.max.idle.ms").as_deref(), Some("-1"));
}

#[test]
fn offset_reset_by_duration_reads_iso_durations() {
    let reset = |text: &str| AutoOffsetReset::parse(text);
    assert_eq!(reset("by_duration:PT1H"), Ok(AutoOffsetReset::ByDuration(Duration::from_secs(3600))));
    assert_eq!(
        reset("by_duration:P1DT2H3M4.5S"),
        Ok(AutoOffsetReset::ByDuration(Duration::from_millis(93_784_500)))
    );
    for bad in [
        "by_duration:",
        "by_duration:1H",
        "by_duration:PT",
        "by_duration:P1H",
        "by_duration:PT-1S",
        "sometime",
    ] {
        assert!(reset(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_file_of_a_java_client_is_taken_if_it_asks_for_nothing_that_is_not_there() {
    let text = "bootstrap.servers = a:1,b:2\nsecurity.protocol=PLAINTEXT\nssl.protocol=TLSv1.3\nenable.metrics.push=true\n\
                key.serializer=org.apache.kafka.common.serialization.StringSerializer\ncompression.type=zstd\n\
                compression.zstd.level=9\ntransactional.id=\nmetadata.recovery.strategy=NONE\n";
    let config = ProducerConfig::from_properties(text).expect("good properties");
    assert_eq!(config.common.bootstrap_servers, ["a:1", "b:2"]);
    assert_eq!(config.common.metadata_recovery, MetadataRecovery::None);
    assert_eq!(config.compression_level(), Some(9));
    for (line, why) in [
        ("security.protocol=SASL_SSL", "no TLS and no SASL"),
        ("transactional.id=t", "no transactions"),
        ("group.protocol=consumer", "classic group protocol only"),
        ("interceptor.classes=com.example.I", "give interceptors to the builder"),
    ] {
        let error = ConsumerConfig::from_properties(line).expect_err("not to be had").to_string();
        assert!(error.contains(line) && error.contains(why), "{error}");
    }
    let error = ConsumerConfig::from_properties("sesion.timeout.ms=1").expect_err("misspelt").to_string();
    assert_eq!(error, "unknown setting sesion.timeout.ms; did you mean session.timeout.ms?");
    let missing =
        ConsumerConfig::from_properties_file("no/such.properties").expect_err("no file").to_string();
    assert!(missing.starts_with("no/such.properties: can't be read"), "{missing}");
}

#[test]
fn the_time_for_a_connection_doubles_with_each_failure_up_to_its_limit() {
    let common = CommonConfig::default();
    let times: Vec<u64> = (0..4).map(|failures| common.setup_time(failures).as_secs()).collect();
    assert_eq!(times, [10, 20, 30, 30]);
}

#[test]
fn the_admin_client_has_its_own_idle_time_unless_told_otherwise() {
    let idle = |config: AdminConfig| config.into_common().connections_max_idle.map(|time| time.as_secs());
    assert_eq!(idle(AdminConfig::default()), Some(300));
    assert_eq!(
        idle(AdminConfig::default().with("connections.max.idle.ms", "7000").expect("a number")),
        Some(7)
    );
    assert_eq!(
        idle(AdminConfig::default().with("connections.max.idle.ms", "540000").expect("a number")),
        Some(540)
    );
}

#[test]
fn a_level_of_lz4_that_the_encoder_has_not_is_refused_where_it_would_count() {
    let config = |codec, level| {
        ProducerConfig::from_pairs([("compression.type", codec), ("compression.lz4.level", level)])
            .expect("values")
            .validate()
    };
    assert_eq!(config("lz4", "9"), Ok(()));
    assert_eq!(config("zstd", "3"), Ok(()));
    let error = config("lz4", "3").expect_err("one speed").to_string();
    assert!(
        error.starts_with("compression.lz4.level=3 is not supported: the lz4 encoder has one"),
        "{error}"
    );
    let error = config("none", "18").expect_err("no such level").to_string();
    assert_eq!(error, "compression.lz4.level=18: must be 1 to 17");
}
