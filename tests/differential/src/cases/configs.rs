//! Configs of topics, brokers, loggers and groups.

use anyhow::Result;
use moldau_protocol::messages::alter_configs_request::{AlterConfigsResource, AlterableConfig};
use moldau_protocol::messages::describe_configs_request::DescribeConfigsResource;
use moldau_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource as IncrementalResource, AlterableConfig as IncrementalConfig,
};
use moldau_protocol::messages::*;

use super::Run;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const BROKER_LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;

pub(super) fn run(run: &mut Run) -> Result<()> {
    run.world.topic("configured", 1, &[("retention.ms", "1000000"), ("cleanup.policy", "compact,delete")])?;
    described(run)?;
    replaced(run)?;
    changed(run)?;
    run.each("of no kind", |_, _| ListConfigResourcesRequest::default())?;
    run.each("of topics", |_, _| ListConfigResourcesRequest { resource_types: vec![TOPIC] })?;
    run.each("of a kind that is not there", |_, _| ListConfigResourcesRequest { resource_types: vec![77] })
}

pub(super) fn described(run: &mut Run) -> Result<()> {
    let cases: [(&str, i8, &str, Option<&[&str]>); 14] = [
        ("a topic", TOPIC, "configured", None),
        (
            "two keys of a topic, and one that is not there",
            TOPIC,
            "configured",
            Some(&["retention.ms", "segment.ms", "nope"]),
        ),
        ("a topic that is not there", TOPIC, "nothing", None),
        ("a topic with a bad name", TOPIC, "bad name", None),
        (
            "keys of a broker",
            BROKER,
            "1",
            Some(&["log.retention.ms", "log.retention.hours", "num.io.threads", "node.id"]),
        ),
        ("another broker", BROKER, "99", None),
        ("a broker whose id is no number", BROKER, "x", None),
        ("all brokers", BROKER, "", None),
        ("loggers of another broker", BROKER_LOGGER, "99", None),
        ("loggers without a broker", BROKER_LOGGER, "", None),
        ("a group", GROUP, "configured", None),
        ("the empty group", GROUP, "", None),
        ("client metrics that are not there", CLIENT_METRICS, "nothing", None),
        ("a kind that is not there", 77, "x", None),
    ];
    for (title, resource_type, name, keys) in cases {
        for full in [false, true] {
            let title = if full { format!("{title}, with synonyms") } else { title.to_owned() };
            run.each(&title, |_, _| DescribeConfigsRequest {
                resources: vec![DescribeConfigsResource {
                    resource_type,
                    resource_name: name.to_owned(),
                    configuration_keys: keys.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect()),
                }],
                include_synonyms: full,
                // The docs are sentences of each server's own.
                include_documentation: false,
            })?;
        }
    }
    Ok(())
}

/// Title, kind and name of the resource, and the values to set.
type Values = (&'static str, i8, &'static str, &'static [(&'static str, Option<&'static str>)]);

const VALUES: [Values; 16] = [
    (
        "good values of a topic",
        TOPIC,
        "configured",
        &[("retention.ms", Some("2000000")), ("segment.ms", Some("600000"))],
    ),
    ("a bad value", TOPIC, "configured", &[("retention.ms", Some("abc"))]),
    ("a value out of its range", TOPIC, "configured", &[("min.cleanable.dirty.ratio", Some("7"))]),
    ("a null", TOPIC, "configured", &[("retention.ms", None)]),
    ("a key that is not there", TOPIC, "configured", &[("nope", Some("1"))]),
    ("the same key twice", TOPIC, "configured", &[("retention.ms", Some("1")), ("retention.ms", Some("2"))]),
    ("a topic that is not there", TOPIC, "nothing", &[("retention.ms", Some("1"))]),
    ("a broker's own id", BROKER, "1", &[("node.id", Some("3"))]),
    ("another broker", BROKER, "99", &[("log.cleaner.threads", Some("2"))]),
    ("a broker whose id is no number", BROKER, "x", &[("log.cleaner.threads", Some("2"))]),
    ("a value that all brokers cannot have", BROKER, "", &[("listeners", Some("PLAINTEXT://:1"))]),
    ("good values of a group", GROUP, "configured", &[("consumer.session.timeout.ms", Some("50000"))]),
    ("a bad value of a group", GROUP, "configured", &[("consumer.session.timeout.ms", Some("abc"))]),
    ("a key that groups do not have", GROUP, "configured", &[("retention.ms", Some("1"))]),
    ("the empty group", GROUP, "", &[("consumer.session.timeout.ms", Some("50000"))]),
    ("a kind that is not there", 77, "x", &[("a", Some("b"))]),
];

/// What is set now, and where that comes from.
fn set(run: &mut Run, title: &str) -> Result<()> {
    let resource = |resource_type, name: &str, keys: &[&str]| DescribeConfigsResource {
        resource_type,
        resource_name: name.to_owned(),
        configuration_keys: Some(keys.iter().map(|key| (*key).to_owned()).collect()),
    };
    run.each(title, |_, _| DescribeConfigsRequest {
        resources: vec![
            resource(TOPIC, "configured", &["retention.ms", "segment.ms", "cleanup.policy", "segment.bytes"]),
            resource(GROUP, "configured", &["consumer.session.timeout.ms"]),
        ],
        include_synonyms: true,
        include_documentation: false,
    })
}

pub(super) fn replaced(run: &mut Run) -> Result<()> {
    for (title, resource_type, name, values) in VALUES {
        for validate_only in [true, false] {
            // What a broker keeps would change what the next case finds.
            if !validate_only && resource_type == BROKER {
                continue;
            }
            let title = if validate_only { format!("{title}, only validated") } else { title.to_owned() };
            run.each(&title, |_, _| AlterConfigsRequest {
                resources: vec![AlterConfigsResource {
                    resource_type,
                    resource_name: name.to_owned(),
                    configs: values
                        .iter()
                        .map(|(name, value)| AlterableConfig {
                            name: (*name).to_owned(),
                            value: value.map(str::to_owned),
                        })
                        .collect(),
                }],
                validate_only,
            })?;
        }
    }
    run.each("good values at last", |_, _| AlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: TOPIC,
            resource_name: "configured".to_owned(),
            configs: [("retention.ms", "3000000"), ("cleanup.policy", "compact,delete")]
                .map(|(name, value)| AlterableConfig { name: name.to_owned(), value: Some(value.to_owned()) })
                .to_vec(),
        }],
        validate_only: false,
    })?;
    set(run, "what has been set by AlterConfigs")
}

pub(super) fn changed(run: &mut Run) -> Result<()> {
    let request = |resource_type, name: &str, configs: Vec<IncrementalConfig>, validate_only| {
        IncrementalAlterConfigsRequest {
            resources: vec![IncrementalResource { resource_type, resource_name: name.to_owned(), configs }],
            validate_only,
        }
    };
    let config = |name: &str, operation: i8, value: Option<&str>| IncrementalConfig {
        name: name.to_owned(),
        config_operation: operation,
        value: value.map(str::to_owned),
    };
    for (title, resource_type, name, values) in VALUES {
        let configs: Vec<_> = values.iter().map(|(key, value)| config(key, 0, *value)).collect();
        run.each(&format!("{title}, only validated"), |_, _| {
            request(resource_type, name, configs.clone(), true)
        })?;
    }
    let operations: [(&str, &str, i8, Option<&str>); 8] = [
        ("adding to a list", "cleanup.policy", 2, Some("compact")),
        ("taking from a list", "cleanup.policy", 3, Some("compact")),
        ("adding to what is no list", "retention.ms", 2, Some("1")),
        ("taking from what is no list", "retention.ms", 3, Some("1")),
        ("deleting", "retention.ms", 1, None),
        ("deleting what is not set", "retention.bytes", 1, None),
        ("an operation that is not there", "retention.ms", 9, Some("1")),
        ("setting a null", "retention.ms", 0, None),
    ];
    run.each("good values", |version, _| {
        let values = [("segment.bytes", 0, Some(format!("{}000000", 2 + version))), ("segment.ms", 1, None)];
        let configs = values.iter().map(|(key, operation, value)| config(key, *operation, value.as_deref()));
        request(TOPIC, "configured", configs.collect(), false)
    })?;
    // The reference's controller falls over an operation that is not there, and steps down.
    let asked = operations.into_iter().filter(|(_, _, operation, _)| *operation < 4 || run.asks_brokers());
    for (title, key, operation, value) in asked.collect::<Vec<_>>() {
        run.each(title, |_, _| request(TOPIC, "configured", vec![config(key, operation, value)], false))?;
    }
    for (title, logger, operation, level) in [
        ("a level that is not there", "root", 0, Some("LOUD")),
        ("deleting the root's level", "root", 1, None),
        ("adding to a level", "root", 2, Some("INFO")),
    ] {
        run.each(&format!("loggers: {title}"), |_, _| {
            request(BROKER_LOGGER, "1", vec![config(logger, operation, level)], true)
        })?;
    }
    set(run, "what has been set by IncrementalAlterConfigs")
}
