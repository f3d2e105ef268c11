//! Broker configs that are changed while the node runs take effect there and then.

use moldau_client::ErrorCode;
use moldau_client::admin::NewTopic;
use moldau_node_tests::wire::{Wire, name_of, one};
use moldau_node_tests::{Node, eventually, unique};
use moldau_protocol::messages::DescribeLogDirsRequest;

#[tokio::test]
async fn the_largest_batch_and_the_time_of_records_follow_the_brokers_configs() {
    let node = Node::with(&[]);
    let topic = node.topic("follows", 1, &[]).await.expect("a topic");
    let own = node.topic("own", 1, &[("max.message.bytes", "100000")]).await.expect("a topic");
    let mut wire = Wire::connect(node.address()).await;
    let large = "x".repeat(5000);
    for (limit, wanted, offset) in [("1000", "MESSAGE_TOO_LARGE", 0), ("10000", "NONE", 1)] {
        wire.set_broker_config("", "message.max.bytes", limit).await;
        let answer = wire.produce(9, -1, &topic, one(&large)).await;
        assert_eq!(name_of(answer.error_code), wanted, "message.max.bytes={limit}");
        let answer = wire.produce(9, -1, &own, one(&large)).await;
        assert_eq!(
            (name_of(answer.error_code), answer.base_offset),
            ("NONE", offset),
            "a topic's own limit stays"
        );
    }
    wire.set_broker_config("1", "log.message.timestamp.type", "LogAppendTime").await;
    assert!(wire.produce(9, -1, &topic, one("v")).await.log_append_time_ms > 0);
    wire.set_broker_config("1", "log.message.timestamp.type", "CreateTime").await;
    assert_eq!(wire.produce(9, -1, &topic, one("v")).await.log_append_time_ms, -1);
}

#[tokio::test]
async fn nothing_new_is_placed_where_all_directories_are_cordoned() {
    let node = Node::with(&[]);
    let mut wire = Wire::connect(node.address()).await;
    let admin = node.admin().await.expect("an admin");
    let make = async || {
        let topic = NewTopic::new(unique("placed")).partitions(1).replication_factor(1);
        admin.create_topics(&[topic], false).await.expect("an answer").remove(0)
    };
    wire.set_broker_config("1", "cordoned.log.dirs", "*").await;
    let refused = eventually("the controller knows", async || make().await.err()).await;
    assert_eq!(refused.code(), Some(ErrorCode::InvalidReplicationFactor), "{refused}");
    let dirs = wire.ask(5, &DescribeLogDirsRequest { topics: None }).await.results;
    assert!(dirs.iter().all(|dir| dir.is_cordoned), "{dirs:?}");
    wire.set_broker_config("1", "cordoned.log.dirs", "").await;
    eventually("the controller knows", async || make().await.ok()).await;
}

#[tokio::test]
async fn no_directory_is_described_as_cordoned_below_the_metadata_version_that_has_them() {
    let node = Node::of_release("4.2", &[("cordoned.log.dirs", "*")]);
    let mut wire = Wire::connect(node.address()).await;
    let dirs = wire.ask(5, &DescribeLogDirsRequest { topics: None }).await.results;
    assert!(!dirs.is_empty() && dirs.iter().all(|dir| !dir.is_cordoned), "{dirs:?}");
}
