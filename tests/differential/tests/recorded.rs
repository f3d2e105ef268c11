//! A node's answers beside those that Apache Kafka gave when they were recorded.

use moldau_differential::{answers_of, compare, recorded};
use moldau_node_tests::Node;

#[test]
fn a_node_answers_every_request_as_apache_kafka_did() {
    let node = Node::with(&[("auto.create.topics.enable", "false"), ("offsets.topic.num.partitions", "50")]);
    let report =
        compare(&recorded().expect("recorded answers"), &answers_of(node.address()).expect("answers"))
            .expect("a list of what is intended");
    assert!(!report.failed(), "{report}");
}
