//! An idempotent producer loses nothing, duplicates nothing and keeps the order, whatever the broker does.

use std::sync::atomic::Ordering;
use std::time::Duration;

use moldau_client::{Delivery, ErrorCode, Producer, ProducerConfig, ProducerRecord};

use crate::broker::{FakeBroker, Faults, TOPIC};

const RECORDS: u32 = 400;

fn producer(broker: &FakeBroker, more: &[(&str, &str)]) -> Producer {
    let mut config = ProducerConfig::from_pairs([
        ("bootstrap.servers", broker.address.as_str()),
        ("batch.size", "150"),
        ("linger.ms", "0"),
        ("retry.backoff.ms", "2"),
        ("retry.backoff.max.ms", "5"),
        ("reconnect.backoff.ms", "1"),
        ("reconnect.backoff.max.ms", "2"),
    ])
    .expect("settings");
    for (key, value) in more {
        config.set(key, value).expect("a setting");
    }
    Producer::new(config).expect("a producer")
}

async fn send_numbers(producer: &Producer) -> Vec<(u32, Delivery)> {
    let mut deliveries = Vec::new();
    for number in 0..RECORDS {
        let record = ProducerRecord::to(TOPIC).value(number.to_string());
        deliveries.push((number, producer.send(record).await.expect("taken")));
        if number % 7 == 0 {
            tokio::task::yield_now().await;
        }
    }
    deliveries
}

fn numbers() -> Vec<String> {
    (0..RECORDS).map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn all_records_are_there_once_and_in_order_under_lost_connections_and_retriable_errors() {
    for seed in 0..30 {
        let faults = Faults { drop_before: 8, drop_after: 8, retriable: 8, ..Default::default() };
        let broker = FakeBroker::start(faults, seed).await;
        let producer = producer(&broker, &[]);
        let deliveries = send_numbers(&producer).await;
        for (number, delivery) in deliveries {
            let written = delivery.await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            if let Some(offset) = written.offset {
                assert_eq!(offset, i64::from(number), "seed {seed}");
            }
        }
        assert_eq!(broker.log().await, numbers(), "seed {seed}");
        producer.close().await.expect("closed");
    }
}

#[tokio::test]
async fn what_was_refused_is_told_and_the_rest_is_there_once_and_in_order() {
    for seed in 0..30 {
        let faults = Faults { refuse: 5, drop_before: 5, retriable: 5, ..Default::default() };
        let broker = FakeBroker::start(faults, seed).await;
        let producer = producer(&broker, &[]);
        let mut failed = Vec::new();
        for (number, delivery) in send_numbers(&producer).await {
            if let Err(error) = delivery.await {
                assert_eq!(error.code(), Some(ErrorCode::InvalidRecord), "seed {seed}: {error}");
                failed.push(number.to_string());
            }
        }
        assert_eq!(failed, broker.refused().await, "seed {seed}");
        let wanted: Vec<String> = numbers().into_iter().filter(|number| !failed.contains(number)).collect();
        assert_eq!(broker.log().await, wanted, "seed {seed}");
    }
}

#[tokio::test]
async fn a_broker_that_forgets_the_producer_does_not_end_it() {
    for seed in 0..20 {
        let broker = FakeBroker::start(Faults { forget: 5, ..Default::default() }, seed).await;
        let producer = producer(&broker, &[]);
        for (_, delivery) in send_numbers(&producer).await {
            delivery.await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
        assert_eq!(broker.log().await, numbers(), "seed {seed}");
    }
}

#[tokio::test]
async fn a_delivery_that_takes_too_long_fails_and_later_ones_succeed() {
    let broker = FakeBroker::start(Faults { retriable: 100, ..Default::default() }, 1).await;
    let settings = [("delivery.timeout.ms", "300"), ("request.timeout.ms", "200")];
    let producer = producer(&broker, &settings);
    let delivery = producer.send(ProducerRecord::to(TOPIC).value("1")).await.expect("taken");
    let error =
        tokio::time::timeout(Duration::from_secs(10), delivery).await.expect("in time").expect_err("expired");
    assert!(error.to_string().contains("delivery.timeout.ms"), "{error}");
    assert!(broker.produces().await > 1);
}

#[tokio::test]
async fn many_records_go_in_few_requests_when_they_may_linger() {
    let broker = FakeBroker::start(Faults::default(), 1).await;
    let producer = producer(&broker, &[("batch.size", "100000"), ("linger.ms", "200")]);
    for (_, delivery) in send_numbers(&producer).await {
        delivery.await.expect("written");
    }
    assert!(broker.produces().await <= 3, "{} requests", broker.produces().await);
    assert_eq!(broker.log().await, numbers());
}

#[tokio::test]
async fn memory_is_bounded_and_sending_waits_for_it() {
    let broker = FakeBroker::start(Faults { retriable: 100, ..Default::default() }, 1).await;
    let settings = [("buffer.memory", "2000"), ("max.block.ms", "200")];
    let producer = producer(&broker, &settings);
    let mut deliveries = Vec::new();
    let error = loop {
        match producer.send(ProducerRecord::to(TOPIC).value("x".repeat(100))).await {
            Ok(delivery) => deliveries.push(delivery),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("buffer.memory"), "{error}");
    assert!(deliveries.len() <= 2000 / 100);
}

#[tokio::test]
async fn without_topic_ids_topics_go_by_name() {
    let broker = FakeBroker::start_with(Faults::default(), 1, 9).await;
    let producer = producer(&broker, &[]);
    for (_, delivery) in send_numbers(&producer).await {
        delivery.await.expect("written");
    }
    assert_eq!(broker.log().await, numbers());
}

#[tokio::test]
async fn closing_within_a_time_fails_what_is_not_delivered_by_then() {
    let broker = FakeBroker::start(Faults { retriable: 100, ..Default::default() }, 1).await;
    let producer = producer(&broker, &[]);
    let delivery = producer.send(ProducerRecord::to(TOPIC).value("1")).await.expect("taken");
    let error = producer.close_within(Duration::from_millis(300)).await.expect_err("never delivered");
    assert!(error.to_string().starts_with("closing the producer took longer than 300 ms"), "{error}");
    let failed = tokio::time::timeout(Duration::from_secs(60), delivery).await.expect("told");
    assert!(matches!(failed, Err(moldau_client::ClientError::Closed("producer"))), "{failed:?}");
}

#[tokio::test]
async fn the_figures_tell_what_was_sent_and_that_nothing_is_under_way() {
    let broker = FakeBroker::start(Faults { drop_after: 20, retriable: 20, ..Default::default() }, 3).await;
    let producer = producer(&broker, &[]);
    for (_, delivery) in send_numbers(&producer).await {
        delivery.await.expect("written");
    }
    let figure =
        |name: &str| producer.metrics().iter().find(|metric| metric.name == name).map(|metric| metric.value);
    assert_eq!(figure("record-send-total"), Some(f64::from(RECORDS)));
    assert_eq!(figure("record-error-total"), Some(0.0));
    assert_eq!(figure("requests-in-flight"), Some(0.0));
    assert_eq!(figure("buffer-available-bytes"), figure("buffer-total-bytes"));
    assert!(figure("record-retry-total") > Some(0.0));
}

/// The bug: with the expired batch's producer id every other batch lost its own, so the broker wrote what it had again.
#[tokio::test]
async fn a_batch_that_expires_does_not_make_the_broker_write_others_again() {
    for other_partition in [0, 1] {
        let broker = FakeBroker::start(Faults::default(), 1).await;
        broker.partitions.store(2, Ordering::Relaxed);
        let settings = [("delivery.timeout.ms", "1500"), ("request.timeout.ms", "100"), ("retries", "1000")];
        let producer = producer(&broker, &settings);
        let send = |partition, value: &str| {
            producer.send(ProducerRecord::to(TOPIC).partition(partition).value(value.to_owned()))
        };
        for partition in [0, 1] {
            send(partition, "first").await.expect("taken").await.expect("written");
        }
        broker.mute.store(true, Ordering::Relaxed);
        let expires = send(0, "a").await.expect("taken");
        broker.until_written(0, 2).await;
        // Some attempts later, so that only the first expires.
        let attempts = broker.produces().await + 5;
        while broker.produces().await < attempts {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let stays = send(other_partition, "b").await.expect("taken");
        broker.until_written(other_partition, if other_partition == 0 { 3 } else { 2 }).await;
        let error = expires.await.expect_err("never answered");
        assert!(error.to_string().contains("delivery.timeout.ms"), "{error}");
        broker.mute.store(false, Ordering::Relaxed);
        stays.await.expect("written");
        send(0, "c").await.expect("taken").await.expect("written");
        send(1, "d").await.expect("taken").await.expect("written");
        let wanted: [&[&str]; 2] = match other_partition {
            0 => [&["first", "a", "b", "c"], &["first", "d"]],
            _ => [&["first", "a", "c"], &["first", "b", "d"]],
        };
        assert_eq!([broker.log_of(0).await, broker.log_of(1).await], wanted);
    }
}

/// The bug: `delivery.timeout.ms` counted only while a batch waited, not while a request with it was under way.
#[tokio::test]
async fn a_delivery_fails_in_time_while_its_request_is_under_way_and_memory_is_kept_until_that_is_over() {
    let broker = FakeBroker::start(Faults::default(), 1).await;
    let settings = [("delivery.timeout.ms", "2500"), ("request.timeout.ms", "2000")];
    let producer = producer(&broker, &settings);
    let send = |value: &str| producer.send(ProducerRecord::to(TOPIC).value(value.to_owned()));
    send("first").await.expect("taken").await.expect("written");
    broker.mute.store(true, Ordering::Relaxed);
    let error = send("a").await.expect("taken").await.expect_err("never answered");
    assert!(error.to_string().contains("delivery.timeout.ms"), "{error}");
    let figure =
        |name: &str| producer.metrics().iter().find(|metric| metric.name == name).map(|metric| metric.value);
    assert_eq!(figure("requests-in-flight"), Some(1.0), "the second attempt");
    assert!(figure("buffer-available-bytes") < figure("buffer-total-bytes"));
    broker.mute.store(false, Ordering::Relaxed);
    send("b").await.expect("taken").await.expect("written");
    assert_eq!(broker.log().await, ["first", "a", "b"]);
    assert_eq!((figure("record-send-total"), figure("record-error-total")), (Some(2.0), Some(1.0)));
    assert_eq!(figure("buffer-available-bytes"), figure("buffer-total-bytes"));
}

#[tokio::test]
async fn no_record_is_there_twice_or_out_of_order_when_deliveries_expire() {
    let mut expired = 0;
    for seed in 0..30 {
        let faults = Faults { drop_before: 15, drop_after: 15, retriable: 15, ..Default::default() };
        let broker = FakeBroker::start(faults, seed).await;
        let producer = producer(&broker, &[("delivery.timeout.ms", "80"), ("request.timeout.ms", "80")]);
        let mut written = Vec::new();
        for (number, delivery) in send_numbers(&producer).await {
            match delivery.await {
                Ok(_) => written.push(number.to_string()),
                Err(error) => {
                    assert!(error.to_string().contains("delivery.timeout.ms"), "seed {seed}: {error}");
                    expired += 1;
                }
            }
        }
        let log: Vec<u32> = broker.log().await.iter().map(|value| value.parse().expect("a number")).collect();
        assert!(log.is_sorted_by(|one, next| one < next), "seed {seed}: {log:?}");
        for number in written {
            assert!(log.contains(&number.parse().expect("a number")), "seed {seed}: {number} is not there");
        }
    }
    assert!(expired > 0, "nothing was tested");
}
