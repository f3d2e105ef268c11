//! Producing.

use moldau_client::{ErrorCode, Header, ProducerRecord, TopicPartition};
use moldau_node_tests::{Node, eventually, read, unique, value, write_numbers};

#[tokio::test]
async fn records_come_back_as_they_were_sent_with_every_compression() {
    let node = Node::get();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = node.topic(codec, 1, &[]).await.expect("a topic");
        let producer = node.producer(&[("compression.type", codec)]).await.expect("a producer");
        let big = "x".repeat(50_000);
        let records = [
            ProducerRecord::to(&topic)
                .key("k")
                .value("v")
                .timestamp(1_357_017_300_000)
                .header("h", "1")
                .header("h", "2"),
            ProducerRecord::to(&topic).key("tombstone"),
            ProducerRecord::to(&topic).value(""),
            ProducerRecord::to(&topic).key("").value(big.clone()),
        ];
        let mut deliveries = Vec::new();
        for record in &records {
            deliveries.push(producer.send(record.clone()).await.expect("taken"));
        }
        for (delivery, offset) in deliveries.into_iter().zip(0i64..) {
            let written = delivery.await.expect("written");
            assert_eq!((written.partition, written.offset), (0, Some(offset)), "{codec}");
        }
        let mut consumer = node.consumer(&[]).await.expect("a consumer");
        consumer.assign([TopicPartition::new(topic.as_str(), 0)]).expect("assigned");
        let got = read(&mut consumer, 4).await;
        for ((got, sent), offset) in got.iter().zip(&records).zip(0i64..) {
            assert_eq!((&got.key, &got.value, got.offset), (&sent.key, &sent.value, offset), "{codec}");
        }
        assert_eq!(got[0].timestamp, 1_357_017_300_000);
        assert_eq!(got[0].headers, [Header::new("h", "1"), Header::new("h", "2")]);
        consumer.close().await.expect("closed");
        producer.close().await.expect("closed");
    }
}

#[tokio::test]
async fn order_holds_within_a_partition_over_many_small_batches() {
    let node = Node::get();
    let topic = node.topic("order", 3, &[]).await.expect("a topic");
    let producer = node.producer(&[("batch.size", "200"), ("linger.ms", "0")]).await.expect("a producer");
    for number in 0..3000u32 {
        let record = ProducerRecord::to(&topic).partition((number % 3) as i32).value(number.to_string());
        drop(producer.send(record).await.expect("taken"));
    }
    producer.flush().await.expect("written");
    let mut consumer = node.consumer(&[]).await.expect("a consumer");
    consumer.assign((0..3).map(|p| TopicPartition::new(topic.as_str(), p))).expect("assigned");
    let got = read(&mut consumer, 3000).await;
    for partition in 0..3 {
        let numbers: Vec<u32> = got
            .iter()
            .filter(|record| record.partition == partition)
            .map(|record| value(record).parse().expect("a number"))
            .collect();
        let wanted: Vec<u32> = (0..3000).filter(|number| number % 3 == partition as u32).collect();
        assert_eq!(numbers, wanted);
    }
}

#[tokio::test]
async fn a_record_that_is_too_large_fails_alone() {
    let node = Node::get();
    let topic = node.topic("small", 1, &[("max.message.bytes", "1000")]).await.expect("a topic");
    let producer = node.producer(&[("linger.ms", "0")]).await.expect("a producer");
    let error = producer
        .send(ProducerRecord::to(&topic).value("x".repeat(5000)))
        .await
        .expect("taken")
        .await
        .expect_err("too large");
    assert_eq!(error.code(), Some(ErrorCode::MessageTooLarge), "{error}");
    for number in 0..3 {
        let written = producer.send(ProducerRecord::to(&topic).value("fits")).await.expect("taken").await;
        assert_eq!(written.expect("written").offset, Some(number));
    }
    let error =
        producer.send(ProducerRecord::to(&topic).value("x".repeat(2_000_000))).await.expect_err("refused");
    assert!(error.to_string().contains("max.request.size"), "{error}");
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_split_until_it_fits() {
    let node = Node::get();
    // Without idempotence only one request at a time keeps the order.
    for (codec, idempotent, in_flight) in [("none", "false", "1")] {
        let topic = node.topic("split", 1, &[("max.message.bytes", "1000")]).await.expect("a topic");
        let settings = [
            ("linger.ms", "500"),
            ("compression.type", codec),
            ("enable.idempotence", idempotent),
            ("max.in.flight.requests.per.connection", in_flight),
        ];
        let producer = node.producer(&settings).await.expect("a producer");
        let mut deliveries = Vec::new();
        for number in 0..300u32 {
            // Some are too large by themselves.
            let filler = if number % 100 == 50 { noise(1500) } else { noise(20) };
            let record = ProducerRecord::to(&topic).value(format!("{number} {filler}"));
            deliveries.push(producer.send(record).await.expect("taken"));
        }
        let flushed = producer.flush().await.expect_err("three can't be written");
        assert_eq!(flushed.code(), Some(ErrorCode::MessageTooLarge), "{flushed}");
        let mut wanted = Vec::new();
        for (number, delivery) in (0u32..).zip(deliveries) {
            match delivery.await {
                Ok(written) => {
                    assert_eq!(written.offset, Some(wanted.len() as i64), "{settings:?}");
                    wanted.push(number);
                }
                Err(_) => assert_eq!(number % 100, 50, "{codec}"),
            }
        }
        assert_eq!(wanted.len(), 297, "{codec}");
        let mut consumer = node.consumer(&[]).await.expect("a consumer");
        consumer.assign([TopicPartition::new(topic.as_str(), 0)]).expect("assigned");
        let got = read(&mut consumer, 297).await;
        let number = |record| {
            value(record).split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
        };
        assert_eq!(got.iter().map(number).collect::<Vec<u32>>(), wanted, "{codec}");
    }
}

/// Text that no codec makes smaller by much.
fn noise(length: usize) -> String {
    let mut state = 0x2545_f491_4f6c_dd1d_u64 ^ length as u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + (state % 90) as u8)
    };
    (0..length).map(|_| next()).collect()
}

#[tokio::test]
async fn acks_0_and_1_are_written_without_idempotence() {
    let node = Node::get();
    let topic = node.topic("acks", 1, &[]).await.expect("a topic");
    for acks in ["0", "1"] {
        let settings = [("acks", acks), ("enable.idempotence", "false")];
        let producer = node.producer(&settings).await.expect("a producer");
        let written = producer
            .send(ProducerRecord::to(&topic).value(acks))
            .await
            .expect("taken")
            .await
            .expect("written");
        assert_eq!(written.offset.is_some(), acks == "1");
        producer.close().await.expect("closed");
    }
    let mut consumer = node.consumer(&[]).await.expect("a consumer");
    consumer.assign([TopicPartition::new(topic.as_str(), 0)]).expect("assigned");
    assert_eq!(read(&mut consumer, 2).await.len(), 2);
}

#[tokio::test]
async fn log_append_time_is_the_brokers() {
    let node = Node::get();
    let configs = [("message.timestamp.type", "LogAppendTime")];
    let topic = node.topic("append-time", 1, &configs).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    let record = ProducerRecord::to(&topic).value("v").timestamp(1000);
    let written = producer.send(record).await.expect("taken").await.expect("written");
    assert!(written.timestamp > 1_600_000_000_000, "{written:?}");
}

#[tokio::test]
async fn an_unknown_partition_and_an_invalid_topic_are_refused() {
    let node = Node::get();
    let topic = node.topic("two", 2, &[]).await.expect("a topic");
    // It is looked for until the time is over; what the topic has is known before that begins.
    let producer = node.producer(&[("max.block.ms", "500")]).await.expect("a producer");
    eventually("the topic", async || producer.partitions_for(&topic).await.ok()).await;
    let error = producer.send(ProducerRecord::to(&topic).partition(2).value("v")).await.expect_err("refused");
    assert!(error.to_string().contains("has no partition 2"), "{error}");
    let producer = node.producer(&[]).await.expect("a producer");
    let error = producer.send(ProducerRecord::to("no/topic").value("v")).await.expect_err("refused");
    assert_eq!(error.code(), Some(ErrorCode::InvalidTopicException), "{error}");
}

#[tokio::test]
async fn a_topic_is_made_by_the_first_record() {
    let node = Node::get();
    let topic = unique("made");
    let producer = node.producer(&[]).await.expect("a producer");
    write_numbers(&producer, &topic, 0, 0..10).await.expect("written");
    let mut consumer = node.consumer(&[]).await.expect("a consumer");
    consumer.assign([TopicPartition::new(topic.as_str(), 0)]).expect("assigned");
    assert_eq!(read(&mut consumer, 10).await.len(), 10);
}
