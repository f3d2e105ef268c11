//! Topics: made, described, enlarged, removed.

use anyhow::Result;
use moldau_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use moldau_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use moldau_protocol::messages::delete_topics_request::DeleteTopicState;
use moldau_protocol::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use moldau_protocol::messages::metadata_request::MetadataRequestTopic;
use moldau_protocol::messages::*;
use moldau_types::Uuid;

use super::Run;

fn topic(name: &str, partitions: i32, replicas: i16) -> CreatableTopic {
    CreatableTopic {
        name: name.to_owned(),
        num_partitions: partitions,
        replication_factor: replicas,
        ..Default::default()
    }
}

fn with_config(name: &str, key: &str, value: Option<&str>) -> CreatableTopic {
    let config = CreatableTopicConfig { name: key.to_owned(), value: value.map(str::to_owned) };
    CreatableTopic { configs: vec![config], ..topic(name, 1, 1) }
}

fn assigned(name: &str, assignment: &[(i32, &[i32])]) -> CreatableTopic {
    let assignments = assignment.iter().map(|(partition_index, brokers)| CreatableReplicaAssignment {
        partition_index: *partition_index,
        broker_ids: brokers.to_vec(),
    });
    CreatableTopic { assignments: assignments.collect(), ..topic(name, -1, -1) }
}

pub(super) fn run(run: &mut Run) -> Result<()> {
    run.world.topic("there", 2, &[])?;
    creations(run)?;
    metadata(run)?;
    partitions(run)?;
    deletions(run)
}

pub(super) fn creations(run: &mut Run) -> Result<()> {
    let cases: [(&str, Vec<CreatableTopic>); 16] = [
        ("one that is there", vec![topic("there", 1, 1)]),
        ("an empty name", vec![topic("", 1, 1)]),
        ("a dot", vec![topic(".", 1, 1)]),
        ("a name with a blank", vec![topic("a b", 1, 1)]),
        ("a name of 250 letters", vec![topic(&"x".repeat(250), 1, 1)]),
        ("an internal topic's name that collides", vec![topic("__consumer.offsets", 0, 1)]),
        ("no partitions", vec![topic("x", 0, 1)]),
        ("no replicas", vec![topic("x", 1, 0)]),
        ("three replicas", vec![topic("x", 1, 3)]),
        ("a config that is not there", vec![with_config("x", "nope", Some("1"))]),
        ("a config with a bad value", vec![with_config("x", "retention.ms", Some("abc"))]),
        ("a config that is null", vec![with_config("x", "retention.ms", None)]),
        ("an assignment to a broker that is not there", vec![assigned("x", &[(0, &[99])])]),
        ("an assignment with a gap", vec![assigned("x", &[(0, &[1]), (2, &[1])])]),
        ("an assignment to one broker twice", vec![assigned("x", &[(0, &[1, 1])])]),
        ("the same twice", vec![topic("twice", 1, 1), topic("twice", 1, 1)]),
    ];
    for (title, topics) in cases {
        for validate_only in [false, true] {
            let title = if validate_only { format!("{title}, only validated") } else { title.to_owned() };
            run.each(&title, |_, _| CreateTopicsRequest {
                topics: topics.clone(),
                timeout_ms: 10_000,
                validate_only,
            })?;
        }
    }
    run.each("none", |_, _| CreateTopicsRequest { timeout_ms: 10_000, ..Default::default() })?;
    run.each("two good ones and a bad one", |version, _| CreateTopicsRequest {
        topics: vec![
            with_config(&format!("made-{version}"), "cleanup.policy", Some("compact")),
            topic("bad name", 1, 1),
            topic(&format!("only-{version}"), -1, -1),
        ],
        timeout_ms: 10_000,
        validate_only: true,
    })
}

fn metadata(run: &mut Run) -> Result<()> {
    let named = |name: &str| MetadataRequestTopic { name: Some(name.to_owned()), ..Default::default() };
    run.each("topics, some not there", move |version, _| MetadataRequest {
        topics: Some(vec![named("there"), named("nothing"), named("bad name")]),
        allow_auto_topic_creation: version < 4,
        ..Default::default()
    })?;
    run.each("no topics", |version, _| MetadataRequest {
        topics: Some(Vec::new()),
        allow_auto_topic_creation: version < 4,
        ..Default::default()
    })?;
    run.each("by id, one not there", |_, world| {
        let by_id = |topic_id| MetadataRequestTopic { topic_id, name: None };
        MetadataRequest {
            topics: Some(vec![by_id(world.topic_id("there")), by_id(Uuid([7; 16]))]),
            allow_auto_topic_creation: false,
            ..Default::default()
        }
    })?;
    run.each("what a client may do with a topic", move |version, _| MetadataRequest {
        topics: Some(vec![named("there")]),
        allow_auto_topic_creation: version < 4,
        include_topic_authorized_operations: true,
        ..Default::default()
    })?;
    let described = |name: &str| TopicRequest { name: name.to_owned() };
    run.each("some not there", |_, _| DescribeTopicPartitionsRequest {
        topics: vec![described("there"), described("nothing"), described("bad name")],
        response_partition_limit: 2000,
        cursor: None,
    })?;
    run.each("one partition at a time", |_, _| DescribeTopicPartitionsRequest {
        topics: vec![described("there"), described("cluster")],
        response_partition_limit: 1,
        cursor: Some(Box::new(Cursor { topic_name: "there".to_owned(), partition_index: 1 })),
    })
}

pub(super) fn partitions(run: &mut Run) -> Result<()> {
    let wanted = |name: &str, count: i32, brokers: Option<&[i32]>| CreatePartitionsTopic {
        name: name.to_owned(),
        count,
        assignments: brokers.map(|brokers| vec![CreatePartitionsAssignment { broker_ids: brokers.to_vec() }]),
    };
    let cases = [
        ("as many as there are", wanted("there", 2, None)),
        ("fewer", wanted("there", 1, None)),
        ("a negative number", wanted("there", -1, None)),
        ("of a topic that is not there", wanted("nothing", 5, None)),
        ("on a broker that is not there", wanted("there", 3, Some(&[99]))),
        ("one assignment for two", wanted("there", 4, Some(&[1]))),
        ("only validated", wanted("there", 3, None)),
    ];
    for (title, topic) in cases {
        run.each(title, |_, _| CreatePartitionsRequest {
            topics: vec![topic.clone()],
            timeout_ms: 10_000,
            validate_only: true,
        })?;
    }
    run.each("the same topic twice", |_, _| CreatePartitionsRequest {
        topics: vec![wanted("there", 3, None), wanted("there", 4, None)],
        timeout_ms: 10_000,
        validate_only: true,
    })
}

pub(super) fn deletions(run: &mut Run) -> Result<()> {
    run.each("some not there, by name", |version, _| match version {
        ..6 => DeleteTopicsRequest {
            topic_names: vec!["nothing".to_owned(), "bad name".to_owned(), String::new()],
            timeout_ms: 10_000,
            ..Default::default()
        },
        _ => DeleteTopicsRequest {
            topics: vec![
                DeleteTopicState { name: Some("nothing".to_owned()), ..Default::default() },
                DeleteTopicState { name: None, topic_id: Uuid([9; 16]) },
            ],
            timeout_ms: 10_000,
            ..Default::default()
        },
    })?;
    run.each("by name and id, and twice", |_, world| DeleteTopicsRequest {
        topics: vec![
            DeleteTopicState { name: Some("there".to_owned()), topic_id: world.topic_id("there") },
            DeleteTopicState { name: Some("nothing".to_owned()), ..Default::default() },
            DeleteTopicState { name: Some("nothing".to_owned()), ..Default::default() },
        ],
        timeout_ms: 10_000,
        ..Default::default()
    })
}
