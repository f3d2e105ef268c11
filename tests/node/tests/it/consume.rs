//! Consuming without a group.

use std::collections::BTreeMap;
use std::time::Duration;

use moldau_client::{OffsetSpec, ProducerRecord, TopicPartition};
use moldau_node_tests::{Node, read, value, write_numbers};

#[tokio::test]
async fn a_seek_goes_to_an_offset_a_time_the_beginning_and_the_end() {
    let node = Node::get();
    let topic = node.topic("seek", 1, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    for hour in 0..10i64 {
        let record = ProducerRecord::to(&topic)
            .value(hour.to_string())
            .timestamp(1_357_000_000_000 + hour * 3_600_000);
        producer.send(record).await.expect("taken").await.expect("written");
    }
    let partition = TopicPartition::new(topic.as_str(), 0);
    let mut consumer = node.consumer(&[]).await.expect("a consumer");
    consumer.assign([partition.clone()]).expect("assigned");
    assert_eq!(value(&read(&mut consumer, 1).await[0]), "0");
    consumer.seek(&partition, 7).expect("read");
    assert_eq!(value(&read(&mut consumer, 1).await[0]), "7");
    let between = OffsetSpec::Timestamp(1_357_000_000_000 + 4 * 3_600_000 - 1);
    consumer.seek_to(&partition, between).expect("read");
    assert_eq!(consumer.position(&partition).await.expect("found"), 4);
    assert_eq!(value(&read(&mut consumer, 1).await[0]), "4");
    consumer.seek_to(&partition, OffsetSpec::Earliest).expect("read");
    assert_eq!(value(&read(&mut consumer, 1).await[0]), "0");
    consumer.seek_to(&partition, OffsetSpec::Latest).expect("read");
    assert!(consumer.poll(Duration::from_millis(300)).await.expect("a poll").is_empty());
    assert_eq!(consumer.position(&partition).await.expect("known"), 10);
    consumer.seek_to(&partition, OffsetSpec::Timestamp(1_999_000_000_000)).expect("read");
    assert_eq!(consumer.position(&partition).await.expect("found"), 10);
    let wanted = [OffsetSpec::Earliest, OffsetSpec::Latest, OffsetSpec::MaxTimestamp];
    for (spec, offset) in wanted.into_iter().zip([0, 10, 9]) {
        let found = consumer.offsets([(partition.clone(), spec)]).await.expect("found");
        assert_eq!(found[&partition].expect("found").offset, offset, "{spec:?}");
    }
}

#[tokio::test]
async fn new_records_come_while_polling() {
    let node = Node::get();
    let topic = node.topic("live", 2, &[]).await.expect("a topic");
    let mut consumer = node.consumer(&[("auto.offset.reset", "latest")]).await.expect("a consumer");
    consumer.assign((0..2).map(|p| TopicPartition::new(topic.as_str(), p))).expect("assigned");
    for partition in 0..2 {
        consumer.position(&TopicPartition::new(topic.as_str(), partition)).await.expect("found");
    }
    let producer = node.producer(&[("linger.ms", "0")]).await.expect("a producer");
    for number in 0..20 {
        write_numbers(&producer, &topic, number % 2, number as u32..number as u32 + 1)
            .await
            .expect("written");
        assert_eq!(value(&read(&mut consumer, 1).await[0]), number.to_string());
    }
}

#[tokio::test]
async fn paused_partitions_give_nothing_and_lose_nothing() {
    let node = Node::get();
    let topic = node.topic("pause", 2, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    for partition in 0..2 {
        write_numbers(&producer, &topic, partition, 0..50).await.expect("written");
    }
    let partitions: Vec<TopicPartition> = (0..2).map(|p| TopicPartition::new(topic.as_str(), p)).collect();
    let mut consumer = node.consumer(&[("max.poll.records", "10")]).await.expect("a consumer");
    consumer.assign(partitions.iter().cloned()).expect("assigned");
    consumer.pause([&partitions[0]]).expect("paused");
    let got = read(&mut consumer, 50).await;
    assert!(got.iter().all(|record| record.partition == 1));
    assert!(consumer.poll(Duration::from_millis(200)).await.expect("a poll").is_empty());
    consumer.resume([&partitions[0]]).expect("resumed");
    let got = read(&mut consumer, 50).await;
    assert!(got.iter().all(|record| record.partition == 0));
    assert_eq!(got.iter().map(|record| record.offset).collect::<Vec<_>>(), (0..50).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_position_out_of_range_is_reset() {
    let node = Node::get();
    let topic = node.topic("range", 1, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    write_numbers(&producer, &topic, 0, 0..10).await.expect("written");
    let partition = TopicPartition::new(topic.as_str(), 0);
    let admin = node.admin().await.expect("an admin client");
    let low = admin.delete_records(&BTreeMap::from([(partition.clone(), 4)])).await.expect("answered");
    assert_eq!(*low[&partition].as_ref().expect("deleted"), 4);
    let mut consumer = node.consumer(&[]).await.expect("a consumer");
    consumer.assign([partition.clone()]).expect("assigned");
    consumer.seek(&partition, 1).expect("read");
    assert_eq!(read(&mut consumer, 6).await[0].offset, 4);
    consumer.seek(&partition, 1000).expect("read");
    assert_eq!(read(&mut consumer, 6).await[0].offset, 4);
}

#[tokio::test]
async fn small_fetches_still_give_large_records() {
    let node = Node::get();
    let topic = node.topic("fetch", 1, &[]).await.expect("a topic");
    let producer = node.producer(&[("batch.size", "1000")]).await.expect("a producer");
    for _ in 0..5 {
        producer
            .send(ProducerRecord::to(&topic).value("x".repeat(100_000)))
            .await
            .expect("taken")
            .await
            .expect("written");
    }
    let settings = [("max.partition.fetch.bytes", "1000"), ("fetch.max.bytes", "1000")];
    let mut consumer = node.consumer(&settings).await.expect("a consumer");
    consumer.assign([TopicPartition::new(topic.as_str(), 0)]).expect("assigned");
    assert_eq!(read(&mut consumer, 5).await.len(), 5);
}

#[tokio::test]
async fn a_cancelled_poll_loses_nothing() {
    let node = Node::get();
    let topic = node.topic("cancel", 1, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    write_numbers(&producer, &topic, 0, 0..500).await.expect("written");
    let mut consumer = node.consumer(&[("max.poll.records", "7")]).await.expect("a consumer");
    consumer.assign([TopicPartition::new(topic.as_str(), 0)]).expect("assigned");
    let mut offsets = Vec::new();
    for attempt in 0..100_000u64 {
        let allowed = Duration::from_micros(attempt % 50 * 20);
        let polled = tokio::time::timeout(allowed, consumer.poll(Duration::from_secs(1))).await;
        if let Ok(records) = polled {
            offsets.extend(records.expect("a poll").iter().map(|record| record.offset));
        }
        if offsets.len() >= 500 {
            break;
        }
    }
    assert_eq!(offsets, (0..500).collect::<Vec<i64>>());
}
