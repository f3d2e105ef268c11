//! The JSON of each command, kept as snapshots in `snapshots/`: what scripts rely on does not change unnoticed.
//!
//! What differs from run to run is replaced: ids, addresses, times, paths.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::node::{Directory, Served};
use crate::{moldau, segment, text};

/// Replaces what differs from run to run.
fn steady(value: &mut Value, under: &str) {
    let varies = |text: &str| match under {
        "id" | "cluster_id" if text.len() == 22 => Some("[uuid]"),
        "member" if text.contains('-') => Some("[member]"),
        "start" | "end" if text.contains('T') => Some("[time]"),
        "log_dir" => Some("[directory]"),
        "file" => Some("[file]"),
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
            if measured
                || matches!(
                    under,
                    "port" | "finalized_features_epoch" | "size_bytes" | "total_bytes" | "usable_bytes"
                )
            {
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
    node.good(
        &["consume", "flights", "-g", "gates", "-n", "3", "-t", "20", "-X", "group.instance.id=A1"],
        "",
    );
    let removal = ["group", "remove-members", "gates", "--instance", "A1"];
    snapshot!("group-remove-members", json(&node, &removal, ""));
    snapshot!("records-delete", json(&node, &["records", "delete", "flights", "--before", "end"], ""));

    snapshot!("config-get", json(&node, &["config", "get", "topic", "flights"], ""));
    let docs = ["config", "get", "topic", "flights", "retention.ms", "--docs"];
    snapshot!("config-get-docs", json(&node, &docs, ""));
    snapshot!("config-set", json(&node, &["config", "set", "topic", "flights", "retention.ms=1000"], ""));
    snapshot!("config-list", json(&node, &["config", "list"], ""));
    snapshot!("cluster-features", json(&node, &["cluster", "features"], ""));
    let mut apis = json(&node, &["cluster", "api-versions"], "");
    // More come with time.
    apis.as_array_mut().expect("an array").truncate(2);
    snapshot!("cluster-api-versions", apis);
    snapshot!("cluster-elect-leaders", json(&node, &["cluster", "elect-leaders", "flights"], ""));
    snapshot!("topic-producers", json(&node, &["topic", "producers", "flights:0"], ""));
    snapshot!("log-dirs", json(&node, &["log", "dirs", "carriers"], ""));
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
fn a_move_tells_of_each_partition() {
    let directory = Directory::new("json-move");
    let dirs = ["one", "other"].map(|name| directory.0.join(name).to_str().expect("UTF-8").to_owned());
    let node = Served::start(&directory.0, &["--set", &format!("log.dirs={}", dirs.join(","))]);
    node.good(&["topic", "create", "flights"], "");
    let to = ["log", "move", "flights:0", "--broker", "1", "--wait", "--to"];
    // It is in one of them, and goes back there.
    json(&node, &[&to[..], &[dirs[0].as_str()]].concat(), "");
    snapshot!("log-move", json(&node, &[&to[..], &[dirs[1].as_str()]].concat(), ""));
}

#[test]
fn what_needs_no_cluster_has_its_json_too() {
    let directory = Directory::new("json-alone");
    let file = directory.0.join("config.toml");
    let profiles = "default_profile = \"local\"\n[profiles.local]\nbootstrap_server = \"127.0.0.1:9092\"\n\
                    [profiles.airport]\ncommand_config = \"airport.properties\"\n";
    fs::write(&file, profiles).expect("written");
    let output = moldau(&["profile", "list", "-o", "json"]).env("MOLDAU_CONFIG", &file).output();
    let listed: Value = serde_json::from_slice(&output.expect("it runs").stdout).expect("JSON");
    snapshot!("profile-list", listed);
    let segment = segment();
    let dump = ["log", "dump", "--records", "-o", "json", segment.to_str().expect("UTF-8")];
    let output = moldau(&dump).output().expect("it runs");
    let lines = text(&output.stdout);
    let lines = lines.lines().take(3).map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let mut lines: Value = lines.collect();
    steady(&mut lines, "");
    snapshot!("log-dump", lines);
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

/// The page with the block below each `<!-- name -->` replaced by the snapshot of that name, and the names.
fn with_snapshots(page: &str, snapshots: &BTreeMap<String, String>) -> (String, Vec<String>) {
    let mut pieces = page.split("<!-- ");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    let mut names = Vec::new();
    for piece in pieces {
        let (name, rest) = piece.split_once(" -->").expect("a name");
        let after = rest.splitn(3, "```").nth(2).expect("a block");
        let json = snapshots.get(name).unwrap_or_else(|| panic!("no command is behind {name}"));
        out.push_str(&format!("<!-- {name} -->\n```json\n{}\n```{after}", json.trim()));
        names.push(name.to_owned());
    }
    (out, names)
}

#[test]
fn the_document_shows_each_snapshot_as_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut snapshots = BTreeMap::new();
    for entry in fs::read_dir(root.join("tests/it/snapshots")).expect("the snapshots") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let text = fs::read_to_string(&path).expect("a snapshot");
        let json = text.splitn(3, "---\n").nth(2).expect("a head and a body");
        snapshots.insert(name, json.to_owned());
    }
    let path = root.join("../../docs/json-output.md");
    let page = fs::read_to_string(&path).expect("the page");
    let (wanted, names) = with_snapshots(&page, &snapshots);
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, &wanted).expect("written");
    } else {
        assert!(
            page == wanted,
            "docs/json-output.md is not up to date: run this test with INSTA_UPDATE=always"
        );
    }
    let missing: Vec<&String> = snapshots.keys().filter(|name| !names.contains(name)).collect();
    assert!(missing.is_empty(), "docs/json-output.md does not show {missing:?}");
}
