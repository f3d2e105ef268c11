//! A node as a process: started, used by the other commands, stopped by a signal, started again.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::{moldau, text};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running `moldau serve`; killed when it is dropped.
struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(data: &std::path::Path, more: &[&str]) -> Self {
        let data = data.to_str().expect("UTF-8");
        let mut args = vec!["--log-format", "json", "serve", "--data", data, "--listen", "127.0.0.1:0"];
        args.extend([
            "--set",
            "offsets.topic.num.partitions=2",
            "--set",
            "group.initial.rebalance.delay.ms=0",
        ]);
        args.extend(more);
        let mut child = moldau(&args).stderr(Stdio::piped()).spawn().expect("it runs");
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let parsed: serde_json::Value = serde_json::from_str(&line).expect("each log line is JSON");
                if parsed["message"] == "listening" {
                    let _ = sender.send(parsed["address"].as_str().expect("an address").to_owned());
                }
            }
        });
        let address = receiver.recv_timeout(PATIENCE).expect("it says where it listens");
        Self { child, address }
    }

    fn run(&self, args: &[&str], input: &str) -> (i32, String, String) {
        let mut child = moldau(args)
            .env("MOLDAU_BOOTSTRAP_SERVER", &self.address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    fn good(&self, args: &[&str], input: &str) -> String {
        let (code, stdout, stderr) = self.run(args, input);
        assert_eq!((code, stderr.as_str()), (0, ""), "{args:?}");
        stdout
    }

    /// Sends SIGTERM; the exit code.
    fn terminate(mut self) -> i32 {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("it runs").success());
        self.child.wait().expect("it ends").code().unwrap_or(-1)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A directory of its own, removed in the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("moldau-it-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn records_go_through_a_node_and_survive_its_stop() {
    let directory = Directory::new("through");
    let node = Served::start(&directory.0, &[]);
    assert_eq!(
        node.good(&["topic", "create", "flights", "-p", "2", "-c", "retention.ms=-1"], ""),
        "topic flights made\n"
    );
    let input = "N1:EWR-IAH\nN2:LGA-ATL\nN1:IAH-EWR\nN3:NULL\n";
    let at = "2013-01-01T05:15:00Z";
    let produce =
        ["produce", "flights", "-K", ":", "--null", "NULL", "-H", "source=faa", "-z", "zstd", "-t", at];
    node.good(&produce, input);
    let all = ["consume", "flights", "-e", "-f", r"%k:%s:%h:%T\n", "--null", "NULL"];
    let mut lines: Vec<String> = node.good(&all, "").lines().map(str::to_owned).collect();
    lines.sort();
    let wanted = [
        "N1:EWR-IAH:source=faa:1357017300000",
        "N1:IAH-EWR:source=faa:1357017300000",
        "N2:LGA-ATL:source=faa:1357017300000",
        "N3:NULL:source=faa:1357017300000",
    ];
    assert_eq!(lines, wanted);
    assert_eq!(
        node.good(&["consume", "flights", "-g", "boards", "-n", "4", "-t", "20"], "").lines().count(),
        4
    );
    // What comes out as JSON goes in as JSON.
    let json = node.good(&["consume", "flights", "-e", "-f", "json"], "");
    node.good(&["produce", "copies", "-f", "json"], &json);
    assert_eq!(node.good(&["consume", "copies", "-n", "4"], "").lines().count(), 4);
    assert_eq!(node.terminate(), 0);

    let node = Served::start(&directory.0, &[]);
    assert_eq!(node.good(&all, "").lines().count(), 4);
    let described = node.good(&["group", "describe", "boards", "-o", "json"], "");
    let described: serde_json::Value = serde_json::from_str(&described).expect("JSON");
    let offsets = described[0]["offsets"].as_array().expect("offsets");
    assert_eq!(offsets.iter().map(|offset| offset["committed"].as_i64().expect("a number")).sum::<i64>(), 4);
    assert!(offsets.iter().all(|offset| offset["lag"] == 0));
    assert_eq!(node.good(&["topic", "delete", "flights"], ""), "topic flights deleted\n");
    assert_eq!(node.terminate(), 0);
}

#[test]
fn what_the_cluster_refuses_ends_with_1() {
    let directory = Directory::new("refused");
    let node = Served::start(&directory.0, &["--set", "auto.create.topics.enable=false"]);
    for (args, wanted) in [
        (&["topic", "describe", "nothing"][..], "topic nothing: UNKNOWN_TOPIC_OR_PARTITION"),
        (&["topic", "delete", "nothing"], "topic nothing: UNKNOWN_TOPIC_OR_PARTITION"),
        (&["topic", "create", "a/b"], "INVALID_TOPIC_EXCEPTION"),
        (&["topic", "create", "a", "-r", "3"], "INVALID_REPLICATION_FACTOR"),
        (&["topic", "create", "a", "-c", "retention.ms=soon"], "INVALID_CONFIG"),
        (&["consume", "nothing"], "topic nothing: UNKNOWN_TOPIC_OR_PARTITION"),
        (&["group", "describe", "nothing"], "group nothing"),
        (&["config", "get", "topic", "nothing"], "topic nothing: UNKNOWN_TOPIC_OR_PARTITION"),
    ] {
        let (code, stdout, stderr) = node.run(args, "");
        assert_eq!((code, stdout.as_str()), (1, ""), "{args:?}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains(wanted), "{args:?}: {stderr}");
    }
    node.good(&["topic", "delete", "nothing", "--if-exists"], "");
    node.good(&["topic", "create", "a"], "");
    node.good(&["topic", "create", "a", "--if-not-exists"], "");
    let (code, _, stderr) = node.run(&["consume", "a", "-e", "-n", "1"], "");
    assert_eq!(code, 1);
    assert!(stderr.contains("only 0 of 1 records were there"), "{stderr}");
}

#[test]
fn a_second_node_on_the_same_data_is_refused() {
    let directory = Directory::new("twice");
    let node = Served::start(&directory.0, &[]);
    let data = directory.0.to_str().expect("UTF-8");
    let output = moldau(&["serve", "--data", data, "--listen", "127.0.0.1:0"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("error: "), "{}", text(&output.stderr));
    assert_eq!(node.good(&["topic", "list", "-o", "json"], ""), "[]\n");
}
