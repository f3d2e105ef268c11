//! What the whole-node tests share: which node they talk to, and names that do not collide.
//!
//! Always: a test makes its own topics and groups, so the tests run in parallel and on a node that has been used before.
//! `MOLDAU_TEST_BOOTSTRAP=host:port` takes any running node, also one of Apache Kafka; without it one node is started in
//! this process, on a free port and in a directory of its own, for all tests.

/// The page on the Rust client: its programs are compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/rust-client.md")]
pub struct RustClientPage;

mod bystander;
pub mod wire;

pub use bystander::Bystander;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use moldau_client::admin::NewTopic;
use moldau_client::{Admin, CommonConfig, ConsumerConfig, ConsumerRecord, Producer, ProducerConfig};
use moldau_client::{Consumer, ProducerRecord, Result};

/// How long anything in a test may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The node under test.
#[derive(Clone, Debug)]
pub struct Node {
    address: String,
    controller: Option<String>,
    http: Option<std::net::SocketAddr>,
}

/// The log levels of a process whose logs nobody reads.
struct NoLoggers;

impl moldau_server::Loggers for NoLoggers {
    fn levels(&self) -> Vec<(String, String)> {
        vec![("root".to_owned(), "INFO".to_owned())]
    }

    fn set_level(&self, _logger: &str, _level: Option<&str>) -> std::result::Result<(), String> {
        Ok(())
    }
}

/// A new directory for this process. Nothing runs at a test process's end, so what old ones left is removed by the next.
pub fn data_directory() -> PathBuf {
    const OLD: Duration = Duration::from_secs(3600);
    let all = std::env::temp_dir().join("moldau-node-tests");
    std::fs::create_dir_all(&all).expect("a directory");
    for entry in std::fs::read_dir(&all).expect("a directory").flatten() {
        let age = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .map(|at| at.elapsed().unwrap_or_default());
        if age.is_ok_and(|age| age > OLD) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let own = all.join(unique(&std::process::id().to_string()));
    std::fs::create_dir_all(&own).expect("a directory");
    own
}

/// Starts a node of this process on a runtime that lives as long as the process. `settings` are over what all tests'
/// nodes have, and a `release` sets the metadata version back.
fn start_own(settings: &[(&str, &str)], release: Option<&str>) -> Node {
    let release_version = release.map(str::to_owned);
    let settings: Vec<(String, String)> =
        settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let data = data_directory();
            let pairs = [
                ("log.dirs", data.to_str().expect("UTF-8")),
                ("listeners", "PLAINTEXT://127.0.0.1:0"),
                ("group.initial.rebalance.delay.ms", "0"),
                ("offsets.topic.num.partitions", "3"),
                ("moldau.http.listener", ""),
                // Tests write records of long ago, which retention would take away from those that last.
                ("log.initial.task.delay.ms", "3600000"),
            ];
            let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
            let pairs = pairs.into_iter().chain(settings);
            let configs = moldau_config::BrokerConfig::load(pairs).expect("good configs");
            let options = moldau_server::NodeOptions {
                configs,
                release_version,
                features: Vec::new(),
                loggers: std::sync::Arc::new(NoLoggers),
            };
            let node = moldau_server::Node::start(options).await.expect("a node");
            let address = node.listeners().next().expect("a listener").1.to_string();
            let controller =
                node.listeners().find(|(name, _)| *name == "CONTROLLER").map(|(_, at)| at.to_string());
            sender.send(Node { address, controller, http: node.http() }).expect("somebody waits for it");
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().expect("the node starts")
}

/// The node that `MOLDAU_TEST_BOOTSTRAP` names.
fn named() -> Option<String> {
    std::env::var("MOLDAU_TEST_BOOTSTRAP").ok().filter(|address| !address.is_empty())
}

impl Node {
    /// The node that `MOLDAU_TEST_BOOTSTRAP` names, or the one of this process.
    pub fn get() -> Self {
        static NODE: std::sync::OnceLock<Node> = std::sync::OnceLock::new();
        let named = || named().map(|address| Self { address, controller: None, http: None });
        NODE.get_or_init(|| named().unwrap_or_else(|| start_own(&[], None))).clone()
    }

    /// A node of the caller's own in this process, with these settings, whatever `MOLDAU_TEST_BOOTSTRAP` says.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        start_own(settings, None)
    }

    /// The same, with the metadata version of an older release such as `4.2`.
    pub fn of_release(release: &str, settings: &[(&str, &str)]) -> Self {
        start_own(settings, Some(release))
    }

    /// Whether the node is in this process and so a Moldau, not the one that `MOLDAU_TEST_BOOTSTRAP` names.
    pub fn is_own(&self) -> bool {
        named().is_none_or(|address| address != self.address)
    }

    /// `host:port` of the listener named CONTROLLER, if it has one.
    pub fn controller(&self) -> Option<&str> {
        self.controller.as_deref()
    }

    /// Where it answers HTTP, if it does.
    pub fn http(&self) -> Option<std::net::SocketAddr> {
        self.http
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Settings that all clients share.
    pub fn common(&self) -> CommonConfig {
        CommonConfig { bootstrap_servers: vec![self.address.clone()], ..Default::default() }
    }

    /// An admin client.
    pub async fn admin(&self) -> Result<Admin> {
        Admin::connect(self.common()).await
    }

    /// A producer with these settings over the defaults.
    pub async fn producer(&self, settings: &[(&str, &str)]) -> Result<Producer> {
        let mut config = ProducerConfig::from_pairs(settings.iter().copied())?;
        config.common.bootstrap_servers = vec![self.address.clone()];
        Producer::connect(config).await
    }

    /// A consumer with these settings; it begins at the beginning unless they say otherwise.
    pub async fn consumer(&self, settings: &[(&str, &str)]) -> Result<Consumer> {
        let mut config = ConsumerConfig::from_pairs([("auto.offset.reset", "earliest")])?;
        for (key, value) in settings {
            config.set(key, value)?;
        }
        config.common.bootstrap_servers = vec![self.address.clone()];
        Consumer::connect(config).await
    }

    /// Makes a topic under a name that nobody else has, and waits until it can be used.
    pub async fn topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Result<String> {
        let name = unique(name);
        let mut topic = NewTopic::new(&name).partitions(partitions).replication_factor(1);
        for (key, value) in configs {
            topic = topic.config(*key, *value);
        }
        let admin = self.admin().await?;
        for result in admin.create_topics(&[topic], false).await? {
            result?;
        }
        // Apache Kafka's controller answers before its broker knows the topic.
        eventually("the topic is there", async || admin.describe_topics(&[&name]).await.ok()?.remove(0).ok())
            .await;
        admin.close().await;
        Ok(name)
    }
}

/// A name that no other test and no other run has, always of the same length.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{name}-{:010x}-{:03x}", since.as_nanos() & 0xff_ffff_ffff, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Writes numbered records to a partition, all in one go, and waits until they are written.
pub async fn write_numbers(
    producer: &Producer,
    topic: &str,
    partition: i32,
    numbers: std::ops::Range<u32>,
) -> Result<()> {
    for number in numbers {
        let record = ProducerRecord::to(topic).partition(partition).value(number.to_string());
        drop(producer.send(record).await?);
    }
    producer.flush().await
}

/// Polls until there are `count` records; panics when that takes too long.
pub async fn read(consumer: &mut Consumer, count: usize) -> Vec<ConsumerRecord> {
    let mut records = Vec::new();
    let reading = async {
        while records.len() < count {
            records.extend(consumer.poll(Duration::from_millis(200)).await.expect("a poll"));
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, reading).await.is_ok();
    assert!(in_time, "only {} of {count} records came", records.len());
    records
}

/// Waits until `ask` gives something: a broker may take up a change a moment after it was acknowledged.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(answer) => answer,
        Err(_) => panic!("not in time: {what}"),
    }
}

/// The value of a record as text.
pub fn value(record: &ConsumerRecord) -> &str {
    record.value.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("(no text)")
}
