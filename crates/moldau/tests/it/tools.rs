//! The tools against a node, or against any server that `MOLDAU_TEST_BOOTSTRAP` names, also Apache Kafka.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::node::{Directory, Served};
use crate::{moldau, output, text};

/// A server, with a directory for files beside it.
struct Server {
    directory: Directory,
    _node: Option<Served>,
    address: String,
}

impl Server {
    fn new(name: &str) -> Self {
        let directory = Directory::new(name);
        match std::env::var("MOLDAU_TEST_BOOTSTRAP") {
            Ok(address) => Self { directory, _node: None, address },
            Err(_) => {
                let node = Served::start(&directory.0.join("data"), &["--set", "log.retention.ms=-1"]);
                Self { directory, address: node.address.clone(), _node: Some(node) }
            }
        }
    }

    fn run(&self, args: &[&str], input: &str) -> (i32, String, String) {
        crate::node::run_at(&self.address, args, input)
    }

    /// Runs what must succeed; what it says on stderr may be advice.
    fn good(&self, args: &[&str], input: &str) -> String {
        let (code, stdout, stderr) = self.run(args, input);
        assert_eq!(code, 0, "{args:?}: {stderr}");
        stdout
    }

    fn bad(&self, args: &[&str]) -> String {
        let (code, _, stderr) = self.run(args, "");
        assert_eq!(code, 1, "{args:?}: {stderr}");
        stderr
    }

    fn json(&self, args: &[&str], input: &str) -> Value {
        let mut args = args.to_vec();
        args.extend(["-o", "json"]);
        serde_json::from_str(&self.good(&args, input)).expect("JSON")
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.directory.0.join(name);
        fs::write(&path, content).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    }

    /// A topic that is not there yet.
    fn topic(&self, name: &str, partitions: &str) {
        self.good(&["topic", "delete", name, "--if-exists"], "");
        self.good(&["topic", "create", name, "-p", partitions], "");
        eventually(name, || self.run(&["topic", "describe", name], "").0 == 0);
    }
}

/// A broker of Apache Kafka learns of a change a moment after it was answered; asking takes its time.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    assert!((0..50).any(|_| holds()), "{what}");
}

fn sorted_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn consume_reads_between_places_and_prints_what_fulfils_all_conditions() {
    let server = Server::new("between");
    server.topic("cli-between", "1");
    for (day, input) in [("01", "a:1\nb:2\n"), ("02", "a:3\n"), ("03", "a:4\nb:5\n")] {
        let at = format!("2013-01-{day}");
        let header = format!("day={day}");
        server.good(&["produce", "cli-between", "-K", ":", "-t", &at, "-H", &header], input);
    }
    let consume = |more: &[&str]| {
        let mut args = vec!["consume", "cli-between", "-K", ":"];
        args.extend(more);
        server.good(&args, "")
    };
    assert_eq!(consume(&["--from", "2013-01-02", "--to", "2013-01-03"]), "a:3\n");
    assert_eq!(consume(&["--from", "1", "--to", "3"]), "b:2\na:3\n");
    assert_eq!(consume(&["--from", "-2", "--to", "end"]), "a:4\nb:5\n");
    assert_eq!(consume(&["--to", "-4"]), "a:1\n");
    assert_eq!(consume(&["--from", "3", "--to", "2"]), "", "nothing lies between");
    assert_eq!(consume(&["-e", "--filter", "key=a", "--filter", "header.day!=01"]), "a:3\na:4\n");
    assert_eq!(consume(&["-e", "--filter", "value~[25]", "-n", "1"]), "b:2\n");
    assert_eq!(consume(&["-e", "--filter", "key=c"]), "");
    let few = server.bad(&["consume", "cli-between", "-e", "--filter", "key=a", "-n", "4"]);
    assert!(few.contains("only 3 of 4 records were there"), "{few}");
    let wrong = server.bad(&["consume", "cli-between", "-e", "-f", "%{value.long}"]);
    assert!(wrong.contains("cli-between-0@0: 1 bytes are no Long"), "{wrong}");
}

#[test]
fn several_topics_are_read_by_name_and_by_pattern() {
    let server = Server::new("several");
    for topic in ["cli-several-1", "cli-several-2"] {
        server.topic(topic, "2");
        server.good(&["produce", topic], topic);
    }
    let named = server.good(&["consume", "cli-several-1", "cli-several-2", "-e", "-f", "%t %s\\n"], "");
    assert_eq!(sorted_lines(&named), ["cli-several-1 cli-several-1", "cli-several-2 cli-several-2"]);
    let matched = server.good(&["consume", "--matching", "cli-several-.", "-e", "-f", "%t %s\\n"], "");
    assert_eq!(sorted_lines(&matched), sorted_lines(&named));
    assert!(
        server.bad(&["consume", "--matching", "cli-none.*", "-e"]).contains("no topic matches cli-none.*")
    );
}

#[test]
fn a_member_of_a_group_reads_the_topics_of_a_pattern_and_commits() {
    let server = Server::new("include");
    for topic in ["cli-include-1", "cli-include-2", "cli-other"] {
        server.topic(topic, "1");
        server.good(&["produce", topic], topic);
    }
    let args =
        ["consume", "--include", "cli-include-.", "--group", "cli-include", "-n", "2", "-f", "%t %s\\n"];
    let read = server.good(&args, "");
    assert_eq!(sorted_lines(&read), ["cli-include-1 cli-include-1", "cli-include-2 cli-include-2"]);
    server.topic("cli-include-3", "1");
    server.good(&["produce", "cli-include-3"], "new");
    let args = ["consume", "--include", "cli-include-.", "--group", "cli-include", "-n", "1"];
    assert_eq!(server.good(&args, ""), "new\n", "the others were committed");
}

/// `group.id` and `enable.auto.commit` of a client's file were left out.
#[test]
fn a_member_takes_its_group_from_a_clients_file_and_commits_unless_that_says_no() {
    let server = Server::new("file-group");
    server.topic("cli-file-group", "1");
    server.good(&["produce", "cli-file-group"], "1\n2\n");
    let committed = |group: &str| {
        let (code, stdout, _) = server.run(&["group", "describe", group, "-o", "json"], "");
        let groups: Value = serde_json::from_str(&stdout).unwrap_or_default();
        (code == 0).then(|| groups[0]["offsets"][0]["committed"].as_i64()).flatten()
    };
    for (group, more, wanted) in
        [("cli-file-commits", "", Some(2)), ("cli-file-reads", "enable.auto.commit=false\n", None)]
    {
        server.run(&["group", "delete", group], "");
        let file = server.file(&format!("{group}.properties"), &format!("group.id={group}\n{more}"));
        let consume = ["consume", "cli-file-group", "--command-config", &file, "-n", "2", "-t", "20"];
        assert_eq!(server.good(&consume, ""), "1\n2\n");
        assert_eq!(committed(group), wanted, "{group}");
        // Who says where to read stands in no group.
        let alone = ["consume", "cli-file-group", "--command-config", &file, "--from", "1", "-e"];
        assert_eq!(server.good(&alone, ""), "2\n");
    }
    let both = ["consume", "cli-file-group", "-X", "group.id=g", "--from", "1"];
    assert_eq!(server.run(&both, "").0, 2);
}

#[test]
fn what_consume_prints_as_hex_or_json_produce_takes_back() {
    let server = Server::new("back");
    server.topic("cli-back-1", "1");
    server.topic("cli-back-2", "1");
    let odd = ["-K", ":", "--headers", "--null", "NULL", "-D", "\\0"];
    let produce = |topic: &str, more: &[&str], input: &str| {
        let mut args = vec!["produce", topic];
        args.extend(more);
        server.json(&args, input)
    };
    let written = produce("cli-back-1", &odd, "h=1,n=NULL\tk:line 1\nline 2\0\tk:NULL\0");
    assert_eq!(written["records"], 2);
    assert_eq!(written["partitions"][0]["last_offset"], 1);
    let as_json = server.good(&["consume", "cli-back-1", "-e", "-f", "json"], "");
    let hex = ["-f", "hex", "-K", ":", "--headers", "--null", "NULL"];
    let mut consume_hex = vec!["consume", "cli-back-1", "-e"];
    consume_hex.extend(hex);
    let as_hex = server.good(&consume_hex, "");
    assert_eq!(as_hex.lines().next(), Some("h=31,n=NULL\t6b:6c696e6520310a6c696e652032"));
    produce("cli-back-2", &hex, &as_hex);
    produce("cli-back-2", &["-f", "json"], &as_json);
    let values =
        server.good(&["consume", "cli-back-2", "-e", "-f", "%{header.h} %k %s|", "--null", "NULL"], "");
    let one = "1 k line 1\nline 2|NULL k NULL|";
    assert_eq!(values, format!("{one}{one}"));
    let (code, _, stderr) = server.run(&["produce", "cli-back-2", "-f", "json"], "{\"value\":1}\nno json\n");
    assert_eq!(code, 1);
    assert!(stderr.contains("line 2: "), "{stderr}");
    let (code, _, stderr) =
        server.run(&["produce", "cli-back-2", "-f", "json", "--skip-bad-lines"], "no json\n{\"value\":1}\n");
    assert_eq!(code, 0);
    assert!(stderr.contains("line 1 left out"), "{stderr}");
    let (code, _, stderr) = server.run(&["produce", "cli-back-2", "-f", "json"], "{\"valeu\":\"a\"}\n");
    assert_eq!(code, 1, "a misspelt field would be a tombstone");
    assert!(stderr.contains("line 1: `valeu` is no field"), "{stderr}");
}

#[test]
fn headers_with_commas_were_refused_by_produce_and_are_read_back() {
    let server = Server::new("headers");
    server.topic("cli-headers-1", "1");
    server.topic("cli-headers-2", "1");
    let odd = ["h=a,b", "x=1=2", "tab=\t", "line=\n", "back=\\slash\\", "null=NULL", "umlaut=ü", "empty="];
    let mut produce = vec!["produce", "cli-headers-1"];
    odd.iter().for_each(|header| produce.extend(["-H", header]));
    server.good(&produce, "v\n");
    let as_json = |topic: &str| server.good(&["consume", topic, "-e", "-f", "json"], "");
    let wanted = as_json("cli-headers-1");
    for format in ["text", "hex"] {
        let form = ["--headers", "--null", "NULL", "-f", format];
        let printed = server.good(&[&["consume", "cli-headers-1", "-e"], &form[..]].concat(), "");
        assert_eq!(printed.lines().count(), 1, "{printed}");
        server.good(&[&["produce", "cli-headers-2"], &form[..]].concat(), &printed);
    }
    let headers = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["headers"].clone();
    let got = as_json("cli-headers-2");
    assert_eq!(got.lines().map(headers).collect::<Vec<_>>(), vec![headers(&wanted); 2]);
}

#[test]
fn a_partition_that_is_not_there_was_wrong_usage_for_produce_and_the_data_say_no() {
    let server = Server::new("partition");
    server.topic("cli-partition", "1");
    let wanted = "topic cli-partition has no partition 9; it has 1 partition, whose number is 0\n";
    for args in [&["consume", "cli-partition", "-p", "9", "-e"][..], &["produce", "cli-partition", "-p", "9"]]
    {
        assert!(server.bad(args).ends_with(wanted), "{args:?}: {}", server.bad(args));
    }
    let keep = ["produce", "cli-partition", "-f", "json", "--keep-partitions"];
    let (code, _, stderr) = server.run(&keep, "{\"value\":1}\n{\"value\":2,\"partition\":9}\n");
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("line 2: topic cli-partition has no partition 9"), "{stderr}");
    assert!(stderr.ends_with("; the record before it was written\n"), "{stderr}");
    let large = "x".repeat(2_000_000);
    let (code, _, stderr) = server.run(&["produce", "cli-partition"], &format!("a\n{large}\n"));
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("line 2: ") && stderr.contains("the record before it was written"), "{stderr}");
}

#[test]
fn good_lines_before_a_bad_one_were_dropped_and_are_written() {
    let server = Server::new("bad-line");
    server.topic("cli-bad-line", "1");
    let (code, stdout, stderr) =
        server.run(&["produce", "cli-bad-line", "-K", ":", "-o", "json"], "a:1\nb:2\nc:3\nbad\nd:4\n");
    assert_eq!(code, 1);
    assert!(stderr.starts_with("error: line 4: no key separator"), "{stderr}");
    assert!(stderr.ends_with("; the 3 records before it were written\n"), "{stderr}");
    let tally: Value = serde_json::from_str(&stdout).expect("JSON all the same");
    assert_eq!((&tally["records"], &tally["partitions"][0]["last_offset"]), (&3.into(), &2.into()));
    assert_eq!(server.good(&["consume", "cli-bad-line", "-e"], ""), "1\n2\n3\n");
    let many: String = (0..20_000).map(|number| format!("k:{number}\n")).collect();
    let (code, _, stderr) = server.run(&["produce", "cli-bad-line", "-K", ":"], &format!("{many}bad\n"));
    assert_eq!(code, 1);
    assert!(stderr.contains("line 20001: ") && stderr.contains("the 20000 records before it"), "{stderr}");
}

#[test]
fn a_line_without_end_is_told_by_its_number() {
    let server = Server::new("long-line");
    server.topic("cli-long-line", "1");
    let long = "x".repeat(3_000_000);
    // It may not be read to its end.
    let file = server.file("long.txt", &format!("1\n{long}\n3\n"));
    let mut command = moldau(&["produce", "cli-long-line"]);
    command.env("MOLDAU_BOOTSTRAP_SERVER", &server.address);
    let output = command.stdin(fs::File::open(file).expect("there")).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with("error: line 2: it has more than 1114112 bytes"), "{stderr}");
    assert!(stderr.ends_with("; the record before it was written\n"), "{stderr}");
    assert_eq!(server.good(&["consume", "cli-long-line", "-e"], ""), "1\n");
}

/// The configs were changed, the partitions were not, and it said that it failed.
#[test]
fn a_topic_is_altered_in_both_ways_or_in_none() {
    let server = Server::new("alter");
    server.topic("cli-alter", "2");
    let retention =
        || server.json(&["config", "get", "topic", "cli-alter", "retention.ms"], "")[0]["value"].clone();
    let before = retention();
    let alter = ["topic", "alter", "cli-alter", "-c", "retention.ms=5000", "-p"];
    let refused = server.bad(&[&alter[..], &["1"]].concat());
    assert!(refused.contains("INVALID_PARTITIONS"), "{refused}");
    assert_eq!(retention(), before);
    assert_eq!(server.good(&[&alter[..], &["3"]].concat(), ""), "topic cli-alter changed\n");
    eventually("both are changed", || {
        let partitions = server.json(&["topic", "describe", "cli-alter"], "")[0]["partitions"].clone();
        retention() == "5000" && partitions.as_array().is_some_and(|partitions| partitions.len() == 3)
    });
}

/// It did nothing and ended well.
#[test]
fn a_reset_from_a_file_about_other_groups_is_refused() {
    let server = Server::new("other-groups");
    server.topic("cli-other-groups", "2");
    server.good(&["produce", "cli-other-groups", "-p", "1"], "1\n2\n");
    let file = server.file("offsets.csv", "boards,cli-other-groups,1,1\ngates,cli-other-groups,1,2\n");
    for groups in [&["board"][..], &["boards", "board"]] {
        let args = [&["group", "reset"][..], groups, &["--from-file", &file]].concat();
        let refused = server.bad(&args);
        assert_eq!(
            refused.lines().next(),
            Some("error: the file has no line for group board; it has: boards, gates")
        );
    }
    let moved = server.json(&["group", "reset", "boards", "gates", "--from-file", &file], "");
    let news: Vec<&Value> = moved.as_array().expect("an array").iter().map(|one| &one["new"]).collect();
    assert_eq!(news, [1, 2]);
}

#[test]
fn offsets_of_a_group_are_moved_only_with_execute_and_only_without_members() {
    let server = Server::new("reset");
    server.topic("cli-reset", "2");
    let at = "2013-01-01";
    server.good(&["produce", "cli-reset", "-p", "0", "-t", at], "1\n2\n3\n");
    server.good(&["produce", "cli-reset", "-p", "1", "-t", at], "4\n5\n");
    let read = ["consume", "cli-reset", "-g", "cli-reset", "-n", "5", "-t", "20"];
    server.run(&["group", "delete", "cli-reset"], "");
    assert_eq!(server.good(&read, "").lines().count(), 5);

    let reset = |more: &[&str]| {
        let mut args = vec!["group", "reset", "cli-reset"];
        args.extend(more);
        let moved = server.json(&args, "");
        let offset = |row: &Value| (row["committed"].as_i64(), row["new"].as_i64().expect("an offset"));
        moved.as_array().expect("an array").iter().map(offset).collect::<Vec<_>>()
    };
    let all = "--all-topics";
    assert_eq!(reset(&[all, "--to-earliest"]), [(Some(3), 0), (Some(2), 0)]);
    assert_eq!(reset(&[all, "--to-current"]), [(Some(3), 3), (Some(2), 2)], "nothing was changed");
    assert_eq!(reset(&[all, "--shift-by", "-2", "--execute"]), [(Some(3), 1), (Some(2), 0)]);
    assert_eq!(reset(&[all, "--to-offset", "9"]), [(Some(1), 3), (Some(0), 2)]);
    assert_eq!(reset(&["--topic", "cli-reset:1", "--to-latest"]), [(Some(0), 2)]);
    assert_eq!(reset(&[all, "--by-duration", "PT1H"]), [(Some(1), 3), (Some(0), 2)]);
    assert_eq!(reset(&[all, "--to-datetime", "2013-01-01T00:00:00.000"]), [(Some(1), 0), (Some(0), 0)]);
    let csv = server.good(&["group", "reset", "cli-reset", all, "--to-current", "--export"], "");
    assert_eq!(csv, "cli-reset,0,1\ncli-reset,1,0\n");
    let file = server.file("offsets.csv", "cli-reset,0,2\ncli-reset,1,1\n");
    assert_eq!(reset(&["--from-file", &file, "--execute"]), [(Some(1), 2), (Some(0), 1)]);
    assert_eq!(
        server.good(&["consume", "cli-reset", "-g", "cli-reset", "-n", "2", "-t", "20"], "").lines().count(),
        2
    );
    // A group begins with the offsets that it gets.
    server.run(&["group", "delete", "cli-reset-new"], "");
    server.good(&["group", "reset", "cli-reset-new", "--topic", "cli-reset", "--to-latest", "--execute"], "");
    assert_eq!(server.json(&["group", "describe", "cli-reset-new"], "")[0]["offsets"][0]["committed"], 3);

    let mut member = moldau(&["consume", "cli-reset", "-g", "cli-reset"])
        .env("MOLDAU_BOOTSTRAP_SERVER", &server.address)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    server.good(&["produce", "cli-reset"], "6\n");
    let mut line = String::new();
    BufReader::new(member.stdout.take().expect("a pipe")).read_line(&mut line).expect("a record");
    for refused in [
        &["group", "reset", "cli-reset", all, "--to-earliest", "--execute"][..],
        &["group", "delete", "cli-reset"],
        &["group", "delete-offsets", "cli-reset", "cli-reset"],
    ] {
        let stderr = server.bad(refused);
        assert!(stderr.contains("stop "), "{refused:?}: {stderr}");
    }
    let nobody = server.bad(&["group", "remove-members", "cli-reset", "--instance", "nobody"]);
    assert!(nobody.contains("member nobody of group cli-reset: UNKNOWN_MEMBER_ID"), "{nobody}");
    let pid = member.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("it runs").success());
    assert!(member.wait().expect("it ends").success());

    let deleted = server.json(&["group", "delete-offsets", "cli-reset", "cli-reset:0"], "");
    assert_eq!(deleted[0]["outcome"], "deleted");
    assert_eq!(
        server.json(&["group", "describe", "cli-reset"], "")[0]["offsets"].as_array().map(Vec::len),
        Some(1)
    );
    server.good(&["group", "delete", "--matching", "cli-reset.*"], "");
    assert!(server.bad(&["group", "describe", "cli-reset"]).contains("`moldau group list` shows"));
}

#[test]
fn records_are_deleted_before_a_place_and_not_in_a_dry_run() {
    let server = Server::new("delete-records");
    server.topic("cli-records", "2");
    for partition in ["0", "1"] {
        server.good(&["produce", "cli-records", "-p", partition, "-t", "2013-01-01"], "1\n2\n3\n");
        server.good(&["produce", "cli-records", "-p", partition, "-t", "2013-01-02"], "4\n5\n");
    }
    let beginnings = || {
        let offsets = server.json(&["offsets", "cli-records"], "");
        let beginning = |row: &Value| row["beginning"].as_i64().expect("an offset");
        offsets.as_array().expect("an array").iter().map(beginning).collect::<Vec<_>>()
    };
    server.good(&["records", "delete", "cli-records", "--before", "end", "--dry-run"], "");
    assert_eq!(beginnings(), [0, 0]);
    server.good(&["records", "delete", "cli-records:1", "--before", "2013-01-02"], "");
    assert_eq!(beginnings(), [0, 3]);
    let file = server.file(
        "before.json",
        r#"{"partitions": [{"topic": "cli-records", "partition": 0, "offset": 2}, {"topic": "cli-records", "partition": 1, "offset": -1}], "version": 1}"#,
    );
    server.good(&["records", "delete", "--from-file", &file], "");
    assert_eq!(beginnings(), [2, 5]);
    let beyond = server.bad(&["records", "delete", "cli-records:0", "--before", "99"]);
    assert!(beyond.contains("`moldau offsets` shows where"), "{beyond}");
    assert_eq!(server.json(&["offsets", "cli-records:0", "--at", "2013-01-02"], "")[0]["offset"], 3);
    assert_eq!(
        server.json(&["offsets", "cli-records:0", "--at", "2014-01-01"], "")[0]["offset"],
        Value::Null
    );
}

#[test]
fn topics_are_picked_by_pattern_and_state() {
    let server = Server::new("picked");
    for topic in ["cli-picked-1", "cli-picked-2"] {
        server.topic(topic, "1");
    }
    let names = |args: &[&str]| {
        let listed = server.json(args, "");
        let name = |row: &Value| row["name"].as_str().expect("a name").to_owned();
        listed.as_array().expect("an array").iter().map(name).collect::<Vec<_>>()
    };
    let becomes = |args: &[&str], wanted: &[&str]| {
        eventually(&format!("{args:?}: {wanted:?}"), || names(args) == wanted);
    };
    let all = ["cli-picked-1", "cli-picked-2"];
    let pattern = ["topic", "list", "--matching", "cli-picked-."];
    let with = |more: &[&'static str]| [&pattern[..], more].concat();
    becomes(&pattern, &all);
    server.good(&["config", "set", "topic", "cli-picked-1", "retention.ms=5000"], "");
    becomes(&with(&["--with-configs"]), &[all[0]]);
    becomes(&with(&["--at-min-isr"]), &all);
    for none in ["--under-replicated", "--unavailable", "--under-min-isr"] {
        becomes(&with(&[none]), &[]);
    }
    let id = server.json(&["topic", "describe", all[1]], "")[0]["id"].as_str().expect("an id").to_owned();
    becomes(&["topic", "describe", "--id", &id], &[all[1]]);
    let would = server.good(&["topic", "delete", "--matching", "cli-picked-.", "--dry-run"], "");
    assert_eq!(would, "topic cli-picked-1 would be deleted\ntopic cli-picked-2 would be deleted\n");
    becomes(&pattern, &all);
    server.good(&["topic", "delete", "--matching", "cli-picked-."], "");
    becomes(&pattern, &[]);
}

#[test]
fn configs_come_from_the_line_and_from_a_file() {
    let server = Server::new("configs");
    server.topic("cli-configs", "1");
    let file = server.file("topic.properties", "retention.ms=1000\nsegment.ms=2000\n");
    let set = ["config", "set", "topic", "cli-configs"];
    let value = |key: &str| {
        let got = server.json(&["config", "get", "topic", "cli-configs", key], "");
        got[0]["value"].as_str().expect("a value").to_owned()
    };
    let becomes = |key: &str, wanted: &str| {
        eventually(&format!("{key} becomes {wanted}"), || value(key) == wanted);
    };
    server.good(&[&set[..], &["--from-file", &file, "segment.ms=3000"]].concat(), "");
    becomes("retention.ms", "1000");
    becomes("segment.ms", "3000");
    server.good(&[&set[..], &["--append", "cleanup.policy=compact"]].concat(), "");
    becomes("cleanup.policy", "delete,compact");
    server.good(&[&set[..], &["--subtract", "cleanup.policy=delete", "-d", "retention.ms"]].concat(), "");
    becomes("cleanup.policy", "compact");
    assert_ne!(value("retention.ms"), "1000");
    let refused = server.bad(&["records", "delete", "cli-configs", "--before", "end"]);
    assert!(refused.contains("the topic is compacted"), "{refused}");
}

#[test]
fn a_profile_and_a_clients_file_lead_to_the_cluster() {
    let server = Server::new("profile");
    let properties =
        server.file("client.properties", &format!("bootstrap.servers={}\nno.such.key=1\n", server.address));
    let config = server.file(
        "config.toml",
        "default_profile = \"here\"\n[profiles.here]\ncommand_config = \"client.properties\"\noutput = \"json\"\n",
    );
    let with = |variables: &[(&str, &str)], args: &[&str]| {
        let output = moldau(args).envs(variables.iter().copied()).output().expect("it runs");
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, stdout, stderr) = with(&[("MOLDAU_CONFIG", &config)], &["cluster"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.starts_with("{"), "{stdout}");
    assert!(stderr.contains("without effect: no.such.key"), "{stderr}");
    let (code, stdout, _) = with(&[], &["cluster", "--command-config", &properties]);
    assert_eq!(code, Some(0));
    assert!(stdout.starts_with("cluster "), "{stdout}");
    let (code, stdout, _) = with(&[("MOLDAU_CONFIG", &config)], &["profile", "list", "-o", "table"]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("here     yes"), "{stdout}");
    let (code, _, stderr) = with(&[("MOLDAU_CONFIG", &config)], &["cluster", "--profile", "there"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("there are: here"), "{stderr}");
}

#[test]
fn measurements_give_their_figures_and_charts() {
    let server = Server::new("perf");
    server.topic("cli-perf", "2");
    server.topic("cli-printed", "1");
    let produced = server
        .json(&["perf", "produce", "cli-perf", "-n", "2000", "--record-size", "10", "--warmup", "100"], "");
    assert_eq!((&produced["all"]["records"], &produced["steady"]["records"]), (&2000.into(), &1900.into()));
    let latency = &produced["all"]["latency_ms"];
    let ms = |name: &str| latency[name].as_f64().expect("a number");
    assert!(ms("p50") <= ms("p99") && ms("p99") <= ms("max"), "{latency}");
    let svg = server.directory.0.join("chart.svg");
    let plot = format!("--plot={}", svg.display());
    let consumed = server.json(&["perf", "consume", "cli-perf", "-n", "2000", &plot], "");
    assert_eq!(consumed["records"], 2000);
    assert!((consumed["mb"].as_f64().expect("a number") - 20_000.0 / 1_048_576.0).abs() < 0.001);
    let drawn = fs::read_to_string(&svg).expect("a chart");
    assert!(drawn.starts_with("<svg ") && drawn.matches("<polyline").count() == 2, "{drawn}");
    let table = server.good(&["perf", "latency", "cli-perf", "-n", "20", "--plot", "--intervals"], "");
    assert!(table.contains("99.9th ms") && table.contains("by percentile") && table.contains('█'), "{table}");
    let (_, json, charts) =
        server.run(&["perf", "latency", "cli-printed", "-n", "1", "--plot", "-o", "json"], "");
    assert!(json.starts_with('{') && charts.contains("by percentile"), "{json}{charts}");
    let measured = server.json(&["perf", "consume", "cli-perf", "-n", "2020", "--print-metrics"], "");
    let read =
        &measured["metrics"]["consumer-fetch-manager-metrics:records-consumed-total:{client-id=moldau-cli}"];
    assert_eq!(read, 2020.0, "{measured}");
    let printed = server.good(&["perf", "produce", "cli-printed", "-n", "10", "--print-metrics"], "");
    let line = |name: &str| printed.lines().find(|line| line.starts_with(name)).map(str::to_owned);
    let sent = line("producer-metrics:record-send-total:{client-id=moldau-cli}").expect("a figure");
    assert!(sent.ends_with(" : 10.000"), "{printed}");
    assert!(line("Metric Name").is_some_and(|head| head.ends_with("   Value")), "{printed}");
    let few = server.bad(&["perf", "consume", "cli-perf", "-n", "100000", "-t", "0.5"]);
    assert!(few.contains("only 2020 of 100000 records came"), "{few}");
}

#[test]
fn numbers_are_written_in_their_order_at_a_rate() {
    let server = Server::new("rate");
    server.topic("cli-rate", "1");
    server.good(&["perf", "produce", "cli-rate", "-n", "101", "--rate", "200", "--payload-monotonic"], "");
    let values = server.good(&["consume", "cli-rate", "-e", "--from", "-2"], "");
    assert_eq!(values, "99\n100\n");
}

#[test]
fn the_clusters_own_records_are_decoded() {
    let server = Server::new("decode");
    server.topic("cli-decode", "1");
    server.good(&["produce", "cli-decode"], "1\n");
    server.good(&["group", "reset", "cli-decode", "--topic", "cli-decode", "--to-latest", "--execute"], "");
    let args = [
        "consume",
        "__consumer_offsets",
        "--decode",
        "-e",
        "-K",
        " ",
        "--filter",
        "key~\"group\":\"cli-decode\"",
    ];
    let printed = server.good(&args, "");
    let key = r#"{"type":"1","data":{"group":"cli-decode","topic":"cli-decode","partition":0}} "#;
    let line = printed.lines().rfind(|line| line.starts_with(key)).expect("the committed offset");
    let value: Value = serde_json::from_str(&line[key.len()..]).expect("JSON");
    assert_eq!(value["data"]["offset"], 1);
}

#[test]
fn the_cluster_says_its_features_and_apis_and_its_leaders_are_preferred_ones() {
    let server = Server::new("features");
    let features = server.json(&["cluster", "features"], "");
    let named = |name: &str| {
        features["features"].as_array().expect("an array").iter().find(|row| row["feature"] == name).cloned()
    };
    let metadata = named("metadata.version").expect("it is always there");
    assert!(metadata["finalized"].as_i64() <= metadata["supported_highest"].as_i64(), "{metadata}");
    let versions = server.json(&["cluster", "api-versions"], "");
    let produce = &versions.as_array().expect("an array")[0];
    assert_eq!((&produce["api"], &produce["key"]), (&"Produce".into(), &0.into()));
    server.topic("cli-leaders", "2");
    assert_eq!(
        server.good(&["cluster", "elect-leaders", "cli-leaders"], ""),
        "leader of cli-leaders-0 unchanged\nleader of cli-leaders-1 unchanged\n"
    );
    let file = server.file("elect.json", r#"{"partitions": [{"topic": "cli-leaders", "partition": 1}]}"#);
    assert_eq!(
        server.good(&["cluster", "elect-leaders", "--from-file", &file], ""),
        "leader of cli-leaders-1 unchanged\n"
    );
    server.good(&["config", "set", "topic", "cli-leaders", "retention.ms=5000"], "");
    let listed = server.json(&["config", "list", "topic"], "");
    assert!(listed.as_array().expect("an array").iter().any(|row| row["name"] == "cli-leaders"), "{listed}");
}

#[test]
fn partitions_remember_their_idempotent_producers() {
    let server = Server::new("producers");
    server.topic("cli-producers", "1");
    server.good(&["produce", "cli-producers", "-t", "2013-01-01"], "1\n2\n");
    let seen = server.json(&["topic", "producers", "cli-producers"], "");
    assert_eq!((&seen[0]["last_sequence"], &seen[0]["producer_epoch"]), (&1.into(), &0.into()), "{seen}");
    assert_eq!(seen[0]["current_transaction_start_offset"], Value::Null);
}

#[test]
fn a_replica_moves_to_another_log_directory_with_its_records() {
    // The directories of another server are not known here.
    let directory = Directory::new("move");
    let (one, other) = (directory.0.join("one"), directory.0.join("other"));
    let dirs = format!("log.dirs={},{}", one.display(), other.display());
    let node = Served::start(&one, &["--set", &dirs]);
    let good = |args: &[&str], input: &str| {
        let (code, stdout, stderr) = node.run(args, input);
        assert_eq!(code, 0, "{args:?}: {stderr}");
        stdout
    };
    good(&["topic", "create", "a"], "");
    good(&["produce", "a"], "1\n2\n3\n");
    let place = || {
        let dirs: Value = serde_json::from_str(&good(&["log", "dirs", "a", "-o", "json"], "")).expect("JSON");
        let has = |dir: &&Value| dir["replicas"].as_array().is_some_and(|replicas| !replicas.is_empty());
        let dirs = dirs.as_array().expect("an array").clone();
        let found: Vec<String> =
            dirs.iter().filter(has).map(|dir| dir["log_dir"].as_str().expect("a path").to_owned()).collect();
        assert_eq!(found.len(), 1, "{dirs:?}");
        found[0].clone()
    };
    let from = place();
    let to = if from == one.to_str().expect("UTF-8") { &other } else { &one };
    let to = to.to_str().expect("UTF-8");
    assert_eq!(
        good(&["log", "move", "a:0", "--broker", "1", "--to", to, "--wait"], ""),
        "replica of a-0 moved\n"
    );
    assert_eq!(place(), to);
    assert_eq!(good(&["consume", "a", "-e"], ""), "1\n2\n3\n");
    let (code, _, stderr) = node.run(&["log", "move", "a", "--broker", "1", "--to", "/nowhere"], "");
    assert_eq!(code, 1);
    assert!(stderr.contains("`moldau log dirs` shows"), "{stderr}");
}

#[test]
fn each_shell_has_its_completions() {
    for (shell, word) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef moldau"),
        ("fish", "complete -c moldau"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let output = moldau(&["completions", shell]).output().expect("it runs");
        let script = text(&output.stdout);
        assert!(output.status.success() && script.contains(word) && script.contains("consume"), "{shell}");
    }
    let script = text(&output(&["completions", "bash"]).stdout);
    let root =
        script.split("        moldau)").nth(1).and_then(|rest| rest.split('"').nth(1)).expect("options");
    assert!(root.contains("--bootstrap-server") && root.contains("topic"), "{root}");
}
