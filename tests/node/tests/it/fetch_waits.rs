//! When a fetch waits for more, and when it does not. What must not wait asks for a wait that no test has the patience for.

use moldau_node_tests::Node;
use moldau_node_tests::wire::{Wire, fetch_request, name_of, one};
use moldau_protocol::messages::FetchRequest;
use moldau_protocol::messages::fetch_request::FetchTopic;

fn patient(topic: &str, offset: i64, min_bytes: i32) -> FetchRequest {
    FetchRequest { max_wait_ms: i32::MAX, min_bytes, ..fetch_request(topic, offset) }
}

#[tokio::test]
async fn more_than_may_be_given_was_waited_for() {
    let node = Node::get();
    let topic = node.topic("more-than-max", 1, &[]).await.expect("a topic");
    let mut wire = Wire::connect(node.address()).await;
    for _ in 0..5 {
        assert_eq!(wire.produce(9, -1, &topic, one("v")).await.error_code, 0);
    }
    let request = FetchRequest { max_bytes: 100, ..patient(&topic, 0, 1_000_000) };
    let read = wire.fetch_as(12, &request).await.responses.remove(0).partitions.remove(0);
    assert!(read.records.is_some_and(|records| !records.is_empty()));
}

#[tokio::test]
async fn the_rest_of_a_closed_segment_was_waited_for_though_it_does_not_grow() {
    let node = Node::get();
    let configs = [("segment.bytes", "1048576")];
    let topic = node.topic("closed-segment", 1, &configs).await.expect("a topic");
    let mut wire = Wire::connect(node.address()).await;
    let big = "x".repeat(600_000);
    for value in [&big, "v", &big] {
        assert_eq!(wire.produce(9, -1, &topic, one(value)).await.error_code, 0);
    }
    let read = wire.fetch_as(12, &patient(&topic, 1, 500_000)).await.responses.remove(0).partitions.remove(0);
    let records = read.records.expect("the second batch");
    assert!(records.len() < 1000, "{} bytes: not the end of a segment", records.len());
}

#[tokio::test]
async fn a_topic_that_is_not_there_had_the_others_answered_at_once() {
    let node = Node::get();
    let topic = node.topic("beside-unknown", 1, &[]).await.expect("a topic");
    let mut wire = Wire::connect(node.address()).await;
    let mut request = patient(&topic, 0, 1);
    let nowhere = FetchTopic { topic: "nothing-is-called-so".to_owned(), ..request.topics[0].clone() };
    request.topics.push(nowhere.clone());
    wire.send(12, &request).await;
    let mut other = Wire::connect(node.address()).await;
    assert_eq!(other.produce(9, -1, &topic, one("v")).await.error_code, 0);
    let (_, response) = wire.receive::<FetchRequest>(12).await;
    let codes = |at: usize| name_of(response.responses[at].partitions[0].error_code);
    assert_eq!((codes(0), codes(1)), ("NONE", "UNKNOWN_TOPIC_OR_PARTITION"));
    let came = &response.responses[0].partitions[0].records;
    assert!(came.as_ref().is_some_and(|records| !records.is_empty()), "it waited for the record");
    // Alone there is nothing to wait for.
    request.topics = vec![nowhere];
    let alone = wire.fetch_as(12, &request).await.responses.remove(0).partitions.remove(0);
    assert_eq!(name_of(alone.error_code), "UNKNOWN_TOPIC_OR_PARTITION");
}

#[tokio::test]
async fn the_deletion_of_its_topic_ended_no_fetch() {
    let node = Node::get();
    let admin = node.admin().await.expect("an admin client");
    for version in [12, 17] {
        let topic = node.topic("deleted-meanwhile", 1, &[]).await.expect("a topic");
        let mut wire = Wire::connect(node.address()).await;
        let mut request = patient(&topic, 0, 1);
        request.topics[0].topic_id = wire.topic_id(&topic).await;
        wire.send(version, &request).await;
        let deleted = admin.delete_topics(&[&topic]).await.expect("answered");
        assert!(deleted[0].is_ok());
        let (_, mut response) = wire.receive::<FetchRequest>(version).await;
        let read = response.responses.remove(0).partitions.remove(0);
        let wanted = if version < 13 { "UNKNOWN_TOPIC_OR_PARTITION" } else { "UNKNOWN_TOPIC_ID" };
        assert_eq!(name_of(read.error_code), wanted);
    }
}
