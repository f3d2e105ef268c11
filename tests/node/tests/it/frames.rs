//! Frames that no client would send: the connection is closed, or the one answer that the protocol has is given, and
//! nobody else notices.

use moldau_node_tests::wire::{Wire, fetch_request, frame, name_of, one, produce_request, request_frame};
use moldau_node_tests::{Bystander, Node};
use moldau_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse, MetadataRequest, ProduceRequest};
use moldau_protocol::{ApiKey, Request};
use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};

fn api_versions_request() -> ApiVersionsRequest {
    ApiVersionsRequest { client_software_name: "wire".into(), client_software_version: "1".into() }
}

/// A request frame's content that begins as a request of `key` and `version` does and goes on with anything.
fn head(key: i16, version: i16) -> Vec<u8> {
    let mut content = Vec::new();
    content.extend_from_slice(&key.to_be_bytes());
    content.extend_from_slice(&version.to_be_bytes());
    content.extend_from_slice(&7i32.to_be_bytes());
    content.extend_from_slice(&(-1i16).to_be_bytes());
    content
}

#[tokio::test]
async fn random_bytes_end_the_connection_and_nothing_else() {
    let node = Node::get();
    let bystander = Bystander::start(&node).await;
    let seed = rand::random::<u64>();
    let mut rng = SmallRng::seed_from_u64(seed);
    for _ in 0..100 {
        let mut bytes = vec![0; rng.random_range(1..2000)];
        rng.fill_bytes(&mut bytes);
        let mut wire = Wire::connect(node.address()).await;
        wire.send_bytes(&bytes).await;
        wire.finish().await;
        wire.closed(&format!("seed {seed}")).await;
    }
    bystander.unharmed().await;
}

#[tokio::test]
async fn random_bodies_of_every_api_and_version_do_no_harm() {
    let node = Node::with(&[("auto.create.topics.enable", "false")]);
    let bystander = Bystander::start(&node).await;
    let seed = rand::random::<u64>();
    let mut rng = SmallRng::seed_from_u64(seed);
    for key in (0..100).filter_map(ApiKey::from_i16) {
        let Some(range) = key.versions() else { continue };
        for version in range.min..=range.max {
            let mut content = head(key.code(), version);
            if key.request_header_version(version) >= 2 {
                content.push(0);
            }
            // Small numbers find more of the decoder than bytes that are all the same to it.
            let small = rng.random_bool(0.5);
            let body = (0..rng.random_range(0..200))
                .map(|_| if small { rng.random_range(0..4) } else { rng.random() });
            content.extend(body);
            let mut wire = Wire::connect(node.address()).await;
            wire.send_bytes(&frame(&content)).await;
            wire.finish().await;
            while wire.read_frame().await.is_some() {}
        }
    }
    bystander.unharmed().await;
}

#[tokio::test]
async fn a_frame_that_is_cut_anywhere_is_never_answered() {
    let node = Node::get();
    let bystander = Bystander::start(&node).await;
    let topic = node.topic("cut", 1, &[]).await.expect("a topic");
    let whole = [
        request_frame(4, 1, &api_versions_request()),
        request_frame(12, 2, &MetadataRequest::default()),
        request_frame(9, 3, &produce_request(-1, &topic, one("v"))),
        request_frame(12, 4, &fetch_request(&topic, 0)),
    ];
    for request in whole {
        for cut in 0..request.len() {
            // The connection ends within the frame,
            let mut wire = Wire::connect(node.address()).await;
            wire.send_bytes(&request[..cut]).await;
            wire.finish().await;
            wire.closed("a frame without its end").await;
            // or the frame ends within the request.
            if cut >= 4 && cut + 1 < request.len() {
                let mut wire = Wire::connect(node.address()).await;
                wire.send_bytes(&frame(&request[4..cut])).await;
                wire.closed("a request without its end").await;
            }
        }
    }
    let mut wire = Wire::connect(node.address()).await;
    let read = wire.fetch(12, &topic, 0).await;
    assert_eq!(read.high_watermark, 0, "a cut produce request was taken");
    bystander.unharmed().await;
}

#[tokio::test]
async fn bytes_after_a_request_are_let_pass() {
    let node = Node::get();
    let topic = node.topic("longer", 1, &[]).await.expect("a topic");
    let requests = [
        request_frame(4, 1, &api_versions_request()),
        request_frame(12, 2, &MetadataRequest::default()),
        request_frame(9, 3, &produce_request(-1, &topic, one("v"))),
        request_frame(12, 4, &fetch_request(&topic, 0)),
    ];
    let mut wire = Wire::connect(node.address()).await;
    for (wanted, request) in (1i32..).zip(requests) {
        wire.send_bytes(&frame(&[&request[4..], &[0, 0, 0]].concat())).await;
        let answer = wire.read_frame().await.expect("an answer");
        assert_eq!(answer[..4], wanted.to_be_bytes());
    }
}

#[tokio::test]
async fn absurd_frame_lengths_close_the_connection_at_once() {
    let node = Node::get();
    let bystander = Bystander::start(&node).await;
    for length in [-1, i32::MIN, i32::MAX, 104_857_601, 0, 1, 7] {
        let mut wire = Wire::connect(node.address()).await;
        wire.send_bytes(&length.to_be_bytes()).await;
        wire.send_bytes(&[0; 8]).await;
        wire.closed(&format!("a frame of {length} bytes")).await;
    }
    bystander.unharmed().await;
}

#[tokio::test]
async fn absurd_counts_close_the_connection_without_memory_for_them() {
    let node = Node::get();
    let bystander = Bystander::start(&node).await;
    for count in [i32::MAX, i32::MIN, -2, 1 << 24] {
        // Metadata 1: the count of topics. Produce 3: no transactional id, acks, timeout, the count of topics.
        let metadata = [head(3, 1), count.to_be_bytes().to_vec()].concat();
        let produce =
            [head(0, 3), vec![0xff, 0xff, 0xff, 0xff, 0, 0, 0x27, 0x10], count.to_be_bytes().to_vec()]
                .concat();
        let fetch = [head(1, 4), vec![0; 17], count.to_be_bytes().to_vec()].concat();
        for content in [metadata, produce, fetch] {
            let mut wire = Wire::connect(node.address()).await;
            wire.send_bytes(&frame(&content)).await;
            wire.closed(&format!("{count} topics")).await;
        }
    }
    // The same in compact form, with a varint that never ends, and with absurd lengths of names and tags.
    let bodies: [&[u8]; 4] = [
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0xff; 12],
        &[0x02, 0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0x01, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f],
    ];
    for body in bodies {
        let mut wire = Wire::connect(node.address()).await;
        wire.send_bytes(&frame(&[&head(3, 9)[..], &[0], body].concat())).await;
        wire.closed("an absurd compact length").await;
    }
    bystander.unharmed().await;
}

#[tokio::test]
async fn unknown_apis_and_versions_close_the_connection() {
    let node = Node::get();
    let bystander = Bystander::start(&node).await;
    let unknown = [
        (-1, 0),
        (i16::MIN, 0),
        (i16::MAX, i16::MAX),
        (999, 0),
        (ApiKey::Metadata.code(), -1),
        (ApiKey::Metadata.code(), 99),
        (ApiKey::Produce.code(), 2),
        (ApiKey::Produce.code(), 99),
        (ApiKey::Fetch.code(), 3),
        (ApiKey::Fetch.code(), i16::MAX),
        (4, 7), // LeaderAndIsr, gone since 4.0
    ];
    for (key, version) in unknown {
        let mut wire = Wire::connect(node.address()).await;
        wire.send_bytes(&frame(&[head(key, version), vec![0; 20]].concat())).await;
        wire.closed(&format!("API {key} version {version}")).await;
    }
    bystander.unharmed().await;
}

#[tokio::test]
async fn an_unknown_version_of_api_versions_is_answered_in_version_0_and_the_connection_stays() {
    let node = Node::get();
    for version in [5, 99, i16::MAX, -1] {
        let mut wire = Wire::connect(node.address()).await;
        let rest = [0, 1, 2, 3, 4];
        wire.send_bytes(&frame(&[head(ApiKey::ApiVersions.code(), version), rest.to_vec()].concat())).await;
        let (id, answer) =
            wire.try_receive::<ApiVersionsResponse>(ApiKey::ApiVersions, 0).await.expect("an answer");
        assert_eq!((id, name_of(answer.error_code)), (7, "UNSUPPORTED_VERSION"), "version {version}");
        let keys: Vec<_> =
            answer.api_keys.iter().map(|k| (k.api_key, k.min_version, k.max_version)).collect();
        assert_eq!(keys, [(18, 0, 4)]);
        let answer = wire.ask(4, &api_versions_request()).await;
        assert_eq!(answer.error_code, 0);
    }
}

#[tokio::test]
async fn what_came_before_a_bad_frame_is_still_answered() {
    let node = Node::get();
    let topic = node.topic("before", 1, &[]).await.expect("a topic");
    let bad_ends: [Vec<u8>; 3] = [
        frame(&head(999, 0)),
        (-1i32).to_be_bytes().to_vec(),
        request_frame(9, 9, &produce_request(0, "no-such-topic", one("v"))),
    ];
    for (number, end) in (0i64..).zip(bad_ends) {
        let mut waits = fetch_request(&topic, 100);
        waits.topics[0].partitions[0].fetch_offset = number * 2 + 2;
        waits.max_wait_ms = 50;
        let mut wire = Wire::connect(node.address()).await;
        let bytes = [
            request_frame(9, 1, &produce_request(-1, &topic, one("a"))),
            request_frame(9, 2, &produce_request(-1, &topic, one("b"))),
            request_frame(12, 3, &waits),
            end,
            request_frame(9, 4, &produce_request(-1, &topic, one("never"))),
        ];
        wire.send_bytes(&bytes.concat()).await;
        for wanted in 1..=2 {
            let (id, answer) = wire.receive::<ProduceRequest>(9).await;
            assert_eq!(
                (id, name_of(answer.responses[0].partition_responses[0].error_code)),
                (wanted, "NONE")
            );
        }
        let fetched = wire.read_frame().await.expect("the fetch's answer");
        assert_eq!(fetched[..4], 3i32.to_be_bytes());
        wire.closed("what came after the bad frame").await;
    }
    let mut wire = Wire::connect(node.address()).await;
    assert_eq!(wire.fetch(12, &topic, 0).await.high_watermark, 6, "something after a bad frame was written");
}

#[test]
fn the_keys_used_here_are_the_protocols() {
    assert_eq!((<MetadataRequest as Request>::KEY.code(), <ProduceRequest as Request>::KEY.code()), (3, 0));
}
