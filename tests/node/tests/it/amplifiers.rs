//! Requests that name one thing many times, so that a small request would come to a large answer or much work.

use bytes::Bytes;
use moldau_node_tests::wire::{Wire, batch, name_of, one, produce_request};
use moldau_node_tests::{Bystander, Node};
use moldau_protocol::messages::describe_configs_request::DescribeConfigsResource;
use moldau_protocol::messages::describe_producers_request::TopicRequest;
use moldau_protocol::messages::metadata_request::MetadataRequestTopic;
use moldau_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use moldau_protocol::messages::produce_request::PartitionProduceData;
use moldau_protocol::messages::{
    DescribeConfigsRequest, DescribeGroupsRequest, DescribeProducersRequest, ListConfigResourcesRequest,
    MetadataRequest, OffsetFetchRequest,
};
use moldau_protocol::records::{BatchBuilder, Compression};

const MANY: usize = 10_000;

#[tokio::test]
async fn what_was_named_again_was_told_again() {
    let node = Node::get();
    let topic = node.topic("again", 1, &[]).await.expect("a topic");
    let mut wire = Wire::connect(node.address()).await;
    let id = wire.topic_id(&topic).await;

    let request = ListConfigResourcesRequest { resource_types: vec![2; MANY] };
    let listed = wire.ask(1, &request).await.config_resources;
    assert_eq!(listed.iter().filter(|resource| resource.resource_name == topic).count(), 1);

    let topics = vec![TopicRequest { name: topic.clone(), partition_indexes: vec![0; MANY] }];
    let described = wire.ask(0, &DescribeProducersRequest { topics }).await;
    assert_eq!(described.topics[0].partitions.len(), 1);

    let request = DescribeGroupsRequest { groups: vec!["g".to_owned(); MANY], ..Default::default() };
    assert_eq!(wire.ask(5, &request).await.groups.len(), 1);

    let group = || OffsetFetchRequestGroup { group_id: "g".to_owned(), topics: None, ..Default::default() };
    let request = OffsetFetchRequest { groups: (0..MANY).map(|_| group()).collect(), ..Default::default() };
    assert_eq!(wire.ask(9, &request).await.groups.len(), 1);

    let named = |number| MetadataRequestTopic { topic_id: id, name: Some(format!("name-{number}")) };
    let request = MetadataRequest { topics: Some((0..MANY).map(named).collect()), ..Default::default() };
    assert_eq!(wire.ask(12, &request).await.topics.len(), 1);
}

/// On threads of its own, so that decoding the answer holds the bystander up no more than a client would.
#[tokio::test(flavor = "multi_thread")]
async fn configs_of_groups_that_are_nowhere_were_told_without_end() {
    let node = Node::get();
    let bystander = Bystander::start(&node).await;
    let mut wire = Wire::connect(node.address()).await;
    let group = |number| DescribeConfigsResource {
        resource_type: 32,
        resource_name: format!("g{number}"),
        configuration_keys: None,
    };
    let request =
        DescribeConfigsRequest { resources: (0..40_000).map(group).collect(), ..Default::default() };
    let answer = wire.ask(4, &request).await;
    assert_eq!(answer.results.len(), 40_000);
    assert_eq!(name_of(answer.results[0].error_code), "NONE");
    let last = &answer.results[39_999];
    assert_eq!(name_of(last.error_code), "INVALID_REQUEST");
    assert!(last.error_message.as_deref().is_some_and(|text| text.contains("ask for fewer")), "{last:?}");
    bystander.unharmed().await;
}

#[tokio::test]
async fn a_partition_that_a_produce_request_names_twice_takes_one_batch() {
    let node = Node::get();
    let topic = node.topic("twice", 1, &[]).await.expect("a topic");
    let mut wire = Wire::connect(node.address()).await;
    let mut request = produce_request(-1, &topic, one("first"));
    let second = PartitionProduceData { index: 0, records: Some(Bytes::from(one("second"))) };
    request.topic_data[0].partition_data.push(second);
    let answer = wire.ask(9, &request).await;
    let answers = &answer.responses[0].partition_responses;
    assert_eq!((name_of(answers[0].error_code), answers[0].base_offset), ("NONE", 0));
    assert_eq!((name_of(answers[1].error_code), answers[1].base_offset), ("INVALID_REQUEST", -1));
    assert_eq!(wire.produce(9, -1, &topic, one("third")).await.base_offset, 1);
}

/// Each of these batches is within its own limit.
#[tokio::test]
async fn many_small_bombs_in_one_request_were_all_unpacked() {
    const BATCHES: i32 = 40;
    let node = Node::get();
    let bystander = Bystander::start(&node).await;
    let topic = node.topic("bombs", BATCHES, &[]).await.expect("a topic");
    let mut wire = Wire::connect(node.address()).await;
    let zeros = String::from_utf8(vec![b'0'; 16 << 20]).expect("text");
    let bomb = batch(BatchBuilder::new().compression(Compression::Zstd, None), [(None, zeros.as_str())]);
    assert!(bomb.len() < 16 << 10, "{}", bomb.len());
    let mut request = produce_request(-1, &topic, bomb.clone());
    request.topic_data[0].partition_data = (0..BATCHES)
        .map(|index| PartitionProduceData { index, records: Some(Bytes::from(bomb.clone())) })
        .collect();
    let answer = wire.ask(9, &request).await;
    let errors: Vec<_> =
        answer.responses[0].partition_responses.iter().map(|answer| name_of(answer.error_code)).collect();
    assert!(errors[..15].iter().all(|error| *error == "NONE"), "{errors:?}");
    assert!(errors[17..].iter().all(|error| *error == "MESSAGE_TOO_LARGE"), "{errors:?}");
    bystander.unharmed().await;
}
