//! Topics and partitions are created and deleted, with the answers of the reference.

use moldau_controller::BootstrapOptions;
use moldau_metadata::MetadataRecord;
use moldau_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use moldau_protocol::messages::create_topics_request::{CreatableReplicaAssignment, CreatableTopic};
use moldau_protocol::messages::delete_topics_request::DeleteTopicState;
use moldau_protocol::messages::{CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest};
use moldau_types::{ErrorCode, Uuid};

use crate::world::{World, assert_error, config, ids, topic};

fn manual(name: &str, assignments: &[(i32, &[i32])]) -> CreatableTopic {
    let assignment = |(partition_index, brokers): &(i32, &[i32])| CreatableReplicaAssignment {
        partition_index: *partition_index,
        broker_ids: brokers.to_vec(),
    };
    CreatableTopic { assignments: assignments.iter().map(assignment).collect(), ..topic(name, -1, -1) }
}

#[test]
fn a_topic_is_answered_with_its_id_counts_and_configs() {
    let mut world = World::with_brokers(&[1]);
    let mut wanted = topic("flights", 6, 1);
    wanted.configs = vec![config("retention.ms", "-1")];
    let result = world.create(wanted);
    assert_eq!((result.error_code, result.num_partitions, result.replication_factor), (0, 6, 1));
    assert_eq!(world.image.topics.id_of("flights"), Some(result.topic_id));
    let configs = result.configs.unwrap();
    let retention = configs.iter().find(|c| c.name == "retention.ms").unwrap();
    assert_eq!((retention.value.as_deref(), retention.config_source), (Some("-1"), 1));
    assert!(configs.len() > 25 && configs.is_sorted_by_key(|c| c.name.clone()));
    assert_eq!(world.image.configs.topic("flights").len(), 1);
    assert_eq!(world.partition("flights", 5).directories, [Uuid::from_u128(1001)]);
}

#[test]
fn minus_one_takes_the_nodes_defaults() {
    let configs = [("num.partitions", "4"), ("default.replication.factor", "2")];
    let mut world = World::new(1, &BootstrapOptions::default(), &configs);
    world.start_broker(1, None);
    world.start_broker(2, None);
    let result = world.create(topic("a", -1, -1));
    assert_eq!((result.num_partitions, result.replication_factor), (4, 2));
}

#[test]
fn topics_that_cannot_be_created_say_why_in_the_references_words() {
    let mut world = World::with_brokers(&[1]);
    world.create_ok("a.b", 1, 1);
    let cases = [
        (topic("a.b", 1, 1), ErrorCode::TopicAlreadyExists, "Topic 'a.b' already exists."),
        (
            topic("a_b", 1, 1),
            ErrorCode::InvalidTopicException,
            "Topic 'a_b' collides with existing topic: a.b",
        ),
        (
            topic("", 1, 1),
            ErrorCode::InvalidTopicException,
            "Topic name is invalid: the empty string is not allowed",
        ),
        (
            topic("__cluster_metadata", 1, 1),
            ErrorCode::InvalidRequest,
            "Creation of internal topic __cluster_metadata is prohibited.",
        ),
        (
            topic("c", 0, 1),
            ErrorCode::InvalidPartitions,
            "Number of partitions was set to an invalid non-positive value.",
        ),
        (
            topic("c", 1, 0),
            ErrorCode::InvalidReplicationFactor,
            "Replication factor must be larger than 0, or -1 to use the default value.",
        ),
        (
            topic("c", 1, 2),
            ErrorCode::InvalidReplicationFactor,
            "Unable to replicate the partition 2 time(s): The target replication factor of 2 cannot be reached because \
             only 1 broker(s) are registered or some brokers have all their log directories cordoned.",
        ),
        (
            topic("c", 10_001, 1),
            ErrorCode::PolicyViolation,
            "Excessively large number of partitions per request.",
        ),
        (
            CreatableTopic { configs: vec![config("retention.mss", "1")], ..topic("c", 1, 1) },
            ErrorCode::InvalidConfig,
            "Unknown topic config name: retention.mss",
        ),
        (
            CreatableTopic { num_partitions: 1, ..manual("c", &[(0, &[1])]) },
            ErrorCode::InvalidRequest,
            "A manual partition assignment was specified, but numPartitions was not set to -1.",
        ),
        (
            manual("c", &[(0, &[1]), (2, &[1])]),
            ErrorCode::InvalidReplicaAssignment,
            "partitions should be a consecutive 0-based integer sequence",
        ),
        (
            manual("c", &[(0, &[1, 1])]),
            ErrorCode::InvalidReplicaAssignment,
            "The manual partition assignment includes the broker 1 more than once.",
        ),
        (
            manual("c", &[(0, &[7])]),
            ErrorCode::InvalidReplicaAssignment,
            "The manual partition assignment includes broker 7, but no such broker is registered.",
        ),
        (
            manual("c", &[(0, &[])]),
            ErrorCode::InvalidReplicaAssignment,
            "The manual partition assignment includes an empty replica list.",
        ),
        (
            manual("c", &[(0, &[1]), (0, &[1])]),
            ErrorCode::InvalidReplicaAssignment,
            "Found multiple manual partition assignments for partition 0",
        ),
    ];
    for (wanted, code, text) in cases {
        let result = world.create(wanted);
        assert_error(result.error_code, &result.error_message, code, text);
    }
    assert_eq!(world.image.topics.len(), 1);
    world.heartbeat(1, true, false);
    let result = world.create(topic("c", 1, 1));
    assert_error(
        result.error_code,
        &result.error_message,
        ErrorCode::InvalidReplicationFactor,
        "Unable to replicate the partition 1 time(s): All brokers are currently fenced, or have all their log \
         directories cordoned.",
    );
}

#[test]
fn topics_of_one_request_neither_collide_nor_repeat() {
    let mut world = World::with_brokers(&[1]);
    let topics = vec![topic("x.y", 1, 1), topic("x_y", 1, 1), topic("z", 1, 1), topic("z", 1, 1)];
    let request = CreateTopicsRequest { topics, ..Default::default() };
    let response = world.decide(|c, cx| c.create_topics(cx, &request));
    let codes: Vec<_> =
        response.topics.iter().map(|t| (t.name.as_str(), ErrorCode::from_code(t.error_code))).collect();
    let expected = [
        ("x.y", ErrorCode::None),
        ("x_y", ErrorCode::InvalidTopicException),
        ("z", ErrorCode::InvalidRequest),
    ];
    assert_eq!(codes, expected);
}

#[test]
fn validate_only_answers_and_changes_nothing() {
    let mut world = World::with_brokers(&[1]);
    let before = world.next_offset;
    let request =
        CreateTopicsRequest { topics: vec![topic("a", 2, 1)], validate_only: true, ..Default::default() };
    let response = world.decide(|c, cx| c.create_topics(cx, &request));
    assert_eq!((response.topics[0].error_code, response.topics[0].num_partitions), (0, 2));
    assert_eq!(world.next_offset, before);
}

#[test]
fn records_of_a_topic_stand_in_the_references_order() {
    let mut world = World::with_brokers(&[1]);
    let mut wanted = topic("a", 1, 1);
    wanted.configs = vec![config("min.insync.replicas", "1"), config("retention.ms", "-1")];
    let request = CreateTopicsRequest { topics: vec![wanted], ..Default::default() };
    world.decide(|c, cx| {
        let result = c.create_topics(cx, &request);
        let names: Vec<_> = result.records.iter().map(MetadataRecord::name).collect();
        assert_eq!(
            names,
            ["TopicRecord", "ConfigRecord", "ConfigRecord", "ClearElrRecord", "PartitionRecord"]
        );
        assert!(result.atomic);
        result
    });
}

#[test]
fn topics_are_deleted_by_name_and_by_id() {
    let mut world = World::with_brokers(&[1]);
    let (a, b) = (world.create_ok("a", 1, 1), world.create_ok("b", 1, 1));
    let by = |name: Option<&str>, topic_id| DeleteTopicState { name: name.map(str::to_owned), topic_id };
    let unknown = Uuid::from_u128(4711);
    let topics = vec![
        by(Some("a"), Uuid::ZERO),
        by(None, b),
        by(Some("nope"), Uuid::ZERO),
        by(None, unknown),
        by(Some("a"), a),
        by(None, Uuid::ZERO),
        by(None, a),
    ];
    let request = DeleteTopicsRequest { topics, ..Default::default() };
    let response = world.decide(|c, cx| c.delete_topics(cx, &request));
    let answers: Vec<_> = response
        .responses
        .iter()
        .map(|r| {
            (r.name.as_deref(), ErrorCode::from_code(r.error_code), r.error_message.as_deref().unwrap_or(""))
        })
        .collect();
    let expected = [
        (Some("a"), ErrorCode::None, ""),
        (Some("b"), ErrorCode::None, ""),
        (Some("nope"), ErrorCode::UnknownTopicOrPartition, "This server does not host this topic-partition."),
        (None, ErrorCode::UnknownTopicId, "This server does not host this topic ID."),
        (Some("a"), ErrorCode::InvalidRequest, "You may not specify both topic name and topic id."),
        (None, ErrorCode::InvalidRequest, "Neither topic name nor id were specified."),
        (None, ErrorCode::InvalidRequest, "The provided topic name maps to an ID that was already supplied."),
    ];
    assert_eq!(answers, expected);
    assert!(world.image.topics.is_empty());

    world.create_ok("c", 1, 1);
    let request = DeleteTopicsRequest { topic_names: vec!["c".into(), "c".into()], ..Default::default() };
    let response = world.decide(|c, cx| c.delete_topics(cx, &request));
    assert_eq!(response.responses.len(), 1);
    assert_eq!(response.responses[0].error_message.as_deref(), Some("Duplicate topic name."));
}

#[test]
fn deletion_can_be_switched_off() {
    let mut world = World::new(1, &BootstrapOptions::default(), &[("delete.topic.enable", "false")]);
    world.start_broker(1, None);
    world.create_ok("a", 1, 1);
    let request = DeleteTopicsRequest { topic_names: vec!["a".into()], ..Default::default() };
    let response = world.decide(|c, cx| c.delete_topics(cx, &request));
    assert_error(
        response.responses[0].error_code,
        &response.responses[0].error_message,
        ErrorCode::TopicDeletionDisabled,
        "Topic deletion is disabled.",
    );
    assert_eq!(world.image.topics.len(), 1);
}

#[test]
fn partitions_are_added() {
    let mut world = World::with_brokers(&[1, 2]);
    world.create_ok("a", 2, 2);
    let add = |name: &str, count, assignments: Option<&[&[i32]]>| {
        let given = |lists: &[&[i32]]| {
            lists.iter().map(|brokers| CreatePartitionsAssignment { broker_ids: brokers.to_vec() }).collect()
        };
        let topic = CreatePartitionsTopic { name: name.into(), count, assignments: assignments.map(given) };
        CreatePartitionsRequest { topics: vec![topic], ..Default::default() }
    };
    let refused: [(CreatePartitionsRequest, ErrorCode, &str); 6] = [
        (add("nope", 3, None), ErrorCode::UnknownTopicOrPartition, ""),
        (add("a", 2, None), ErrorCode::InvalidPartitions, "Topic already has 2 partition(s)."),
        (
            add("a", 1, None),
            ErrorCode::InvalidPartitions,
            "The topic a currently has 2 partition(s); 1 would not be an increase.",
        ),
        (
            add("a", 4, Some(&[&[1, 2]])),
            ErrorCode::InvalidReplicaAssignment,
            "Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.",
        ),
        (
            add("a", 3, Some(&[&[1]])),
            ErrorCode::InvalidReplicaAssignment,
            "The manual partition assignment includes a partition with 1 replica(s), but this is not consistent with \
             previous partitions, which have 2 replica(s).",
        ),
        (
            add("a", 20_000, None),
            ErrorCode::PolicyViolation,
            "Excessively large number of partitions per request.",
        ),
    ];
    for (request, code, text) in refused {
        let response = world.decide(|c, cx| c.create_partitions(cx, &request));
        assert_error(response.results[0].error_code, &response.results[0].error_message, code, text);
    }
    let mut only_checked = add("a", 4, None);
    only_checked.validate_only = true;
    assert_eq!(world.decide(|c, cx| c.create_partitions(cx, &only_checked)).results[0].error_code, 0);
    assert_eq!(world.image.topics.by_name("a").unwrap().partitions.len(), 2);
    for request in [add("a", 3, Some(&[&[2, 1]])), add("a", 5, None)] {
        assert_eq!(world.decide(|c, cx| c.create_partitions(cx, &request)).results[0].error_code, 0);
    }
    assert_eq!(world.image.topics.by_name("a").unwrap().partitions.len(), 5);
    assert_eq!(world.partition("a", 2).replicas, ids(&[2, 1]));
}
