//! A node's answers beside those that Apache Kafka gave when they were recorded.

use moldau_differential::{answers_of, compare, recorded};
use moldau_node_tests::Node;

#[test]
fn a_node_answers_every_request_as_apache_kafka_did() {
    let node = Node::with(&[
        ("auto.create.topics.enable", "false"),
        ("offsets.topic.num.partitions", "50"),
        ("listeners", "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0"),
        ("controller.listener.names", "CONTROLLER"),
    ]);
    let answers = answers_of(node.address(), node.controller().expect("a listener")).expect("answers");
    let report =
        compare(&recorded().expect("recorded answers"), &answers).expect("a list of what is intended");
    assert!(!report.failed(), "{report}");
}
