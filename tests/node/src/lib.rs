//! What the whole-node tests share: which node they talk to, and names that do not collide.
//!
//! Always: a test makes its own topics and groups, so the tests run in parallel and on a node that has been used before.
//! `MOLDAU_TEST_BOOTSTRAP=host:port` takes any running node, also one of Apache Kafka.

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
}

impl Node {
    /// The node that `MOLDAU_TEST_BOOTSTRAP` names; without it there is none, and the test says so.
    pub fn get() -> Option<Self> {
        let address = std::env::var("MOLDAU_TEST_BOOTSTRAP").ok().filter(|address| !address.is_empty());
        if address.is_none() {
            eprintln!("skipped: MOLDAU_TEST_BOOTSTRAP names no node");
        }
        address.map(|address| Self { address })
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

    /// Makes a topic under a name that nobody else has.
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
        admin.close().await;
        Ok(name)
    }
}

/// A name that no other test and no other run has.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{name}-{:x}-{}", since.as_nanos() & 0xffff_ffff_ffff, COUNT.fetch_add(1, Ordering::Relaxed))
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
