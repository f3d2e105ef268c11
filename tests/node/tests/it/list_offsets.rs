//! ListOffsets: times, the special ones, and the versions that know them.

use moldau_node_tests::Node;
use moldau_node_tests::wire::{Wire, name_of};
use moldau_protocol::messages::ListOffsetsRequest;
use moldau_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use moldau_protocol::messages::list_offsets_response::ListOffsetsPartitionResponse;
use moldau_protocol::records::BatchBuilder;

fn asks(topic: &str, timestamp: i64) -> ListOffsetsRequest {
    let partition = ListOffsetsPartition { timestamp, current_leader_epoch: -1, ..Default::default() };
    ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic { name: topic.to_owned(), partitions: vec![partition] }],
        ..Default::default()
    }
}

async fn ask(wire: &mut Wire, version: i16, request: &ListOffsetsRequest) -> ListOffsetsPartitionResponse {
    wire.ask(version, request).await.topics.remove(0).partitions.remove(0)
}

#[tokio::test]
async fn every_special_timestamp_has_its_answer_in_the_versions_that_know_it() {
    let node = Node::get();
    let topic = node.topic("times", 1, &[]).await.expect("a topic");
    let mut wire = Wire::connect(node.address()).await;
    let empty = ask(&mut wire, 7, &asks(&topic, -3)).await;
    assert_eq!((name_of(empty.error_code), empty.timestamp, empty.offset), ("NONE", -1, -1));
    for times in [[100, 300], [500, 200], [400, 450]] {
        let mut builder = BatchBuilder::new();
        for time in times {
            builder.append(time, None, Some(b"v"), &[]).expect("a record");
        }
        assert_eq!(wire.produce(9, -1, &topic, builder.build().expect("a batch")).await.error_code, 0);
    }
    let known = [
        (-1, 1, -1, 6),
        (-2, 1, -1, 0),
        (-3, 7, 500, 2),
        (-4, 8, -1, 0),
        (-5, 9, -1, -1),
        (-6, 11, -1, -1),
        (0, 1, 100, 0),
        (100, 1, 100, 0),
        (101, 1, 300, 1),
        (301, 1, 500, 2),
        (500, 1, 500, 2),
        (501, 1, -1, -1),
        (i64::MAX, 1, -1, -1),
    ];
    for version in 1..=11 {
        for (asked, since, timestamp, offset) in known {
            let answer = ask(&mut wire, version, &asks(&topic, asked)).await;
            let got = (name_of(answer.error_code), answer.timestamp, answer.offset);
            let wanted = match version >= since {
                true => ("NONE", timestamp, offset),
                false => ("UNSUPPORTED_VERSION", -1, -1),
            };
            assert_eq!(got, wanted, "timestamp {asked} in version {version}");
        }
        for unknown in [-7, i64::MIN] {
            let answer = ask(&mut wire, version, &asks(&topic, unknown)).await;
            assert_eq!(name_of(answer.error_code), "UNSUPPORTED_VERSION", "timestamp {unknown}");
        }
    }
}

#[tokio::test]
async fn unknown_partitions_and_wrong_epochs_are_told() {
    let node = Node::get();
    let topic = node.topic("asked", 1, &[]).await.expect("a topic");
    let mut wire = Wire::connect(node.address()).await;
    let mut request = asks(&topic, -1);
    for (epoch, wanted) in [(0, "NONE"), (1, "UNKNOWN_LEADER_EPOCH"), (-2, "FENCED_LEADER_EPOCH")] {
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        let answer = ask(&mut wire, 4, &request).await;
        assert_eq!(
            (name_of(answer.error_code), answer.leader_epoch),
            (wanted, if epoch == 0 { 0 } else { -1 })
        );
    }
    for partition in [1, -1, i32::MAX] {
        let mut request = asks(&topic, -1);
        request.topics[0].partitions[0].partition_index = partition;
        assert_eq!(name_of(ask(&mut wire, 1, &request).await.error_code), "UNKNOWN_TOPIC_OR_PARTITION");
    }
    let unknown = ask(&mut wire, 1, &asks("no-such-topic", -1)).await;
    assert_eq!((name_of(unknown.error_code), unknown.offset), ("UNKNOWN_TOPIC_OR_PARTITION", -1));
}

#[tokio::test]
async fn a_partition_that_is_asked_for_twice_is_refused_once() {
    let node = Node::get();
    let topic = node.topic("twice", 2, &[]).await.expect("a topic");
    let mut wire = Wire::connect(node.address()).await;
    let mut request = asks(&topic, -1);
    let asked = request.topics[0].partitions[0].clone();
    let other = ListOffsetsPartition { partition_index: 1, ..asked.clone() };
    request.topics[0].partitions.extend([other, asked]);
    let answered = wire.ask(7, &request).await.topics.remove(0).partitions;
    let codes: Vec<_> =
        answered.iter().map(|found| (found.partition_index, name_of(found.error_code))).collect();
    assert_eq!(codes, [(0, "INVALID_REQUEST"), (1, "NONE")]);
}
