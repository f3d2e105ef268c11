//! Connections: how many, how slow, how idle, in which order.

use std::time::{Duration, Instant};

use moldau_node_tests::wire::{Wire, batch, fetch_request, name_of, one, produce_request, request_frame};
use moldau_node_tests::{Bystander, Node, eventually};
use moldau_protocol::messages::metadata_request::MetadataRequestTopic;
use moldau_protocol::messages::{ApiVersionsRequest, FetchRequest, MetadataRequest, ProduceRequest};
use moldau_protocol::records::BatchBuilder;

/// Resident memory of this process, the node's and the test's own, in bytes.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line of it");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).expect("a number") * 1024
}

#[tokio::test]
async fn a_client_that_never_reads_costs_little_and_holds_up_nobody() {
    let node = Node::get();
    let bystander = Bystander::start(&node).await;
    let topic = node.topic("never-read", 1, &[]).await.expect("a topic");
    let mut wire = Wire::connect(node.address()).await;
    let value = "x".repeat(500_000);
    for _ in 0..20 {
        assert_eq!(name_of(wire.produce(9, -1, &topic, one(&value)).await.error_code), "NONE");
    }
    let before = resident_bytes();
    let mut greedy = Vec::new();
    for _ in 0..10 {
        let mut wire = Wire::connect(node.address()).await;
        // Two thousand answers of ten megabytes each would be twenty gigabytes; the node must stop to take them.
        let mut request = fetch_request(&topic, 0);
        request.topics[0].partitions[0].partition_max_bytes = i32::MAX;
        let frames = (0..2000).flat_map(|id| request_frame(12, id, &request)).collect::<Vec<_>>();
        let sending = tokio::spawn(async move {
            wire.send_bytes(&frames).await;
            wire
        });
        greedy.push(sending);
    }
    let mut other = Wire::connect(node.address()).await;
    for _ in 0..20 {
        let read = other.fetch(12, &topic, 0).await;
        assert_eq!(name_of(read.error_code), "NONE");
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 300 << 20, "{grown} bytes for ten clients that never read");
    greedy.iter().for_each(tokio::task::JoinHandle::abort);
    bystander.unharmed().await;
}

#[tokio::test]
async fn answers_that_nobody_reads_are_not_made_in_advance() {
    let node = Node::get();
    let bystander = Bystander::start(&node).await;
    for _ in 0..3 {
        node.topic("unread", 1000, &[]).await.expect("a topic");
    }
    let request = MetadataRequest { topics: None, ..Default::default() };
    let answer = Wire::connect(node.address()).await.ask(9, &request).await;
    assert!(answer.topics.len() >= 3);
    let before = resident_bytes();
    let mut greedy = Vec::new();
    for _ in 0..50 {
        let mut wire = Wire::connect(node.address()).await;
        // Each answer has more than 70 KB: sixty-four for each of these clients would be over 200 MB.
        let frames = (0..64).flat_map(|id| request_frame(9, id, &request)).collect::<Vec<_>>();
        wire.send_bytes(&frames).await;
        greedy.push(wire);
    }
    bystander.unharmed().await;
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 96 << 20, "{grown} bytes for fifty clients that never read");
    // Whoever reads after all gets each answer.
    let mut late = greedy.remove(0);
    for id in 0..64 {
        let (answered, response) = late.receive::<MetadataRequest>(9).await;
        assert_eq!((answered, response.topics.len() >= 3), (id, true));
    }
}

#[tokio::test]
async fn a_question_about_thousands_of_topics_is_answered_in_its_place() {
    let node = Node::get();
    let topic = node.topic("asked-among-thousands", 1, &[]).await.expect("a topic");
    let named = |name: String| MetadataRequestTopic { name: Some(name), ..Default::default() };
    let absent = (0..5000).map(|number| named(format!("absent-{number}")));
    let long = MetadataRequest {
        topics: Some(absent.chain([named(topic.clone())]).collect()),
        allow_auto_topic_creation: false,
        ..Default::default()
    };
    let short = MetadataRequest { topics: Some(vec![named(topic)]), ..Default::default() };
    let mut wire = Wire::connect(node.address()).await;
    let first = wire.send(9, &long).await;
    let second = wire.send(9, &short).await;
    let (answered, response) = wire.receive::<MetadataRequest>(9).await;
    assert_eq!((answered, response.topics.len()), (first, 5001));
    let found = response.topics.iter().filter(|topic| topic.error_code == 0).count();
    assert_eq!(found, 1);
    assert_eq!(wire.receive::<MetadataRequest>(9).await.0, second);
}

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_is_answered() {
    let node = Node::get();
    let bystander = Bystander::start(&node).await;
    let topic = node.topic("bytewise", 1, &[]).await.expect("a topic");
    let mut wire = Wire::connect(node.address()).await;
    for id in 0..3 {
        for byte in request_frame(9, id, &produce_request(-1, &topic, one("v"))) {
            wire.send_bytes(&[byte]).await;
        }
        let (answered, response) = wire.receive::<ProduceRequest>(9).await;
        assert_eq!((answered, response.responses[0].partition_responses[0].base_offset), (id, i64::from(id)));
    }
    bystander.unharmed().await;
}

#[tokio::test]
async fn a_thousand_connections_come_and_go() {
    let node = Node::get();
    let bystander = Bystander::start(&node).await;
    for round in 0..2 {
        let connecting = (0..500).map(|_| Wire::connect(node.address()));
        let mut open = futures_util::future::join_all(connecting).await;
        // Some speak, some hang up in the middle of a frame, most say nothing.
        for (number, wire) in open.iter_mut().enumerate() {
            match number % 10 {
                0 => assert_eq!(
                    wire.ask(0, &ApiVersionsRequest::default()).await.error_code,
                    0,
                    "round {round}"
                ),
                1 => wire.send_bytes(&[0, 0, 1]).await,
                _ => {}
            }
        }
    }
    bystander.unharmed().await;
}

#[tokio::test]
async fn an_address_has_no_more_connections_than_allowed_and_the_limit_changes_at_once() {
    let node = Node::with(&[("max.connections.per.ip", "8")]);
    let answers = async |wire: &mut Wire| {
        wire.send(0, &ApiVersionsRequest::default()).await;
        wire.read_frame().await.is_some()
    };
    let mut open = Vec::new();
    for _ in 0..8 {
        let mut wire = Wire::connect(node.address()).await;
        assert!(answers(&mut wire).await);
        open.push(wire);
    }
    let mut ninth = Wire::connect(node.address()).await;
    assert!(!answers(&mut ninth).await, "a connection above the limit is answered");
    assert!(answers(&mut open[0]).await, "the others stay");
    open.pop();
    let again = eventually("a place is free again", async || {
        let mut wire = Wire::connect(node.address()).await;
        answers(&mut wire).await.then_some(wire)
    })
    .await;
    open.push(again);

    open[0].set_broker_config("", "max.connections.per.ip", "9").await;
    let mut ninth = Wire::connect(node.address()).await;
    assert!(answers(&mut ninth).await, "the new limit counts when its change was answered");
    let mut tenth = Wire::connect(node.address()).await;
    assert!(!answers(&mut tenth).await);
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let node = Node::with(&[("connections.max.idle.ms", "300")]);
    let mut busy = Wire::connect(node.address()).await;
    let idle = Wire::connect(node.address()).await;
    let closing = tokio::spawn(idle.closed("an idle connection"));
    while !closing.is_finished() {
        assert_eq!(busy.ask(0, &ApiVersionsRequest::default()).await.error_code, 0);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    closing.await.expect("closed");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let node = Node::get();
    let topic = node.topic("pipeline", 1, &[]).await.expect("a topic");
    let mut wire = Wire::connect(node.address()).await;
    let mut waits = fetch_request(&topic, 0);
    waits.topics[0].partitions[0].fetch_offset = 300;
    waits.max_wait_ms = 100;
    let mut bytes = Vec::new();
    let mut id = 0;
    for _ in 0..100 {
        bytes.extend(request_frame(9, id, &produce_request(-1, &topic, one("v"))));
        bytes.extend(request_frame(12, id + 1, if id == 30 { &waits } else { &EMPTY_FETCH }));
        bytes.extend(request_frame(
            9,
            id + 2,
            &MetadataRequest { topics: Some(Vec::new()), ..Default::default() },
        ));
        id += 3;
    }
    wire.send_bytes(&bytes).await;
    let mut offset = 0;
    for wanted in 0..id {
        if wanted % 3 == 0 {
            let (answered, response) = wire.receive::<ProduceRequest>(9).await;
            let answer = &response.responses[0].partition_responses[0];
            assert_eq!((answered, name_of(answer.error_code), answer.base_offset), (wanted, "NONE", offset));
            offset += 1;
        } else {
            let frame = wire.read_frame().await.expect("an answer");
            assert_eq!(frame[..4], wanted.to_be_bytes());
        }
    }
}

static EMPTY_FETCH: std::sync::LazyLock<FetchRequest> =
    std::sync::LazyLock::new(|| FetchRequest { session_epoch: -1, ..Default::default() });

#[tokio::test]
async fn a_client_that_hangs_up_during_a_long_poll_is_forgotten() {
    let node = Node::with(&[("max.connections.per.ip", "4")]);
    let mut keeper = Wire::connect(node.address()).await;
    let topic = node.topic("hang-up", 1, &[]).await.expect("a topic");
    for _ in 0..20 {
        let mut wire = eventually("a place for one more connection", async || {
            let mut wire = Wire::connect(node.address()).await;
            wire.send(0, &ApiVersionsRequest::default()).await;
            wire.read_frame().await.is_some().then_some(wire)
        })
        .await;
        let mut request = fetch_request(&topic, 0);
        request.max_wait_ms = i32::MAX;
        wire.send(12, &request).await;
        drop(wire);
    }
    let written = keeper.produce(9, 1, &topic, batch(BatchBuilder::new(), [(None, "v")])).await;
    assert_eq!(name_of(written.error_code), "NONE");
}

#[tokio::test]
async fn large_requests_wait_for_the_memory_that_all_share() {
    let node = Node::with(&[
        ("queued.max.request.bytes", "20000000"),
        ("socket.request.max.bytes", "20000000"),
        ("socket.receive.buffer.bytes", "1048576"),
    ]);
    let topic = node.topic("queued", 1, &[]).await.expect("a topic");
    // Larger than all that the sockets between may hold: when it was sent, the node has read of it.
    let large = "x".repeat(15_000_000);
    let request = request_frame(9, 1, &produce_request(-1, &topic, one(&large)));
    let mut first = Wire::connect(node.address()).await;
    first.send_bytes(&request[..request.len() - 1]).await;
    // The first request holds most of the memory until it is whole: the second is not taken, however much of it is sent.
    let mut second = Wire::connect(node.address()).await;
    let mut sending = tokio::spawn({
        let request = request.clone();
        async move {
            second.send_bytes(&request).await;
            second.receive::<ProduceRequest>(9).await
        }
    });
    let waited = tokio::time::timeout(Duration::from_millis(500), &mut sending).await;
    assert!(waited.is_err(), "the second request was taken beside the first: {waited:?}");
    first.send_bytes(&request[request.len() - 1..]).await;
    first.receive::<ProduceRequest>(9).await;
    let (_, answer) = sending.await.expect("the second request is taken after the first");
    assert_eq!(name_of(answer.responses[0].partition_responses[0].error_code), "MESSAGE_TOO_LARGE");
}

#[tokio::test]
async fn a_listener_has_limits_of_its_own_and_new_connections_come_at_its_rate() {
    let node = Node::with(&[
        ("listener.name.plaintext.max.connections", "3"),
        ("listener.name.plaintext.max.connection.creation.rate", "5"),
    ]);
    let began = Instant::now();
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut wire = Wire::connect(node.address()).await;
        wire.ask(0, &ApiVersionsRequest::default()).await;
        open.push(wire);
    }
    // The fourth waits for one of them to end, and the others for it.
    for _ in 0..5 {
        let mut wire = Wire::connect(node.address()).await;
        wire.send(0, &ApiVersionsRequest::default()).await;
        let none_yet = tokio::time::timeout(Duration::from_millis(20), wire.read_frame()).await;
        assert!(none_yet.is_err(), "answered although three are open");
        drop(open.remove(0));
        assert!(wire.read_frame().await.is_some());
        open.push(wire);
    }
    // Five may come at once, the others one every fifth of a second. No machine is too slow for that.
    assert!(began.elapsed() >= Duration::from_millis(500), "{:?}", began.elapsed());
}
