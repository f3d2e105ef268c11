//! Commands that are told to stop, or that nobody listens to any more.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use crate::node::{Directory, Served, output_in_time};
use crate::{moldau, text};

fn spawn(node: &Served, args: &[&str]) -> Child {
    let mut command = moldau(args);
    command.env("MOLDAU_BOOTSTRAP_SERVER", &node.address);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it runs")
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(sent.expect("it runs").success());
}

/// The pause between two records was not to be interrupted, and one that no clock can count was a panic.
#[test]
fn a_measurement_at_a_low_rate_ends_by_a_signal() {
    let directory = Directory::new("slow-rate");
    let node = Served::start(&directory.0, &[]);
    for (rate, topic) in [("0.001", "slow"), ("1e-300", "never")] {
        node.good(&["topic", "create", topic], "");
        let child = spawn(&node, &["perf", "produce", topic, "--rate", rate, "-o", "json"]);
        // The first one is sent at once.
        node.good(&["consume", topic, "-n", "1"], "");
        signal(&child, "-INT");
        let output = output_in_time(child, rate);
        assert_eq!(output.status.code(), Some(0), "{rate}: {}", text(&output.stderr));
        let figures: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(figures["all"]["records"], 1, "{rate}");
    }
}

/// Signals were looked at between two lines only.
#[test]
fn a_second_signal_ends_a_producer_whose_broker_is_gone() {
    let directory = Directory::new("gone");
    let node = Served::start(&directory.0, &[]);
    node.good(&["topic", "create", "flights"], "");
    let mut child = spawn(&node, &["produce", "flights", "-K", ":", "--skip-bad-lines"]);
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"N1:EWR-IAH\n").expect("it reads");
    node.good(&["consume", "flights", "-n", "1"], "");
    drop(node);
    input.write_all(b"N2:LGA-IAH\nbad\n").expect("it reads");
    // The line before it is sent when this is told.
    let mut told = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(told.any(|line| line.starts_with("line 3 left out")));
    signal(&child, "-INT");
    signal(&child, "-TERM");
    let output = output_in_time(child, "produce");
    assert_eq!(output.status.code(), Some(1));
    let again = told.find(|line| line.contains("again: ended at once; what was sent may be written or not"));
    assert!(again.is_some());
}

/// What could not be told was a panic, and what was sent was not waited for.
#[test]
fn a_closed_stderr_ends_no_command() {
    let directory = Directory::new("closed-stderr");
    let node = Served::start(&directory.0, &[]);
    node.good(&["topic", "create", "flights"], "");
    let mut child = spawn(&node, &["produce", "flights", "-K", ":", "--skip-bad-lines"]);
    drop(child.stderr.take());
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"N1:EWR-IAH\nbad\nN2:LGA-IAH\n").expect("it reads");
    drop(input);
    let output = output_in_time(child, "produce");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(node.good(&["consume", "flights", "-e"], ""), "EWR-IAH\nLGA-IAH\n");
    let mut failing = moldau(&["log", "dump", "no-such-file.log"]);
    let mut child = failing.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it runs");
    drop(child.stderr.take());
    assert_eq!(output_in_time(child, "dump").status.code(), Some(1));
}
