//! The command line as a process: exit codes, what goes to stdout and what to stderr, closed pipes.

mod docs;
mod from_kafka_tools;
mod json;
mod node;
mod other_commands;
mod signals;
mod tools;

use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn moldau(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_moldau"));
    command.args(args).stdin(Stdio::null());
    for variable in [
        "MOLDAU_BOOTSTRAP_SERVER",
        "MOLDAU_COMMAND_CONFIG",
        "MOLDAU_LOG",
        "MOLDAU_LOG_FORMAT",
        "MOLDAU_OUTPUT",
        "MOLDAU_PROFILE",
        "MOLDAU_PROPERTY",
    ] {
        command.env_remove(variable);
    }
    // Not the profiles of whoever runs the tests.
    command.env_remove("MOLDAU_CONFIG").env("XDG_CONFIG_HOME", "/no-such-directory");
    command
}

fn output(args: &[&str]) -> Output {
    moldau(args).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn segment() -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../log/tests/fixtures");
    fixtures.join("logs/mixed-0/00000000000000000000.log")
}

fn unused_address() -> String {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").to_string()
}

#[test]
fn the_version_is_told() {
    let output = output(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), concat!("moldau ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_usage_ends_with_2() {
    for args in [
        &["topic", "make"][..],
        &["produce"],
        &["consume", "a", "b"],
        &["serve", "--set", "no-equals-sign"],
        &["serve", "--listen", "nowhere"],
        &["topic", "list", "-b", "nowhere"],
        &["topic", "list", "-X", "no.such.key=1"],
        &["topic", "alter", "t"],
        &["group", "list", "--state", "bogus"],
        &["-b", "127.0.0.1:1", "serve"],
        &["-b", "127.0.0.1:1"],
        &["group", "list", "--type", "bogus"],
    ] {
        let output = moldau(args).env("MOLDAU_BOOTSTRAP_SERVER", unused_address()).output().expect("it runs");
        // With several topics or nothing to change, that is seen before or after a broker was looked for.
        let code = output.status.code();
        let looked_for_a_broker = text(&output.stderr).contains("nothing listens");
        assert!(code == Some(2) || looked_for_a_broker, "{args:?}: {code:?} {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn consume_without_a_topic_says_that_there_is_a_pattern_too() {
    let output = output(&["consume"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--include REGEX"), "{}", text(&output.stderr));
}

#[test]
fn the_cluster_may_be_named_before_the_command() {
    let address = unused_address();
    for args in [&["-b", &address, "topic", "list"][..], &["--bootstrap-server", &address, "cluster"]] {
        let output = output(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let wanted = format!("error: nothing listens on {address}");
        assert!(text(&output.stderr).starts_with(&wanted), "{args:?}: {}", text(&output.stderr));
    }
    let help = text(&output(&["--help"]).stdout);
    assert!(help.contains("Commands:") && !help.contains("bootstrap"), "{help}");
    let path = segment();
    let dumped = output(&["-o", "json", "log", "dump", path.to_str().expect("UTF-8")]);
    assert!(text(&dumped.stdout).starts_with('{'), "{}", text(&dumped.stderr));
}

#[test]
fn a_misspelt_key_of_a_node_is_told_with_the_nearest() {
    let output = output(&["serve", "--set", "num.partitons=3"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean num.partitions?"), "{}", text(&output.stderr));
}

#[test]
fn a_named_configuration_file_that_is_not_there_is_no_empty_one() {
    for args in [&["profile", "list"][..], &["topic", "list"], &["log", "dirs"]] {
        let output = moldau(args).env("MOLDAU_CONFIG", "no-such-file.toml").output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let stderr = text(&output.stderr);
        assert!(stderr.starts_with("error: MOLDAU_CONFIG=no-such-file.toml: "), "{args:?}: {stderr}");
    }
}

/// Among lines of JSON there was one of text.
#[test]
fn a_start_that_fails_is_a_line_of_a_json_log() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let data = tempfile::tempdir().expect("a directory");
    let data = data.path().to_str().expect("UTF-8");
    for (args, code, wanted) in [
        (&["--set", "num.partitons=3"][..], 2, "did you mean num.partitions?"),
        (&["--set", "num.partitions=many"], 2, "num.partitions"),
        (&["--data", data, "--listen", &address, "--http", "off"], 1, &address),
    ] {
        let output = moldau(&["--log-format", "json", "serve"]).args(args).output().expect("it runs");
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        let lines = text(&output.stderr);
        let lines: Vec<serde_json::Value> =
            lines.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
        let last = lines.last().expect("a line");
        assert_eq!(last["level"], "ERROR", "{last}");
        assert!(last["message"].as_str().is_some_and(|message| message.contains(wanted)), "{last}");
    }
}

#[test]
fn a_misspelt_setting_is_told_with_the_nearest() {
    let output = output(&["topic", "list", "-X", "request.timeout=1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean request.timeout.ms?"), "{}", text(&output.stderr));
}

#[test]
fn nothing_listening_ends_with_1_and_says_what_to_do() {
    let address = unused_address();
    for args in
        [&["topic", "list"][..], &["produce", "t"], &["consume", "t"], &["group", "list"], &["cluster"]]
    {
        let output = moldau(args).env("MOLDAU_BOOTSTRAP_SERVER", &address).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let wanted = format!("error: nothing listens on {address}; start a node with `moldau serve`");
        assert!(text(&output.stderr).starts_with(&wanted), "{args:?}: {}", text(&output.stderr));
    }
}

#[test]
fn a_dump_goes_to_stdout_and_a_missing_file_ends_with_1() {
    let segment = segment();
    let path = segment.to_str().expect("UTF-8");
    let good = output(&["log", "dump", path]);
    assert_eq!(good.status.code(), Some(0));
    assert!(text(&good.stdout).contains("baseOffset: 0 lastOffset: 3"));
    assert!(good.stderr.is_empty());
    let both = output(&["log", "dump", "no-such-file.log", path]);
    assert_eq!(both.status.code(), Some(1));
    assert!(
        text(&both.stdout).contains("baseOffset: 0 lastOffset: 3"),
        "the good file is shown all the same"
    );
    assert!(text(&both.stderr).contains("no-such-file.log"));
}

#[test]
fn a_dump_can_be_cut_short_and_leave_out_what_is_not_data() {
    let segment = segment();
    let path = segment.to_str().expect("UTF-8");
    let whole = text(&output(&["log", "dump", "--records", path]).stdout);
    let short = text(&output(&["log", "dump", "--records", "--max-bytes", "400", path]).stdout);
    assert!(
        whole.starts_with(&short) && short.contains("baseOffset: 0") && short.len() < whole.len(),
        "{short}"
    );
    let data = text(&output(&["log", "dump", "--records", "--skip-record-metadata", path]).stdout);
    let records = |dump: &str| dump.lines().filter(|line| line.starts_with('|')).count();
    assert_eq!(records(&data), records(&whole));
    assert!(!data.contains("keySize") && data.contains("payload: "), "{data}");
}

#[test]
fn a_dump_as_json_says_the_same_as_its_text() {
    let logs = segment().parent().and_then(Path::parent).expect("the fixtures").to_owned();
    let mut kinds = std::collections::BTreeSet::new();
    for directory in ["mixed-0", "__consumer_offsets-0", "__transaction_state-0", "__cluster_metadata-0"] {
        for entry in std::fs::read_dir(logs.join(directory)).expect("a directory") {
            let path = entry.expect("an entry").path();
            let path = path.to_str().expect("UTF-8");
            let shown = output(&["log", "dump", "--records", path]);
            if !shown.status.success() {
                continue;
            }
            let json = text(&output(&["log", "dump", "--records", "-o", "json", path]).stdout);
            let items: Vec<serde_json::Value> =
                json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            assert!(items.iter().all(|item| item["file"] == path));
            let count = |kind: &str| items.iter().filter(|item| item["kind"] == kind).count();
            let shown = text(&shown.stdout);
            let lines = |start: &str| shown.lines().filter(|line| line.starts_with(start)).count();
            assert_eq!(count("batch"), lines("baseOffset: "), "{path}");
            assert_eq!(count("record"), lines("| "), "{path}");
            assert_eq!(count("producer"), lines("producerId: "), "{path}");
            assert_eq!(count("time"), lines("timestamp: "), "{path}");
            assert_eq!(count("offset"), lines("offset: "), "{path}");
            kinds.extend(items.iter().map(|item| item["kind"].as_str().expect("a kind").to_owned()));
        }
    }
    for kind in ["log", "batch", "record", "producer", "time", "offset", "checkpoint"] {
        assert!(kinds.contains(kind), "no {kind} among {kinds:?}");
    }
}

#[test]
fn a_broken_batch_ends_with_1() {
    let directory = std::env::temp_dir().join(format!("moldau-it-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let path = directory.join("00000000000000000000.log");
    let mut bytes = std::fs::read(segment()).expect("a segment");
    bytes[80] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    let output = output(&["log", "dump", path.to_str().expect("UTF-8")]);
    std::fs::remove_dir_all(&directory).expect("removed");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("1 batches with a wrong checksum"), "{}", text(&output.stderr));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_behind_stdout_was_told_without_saying_what_was_full() {
    let path = segment();
    for args in [&["log", "dump", path.to_str().expect("UTF-8")][..], &["completions", "bash"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("it is there");
        let output = moldau(args).stdout(full).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let wanted = "error: stdout could not be written: there is no space left on its device\n";
        assert_eq!(text(&output.stderr), wanted, "{args:?}");
    }
}

#[test]
fn the_http_listeners_port_in_use_is_told_as_that_of_other_listeners() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let data = tempfile::tempdir().expect("a directory");
    let data = data.path().to_str().expect("UTF-8");
    let output = output(&["serve", "--data", data, "--listen", "127.0.0.1:0", "--http", &address]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains(&format!("something else listens on {address}; stop it or choose another")),
        "{stderr}"
    );
    assert!(!stderr.contains("os error"), "{stderr}");
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let segment = segment();
    let path = segment.to_str().expect("UTF-8");
    let mut args = vec!["log", "dump", "--records"];
    // More than a pipe holds.
    args.extend(std::iter::repeat_n(path, 200));
    let mut child = moldau(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut first = [0; 100];
    child.stdout.take().expect("a pipe").read_exact(&mut first).expect("some output");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_bad_config_file_is_refused_with_all_its_errors() {
    let directory = std::env::temp_dir().join(format!("moldau-it-config-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let path = directory.join("server.properties");
    std::fs::write(&path, "num.partitions=many\nlog.segment.bytes=-1\n").expect("written");
    let output = output(&["serve", "--config", path.to_str().expect("UTF-8")]);
    std::fs::remove_dir_all(&directory).expect("removed");
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("num.partitions") && stderr.contains("log.segment.bytes"), "{stderr}");
}

#[test]
fn a_first_start_that_cannot_be_ends_with_2_and_leaves_nothing_behind() {
    let data = std::env::temp_dir().join(format!("moldau-it-first-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&data);
    for (args, wanted) in [
        (
            &["--feature", "foo=1"][..],
            "Supported features are: eligible.leader.replicas.version, group.version",
        ),
        (&["--feature", "eligible.leader.replicas.version=7"], "the supported levels are 0 to 1"),
        (&["--feature", "metadata.version=99"], "Use --release-version instead"),
        (&["--feature", "metadata.version=99"], "from 3.3-IV3 to 4.3-IV0"),
        (&["--feature", "kraft.version=0"], "kraft.version"),
        (&["--release-version", "9.9"], "from 3.3-IV3 to 4.3-IV0"),
        (
            &["--release-version", "3.3", "--feature", "eligible.leader.replicas.version=1"],
            "metadata.version",
        ),
    ] {
        let given = ["serve", "--data", data.to_str().expect("UTF-8"), "--listen", "127.0.0.1:0"];
        let output = moldau(&given).args(args).output().expect("it runs");
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(wanted), "{args:?}: {stderr}");
        assert!(!data.exists(), "{args:?} left {}", data.display());
    }
}
