//! What Fetch answers, as consumers depend on it.

use moldau_node_tests::Node;
use moldau_node_tests::wire::{Wire, batch, fetch_request, name_of, one};
use moldau_protocol::messages::fetch_request::ForgottenTopic;
use moldau_protocol::messages::{FetchRequest, FetchResponse};
use moldau_protocol::records::{BatchBuilder, batches};

async fn connect(node: &Node, topic: &str, partitions: i32) -> (Wire, String) {
    let topic = node.topic(topic, partitions, &[]).await.expect("a topic");
    (Wire::connect(node.address()).await, topic)
}

/// A request of a session that asks for nothing new.
fn next_of(response: &FetchResponse, epoch: i32) -> FetchRequest {
    FetchRequest {
        session_id: response.session_id,
        session_epoch: epoch,
        min_bytes: 1,
        max_bytes: 1 << 20,
        ..Default::default()
    }
}

fn partitions_of(response: &FetchResponse) -> Vec<i32> {
    response.responses.iter().flat_map(|topic| topic.partitions.iter().map(|p| p.partition_index)).collect()
}

#[tokio::test]
async fn an_offset_within_a_batch_gives_the_whole_batch() {
    let node = Node::get();
    let (mut wire, topic) = connect(&node, "within", 1).await;
    for _ in 0..2 {
        let sent = batch(BatchBuilder::new(), [(None, "a"), (None, "b"), (None, "c")]);
        assert_eq!(wire.produce(9, -1, &topic, sent).await.error_code, 0);
    }
    for (offset, wanted) in
        [(0, vec![0, 3]), (1, vec![0, 3]), (2, vec![0, 3]), (3, vec![3]), (5, vec![3]), (6, vec![])]
    {
        let read = wire.fetch(12, &topic, offset).await;
        let records = read.records.unwrap_or_default();
        let got: Vec<i64> =
            batches(&records).map(|batch| batch.expect("a batch").header.base_offset).collect();
        assert_eq!((name_of(read.error_code), got), ("NONE", wanted), "offset {offset}");
    }
    for offset in [7, -1, i64::MAX, i64::MIN] {
        let read = wire.fetch(12, &topic, offset).await;
        assert_eq!(name_of(read.error_code), "OFFSET_OUT_OF_RANGE", "offset {offset}");
    }
}

#[tokio::test]
async fn the_first_batch_comes_even_when_it_is_larger_than_the_limits() {
    let node = Node::get();
    let (mut wire, topic) = connect(&node, "larger", 1).await;
    let big = "x".repeat(100_000);
    for _ in 0..3 {
        assert_eq!(wire.produce(9, -1, &topic, one(&big)).await.error_code, 0);
    }
    for version in [4, 7, 12, 17] {
        let mut request = fetch_request(&topic, 0);
        request.topics[0].topic_id = wire.topic_id(&topic).await;
        for (max_bytes, partition_max_bytes) in [(1, 1 << 20), (1 << 20, 1), (1, 1), (0, 0), (-1, -1)] {
            request.max_bytes = max_bytes;
            request.topics[0].partitions[0].partition_max_bytes = partition_max_bytes;
            let read = wire.fetch_as(version, &request).await.responses.remove(0).partitions.remove(0);
            let records = read.records.unwrap_or_default();
            let whole = batches(&records).filter(Result::is_ok).count();
            assert_eq!(whole, 1, "version {version}, limits {max_bytes} and {partition_max_bytes}");
        }
    }
}

#[tokio::test]
async fn an_empty_incremental_fetch_waits_and_is_woken() {
    let node = Node::get();
    let (mut wire, topic) = connect(&node, "waits", 2).await;
    let mut request = fetch_request(&topic, 0);
    request.session_epoch = 0;
    let opened = wire.fetch_as(12, &request).await;
    assert_ne!(opened.session_id, 0);
    let mut next = next_of(&opened, 1);
    next.max_wait_ms = 200;
    let empty = wire.fetch_as(12, &next).await;
    assert_eq!((empty.error_code, partitions_of(&empty)), (0, vec![]));

    let mut next = next_of(&opened, 2);
    next.max_wait_ms = i32::MAX;
    wire.send(12, &next).await;
    let mut other = Wire::connect(node.address()).await;
    assert_eq!(other.produce(9, -1, &topic, one("v")).await.error_code, 0);
    let (_, woken) = wire.receive::<FetchRequest>(12).await;
    assert_eq!(partitions_of(&woken), [0]);
}

#[tokio::test]
async fn min_bytes_and_an_endless_wait_do_not_lose_the_records() {
    let node = Node::get();
    let (mut wire, topic) = connect(&node, "min-bytes", 1).await;
    assert_eq!(wire.produce(9, -1, &topic, one("v")).await.error_code, 0);
    let mut request = fetch_request(&topic, 0);
    request.min_bytes = i32::MAX;
    request.max_wait_ms = 50;
    let read = wire.fetch_as(12, &request).await;
    assert!(read.responses[0].partitions[0].records.as_ref().is_some_and(|records| !records.is_empty()));
    request.max_wait_ms = -1;
    assert_eq!(wire.fetch_as(12, &request).await.error_code, 0);
}

#[tokio::test]
async fn forgotten_partitions_are_forgotten_and_ended_sessions_are_gone() {
    let node = Node::get();
    let (mut wire, topic) = connect(&node, "forgets", 2).await;
    let mut request = fetch_request(&topic, 0);
    request.session_epoch = 0;
    let second = moldau_protocol::messages::fetch_request::FetchPartition {
        partition: 1,
        ..request.topics[0].partitions[0].clone()
    };
    request.topics[0].partitions.push(second);
    let opened = wire.fetch_as(12, &request).await;
    assert_eq!(partitions_of(&opened), [0, 1]);
    let mut next = next_of(&opened, 1);
    next.forgotten_topics_data =
        vec![ForgottenTopic { topic: topic.clone(), partitions: vec![0, 77], ..Default::default() }];
    assert_eq!(partitions_of(&wire.fetch_as(12, &next).await), [] as [i32; 0]);
    assert_eq!(wire.produce(9, -1, &topic, one("v")).await.error_code, 0);
    assert_eq!(partitions_of(&wire.fetch_as(12, &next_of(&opened, 2)).await), [] as [i32; 0]);

    // A wrong epoch is an error and leaves the session as it is.
    for wrong in [2, 4, i32::MAX, -2] {
        let answer = wire.fetch_as(12, &next_of(&opened, wrong)).await;
        assert_eq!(name_of(answer.error_code), "INVALID_FETCH_SESSION_EPOCH", "epoch {wrong}");
    }
    assert_eq!(wire.fetch_as(12, &next_of(&opened, 3)).await.error_code, 0);

    // Epoch 0 ends the old session and opens another; epoch -1 ends it.
    request.session_id = opened.session_id;
    let reopened = wire.fetch_as(12, &request).await;
    assert!(reopened.session_id != 0 && reopened.session_id != opened.session_id);
    let answer = wire.fetch_as(12, &next_of(&opened, 4)).await;
    assert_eq!(name_of(answer.error_code), "FETCH_SESSION_ID_NOT_FOUND");
    let ended = wire.fetch_as(12, &next_of(&reopened, -1)).await;
    assert_eq!((ended.error_code, ended.session_id), (0, 0));
    let answer = wire.fetch_as(12, &next_of(&reopened, 1)).await;
    assert_eq!(name_of(answer.error_code), "FETCH_SESSION_ID_NOT_FOUND");
}

#[tokio::test]
async fn the_clients_leader_epoch_is_checked() {
    let node = Node::get();
    let (mut wire, topic) = connect(&node, "epochs", 1).await;
    let mut request = fetch_request(&topic, 0);
    for (epoch, wanted) in [
        (-1, "NONE"),
        (0, "NONE"),
        (1, "UNKNOWN_LEADER_EPOCH"),
        (i32::MAX, "UNKNOWN_LEADER_EPOCH"),
        (-2, "FENCED_LEADER_EPOCH"),
    ] {
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        let answer = wire.fetch_as(12, &request).await;
        assert_eq!(name_of(answer.responses[0].partitions[0].error_code), wanted, "epoch {epoch}");
    }
    // Before version 9 the client has no epoch to say.
    assert_eq!(wire.fetch_as(8, &request).await.responses[0].partitions[0].error_code, 0);
}

#[tokio::test]
async fn a_fenced_fetch_is_told_the_current_leader_and_where_it_is() {
    let node = Node::get();
    let (mut wire, topic) = connect(&node, "fenced", 1).await;
    let mut request = fetch_request(&topic, 0);
    request.topics[0].topic_id = wire.topic_id(&topic).await;
    request.topics[0].partitions[0].current_leader_epoch = -2;
    let answer = wire.fetch_as(17, &request).await;
    let partition = &answer.responses[0].partitions[0];
    assert_eq!(name_of(partition.error_code), "FENCED_LEADER_EPOCH");
    let leader = &partition.current_leader;
    let endpoint = answer.node_endpoints.iter().find(|endpoint| endpoint.node_id == leader.leader_id);
    let endpoint = endpoint.expect("the leader's endpoint (KIP-951)");
    assert!(leader.leader_epoch >= 0, "{leader:?}");
    assert_eq!(format!("{}:{}", endpoint.host, endpoint.port), node.address());
    // Version 15 has no place for endpoints.
    assert!(wire.fetch_as(15, &request).await.node_endpoints.is_empty());
}

#[tokio::test]
async fn topics_by_id_must_be_known_and_not_zero() {
    let node = Node::get();
    let (mut wire, topic) = connect(&node, "ids", 1).await;
    let id = wire.topic_id(&topic).await;
    let mut request = fetch_request(&topic, 0);
    let error_of = async |wire: &mut Wire, request: &FetchRequest, version| {
        let answer = wire.fetch_as(version, request).await;
        assert_eq!(answer.error_code, 0);
        name_of(answer.responses[0].partitions[0].error_code)
    };
    for version in [13, 15, 18] {
        request.topics[0].topic_id = id;
        assert_eq!(error_of(&mut wire, &request, version).await, "NONE");
        request.topics[0].topic_id = Default::default();
        assert_eq!(error_of(&mut wire, &request, version).await, "UNKNOWN_TOPIC_ID");
        request.topics[0].topic_id = "AAAAAAAAAAAAAAAAAAAAkg".parse().expect("an id");
        assert_eq!(error_of(&mut wire, &request, version).await, "UNKNOWN_TOPIC_ID");
    }
    request.topics[0].topic = "no-such-topic".into();
    for version in [4, 12] {
        assert_eq!(error_of(&mut wire, &request, version).await, "UNKNOWN_TOPIC_OR_PARTITION");
    }
    // A session that began with names goes on with names.
    let mut request = fetch_request(&topic, 0);
    request.session_epoch = 0;
    let opened = wire.fetch_as(12, &request).await;
    let answer = wire.fetch_as(13, &next_of(&opened, 1)).await;
    assert_eq!(name_of(answer.error_code), "FETCH_SESSION_TOPIC_ID_ERROR");
}
