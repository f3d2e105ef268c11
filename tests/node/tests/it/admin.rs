//! Administration.

use moldau_client::ErrorCode;
use moldau_client::admin::{
    AlterConfigOp, ConfigEntry, ConfigResource, ConfigSource, NewTopic, ResourceType,
};
use moldau_client::consumer::{OffsetAndMetadata, TopicPartition};
use moldau_node_tests::wire::{Wire, name_of};
use moldau_node_tests::{Node, eventually, unique};
use moldau_protocol::messages::DeleteTopicsRequest;

#[tokio::test]
async fn topics_are_made_described_grown_and_deleted() {
    let node = Node::get();
    let admin = node.admin().await.expect("an admin client");
    let name = unique("admin");
    let topic = NewTopic::new(&name).partitions(3).config("retention.ms", "1000");
    let dry = admin.create_topics(std::slice::from_ref(&topic), true).await.expect("answered");
    assert!(dry[0].is_ok());
    assert!(admin.list_topics(false).await.expect("listed").iter().all(|listed| *listed.name != name));
    let made = admin.create_topics(std::slice::from_ref(&topic), false).await.expect("answered");
    let id = made[0].as_ref().expect("made").id;
    let again = admin.create_topics(&[topic, NewTopic::new("a/b")], false).await.expect("answered");
    assert_eq!(again[0].as_ref().expect_err("exists").code(), Some(ErrorCode::TopicAlreadyExists));
    assert_eq!(again[1].as_ref().expect_err("invalid").code(), Some(ErrorCode::InvalidTopicException));
    let described = eventually("the topic", async || {
        let described = admin.describe_topics(&[&name, "nothing-is-called-so"]).await.expect("answered");
        described[0].is_ok().then_some(described)
    })
    .await;
    let found = described[0].as_ref().expect("there");
    assert_eq!((found.id, found.partitions.len()), (id, 3));
    let missing = described[1].as_ref().expect_err("missing");
    assert_eq!(missing.code(), Some(ErrorCode::UnknownTopicOrPartition));
    admin.create_partitions(&name, 5, false).await.expect("grown");
    let error = admin.create_partitions(&name, 2, false).await.expect_err("shrunk");
    assert_eq!(error.code(), Some(ErrorCode::InvalidPartitions), "{error}");
    eventually("five partitions", async || {
        let described = admin.describe_topics(&[&name]).await.expect("answered");
        (described[0].as_ref().expect("there").partitions.len() == 5).then_some(())
    })
    .await;
    let deleted = admin.delete_topics(&[&name, "nothing-is-called-so"]).await.expect("answered");
    assert!(deleted[0].is_ok());
    assert_eq!(deleted[1].as_ref().expect_err("missing").code(), Some(ErrorCode::UnknownTopicOrPartition));
    eventually("a list without the topic", async || {
        let listed = admin.list_topics(false).await.expect("listed");
        listed.iter().all(|listed| *listed.name != name).then_some(())
    })
    .await;
}

#[tokio::test]
async fn configs_are_set_described_and_unset() {
    let node = Node::get();
    let admin = node.admin().await.expect("an admin client");
    let name = node.topic("configs", 1, &[("cleanup.policy", "compact")]).await.expect("a topic");
    let topic = ConfigResource::topic(&name);
    let set = |key: &str, value: &str| (key.to_owned(), AlterConfigOp::Set(value.to_owned()));
    admin.alter_configs(&topic, &[set("retention.ms", "5000")], true).await.expect("valid");
    let changes = [
        set("segment.ms", "100000"),
        ("cleanup.policy".to_owned(), AlterConfigOp::Append("delete".to_owned())),
    ];
    admin.alter_configs(&topic, &changes, false).await.expect("set");
    let entries = eventually("the new configs", async || {
        let entries = admin.describe_configs(&topic, None, true).await.expect("described");
        let set =
            |entry: &ConfigEntry| entry.name == "segment.ms" && entry.source == ConfigSource::TopicConfig;
        entries.iter().any(set).then_some(entries)
    })
    .await;
    let entry = |key: &str| entries.iter().find(|entry| entry.name == key).expect("an entry");
    assert_eq!(entry("segment.ms").value.as_deref(), Some("100000"));
    assert_eq!(entry("segment.ms").source, ConfigSource::TopicConfig);
    assert_eq!(entry("cleanup.policy").value.as_deref(), Some("compact,delete"));
    assert_eq!(entry("retention.ms").source, ConfigSource::DefaultConfig);
    assert!(entry("retention.ms").documentation.as_ref().is_some_and(|text| !text.is_empty()));
    admin
        .alter_configs(&topic, &[("segment.ms".to_owned(), AlterConfigOp::Delete)], false)
        .await
        .expect("unset");
    eventually("the default again", async || {
        let entries = admin.describe_configs(&topic, Some(&["segment.ms"]), false).await.expect("described");
        assert_eq!(entries.len(), 1);
        (entries[0].source == ConfigSource::DefaultConfig).then_some(())
    })
    .await;
    for (key, value) in [("no.such.key", "1"), ("retention.ms", "soon")] {
        let error = admin.alter_configs(&topic, &[set(key, value)], false).await.expect_err("refused");
        assert_eq!(error.code(), Some(ErrorCode::InvalidConfig), "{error}");
    }
}

#[tokio::test]
async fn brokers_and_the_cluster_are_described() {
    let node = Node::get();
    let admin = node.admin().await.expect("an admin client");
    let cluster = admin.describe_cluster().await.expect("described");
    assert_eq!(cluster.brokers.len(), 1);
    assert!(!cluster.id.is_empty());
    let broker = cluster.brokers[0].id;
    let entries =
        admin.describe_configs(&ConfigResource::broker(broker), Some(&["log.dirs", "node.id"]), false).await;
    let entries = entries.expect("described");
    assert_eq!(entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["log.dirs", "node.id"]);
    assert_eq!(entries[1].value, Some(broker.to_string()));
    let loggers = ConfigResource::new(ResourceType::BrokerLogger, broker.to_string());
    assert!(!admin.describe_configs(&loggers, None, false).await.expect("described").is_empty());
    assert!(admin.api_versions().await.expect("known").iter().any(|(key, ..)| *key == 18));
}

#[tokio::test]
async fn what_the_asker_may_do_is_told() {
    use moldau_client::admin::AclOperation::{Alter, ClusterAction, Delete, Describe, Read, Write};
    let node = Node::get();
    let topic = node.topic("operations", 1, &[]).await.expect("a topic");
    let admin = node.admin().await.expect("an admin client");
    let may = eventually("the topic is known to the broker that answers", async || {
        let mut of_topics = admin.topic_operations(&[&topic, "not-there"]).await.expect("answers");
        assert!(of_topics.remove(1).is_err());
        of_topics.remove(0).ok()
    })
    .await;
    assert!(
        [Read, Write, Delete, Alter, Describe].iter().all(|operation| may.contains(operation)),
        "{may:?}"
    );
    let offsets = [(TopicPartition::new(&*topic, 0), OffsetAndMetadata::from(0))].into();
    admin.alter_group_offsets(&topic, &offsets).await.expect("committed");
    let of_groups = admin.group_operations(&[&topic]).await.expect("answers");
    let may = of_groups[0].as_ref().expect("a group");
    assert!([Read, Delete, Describe].iter().all(|operation| may.contains(operation)), "{may:?}");
    let may = admin.cluster_operations().await.expect("an answer");
    assert!(may.contains(&ClusterAction) && !may.contains(&Read), "{may:?}");
}

#[tokio::test]
async fn a_request_from_before_the_error_existed_is_told_otherwise_that_deletion_is_off() {
    let node = Node::with(&[("delete.topic.enable", "false")]);
    let mut wire = Wire::connect(node.address()).await;
    let request = DeleteTopicsRequest { topic_names: vec!["a".to_owned()], ..DeleteTopicsRequest::default() };
    assert_eq!(name_of(wire.ask(2, &request).await.responses[0].error_code), "INVALID_REQUEST");
    assert_eq!(name_of(wire.ask(3, &request).await.responses[0].error_code), "TOPIC_DELETION_DISABLED");
}
