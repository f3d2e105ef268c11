//! A node's answers beside those that Apache Kafka gave when they were recorded.

use moldau_differential::{Answer, answers_of, compare, recorded};
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
    each_offered_api_is_asked(&answers);
    let report =
        compare(&recorded().expect("recorded answers"), &answers).expect("a list of what is intended");
    assert!(!report.failed(), "{report}");
}

/// An API that a node offers is among those that are asked in each version.
fn each_offered_api_is_asked(answers: &[Answer]) {
    for place in ["", "controller: "] {
        let offered = format!("{place}ApiVersions v4: a client with a name");
        let offered = answers.iter().find(|answer| answer.case == offered).expect("what is offered");
        let offered = offered.answer["apiKeys"].as_object().expect("a map by name");
        for api in offered.keys() {
            let asked = |title: &str| {
                let cases = answers.iter().map(|answer| &answer.case);
                cases
                    .filter(|case| case.starts_with(&format!("{place}{api} v")) && case.ends_with(title))
                    .count()
            };
            assert!(asked("a body that ends early") > 0, "{place}{api} is not among those of frames.rs");
            assert!(asked("") > asked("a body that ends early"), "nothing whole is asked of {place}{api}");
        }
    }
}
