//! Administration of groups: their lists, members and offsets.

use std::collections::BTreeMap;
use std::time::Duration;

use moldau_client::admin::{GroupFilter, MembersToRemove};
use moldau_client::{ErrorCode, OffsetAndMetadata, TopicPartition};
use moldau_node_tests::{Node, eventually, read, unique, write_numbers};

#[tokio::test]
async fn offsets_of_a_group_without_members_are_set_read_and_forgotten() {
    let node = Node::get();
    let topic = node.topic("group-offsets", 3, &[]).await.expect("a topic");
    let admin = node.admin().await.expect("an admin client");
    let group = unique("offsets");
    let partition = |index| TopicPartition::new(&*topic, index);
    let at = |offset| OffsetAndMetadata { offset, metadata: "by hand".to_owned(), ..Default::default() };
    let offsets = BTreeMap::from([(partition(0), at(3)), (partition(1), at(5))]);
    let results = eventually("the topic is known to the coordinator", async || {
        let results = admin.alter_group_offsets_of_each(&group, &offsets).await.expect("answered");
        (results[&partition(0)].is_ok() && results[&partition(1)].is_ok()).then_some(results)
    })
    .await;
    assert_eq!(results.len(), 2);
    let asked = [partition(0), partition(2)];
    let read = admin.group_offsets_of(&group, &asked, true).await.expect("read");
    assert_eq!(read[&partition(0)], Some(at(3)));
    assert_eq!(read[&partition(2)], None);
    assert_eq!(admin.group_offsets(&group).await.expect("read").len(), 2);
    let forgotten = admin.delete_group_offsets_of_each(&group, &[partition(1), partition(9)]).await;
    let forgotten = forgotten.expect("answered");
    assert!(forgotten[&partition(1)].is_ok());
    let missing = forgotten[&partition(9)].as_ref().expect_err("no such partition");
    assert_eq!(missing.code(), Some(ErrorCode::UnknownTopicOrPartition));
    let left: Vec<_> = admin.group_offsets(&group).await.expect("read").into_keys().collect();
    assert_eq!(left, [partition(0)]);
    let deleted = admin.delete_groups(&[&group, &unique("nobody")]).await.expect("answered");
    assert!(deleted[0].is_ok());
    assert_eq!(deleted[1].as_ref().expect_err("no such group").code(), Some(ErrorCode::GroupIdNotFound));
}

#[tokio::test]
async fn groups_are_listed_by_state_type_and_protocol() {
    let node = Node::get();
    let topic = node.topic("listed", 1, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    write_numbers(&producer, &topic, 0, 0..1).await.expect("written");
    let admin = node.admin().await.expect("an admin client");
    let (live, idle) = (unique("live"), unique("idle"));
    let offsets = BTreeMap::from([(TopicPartition::new(&*topic, 0), OffsetAndMetadata::from(1))]);
    admin.alter_group_offsets(&idle, &offsets).await.expect("committed");
    let mut consumer = node.consumer(&[("group.id", &live)]).await.expect("a consumer");
    consumer.subscribe([&topic]).expect("subscribed");
    read(&mut consumer, 1).await;
    let listed = async |filter: GroupFilter| {
        let groups = admin.list_groups_like(&filter).await.expect("listed");
        let has = |id: &str| groups.iter().any(|group| group.id == id);
        (has(&live), has(&idle))
    };
    let any = GroupFilter::default;
    assert_eq!(listed(any()).await, (true, true));
    assert_eq!(listed(any().states(["Stable"])).await, (true, false));
    assert_eq!(listed(any().states(["Empty"])).await, (false, true));
    assert_eq!(listed(any().types(["classic"])).await, (true, true));
    assert_eq!(listed(any().types(["share"])).await, (false, false));
    let by_protocol = |text: &str| any().protocol_types([text]);
    assert_eq!(listed(by_protocol("consumer")).await, (true, false));
    assert_eq!(listed(by_protocol("")).await, (false, true));
    let described = admin.describe_groups(&[&live]).await.expect("answered");
    assert_eq!(described[0].as_ref().expect("described").members.len(), 1);
    consumer.close().await.expect("closed");
}

#[tokio::test]
async fn members_are_removed_by_instance_or_all_at_once() {
    let node = Node::get();
    let topic = node.topic("removed", 1, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    write_numbers(&producer, &topic, 0, 0..1).await.expect("written");
    let admin = node.admin().await.expect("an admin client");
    for by_instance in [true, false] {
        let group = unique("members");
        let settings = [("group.id", &*group), ("group.instance.id", "board-1")];
        let mut consumer = node.consumer(&settings).await.expect("a consumer");
        consumer.subscribe([&topic]).expect("subscribed");
        read(&mut consumer, 1).await;
        // A static member stays when its consumer goes.
        consumer.close().await.expect("closed");
        let members = match by_instance {
            true => MembersToRemove::Static(vec!["board-1".to_owned(), "stranger".to_owned()]),
            false => MembersToRemove::All,
        };
        let removed = admin.remove_group_members(&group, &members, "tested").await.expect("answered");
        assert!(removed["board-1"].is_ok());
        if by_instance {
            let stranger = removed["stranger"].as_ref().expect_err("no such member");
            assert_eq!(stranger.code(), Some(ErrorCode::UnknownMemberId));
        }
        eventually("the group is empty", async || {
            let described = admin.describe_group(&group).await.expect("described");
            (described.state == "Empty" && described.members.is_empty()).then_some(())
        })
        .await;
        let again = tokio::time::timeout(
            Duration::from_secs(20),
            admin.remove_group_members(&group, &MembersToRemove::All, "tested"),
        );
        assert!(again.await.expect("in time").expect("nothing to do").is_empty());
    }
}
