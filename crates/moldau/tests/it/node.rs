//! A node as a process: started, used by the other commands, stopped by a signal, started again.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::{moldau, text};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running `moldau serve`; killed when it is dropped.
pub(crate) struct Served {
    child: Child,
    pub(crate) address: String,
}

impl Served {
    pub(crate) fn start(data: &std::path::Path, more: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", data, more)
    }

    fn start_at(address: &str, data: &std::path::Path, more: &[&str]) -> Self {
        let data = data.to_str().expect("UTF-8");
        let mut args = vec!["--log-format", "json", "serve", "--data", data, "--listen", address];
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

    pub(crate) fn run(&self, args: &[&str], input: &str) -> (i32, String, String) {
        run_at(&self.address, args, input)
    }

    pub(crate) fn good(&self, args: &[&str], input: &str) -> String {
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

/// Waits for a process to end; one that does not is killed, and must not outlive the test.
pub(crate) fn output_in_time(child: Child, what: &str) -> std::process::Output {
    let pid = child.id().to_string();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let output = receiver.recv_timeout(PATIENCE * 2).unwrap_or_else(|_| {
        let _ = Command::new("kill").args(["-KILL", &pid]).status();
        panic!("{what} does not end")
    });
    output.expect("it ends")
}

/// Runs a command against a server: exit code, stdout, stderr.
pub(crate) fn run_at(address: &str, args: &[&str], input: &str) -> (i32, String, String) {
    let mut child = moldau(args)
        .env("MOLDAU_BOOTSTRAP_SERVER", address)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    match child.stdin.take().expect("a pipe").write_all(input.as_bytes()) {
        // It ended without reading, and that is told by its exit code.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
        written => written.expect("it reads"),
    }
    let output = output_in_time(child, &format!("{args:?}"));
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A directory of its own, removed in the end.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Self {
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
fn the_cluster_is_described_with_and_without_the_word() {
    let directory = Directory::new("cluster");
    let node = Served::start(&directory.0, &[]);
    let described = node.good(&["cluster", "describe", "-o", "json"], "");
    assert_eq!(node.good(&["cluster", "-o", "json"], ""), described);
    assert_eq!(node.good(&["cluster"], ""), node.good(&["cluster", "describe"], ""));
    let described: serde_json::Value = serde_json::from_str(&described).expect("JSON");
    assert_eq!(described["controller"], 1);
    assert_eq!(described["features"]["metadata.version"], 30);
    assert_eq!(described["features"]["transaction.version"], 0);
    // without the address in the environment too
    for args in [&["cluster", "-b", &node.address][..], &["cluster", "describe", "-b", &node.address]] {
        assert!(moldau(args).output().expect("it runs").status.success(), "{args:?}");
    }
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

/// What `kafka-storage format` had written was passed over: the cluster began with other feature levels than were asked for.
#[test]
fn a_formatted_directory_began_with_something_else() {
    let directory = Directory::new("formatted");
    let reference =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../quorum/tests/fixtures/kafka-4.3.1/bootstrap.checkpoint");
    let checkpoint = directory.0.join("bootstrap.checkpoint");
    std::fs::copy(reference, &checkpoint).expect("copied");
    let data = directory.0.to_str().expect("UTF-8");
    let serve = |more: &[&str]| {
        let mut args = vec!["serve", "--data", data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
        args.extend(more);
        let output = moldau(&args).output().expect("it runs");
        (output.status.code(), text(&output.stderr).to_owned())
    };
    let finalized = |node: &Served, name: &str| {
        let described = node.good(&["cluster", "features", "-o", "json"], "");
        let described: serde_json::Value = serde_json::from_str(&described).expect("JSON");
        let features = described["features"].as_array().expect("a list");
        features.iter().find(|feature| feature["feature"] == name).expect("one")["finalized"].clone()
    };
    let (code, stderr) = serve(&["--release-version", "4.2"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("leave them out, or remove the file"), "{stderr}");
    std::fs::remove_file(&checkpoint).expect("removed");
    let node = Served::start(&directory.0, &["--release-version", "4.2"]);
    assert_eq!(finalized(&node, "metadata.version"), 29);
    drop(node);
    // It asks for a level of group.version that there is not yet.
    let directory = Directory::new("formatted-by-itself");
    std::fs::create_dir_all(&directory.0).expect("made");
    std::fs::copy(reference, directory.0.join("bootstrap.checkpoint")).expect("copied");
    let node = Served::start(&directory.0, &[]);
    assert_eq!(finalized(&node, "metadata.version"), 30);
    assert_eq!(finalized(&node, "group.version"), serde_json::Value::Null, "level 0 is not told");
}

/// With its first log directory, the metadata, gone, a node began a new cluster and removed all partitions of the other.
#[test]
fn a_lost_metadata_directory_is_told_and_nothing_is_touched() {
    let directory = Directory::new("lost");
    let [a, b] = ["a", "b"].map(|name| directory.0.join(name).to_str().expect("UTF-8").to_owned());
    let dirs = format!("log.dirs={a},{b}");
    let node = Served::start(&directory.0.join("unused"), &["--set", &dirs]);
    node.good(&["topic", "create", "flights", "-p", "4"], "");
    node.good(&["produce", "flights"], "EWR-IAH\n");
    assert_eq!(node.terminate(), 0);
    let partitions = || {
        let names = std::fs::read_dir(&b).expect("a directory").map(|entry| entry.expect("one").file_name());
        let mut names: Vec<_> = names.filter(|name| name.to_string_lossy().contains("flights")).collect();
        names.sort();
        names
    };
    let before = partitions();
    assert!(!before.is_empty());
    std::fs::rename(&a, directory.0.join("elsewhere")).expect("renamed");
    let args = ["serve", "--set", &dirs, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let output = moldau(&args).output().expect("it runs");
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("there is no metadata log in") && stderr.contains("Put the directory back"),
        "{stderr}"
    );
    assert_eq!(partitions(), before);
    std::fs::remove_dir_all(&a).expect("removed");
    std::fs::rename(directory.0.join("elsewhere"), &a).expect("renamed");
    let node = Served::start(&directory.0.join("unused"), &["--set", &dirs]);
    assert_eq!(node.good(&["consume", "flights", "-n", "1"], ""), "EWR-IAH\n");
}

/// The controller takes the leadership of what is in a failed directory away, and only led partitions were looked at.
#[test]
fn replicas_in_a_failed_directory_are_counted_as_offline() {
    let directory = Directory::new("offline");
    let [a, b] = ["a", "b"].map(|name| directory.0.join(name));
    let dirs = format!("log.dirs={},{}", a.display(), b.display());
    let http = crate::unused_address();
    let more = ["--set", &dirs, "--http", &http];
    let node = Served::start(&directory.0.join("unused"), &more);
    node.good(&["topic", "create", "flights", "-p", "6"], "");
    assert_eq!(scraped(&http, "kafka_server_replicamanager_offlinereplicacount"), 0.0);
    assert_eq!(node.terminate(), 0);
    let names = std::fs::read_dir(&b).expect("a directory").map(|entry| entry.expect("one").file_name());
    let there = names.filter(|name| name.to_string_lossy().starts_with("flights-")).count();
    assert!((1..6).contains(&there), "{there}");
    std::fs::rename(&b, directory.0.join("elsewhere")).expect("renamed");
    std::fs::write(&b, "no directory").expect("written");
    let node = Served::start(&directory.0.join("unused"), &more);
    let described = node.good(&["topic", "describe", "flights", "--unavailable", "-o", "json"], "");
    let described: serde_json::Value = serde_json::from_str(&described).expect("JSON");
    assert_eq!(described[0]["partitions"].as_array().map(Vec::len), Some(there), "{described}");
    assert_eq!(scraped(&http, "kafka_server_replicamanager_offlinereplicacount"), there as f64);
    assert_eq!(scraped(&http, "kafka_server_replicamanager_leadercount"), (6 - there) as f64);
}

/// The value of a series without labels.
fn scraped(http: &str, name: &str) -> f64 {
    let mut stream = std::net::TcpStream::connect(http).expect("a connection");
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let value = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in\n{answer}"))
}

/// A producer and a member of a group work on while their node is killed and started again.
#[test]
fn nothing_is_lost_duplicated_or_reordered_when_the_node_is_killed_under_load() {
    use moldau_client::{Consumer, ConsumerConfig, Producer, ProducerConfig, ProducerRecord};

    const KILLS: usize = 4;
    const PARTITIONS: i32 = 3;
    let directory = Directory::new("killed");
    let node = Served::start(&directory.0, &[]);
    let address = node.address.clone();
    node.good(&["topic", "create", "load", "-p", &PARTITIONS.to_string()], "");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));

    let stopping = stop.clone();
    let config = ProducerConfig::from_pairs([("bootstrap.servers", address.as_str()), ("linger.ms", "1")]);
    let producing = runtime.spawn(async move {
        let producer = Producer::new(config.expect("settings")).expect("a producer");
        let mut sent = 0i64;
        let mut deliveries = Vec::new();
        while !stopping.load(std::sync::atomic::Ordering::Relaxed) {
            let partition = (sent % i64::from(PARTITIONS)) as i32;
            let record = ProducerRecord::to("load").partition(partition).value(sent.to_string());
            deliveries.push(producer.send(record).await.expect("taken"));
            sent += 1;
            if sent % 20 == 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        for delivery in deliveries {
            delivery.await.expect("written");
        }
        sent
    });
    let pairs =
        [("bootstrap.servers", address.as_str()), ("group.id", "readers"), ("auto.offset.reset", "earliest")];
    let config = ConsumerConfig::from_pairs(pairs).expect("settings");
    let (total, known) = tokio::sync::watch::channel(None::<i64>);
    let consuming = runtime.spawn(async move {
        let mut consumer = Consumer::new(config).expect("a consumer");
        consumer.subscribe(["load"]).expect("subscribed");
        let mut seen: Vec<Vec<i64>> = vec![Vec::new(); PARTITIONS as usize];
        loop {
            for record in consumer.poll(Duration::from_millis(100)).await.expect("a poll") {
                let number: i64 =
                    text(record.value.as_deref().unwrap_or_default()).parse().expect("a number");
                let seen = &mut seen[record.partition as usize];
                // After a crash a member may begin again from its last commit.
                seen.truncate(record.offset as usize);
                seen.push(number);
            }
            let count: usize = seen.iter().map(Vec::len).sum();
            if known.borrow().is_some_and(|total| count as i64 >= total) {
                return seen;
            }
        }
    });

    let mut node = Some(node);
    for _ in 0..KILLS {
        std::thread::sleep(Duration::from_millis(400));
        // Dropping kills with SIGKILL.
        drop(node.take());
        node = Some(Served::start_at(&address, &directory.0, &[]));
    }
    std::thread::sleep(Duration::from_millis(400));
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let wait = |what: &str| format!("{what} in time");
    let sent = runtime.block_on(async {
        let sent = tokio::time::timeout(PATIENCE * 2, producing)
            .await
            .unwrap_or_else(|_| panic!("{}", wait("all is written")))
            .expect("no panic");
        total.send(Some(sent)).expect("the consumer waits for it");
        let seen = tokio::time::timeout(PATIENCE * 2, consuming)
            .await
            .unwrap_or_else(|_| panic!("{}", wait("all is read")))
            .expect("no panic");
        for (partition, numbers) in (0i64..).zip(seen) {
            let wanted: Vec<i64> =
                (0..sent).filter(|number| number % i64::from(PARTITIONS) == partition).collect();
            assert_eq!(numbers.len(), wanted.len(), "partition {partition}");
            assert_eq!(numbers, wanted, "partition {partition}");
        }
        sent
    });
    assert!(sent > 1000, "{sent} records");
    assert_eq!(node.take().expect("it runs").terminate(), 0);
}
