//! The JSON of each command, kept as snapshots in `snapshots/`: what scripts rely on does not change unnoticed.
//!
//! What differs from run to run is replaced: ids, addresses, times, paths.

use serde_json::Value;

use crate::node::{Directory, Served};

/// Replaces what differs from run to run.
fn steady(value: &mut Value, under: &str) {
    let varies = |text: &str| match under {
        "id" | "cluster_id" if text.len() == 22 => Some("[uuid]"),
        "member" if text.contains('-') => Some("[member]"),
        "start" | "end" if text.contains('T') => Some("[time]"),
        "log_dir" => Some("[directory]"),
        _ => None,
    };
    match value {
        Value::String(text) => {
            if let Some(name) = varies(text) {
                *value = name.into();
            }
        }
        Value::Number(_) => {
            let measured = under.ends_with("_ms") || under.ends_with("_second") || under.ends_with("seconds");
            let measured = measured || matches!(under, "avg" | "max" | "p50" | "p95" | "p99" | "p999");
            if measured || matches!(under, "port" | "size_bytes" | "total_bytes" | "usable_bytes") {
                *value = "[number]".into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| steady(item, under)),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, field)| steady(field, name)),
        _ => {}
    }
}

fn json(node: &Served, args: &[&str], input: &str) -> Value {
    let mut args = args.to_vec();
    args.extend(["-o", "json"]);
    let (code, stdout, stderr) = node.run(&args, input);
    assert_eq!(code, 0, "{args:?}: {stderr}");
    let mut value =
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {stdout}"));
    steady(&mut value, "");
    value
}

macro_rules! snapshot {
    ($name:literal, $value:expr) => {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_json_snapshot!($name, $value)
        })
    };
}

#[test]
fn the_json_of_each_command_is_as_it_was() {
    let directory = Directory::new("json");
    let node = Served::start(&directory.0, &[]);
    let at = "2013-01-01T05:15:00Z";
    let made = ["topic", "create", "flights", "carriers", "-p", "2", "-c", "retention.ms=-1"];
    snapshot!("topic-create", json(&node, &made, ""));
    snapshot!("topic-list", json(&node, &["topic", "list"], ""));
    snapshot!("topic-describe", json(&node, &["topic", "describe", "flights"], ""));
    snapshot!("topic-alter", json(&node, &["topic", "alter", "carriers", "-c", "segment.ms=100000"], ""));
    let produce = ["produce", "flights", "-K", ":", "-H", "source=faa", "-t", at];
    snapshot!("produce", json(&node, &produce, "N1:EWR-IAH\nN2:LGA-ATL\nN1:IAH-EWR\n"));
    snapshot!("consume", json(&node, &["consume", "flights", "--from", "-1", "-p", "0", "-e"], ""));
    snapshot!("offsets", json(&node, &["offsets", "flights"], ""));
    snapshot!("offsets-at", json(&node, &["offsets", "flights", "--at", at], ""));

    node.good(&["consume", "flights", "-g", "boards", "-n", "3", "-t", "20"], "");
    snapshot!("group-list", json(&node, &["group", "list"], ""));
    snapshot!("group-describe", json(&node, &["group", "describe", "boards"], ""));
    let reset = ["group", "reset", "boards", "--all-topics", "--to-earliest"];
    snapshot!("group-reset", json(&node, &reset, ""));
    snapshot!("group-delete-offsets", json(&node, &["group", "delete-offsets", "boards", "flights:0"], ""));
    snapshot!("group-delete", json(&node, &["group", "delete", "boards"], ""));
    snapshot!("records-delete", json(&node, &["records", "delete", "flights", "--before", "end"], ""));

    snapshot!("config-get", json(&node, &["config", "get", "topic", "flights"], ""));
    snapshot!("config-set", json(&node, &["config", "set", "topic", "flights", "retention.ms=1000"], ""));
    snapshot!("cluster-describe", json(&node, &["cluster", "describe"], ""));

    snapshot!(
        "perf-produce",
        json(&node, &["perf", "produce", "flights", "-n", "100", "--warmup", "10"], "")
    );
    snapshot!("perf-consume", json(&node, &["perf", "consume", "flights", "-n", "100"], ""));
    snapshot!("perf-latency", json(&node, &["perf", "latency", "carriers", "-n", "10"], ""));
    snapshot!("topic-delete", json(&node, &["topic", "delete", "flights", "carriers"], ""));
}

#[test]
fn what_failed_stands_in_the_json_too() {
    let directory = Directory::new("json-failed");
    let node = Served::start(&directory.0, &[]);
    node.good(&["topic", "create", "a"], "");
    let (code, stdout, stderr) = node.run(&["topic", "create", "a", "b", "-o", "json"], "");
    assert_eq!(code, 1);
    assert!(stderr.starts_with("error: topic a: TOPIC_ALREADY_EXISTS"), "{stderr}");
    let value: Value = serde_json::from_str(&stdout).expect("JSON all the same");
    snapshot!("topic-create-failed", value);
}
