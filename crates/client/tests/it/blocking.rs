//! What `send` waits for, and that it waits no longer than `max.block.ms`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use moldau_client::{Producer, ProducerConfig, ProducerRecord};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::broker::{FakeBroker, Faults, TOPIC};

const LONG: Duration = Duration::from_secs(15);

fn blocking_producer(address: &str, max_block_ms: &str) -> Producer {
    let settings = [("bootstrap.servers", address), ("max.block.ms", max_block_ms)];
    Producer::new(ProducerConfig::from_pairs(settings).expect("settings")).expect("a producer")
}

/// The bug: metadata was waited for as long as requests may take, and then once more for memory.
#[tokio::test]
async fn a_send_to_a_broker_that_never_answers_fails_when_max_block_ms_is_over() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let producer = blocking_producer(&address, "200");
    let sent = timeout(LONG, producer.send(ProducerRecord::to("t").value("v"))).await;
    let error = sent.expect("before request.timeout.ms").expect_err("no metadata");
    assert!(error.to_string().contains("max.block.ms"), "{error}");
}

/// The bug: a record for a partition that was added was refused by what was known of the topic before.
#[tokio::test]
async fn a_record_for_a_partition_that_was_just_added_is_taken() {
    let broker = FakeBroker::start(Faults::default(), 1).await;
    let producer = blocking_producer(&broker.address, "60000");
    assert_eq!(producer.partitions_for(TOPIC).await.expect("a topic").partitions.len(), 1);
    broker.partitions.store(2, Ordering::Relaxed);
    let record = ProducerRecord::to(TOPIC).partition(1).value("v");
    producer.send(record).await.expect("taken").await.expect("written");
    assert_eq!(broker.log_of(1).await, ["v"]);
}

#[tokio::test]
async fn a_record_for_a_partition_that_is_never_added_is_refused_when_max_block_ms_is_over() {
    let broker = FakeBroker::start(Faults::default(), 1).await;
    let producer = blocking_producer(&broker.address, "200");
    for partition in [1, -1] {
        let record = ProducerRecord::to(TOPIC).partition(partition).value("v");
        let sent = timeout(LONG, producer.send(record)).await;
        let error = sent.expect("in time").expect_err("no such partition").to_string();
        assert!(error.contains(&format!("has no partition {partition}; it has 1")), "{error}");
    }
}
