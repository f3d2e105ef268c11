//! Streams of records, and subscribing by pattern.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use moldau_client::TopicPartition;
use moldau_node_tests::{Node, PATIENCE, eventually, read, unique, value, write_numbers};

#[tokio::test]
async fn a_stream_that_is_dropped_loses_no_record_and_commits_none_that_it_did_not_give() {
    let node = Node::get();
    let topic = node.topic("stream", 1, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    write_numbers(&producer, &topic, 0, 0..100).await.expect("written");
    let group = unique("stream");
    let partition = TopicPartition::new(&*topic, 0);
    let mut consumer = node.consumer(&[("group.id", &group)]).await.expect("a consumer");
    consumer.assign([partition.clone()]).expect("assigned");
    let take = async |consumer: &mut moldau_client::Consumer, count| {
        let taken = consumer.stream().take(count).map(|record| record.expect("a record"));
        let records: Vec<_> = tokio::time::timeout(PATIENCE, taken.collect()).await.expect("in time");
        records.iter().map(|record| value(record).parse().expect("a number")).collect::<Vec<u32>>()
    };
    assert_eq!(take(&mut consumer, 10).await, (0..10).collect::<Vec<_>>());
    assert_eq!(consumer.position(&partition).await.expect("known"), 10);
    consumer.commit().await.expect("committed");
    let committed = consumer.committed(std::slice::from_ref(&partition)).await.expect("read");
    assert_eq!(committed[&partition].offset, 10);
    assert_eq!(consumer.current_lag(&partition), Some(90));
    assert_eq!(take(&mut consumer, 5).await, (10..15).collect::<Vec<_>>());
    // The bug: what a stream had not given out was given out although its partition was paused.
    consumer.pause([&partition]).expect("paused");
    assert!(consumer.poll(std::time::Duration::ZERO).await.expect("a poll").is_empty());
    assert!(tokio::time::timeout(std::time::Duration::from_millis(1), consumer.next()).await.is_err());
    assert_eq!(consumer.position(&partition).await.expect("known"), 15);
    consumer.resume([&partition]).expect("resumed");
    assert_eq!(take(&mut consumer, 5).await, (15..20).collect::<Vec<_>>());
    consumer.seek(&partition, 40).expect("sought");
    assert_eq!(take(&mut consumer, 2).await, [40, 41]);
    let polled = read(&mut consumer, 58).await;
    assert_eq!((value(&polled[0]), value(&polled[57])), ("42", "99"));
    consumer.close().await.expect("closed");
}

#[tokio::test]
async fn paused_partitions_and_subscriptions_are_told() {
    let node = Node::get();
    let topic = node.topic("told", 2, &[]).await.expect("a topic");
    let mut consumer = node.consumer(&[("group.id", &unique("told"))]).await.expect("a consumer");
    let partition = |index| TopicPartition::new(&*topic, index);
    consumer.assign([partition(0), partition(1)]).expect("assigned");
    consumer.pause([&partition(1)]).expect("paused");
    assert_eq!(consumer.paused(), [partition(1)]);
    consumer.unsubscribe().await.expect("unsubscribed");
    consumer.subscribe([&topic]).expect("subscribed");
    assert_eq!(consumer.subscription(), [topic]);
    consumer.close().await.expect("closed");
}

#[tokio::test]
async fn a_pattern_takes_topics_in_that_are_made_later() {
    let node = Node::get();
    let stem = unique("pattern");
    let make = async |name: &str| {
        let admin = node.admin().await.expect("an admin client");
        let topic = moldau_client::admin::NewTopic::new(name).partitions(1).replication_factor(1);
        admin.create_topics(&[topic], false).await.expect("answered").remove(0).expect("made");
        let producer = node.producer(&[]).await.expect("a producer");
        write_numbers(&producer, name, 0, 0..3).await.expect("written");
    };
    let (first, second, other) = (format!("{stem}.a"), format!("{stem}.b"), format!("{stem}-c"));
    make(&first).await;
    make(&other).await;
    let settings = [("group.id", &*stem), ("metadata.max.age.ms", "200")];
    let mut consumer = node.consumer(&settings).await.expect("a consumer");
    assert!(consumer.subscribe_pattern("a(").is_err());
    consumer.subscribe_pattern(&format!("{stem}\\.[ab]")).expect("subscribed");
    let mut topics: BTreeSet<String> = BTreeSet::new();
    topics.extend(read(&mut consumer, 3).await.iter().map(|record| record.topic.to_string()));
    assert_eq!(topics.iter().collect::<Vec<_>>(), [&first]);
    make(&second).await;
    topics.extend(read(&mut consumer, 3).await.iter().map(|record| record.topic.to_string()));
    assert_eq!(topics.iter().collect::<Vec<_>>(), [&first, &second]);
    assert_eq!(consumer.subscription(), [first, second.clone()]);
    node.admin().await.expect("an admin client").delete_topics(&[&second]).await.expect("answered");
    eventually("the deleted topic is let go of", async || {
        consumer.poll(std::time::Duration::from_millis(50)).await.expect("a poll");
        (consumer.subscription().len() == 1 && consumer.assignment().len() == 1).then_some(())
    })
    .await;
    consumer.close().await.expect("closed");
}

#[tokio::test]
async fn a_topic_that_is_made_after_its_subscription_is_read() {
    let node = Node::get();
    let topic = unique("later");
    let group = unique("later");
    let settings = [("group.id", group.as_str()), ("allow.auto.create.topics", "false")];
    let mut consumer = node.consumer(&settings).await.expect("a consumer");
    consumer.subscribe([&topic]).expect("subscribed");
    eventually("the member has joined", async || {
        consumer.poll(std::time::Duration::from_millis(50)).await.expect("a poll");
        consumer.member_id().map(|_| ())
    })
    .await;
    assert!(consumer.assignment().is_empty(), "there is nothing to share out");
    let admin = node.admin().await.expect("an admin client");
    let made = moldau_client::admin::NewTopic::new(&topic).partitions(2).replication_factor(1);
    admin.create_topics(&[made], false).await.expect("answered").remove(0).expect("made");
    // Long before metadata.max.age.ms is over.
    eventually("its partitions are assigned", async || {
        consumer.poll(std::time::Duration::from_millis(50)).await.expect("a poll");
        (consumer.assignment().len() == 2).then_some(())
    })
    .await;
    consumer.close().await.expect("closed");
}
