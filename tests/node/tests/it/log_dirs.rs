//! Partitions that are moved between a node's log directories while clients write and read them.

use std::collections::BTreeMap;

use moldau_node_tests::wire::{Wire, name_of, one};
use moldau_node_tests::{Node, data_directory, eventually, read, unique, value, write_numbers};
use moldau_protocol::messages::alter_replica_log_dirs_request::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic,
};
use moldau_protocol::messages::{AlterReplicaLogDirsRequest, DescribeLogDirsRequest};

/// A node with three log directories, and where they are.
fn node() -> (Node, Vec<String>) {
    let data = data_directory();
    let dirs = ["a", "b", "c"].map(|name| data.join(name).to_str().expect("UTF-8").to_owned());
    (Node::with(&[("log.dirs", &dirs.join(","))]), dirs.to_vec())
}

async fn alter(wire: &mut Wire, dir: &str, topic: &str, partition: i32) -> &'static str {
    let topics = vec![AlterReplicaLogDirTopic { name: topic.to_owned(), partitions: vec![partition] }];
    let request =
        AlterReplicaLogDirsRequest { dirs: vec![AlterReplicaLogDir { path: dir.to_owned(), topics }] };
    let answer = wire.ask(2, &request).await;
    name_of(answer.results[0].partitions[0].error_code)
}

/// Directories of partition 0 of a topic, with its size, and whether it is a copy in the making.
async fn places(wire: &mut Wire, topic: &str) -> BTreeMap<String, (i64, bool)> {
    let answer = wire.ask(4, &DescribeLogDirsRequest { topics: None }).await;
    let mut places = BTreeMap::new();
    for dir in answer.results {
        for found in dir.topics.into_iter().filter(|found| found.name == topic) {
            let partition = found.partitions.iter().find(|partition| partition.partition_index == 0);
            let partition = partition.expect("partition 0");
            places.insert(dir.log_dir.clone(), (partition.partition_size, partition.is_future_key));
        }
    }
    places
}

async fn home(wire: &mut Wire, topic: &str) -> String {
    let places = places(wire, topic).await;
    let homes = places.into_iter().find(|(_, (_, is_future))| !is_future);
    homes.expect("the partition is somewhere").0
}

async fn arrives(wire: &mut Wire, topic: &str, target: &str) {
    eventually("the move is done", async || {
        let places = places(wire, topic).await;
        (places.len() == 1 && places.get(target).is_some_and(|(_, is_future)| !is_future)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_is_moved_again_and_again_while_it_is_written_and_read() {
    let (node, dirs) = node();
    let topic = node.topic("moved", 1, &[("segment.bytes", "1048576")]).await.expect("a topic");
    let (writing, name) = (node.clone(), topic.clone());
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let writer = tokio::spawn(async move {
        let producer = writing.producer(&[("linger.ms", "1")]).await.expect("a producer");
        let mut next = 0;
        while !*stopped.borrow_and_update() {
            write_numbers(&producer, &name, 0, next..next + 500).await.expect("written");
            next += 500;
        }
        next
    });
    let mut wire = Wire::connect(node.address()).await;
    for round in 0..6 {
        let home = home(&mut wire, &topic).await;
        let target = dirs.iter().filter(|dir| **dir != home).nth(round % 2).expect("another directory");
        assert_eq!(alter(&mut wire, target, &topic, 0).await, "NONE");
        arrives(&mut wire, &topic, target).await;
    }
    stop.send(true).expect("the writer is there");
    let count = writer.await.expect("the writer has not failed");
    let mut consumer = node.consumer(&[("group.id", &unique("all"))]).await.expect("a consumer");
    consumer.subscribe([&topic]).expect("subscribed");
    let records = read(&mut consumer, count as usize).await;
    let numbers: Vec<u32> = records.iter().map(|record| value(record).parse().expect("a number")).collect();
    assert!(numbers.iter().copied().eq(0..count), "each once and in order");
    assert!(records.iter().map(|record| record.offset).eq(0..i64::from(count)));
}

#[tokio::test]
async fn moves_are_refused_redirected_and_given_up_as_the_reference_does() {
    let (node, dirs) = node();
    let topic = node.topic("refused", 1, &[]).await.expect("a topic");
    let mut wire = Wire::connect(node.address()).await;
    wire.produce(9, -1, &topic, one("v")).await;
    let home = home(&mut wire, &topic).await;
    let target = dirs.iter().find(|dir| **dir != home).expect("another directory");
    for (dir, topic, partition, wanted) in [
        ("/nowhere", &*topic, 0, "LOG_DIR_NOT_FOUND"),
        ("a", &topic, 0, "LOG_DIR_NOT_FOUND"),
        ("", &topic, 0, "LOG_DIR_NOT_FOUND"),
        (target, &topic, 9, "UNKNOWN_TOPIC_OR_PARTITION"),
        (target, "__cluster_metadata", 0, "UNKNOWN_TOPIC_OR_PARTITION"),
        (target, &"t".repeat(230), 0, "INVALID_TOPIC_EXCEPTION"),
        (&home, &topic, 0, "NONE"),
    ] {
        assert_eq!(alter(&mut wire, dir, topic, partition).await, wanted, "{topic}-{partition} to {dir:?}");
    }
    wire.set_broker_config("1", "cordoned.log.dirs", target).await;
    eventually("it is cordoned", async || {
        (alter(&mut wire, target, &topic, 0).await == "INVALID_REPLICA_ASSIGNMENT").then_some(())
    })
    .await;
    wire.set_broker_config("1", "cordoned.log.dirs", "").await;
    assert_eq!(self::home(&mut wire, &topic).await, home);
    // A directory that was asked for before the partition was there is where it is made.
    let later = unique("later");
    assert_eq!(alter(&mut wire, &dirs[2], &later, 0).await, "UNKNOWN_TOPIC_OR_PARTITION");
    let admin = node.admin().await.expect("an admin");
    let new = moldau_client::admin::NewTopic::new(&later).partitions(1).replication_factor(1);
    admin.create_topics(&[new], false).await.expect("an answer").remove(0).expect("made");
    arrives(&mut wire, &later, &dirs[2]).await;
}

#[tokio::test]
async fn a_topic_that_is_deleted_while_it_is_moved_leaves_nothing() {
    let (node, dirs) = node();
    let mut wire = Wire::connect(node.address()).await;
    let admin = node.admin().await.expect("an admin");
    for _ in 0..5 {
        let topic = node.topic("gone", 1, &[("file.delete.delay.ms", "0")]).await.expect("a topic");
        wire.produce(9, -1, &topic, one(&"x".repeat(100_000))).await;
        let home = home(&mut wire, &topic).await;
        let target = dirs.iter().find(|dir| **dir != home).expect("another directory");
        assert_eq!(alter(&mut wire, target, &topic, 0).await, "NONE");
        admin.delete_topics(&[&topic]).await.expect("an answer").remove(0).expect("deleted");
        eventually("the files are gone", async || {
            let left = dirs.iter().flat_map(|dir| std::fs::read_dir(dir).expect("a directory").flatten());
            let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with(&*topic)).count();
            (left == 0).then_some(())
        })
        .await;
    }
}
