//! What Metadata says of topics by id.

use moldau_node_tests::wire::{Wire, name_of};
use moldau_node_tests::Node;
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
