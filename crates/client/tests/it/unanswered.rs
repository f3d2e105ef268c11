//! A producer with `acks=0`: a record is written when the system has taken it, and until then it takes up memory.

use std::sync::atomic::Ordering;
use std::time::Duration;

use moldau_client::{Producer, ProducerConfig, ProducerRecord};

use crate::broker::{FakeBroker, Faults, TOPIC};

const VALUE_BYTES: usize = 100_000;

async fn unanswered_producer(broker: &FakeBroker, more: &[(&str, &str)]) -> Producer {
    let mut config = ProducerConfig::from_pairs([
        ("bootstrap.servers", broker.address.as_str()),
        ("acks", "0"),
        ("enable.idempotence", "false"),
        ("linger.ms", "0"),
        ("send.buffer.bytes", "4096"),
    ])
    .expect("settings");
    for (key, value) in more {
        config.set(key, value).expect("a setting");
    }
    let producer = Producer::new(config).expect("a producer");
    producer.send(record()).await.expect("taken").await.expect("written");
    broker.until_written(0, 1).await;
    producer
}

fn record() -> ProducerRecord {
    ProducerRecord::to(TOPIC).value("x".repeat(VALUE_BYTES))
}

/// The bug: memory was given back when a request was put behind others, so nothing slowed a producer down.
#[tokio::test]
async fn a_broker_that_does_not_read_slows_the_producer_down() {
    let broker = FakeBroker::start(Faults::default(), 1).await;
    let settings = [("buffer.memory", "2000000"), ("max.block.ms", "200")];
    let producer = unanswered_producer(&broker, &settings).await;
    broker.deaf.store(true, Ordering::Relaxed);
    let mut deliveries = Vec::new();
    let error = loop {
        match producer.send(record()).await {
            Ok(delivery) => deliveries.push(delivery),
            Err(error) => break error,
        }
        assert!(deliveries.len() < 1000, "100 MB are on their way");
    };
    assert!(error.to_string().contains("buffer.memory"), "{error}");
    broker.deaf.store(false, Ordering::Relaxed);
    let sent = deliveries.len();
    for delivery in deliveries {
        delivery.await.expect("written");
    }
    broker.until_written(0, 1 + sent).await;
}

/// The bug: `close` returned while the connection still had most of it, which was lost when the program ended then.
#[test]
fn what_a_closed_producer_reported_as_written_is_written_though_the_program_ends() {
    const RECORDS: usize = 30;
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let (ours, its) = (runtime().expect("a runtime"), runtime().expect("a runtime"));
    let broker = ours.block_on(FakeBroker::start(Faults::default(), 1));
    its.block_on(async {
        let producer = unanswered_producer(&broker, &[]).await;
        broker.deaf.store(true, Ordering::Relaxed);
        let mut deliveries = Vec::new();
        for _ in 0..RECORDS {
            deliveries.push(producer.send(record()).await.expect("taken"));
        }
        let hearing = broker.clone();
        ours.spawn(async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            hearing.deaf.store(false, Ordering::Relaxed);
        });
        producer.close().await.expect("closed");
        for delivery in deliveries {
            delivery.await.expect("written");
        }
    });
    its.shutdown_timeout(Duration::from_secs(10));
    ours.block_on(async {
        let all = broker.until_written(0, 1 + RECORDS);
        tokio::time::timeout(Duration::from_secs(60), all).await.expect("all are there");
    });
}
