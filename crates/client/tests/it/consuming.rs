//! A consumer whose broker has trouble with some of what is read.

use std::time::Duration;

use moldau_client::{Consumer, ConsumerConfig, TopicPartition};

use crate::log_broker::{LogBroker, Part, TOPIC};

const PATIENCE: Duration = Duration::from_secs(30);

fn partition(index: i32) -> TopicPartition {
    TopicPartition::new(TOPIC, index)
}

/// A consumer that reads all partitions of this broker.
fn reading(broker: &LogBroker, settings: &[(&str, &str)]) -> Consumer {
    let settings = settings.iter().copied().chain([("bootstrap.servers", broker.address.as_str())]);
    let mut consumer =
        Consumer::new(ConsumerConfig::from_pairs(settings).expect("settings")).expect("a consumer");
    let count = broker.state.lock().parts.len() as i32;
    consumer.assign((0..count).map(partition)).expect("assigned");
    consumer
}

/// The offsets of the next records, at least so many, with their partitions.
async fn read(consumer: &mut Consumer, count: usize) -> Vec<(i32, i64)> {
    let reading = async {
        let mut offsets = Vec::new();
        while offsets.len() < count {
            let records = consumer.poll(Duration::from_secs(1)).await.expect("polls");
            offsets.extend(records.iter().map(|record| (record.partition, record.offset)));
        }
        offsets
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the records come")
}

/// The bug: positions were looked up for all partitions at once, and what was found was thrown away while one had no answer.
#[tokio::test]
async fn a_partition_without_a_leader_keeps_no_other_from_starting() {
    let leaderless = Part { leader: -1, ..Part::of_records(2) };
    let committed = Part { committed: 1, ..Part::of_records(2) };
    let broker = LogBroker::start(vec![leaderless, Part::of_records(2), committed]).await;
    let settings = [("group.id", "g"), ("auto.offset.reset", "earliest"), ("enable.auto.commit", "false")];
    let mut consumer = reading(&broker, &settings);
    let mut got = read(&mut consumer, 3).await;
    got.sort_unstable();
    assert_eq!(got, [(1, 0), (1, 1), (2, 1)]);
    broker.state.lock().parts[0].leader = 1;
    assert_eq!(read(&mut consumer, 2).await, [(0, 0), (0, 1)], "it is read as soon as it has a leader");
}

/// The bug: what a seek asked for waited for a look-up that was under way for a partition without a leader.
#[tokio::test]
async fn a_seek_is_looked_up_while_another_partition_has_no_leader() {
    let leaderless = Part { leader: -1, ..Part::of_records(2) };
    let broker = LogBroker::start(vec![leaderless, Part::of_records(3)]).await;
    let mut consumer = reading(&broker, &[("auto.offset.reset", "latest")]);
    assert!(consumer.poll(Duration::from_millis(10)).await.expect("polls").is_empty());
    consumer.seek_to_beginning([&partition(1)]).expect("sought");
    assert_eq!(read(&mut consumer, 3).await, [(1, 0), (1, 1), (1, 2)]);
    consumer.seek_to_end([&partition(1)]).expect("sought");
    let position = tokio::time::timeout(PATIENCE, consumer.position(&partition(1))).await;
    assert_eq!(position.expect("in time").expect("found"), 3);
}

/// The bug: with `auto.offset.reset=none` one partition without a committed offset kept all from being read.
#[tokio::test]
async fn a_partition_without_an_offset_keeps_no_other_from_being_read() {
    let committed = Part { committed: 1, ..Part::of_records(3) };
    let broker = LogBroker::start(vec![Part::of_records(2), committed]).await;
    let settings = [("group.id", "g"), ("auto.offset.reset", "none"), ("enable.auto.commit", "false")];
    let mut consumer = reading(&broker, &settings);
    let (mut offsets, mut errors) = (Vec::new(), 0);
    let reading = async {
        while offsets.len() < 2 || errors == 0 {
            match consumer.poll(Duration::from_secs(1)).await {
                Ok(records) => offsets.extend(records.iter().map(|record| (record.partition, record.offset))),
                Err(_) => errors += 1,
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("both happen");
    assert_eq!(offsets, [(1, 1), (1, 2)]);
}
