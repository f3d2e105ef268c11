//! Very many names in one request: answered or refused, in bounded memory.

use moldau_node_tests::wire::{Wire, frame, name_of};
use moldau_node_tests::{Bystander, Node};
use moldau_protocol::messages::DescribeConfigsRequest;
use moldau_protocol::messages::MetadataRequest;
use moldau_protocol::messages::describe_configs_request::DescribeConfigsResource;
use moldau_protocol::messages::metadata_request::MetadataRequestTopic;

fn asks_for(names: impl Iterator<Item = String>) -> MetadataRequest {
    let topics = names.map(|name| MetadataRequestTopic { name: Some(name), ..Default::default() }).collect();
    MetadataRequest { topics: Some(topics), allow_auto_topic_creation: true, ..Default::default() }
}

#[tokio::test]
async fn a_hundred_thousand_unknown_topics_are_unknown_and_not_made() {
    let node = Node::with(&[("auto.create.topics.enable", "false")]);
    let bystander = Bystander::start(&node).await;
    let mut wire = Wire::connect(node.address()).await;
    let request = asks_for((0..100_000).map(|number| format!("unknown-{number}")));
    let answer = wire.ask(9, &request).await;
    assert_eq!(answer.topics.len(), 100_000);
    let errors: std::collections::BTreeSet<_> = answer.topics.iter().map(|t| name_of(t.error_code)).collect();
    assert_eq!(errors.into_iter().collect::<Vec<_>>(), ["UNKNOWN_TOPIC_OR_PARTITION"]);
    let all = wire.ask(9, &MetadataRequest { topics: None, ..Default::default() }).await;
    assert!(all.topics.iter().all(|topic| !topic.name.as_deref().unwrap_or_default().starts_with("unknown")));
    bystander.unharmed().await;
}

#[tokio::test]
async fn a_topic_asked_for_a_hundred_thousand_times_is_answered_once() {
    let node = Node::get();
    let bystander = Bystander::start(&node).await;
    let topic = node.topic("again", 100, &[]).await.expect("a topic");
    let mut wire = Wire::connect(node.address()).await;
    let answer = wire.ask(9, &asks_for((0..100_000).map(|_| topic.clone()))).await;
    assert_eq!(answer.topics.len(), 1);
    assert_eq!(answer.topics[0].partitions.len(), 100);

    let resource =
        DescribeConfigsResource { resource_type: 2, resource_name: topic.clone(), ..Default::default() };
    let request = DescribeConfigsRequest {
        resources: vec![resource; 10_000],
        include_synonyms: true,
        include_documentation: true,
    };
    assert_eq!(wire.ask(3, &request).await.results.len(), 1);
    bystander.unharmed().await;
}

#[tokio::test]
async fn more_names_than_memory_is_given_for_close_the_connection() {
    let node = Node::with(&[("auto.create.topics.enable", "false")]);
    let bystander = Bystander::start(&node).await;
    // Ten million empty names of two bytes each.
    let count = 10_000_000i32;
    let mut content = vec![0, 3, 0, 1, 0, 0, 0, 7, 0xff, 0xff];
    content.extend_from_slice(&count.to_be_bytes());
    content.resize(content.len() + 2 * count as usize, 0);
    let mut wire = Wire::connect(node.address()).await;
    wire.send_bytes(&frame(&content)).await;
    wire.closed("ten million names").await;
    bystander.unharmed().await;
}
