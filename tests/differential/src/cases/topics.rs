//! Topics: made, described, enlarged, removed.

use anyhow::{Context, Result};
use moldau_protocol::ApiKey;
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
    metadata(run)?;
    before_deletions(run, "")?;
    creations(run)?;
    partitions(run)?;
    deletions(run)
}

/// What tells the topics apart that one listener makes, enlarges and removes.
fn of_place(run: &Run) -> &'static str {
    if run.asks_brokers() { "" } else { "-asked-of-the-controller" }
}

/// Topics for `deletions`: two for each version.
pub(super) fn before_deletions(run: &mut Run, place: &str) -> Result<()> {
    let versions = ApiKey::DeleteTopics.versions().context("an API without versions")?;
    for version in versions.min..=versions.max {
        for name in ["removed", "removed-by-id"] {
            run.world.topic(&format!("{name}{place}-{version}"), 1, &[])?;
        }
    }
    run.world.topic(&format!("growing{place}"), 1, &[])
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
    let place = of_place(run);
    for validate_only in [true, false] {
        let title =
            |title: &str| if validate_only { format!("{title}, only validated") } else { title.to_owned() };
        let request = |topics| CreateTopicsRequest { topics, timeout_ms: 10_000, validate_only };
        run.each(&title("three good ones and a bad one"), |version, _| {
            request(vec![
                with_config(&format!("made{place}-{version}"), "cleanup.policy", Some("compact")),
                topic("bad name", 1, 1),
                topic(&format!("by-default{place}-{version}"), -1, -1),
                assigned(&format!("assigned{place}-{version}"), &[(0, &[1]), (1, &[1])]),
            ])
        })?;
        run.each(&title("two names that collide"), |version, _| {
            request(vec![
                topic(&format!("collides.{version}{place}"), 1, 1),
                topic(&format!("collides_{version}{place}"), 1, 1),
            ])
        })?;
    }
    run.each("more than 10,000 partitions, only validated", |version, _| CreateTopicsRequest {
        topics: vec![topic(&format!("large{place}-{version}"), 10_001, 1)],
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
        ("more than 10,000 new ones, only validated", wanted("there", 10_003, None)),
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
    })?;
    let growing = format!("growing{}", of_place(run));
    let versions = ApiKey::CreatePartitions.versions().context("an API without versions")?;
    let of_each = i32::from(versions.max - versions.min) + 1;
    for (title, brokers, had) in
        [("one more", None, 1), ("one more on a broker", Some(&[1][..]), 1 + of_each)]
    {
        run.each(title, |version, _| CreatePartitionsRequest {
            topics: vec![wanted(&growing, had + i32::from(version - versions.min) + 1, brokers)],
            timeout_ms: 10_000,
            validate_only: false,
        })?;
    }
    Ok(())
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
    })?;
    let place = of_place(run);
    run.each("one that is there, by name", |version, _| {
        let name = format!("removed{place}-{version}");
        match version {
            ..6 => DeleteTopicsRequest { topic_names: vec![name], timeout_ms: 10_000, ..Default::default() },
            _ => DeleteTopicsRequest {
                topics: vec![DeleteTopicState { name: Some(name), ..Default::default() }],
                timeout_ms: 10_000,
                ..Default::default()
            },
        }
    })?;
    run.each("one that is there, by id", |version, world| {
        let topic_id = world.topic_id(&format!("removed-by-id{place}-{version}"));
        DeleteTopicsRequest {
            topics: vec![DeleteTopicState { name: None, topic_id }],
            timeout_ms: 10_000,
            ..Default::default()
        }
    })
}
