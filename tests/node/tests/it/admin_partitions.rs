//! Administration of partitions: offsets, log directories, leaders, producers, pages of topics.

use std::collections::BTreeMap;

use moldau_client::admin::{ConfigResource, ElectionType, ResourceType, TopicPartitionReplica};
use moldau_client::{ErrorCode, IsolationLevel, OffsetSpec, ProducerRecord, TopicPartition};
use moldau_node_tests::{Node, eventually, unique, write_numbers};

#[tokio::test]
async fn every_kind_of_offset_is_listed_with_a_result_for_each_partition() {
    let node = Node::get();
    let topic = node.topic("offsets", 2, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    for time in [100, 300, 200] {
        let record = ProducerRecord::to(&*topic).partition(0).timestamp(time).value("v");
        producer.send(record).await.expect("sent").await.expect("written");
    }
    let admin = node.admin().await.expect("an admin client");
    let first = TopicPartition::new(&*topic, 0);
    for (spec, offset, timestamp) in [
        (OffsetSpec::Earliest, Some(0), None),
        (OffsetSpec::Latest, Some(3), None),
        (OffsetSpec::MaxTimestamp, Some(1), Some(300)),
        (OffsetSpec::EarliestLocal, Some(0), None),
        (OffsetSpec::LatestTiered, None, None),
        (OffsetSpec::EarliestPendingUpload, None, None),
        (OffsetSpec::Timestamp(150), Some(1), Some(300)),
        (OffsetSpec::Timestamp(301), None, None),
    ] {
        let wanted = [(first.clone(), spec)];
        let listed = admin.list_offsets(wanted, IsolationLevel::ReadUncommitted).await.expect("listed");
        let found = listed[&first];
        assert_eq!(found.map(|found| found.offset), offset, "{spec:?}");
        assert_eq!(found.and_then(|found| found.timestamp), timestamp, "{spec:?}");
    }
    let wanted = [(first.clone(), OffsetSpec::Latest), (TopicPartition::new(&*topic, 9), OffsetSpec::Latest)];
    let listed = admin.list_offsets_of_each(wanted, IsolationLevel::ReadCommitted).await.expect("listed");
    let offset = listed[&first].as_ref().expect("there").expect("an end").offset;
    assert_eq!(offset, 3);
    let missing = listed[&TopicPartition::new(&*topic, 9)].as_ref().expect_err("not there");
    assert_eq!(missing.code(), Some(ErrorCode::UnknownTopicOrPartition));
}

#[tokio::test]
async fn records_are_deleted_up_to_an_offset() {
    let node = Node::get();
    let topic = node.topic("shortened", 2, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    write_numbers(&producer, &topic, 0, 0..10).await.expect("written");
    write_numbers(&producer, &topic, 1, 0..10).await.expect("written");
    let admin = node.admin().await.expect("an admin client");
    let partition = |index| TopicPartition::new(&*topic, index);
    let before = BTreeMap::from([(partition(0), 4), (partition(1), -1), (partition(7), 1)]);
    let results = admin.delete_records(&before).await.expect("answered");
    assert_eq!(results[&partition(0)].as_ref().expect("deleted"), &4);
    assert_eq!(results[&partition(1)].as_ref().expect("deleted"), &10);
    let missing = results[&partition(7)].as_ref().expect_err("not there");
    assert_eq!(missing.code(), Some(ErrorCode::UnknownTopicOrPartition));
    let beyond = admin.delete_records(&BTreeMap::from([(partition(0), 11)])).await.expect("answered");
    let refused = beyond[&partition(0)].as_ref().expect_err("beyond the end");
    assert_eq!(refused.code(), Some(ErrorCode::OffsetOutOfRange));
}

#[tokio::test]
async fn log_directories_are_described_and_a_move_to_an_unknown_one_is_refused() {
    let node = Node::get();
    let topic = node.topic("places", 1, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    write_numbers(&producer, &topic, 0, 0..10).await.expect("written");
    let admin = node.admin().await.expect("an admin client");
    let broker = admin.describe_cluster().await.expect("described").brokers[0].id;
    let described = admin.describe_log_dirs(&[broker]).await.expect("answered");
    let dirs = described[&broker].as_ref().expect("described");
    let partition = TopicPartition::new(&*topic, 0);
    let (path, dir) =
        dirs.iter().find(|(_, dir)| dir.replicas.contains_key(&partition)).expect("it is somewhere");
    assert_eq!(dir.error, None);
    assert!(dir.replicas[&partition].size > 0 && !dir.replicas[&partition].is_future);
    assert!(dir.total_bytes.expect("said") >= dir.usable_bytes.expect("said"));
    let replica = TopicPartitionReplica { partition: partition.clone(), broker };
    let places = admin.describe_replica_log_dirs(std::slice::from_ref(&replica)).await.expect("answered");
    let place = places[&replica].as_ref().expect("described");
    assert_eq!((place.current.as_ref(), place.future.as_ref()), (Some(path), None));
    let moves = BTreeMap::from([(replica.clone(), "/nowhere".to_owned())]);
    let results = admin.alter_replica_log_dirs(&moves).await.expect("answered");
    let refused = results[&replica].as_ref().expect_err("no such directory");
    assert_eq!(refused.code(), Some(ErrorCode::LogDirNotFound));
    let moves = BTreeMap::from([(replica.clone(), path.clone())]);
    admin.alter_replica_log_dirs(&moves).await.expect("answered")[&replica].as_ref().expect("there already");
}

#[tokio::test]
async fn idempotent_producers_are_seen_at_the_leader() {
    let node = Node::get();
    let topic = node.topic("producers", 2, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    write_numbers(&producer, &topic, 0, 0..10).await.expect("written");
    let admin = node.admin().await.expect("an admin client");
    let partition = |index| TopicPartition::new(&*topic, index);
    let described = admin.describe_producers(&[partition(0), partition(1), partition(5)], None).await;
    let described = described.expect("answered");
    let states = described[&partition(0)].as_ref().expect("described");
    assert_eq!(states.len(), 1);
    assert_eq!((states[0].producer_epoch, states[0].last_sequence), (0, 9));
    assert_eq!((states[0].coordinator_epoch, states[0].current_transaction_start_offset), (None, None));
    assert!(described[&partition(1)].as_ref().expect("described").is_empty());
    let missing = described[&partition(5)].as_ref().expect_err("not there");
    assert_eq!(missing.code(), Some(ErrorCode::UnknownTopicOrPartition));
    let broker = admin.describe_cluster().await.expect("described").brokers[0].id;
    let there = admin.describe_producers(&[partition(0)], Some(broker)).await.expect("answered");
    assert_eq!(there[&partition(0)].as_ref().expect("described"), states);
}

#[tokio::test]
async fn an_election_that_is_not_needed_says_so() {
    let node = Node::get();
    let topic = node.topic("elected", 1, &[]).await.expect("a topic");
    let admin = node.admin().await.expect("an admin client");
    let partition = TopicPartition::new(&*topic, 0);
    let missing = TopicPartition::new(&*topic, 3);
    for kind in [ElectionType::Preferred, ElectionType::Unclean] {
        let asked = [partition.clone(), missing.clone()];
        let results = admin.elect_leaders(kind, Some(&asked)).await.expect("answered");
        let code = |partition| results[partition].as_ref().expect_err("nothing to do").code();
        assert_eq!(code(&partition), Some(ErrorCode::ElectionNotNeeded), "{kind:?}");
        assert_eq!(code(&missing), Some(ErrorCode::UnknownTopicOrPartition), "{kind:?}");
    }
    let all = admin.elect_leaders(ElectionType::Preferred, None).await.expect("answered");
    assert!(!all.contains_key(&partition));
}

#[tokio::test]
async fn topics_are_described_page_by_page() {
    let node = Node::get();
    let (first, second) = (
        node.topic("pages-a", 5, &[]).await.expect("a topic"),
        node.topic("pages-b", 2, &[]).await.expect("a topic"),
    );
    let admin = node.admin().await.expect("an admin client");
    for page in [1, 2, 2000] {
        let names = [&*second, "no-such-topic", &first];
        let described = admin.describe_topic_partitions(&names, page).await.expect("answered");
        let counts: Vec<usize> = described.iter().flatten().map(|topic| topic.partitions.len()).collect();
        assert_eq!(counts, [2, 5], "pages of {page}");
        let missing = described[1].as_ref().expect_err("not there");
        assert_eq!(missing.code(), Some(ErrorCode::UnknownTopicOrPartition));
        let partitions = &described[2].as_ref().expect("there").partitions;
        assert!(partitions.iter().zip(0..).all(|(found, index)| found.partition.index == index));
        assert!(partitions.iter().all(|found| found.partition.leader.is_some()));
    }
}

#[tokio::test]
async fn what_has_configs_is_listed_by_kind() {
    let node = Node::get();
    let topic = node.topic("resources", 1, &[]).await.expect("a topic");
    let admin = node.admin().await.expect("an admin client");
    let broker = admin.describe_cluster().await.expect("described").brokers[0].id;
    let topics = eventually("the topic is listed", async || {
        let topics = admin.list_config_resources(&[ResourceType::Topic]).await.expect("listed");
        topics.contains(&ConfigResource::topic(&topic)).then_some(topics)
    })
    .await;
    assert!(topics.iter().all(|found| found.kind == ResourceType::Topic));
    let all = admin.list_config_resources(&[]).await.expect("listed");
    assert!(all.contains(&ConfigResource::topic(&topic)) && all.contains(&ConfigResource::broker(broker)));
    let asked = [ConfigResource::topic(&topic), ConfigResource::topic(unique("none"))];
    let described = admin.describe_configs_of_each(&asked, None, false).await;
    assert!(described[0].as_ref().expect("described").iter().any(|entry| entry.name == "retention.ms"));
    assert_eq!(
        described[1].as_ref().expect_err("not there").code(),
        Some(ErrorCode::UnknownTopicOrPartition)
    );
}

#[tokio::test]
async fn topics_are_made_with_an_answer_grown_by_hand_and_deleted_by_id() {
    let node = Node::get();
    let admin = node.admin().await.expect("an admin client");
    let name = unique("by-id");
    let topic = moldau_client::admin::NewTopic::new(&name).partitions(2).config("segment.ms", "7000");
    let made = admin.create_topics(&[topic], false).await.expect("answered").remove(0).expect("made");
    assert_eq!((made.partitions, made.replication_factor), (Some(2), Some(1)));
    let configs = made.configs.expect("said");
    let config = configs.iter().find(|config| config.name == "segment.ms").expect("there");
    assert_eq!(config.value.as_deref(), Some("7000"));
    let broker = admin.describe_cluster().await.expect("described").brokers[0].id;
    admin.create_partitions_at(&name, 3, &[vec![broker]], false).await.expect("grown");
    let error =
        admin.create_partitions_at(&name, 5, &[vec![broker]], false).await.expect_err("one is missing");
    assert_eq!(error.code(), Some(ErrorCode::InvalidReplicaAssignment), "{error}");
    let stranger = moldau_client::Uuid([0x5a; 16]);
    let deleted = eventually("the topic's id is known", async || {
        let deleted = admin.delete_topics_by_id(&[made.id, stranger]).await.expect("answered");
        deleted[0].is_ok().then_some(deleted)
    })
    .await;
    assert_eq!(deleted[1].as_ref().expect_err("not there").code(), Some(ErrorCode::UnknownTopicId));
}

#[tokio::test]
async fn features_are_described_with_their_levels() {
    let node = Node::get();
    let admin = node.admin().await.expect("an admin client");
    let features = admin.describe_features().await.expect("described");
    let supported = features.supported["metadata.version"];
    let finalized = features.finalized["metadata.version"];
    assert!(supported.lowest <= finalized.highest && finalized.highest <= supported.highest);
    assert!(features.supported.contains_key("group.version"));
    assert!(features.finalized_features_epoch.is_some());
    assert!(admin.fenced_brokers().await.expect("answered").is_empty());
}
