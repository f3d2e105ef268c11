//! What Metadata says of topics by id, and of topics that it makes.

use moldau_node_tests::wire::{Wire, name_of};
use moldau_node_tests::{Node, unique};
use moldau_protocol::messages::MetadataRequest;
use moldau_protocol::messages::metadata_request::MetadataRequestTopic;
use moldau_types::Uuid;

fn asks_for(topic: MetadataRequestTopic) -> MetadataRequest {
    MetadataRequest { topics: Some(vec![topic]), allow_auto_topic_creation: true, ..Default::default() }
}

#[tokio::test]
async fn an_empty_name_beside_an_id_does_not_hide_the_topic() {
    let node = Node::get();
    let name = node.topic("by-id", 1, &[]).await.expect("a topic");
    let mut wire = Wire::connect(node.address()).await;
    let by_name = MetadataRequestTopic { name: Some(name.clone()), topic_id: Uuid::ZERO };
    let topic_id = wire.ask(12, &asks_for(by_name)).await.topics[0].topic_id;
    let by_id = |topic_id| asks_for(MetadataRequestTopic { name: Some(String::new()), topic_id });
    let found = wire.ask(12, &by_id(topic_id)).await.topics.remove(0);
    assert_eq!((name_of(found.error_code), found.name, found.topic_id), ("NONE", Some(name), topic_id));
    let unknown = Uuid::from_u128(7);
    let answer = wire.ask(12, &by_id(unknown)).await.topics.remove(0);
    assert_eq!((name_of(answer.error_code), answer.topic_id), ("UNKNOWN_TOPIC_ID", unknown));
}

#[tokio::test]
async fn the_request_that_makes_a_topic_is_told_that_it_is_unknown_and_the_next_one_has_it() {
    let node = Node::get();
    let mut wire = Wire::connect(node.address()).await;
    let request = asks_for(MetadataRequestTopic { name: Some(unique("made")), topic_id: Uuid::ZERO });
    let first = wire.ask(9, &request).await.topics.remove(0);
    assert_eq!(name_of(first.error_code), "UNKNOWN_TOPIC_OR_PARTITION");
    assert_eq!(first.partitions.len(), 0);
    let second = wire.ask(9, &request).await.topics.remove(0);
    assert_eq!(name_of(second.error_code), "NONE");
    assert_eq!(name_of(second.partitions[0].error_code), "NONE");
}
