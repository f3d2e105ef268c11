//! The consumer's calls besides polling and committing.

use std::time::Duration;

use moldau_client::consumer::{CloseOptions, Leave};
use moldau_client::{ClientError, Consumer, ConsumerConfig, ErrorCode, OffsetAndMetadata, TopicPartition};
use moldau_node_tests::{Node, PATIENCE, eventually, read, unique, value, write_numbers};

fn partition(topic: &str, index: i32) -> TopicPartition {
    TopicPartition::new(topic, index)
}

async fn joined(node: &Node, topic: &str, settings: &[(&str, &str)]) -> Consumer {
    let mut consumer = node.consumer(settings).await.expect("a consumer");
    consumer.subscribe([topic]).expect("subscribed");
    let joining = async {
        while consumer.assignment().is_empty() {
            consumer.poll(Duration::from_millis(50)).await.expect("a poll");
        }
    };
    tokio::time::timeout(PATIENCE, joining).await.expect("joined in time");
    consumer
}

#[tokio::test]
async fn topics_are_listed_with_their_partitions_and_leaders() {
    let node = Node::get();
    let topic = node.topic("listed", 3, &[]).await.expect("a topic");
    let settings = [("allow.auto.create.topics", "false")];
    let consumer = node.consumer(&settings).await.expect("a consumer");
    let found = consumer.partitions_for(&topic).await.expect("there");
    assert_eq!(found.topic_partitions().collect::<Vec<_>>(), [0, 1, 2].map(|index| partition(&topic, index)));
    assert!(found.partitions.iter().all(|partition| partition.leader.is_some() && partition.isr.len() == 1));
    let all = eventually("the topic is listed", async || {
        consumer.list_topics().await.expect("listed").get(&topic).cloned()
    });
    assert_eq!(all.await.partitions.len(), 3);
    let missing = consumer.partitions_for(&unique("missing")).await.expect_err("no such topic");
    assert_eq!(missing.code(), Some(ErrorCode::UnknownTopicOrPartition));
}

#[tokio::test]
async fn offsets_are_found_by_their_place_and_by_time_and_reading_goes_on_from_there() {
    let node = Node::get();
    let topic = node.topic("places", 2, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    write_numbers(&producer, &topic, 0, 0..10).await.expect("written");
    let (full, empty) = (partition(&topic, 0), partition(&topic, 1));
    let both = [full.clone(), empty.clone()];
    let group = unique("places");
    let settings = [("group.id", group.as_str()), ("enable.auto.commit", "false")];
    let mut consumer = node.consumer(&settings).await.expect("a consumer");
    let beginnings = consumer.beginning_offsets(both.clone()).await.expect("found");
    assert_eq!(beginnings, [(full.clone(), 0), (empty.clone(), 0)].into());
    let ends = consumer.end_offsets(both.clone()).await.expect("found");
    assert_eq!(ends, [(full.clone(), 10), (empty.clone(), 0)].into());
    let times = both.clone().map(|partition| (partition, 0));
    let found = consumer.offsets_for_times(times).await.expect("found");
    assert_eq!(found[&full].expect("a record").offset, 0);
    assert_eq!(found[&empty], None);
    let later = consumer.offsets_for_times([(full.clone(), i64::MAX)]).await.expect("looked up");
    assert_eq!(later[&full], None);
    let negative = consumer.offsets_for_times([(full.clone(), -1)]).await.expect_err("no time");
    assert!(negative.to_string().contains("is negative"), "{negative}");

    consumer.assign(both).expect("assigned");
    consumer.seek_to_end([]).expect("sought");
    assert_eq!(consumer.position(&full).await.expect("found"), 10);
    consumer.seek_to_beginning([&full]).expect("sought");
    assert_eq!(consumer.position(&full).await.expect("found"), 0);
    let seven = OffsetAndMetadata { offset: 7, leader_epoch: Some(0), metadata: String::new() };
    consumer.seek_to_committed(&full, &seven).expect("sought");
    assert_eq!(value(&read(&mut consumer, 3).await[0]), "7");
    let unread = consumer.seek_to_beginning([&partition(&topic, 9)]).expect_err("it is not read");
    assert!(unread.to_string().contains("is not among the partitions"), "{unread}");
}

#[tokio::test]
async fn another_task_wakes_a_consumer_up_and_nothing_is_lost() {
    let node = Node::get();
    let topic = node.topic("woken", 1, &[]).await.expect("a topic");
    let mut consumer = node.consumer(&[]).await.expect("a consumer");
    consumer.assign([partition(&topic, 0)]).expect("assigned");
    let wakeup = consumer.wakeup();
    let (polled, ()) = tokio::join!(tokio::time::timeout(PATIENCE, consumer.poll(PATIENCE * 2)), async {
        tokio::task::yield_now().await;
        wakeup.wake();
    });
    assert!(matches!(polled.expect("woken in time"), Err(ClientError::Woken)));
    // Before a poll it counts for the next one, once.
    consumer.wakeup().wake();
    consumer.wakeup().wake();
    assert!(matches!(consumer.poll(PATIENCE).await, Err(ClientError::Woken)));
    let producer = node.producer(&[]).await.expect("a producer");
    write_numbers(&producer, &topic, 0, 0..3).await.expect("written");
    assert_eq!(read(&mut consumer, 3).await.len(), 3);
}

#[tokio::test]
async fn a_rebalance_can_be_enforced_and_the_group_metadata_tells_of_it() {
    let node = Node::get();
    let topic = node.topic("enforced", 2, &[]).await.expect("a topic");
    let group = unique("enforced");
    let mut outside = node.consumer(&[("group.id", &group)]).await.expect("a consumer");
    let metadata = outside.group_metadata().expect("a group");
    assert_eq!((metadata.generation_id, metadata.member_id.as_str()), (-1, ""));
    assert_eq!(metadata.group_id, group);
    let error = outside.enforce_rebalance("why not").expect_err("it is no member");
    assert!(error.to_string().contains("needs a subscription"), "{error}");
    let mut member = joined(&node, &topic, &[("group.id", &group)]).await;
    let before = member.group_metadata().expect("a group");
    assert_eq!(Some(before.member_id.as_str()), member.member_id());
    member.enforce_rebalance("other weights").expect("a member");
    let rejoining = async {
        while member.group_metadata().expect("a group").generation_id <= before.generation_id
            || member.assignment().is_empty()
        {
            member.poll(Duration::from_millis(50)).await.expect("a poll");
        }
    };
    tokio::time::timeout(PATIENCE, rejoining).await.expect("rejoined in time");
    assert_eq!(member.group_metadata().expect("a group").member_id, before.member_id);
    member.close().await.expect("closed");
    let alone = Consumer::new(ConsumerConfig::default()).expect("a consumer").group_metadata();
    assert!(alone.expect_err("no group").to_string().contains("group.id"));
}

#[tokio::test]
async fn closing_leaves_the_group_or_not_as_it_is_told() {
    let node = Node::get();
    let topic = node.topic("leaving", 1, &[]).await.expect("a topic");
    let admin = node.admin().await.expect("an admin client");
    let instance = ("group.instance.id", "one");
    for (settings, leave, members) in [
        (None, Leave::ByKind, 0),
        (None, Leave::Never, 1),
        (Some(instance), Leave::ByKind, 1),
        (Some(instance), Leave::Always, 0),
    ] {
        let group = unique("leaving");
        let settings: Vec<_> = [("group.id", group.as_str())].into_iter().chain(settings).collect();
        let member = joined(&node, &topic, &settings).await;
        member.close_with(CloseOptions::default().leave(leave)).await.expect("closed");
        let described = admin.describe_group(&group).await.expect("described");
        assert_eq!(described.members.len(), members, "{settings:?} {leave:?}");
    }
}
