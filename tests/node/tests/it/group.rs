//! Consumer groups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use moldau_client::{
    ClientError, Consumer, ErrorCode, OffsetAndMetadata, ProducerRecord, RebalanceListener, TopicPartition,
};
use moldau_node_tests::wire::{Wire, name_of};
use moldau_node_tests::{Node, PATIENCE, read, unique, value, write_numbers};
use moldau_protocol::messages::OffsetDeleteRequest;
use moldau_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

const FAST: [(&str, &str); 2] = [("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "200")];

async fn member(node: &Node, group: &str, topic: &str, more: &[(&str, &str)]) -> Consumer {
    let settings: Vec<(&str, &str)> =
        [("group.id", group)].into_iter().chain(FAST).chain(more.iter().copied()).collect();
    let mut consumer = node.consumer(&settings).await.expect("a consumer");
    consumer.subscribe([topic]).expect("subscribed");
    consumer
}

/// Polls all members until they have `partitions` among them, each at least one.
async fn share(members: &mut [Consumer], partitions: usize) {
    let sharing = async {
        loop {
            for member in members.iter_mut() {
                member.poll(Duration::from_millis(50)).await.expect("a poll");
            }
            let owned: Vec<Vec<TopicPartition>> = members.iter().map(Consumer::assignment).collect();
            let all: BTreeSet<&TopicPartition> = owned.iter().flatten().collect();
            let count: usize = owned.iter().map(Vec::len).sum();
            if count == partitions && all.len() == partitions && owned.iter().all(|owned| !owned.is_empty()) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, sharing).await.expect("the group shares the partitions in time");
}

#[tokio::test]
async fn committed_offsets_are_where_the_next_member_goes_on() {
    let node = Node::get();
    let topic = node.topic("resume", 1, &[]).await.expect("a topic");
    let group = unique("resume");
    let producer = node.producer(&[]).await.expect("a producer");
    write_numbers(&producer, &topic, 0, 0..100).await.expect("written");
    let mut first =
        member(&node, &group, &topic, &[("max.poll.records", "10"), ("enable.auto.commit", "false")]).await;
    let got = read(&mut first, 30).await;
    first.commit().await.expect("committed");
    let partition = TopicPartition::new(topic.as_str(), 0);
    let committed = first.committed(std::slice::from_ref(&partition)).await.expect("read");
    assert_eq!(committed[&partition].offset, got.len() as i64);
    first.close().await.expect("closed");
    let mut second = member(&node, &group, &topic, &[]).await;
    let rest = read(&mut second, 100 - got.len()).await;
    assert_eq!(value(&rest[0]), got.len().to_string());
    // Closing commits by itself.
    second.close().await.expect("closed");
    let admin = node.admin().await.expect("an admin client");
    let offsets = admin.group_offsets(&group).await.expect("read");
    assert_eq!(offsets[&partition].offset, 100);
}

#[tokio::test]
async fn three_members_share_the_partitions_and_take_over_when_one_goes() {
    let node = Node::get();
    let topic = node.topic("share", 6, &[]).await.expect("a topic");
    for assignor in ["range", "roundrobin", "sticky", "cooperative-sticky"] {
        let group = unique("share");
        let settings = [("partition.assignment.strategy", assignor)];
        let mut members = vec![member(&node, &group, &topic, &settings).await];
        share(&mut members, 6).await;
        members.push(member(&node, &group, &topic, &settings).await);
        share(&mut members, 6).await;
        members.push(member(&node, &group, &topic, &settings).await);
        share(&mut members, 6).await;
        assert!(members.iter().all(|member| member.assignment().len() == 2), "{assignor}");
        members.remove(0).close().await.expect("closed");
        share(&mut members, 6).await;
        // One vanishes without a word; the session ends it.
        drop(members.remove(0));
        share(&mut members, 6).await;
        let admin = node.admin().await.expect("an admin client");
        let described = admin.describe_group(&group).await.expect("described");
        assert_eq!((described.state.as_str(), described.protocol.as_str()), ("Stable", assignor));
        assert_eq!(described.members.len(), 1);
        assert_eq!(described.members[0].assignment.len(), 6);
        assert_eq!(described.members[0].topics, [topic.as_str()]);
    }
}

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl RebalanceListener for Told {
    fn assigned(&mut self, partitions: &[TopicPartition]) {
        self.0.lock().expect("not poisoned").push(format!("+{}", partitions.len()));
    }
    fn revoked(&mut self, partitions: &[TopicPartition]) {
        self.0.lock().expect("not poisoned").push(format!("-{}", partitions.len()));
    }
}

#[tokio::test]
async fn the_listener_is_told_and_nothing_is_read_twice_over_a_rebalance() {
    let node = Node::get();
    let topic = node.topic("rebalance", 4, &[]).await.expect("a topic");
    let group = unique("rebalance");
    let producer = node.producer(&[]).await.expect("a producer");
    for partition in 0..4 {
        write_numbers(&producer, &topic, partition, 0..500).await.expect("written");
    }
    let told = Told::default();
    let mut members = vec![member(&node, &group, &topic, &[("max.poll.records", "50")]).await];
    members[0].set_rebalance_listener(told.clone());
    let mut seen: BTreeMap<(i32, i64), u32> = BTreeMap::new();
    let reading = async {
        while seen.len() < 2000 {
            for member in &mut members {
                for record in member.poll(Duration::from_millis(20)).await.expect("a poll") {
                    *seen.entry((record.partition, record.offset)).or_default() += 1;
                }
            }
            if seen.len() > 300 && members.len() == 1 {
                members.push(member(&node, &group, &topic, &[("max.poll.records", "50")]).await);
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("all is read in time");
    assert!(seen.values().all(|count| *count == 1));
    for member in members {
        member.close().await.expect("closed");
    }
    let told = told.0.lock().expect("not poisoned").clone();
    assert_eq!(told.first().map(String::as_str), Some("+4"));
    assert!(
        told.contains(&"-4".to_owned()) && told.last().is_some_and(|last| last.starts_with('-')),
        "{told:?}"
    );
}

/// What a cooperative member holds at each moment, by what its listener is told.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<(Vec<TopicPartition>, usize)>>);

impl RebalanceListener for Held {
    fn assigned(&mut self, partitions: &[TopicPartition]) {
        let mut held = self.0.lock().expect("not poisoned");
        assert!(partitions.iter().all(|partition| !held.0.contains(partition)), "only what is new is told");
        held.0.extend_from_slice(partitions);
    }
    fn revoked(&mut self, partitions: &[TopicPartition]) {
        let mut held = self.0.lock().expect("not poisoned");
        held.0.retain(|partition| !partitions.contains(partition));
        held.1 = held.1.max(partitions.len());
    }
}

#[tokio::test]
async fn cooperative_members_go_on_reading_what_they_keep_and_nothing_is_read_twice() {
    let node = Node::get();
    let topic = node.topic("cooperative", 4, &[]).await.expect("a topic");
    let group = unique("cooperative");
    let producer = node.producer(&[]).await.expect("a producer");
    for partition in 0..4 {
        write_numbers(&producer, &topic, partition, 0..500).await.expect("written");
    }
    let settings = [("partition.assignment.strategy", "cooperative-sticky"), ("max.poll.records", "20")];
    let held = Held::default();
    let mut members = vec![member(&node, &group, &topic, &settings).await];
    members[0].set_rebalance_listener(held.clone());
    let mut seen: BTreeMap<(i32, i64), u32> = BTreeMap::new();
    let reading = async {
        let mut settled = false;
        while seen.len() < 2000 || !settled {
            for member in &mut members {
                for record in member.poll(Duration::from_millis(20)).await.expect("a poll") {
                    *seen.entry((record.partition, record.offset)).or_default() += 1;
                }
            }
            if seen.len() > 100 && members.len() == 1 {
                members.push(member(&node, &group, &topic, &settings).await);
            }
            settled = members.len() == 2 && members.iter().all(|member| member.assignment().len() == 2);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("all is read and shared in time");
    assert!(seen.values().all(|count| *count == 1), "a record was read twice");
    let (now, most_at_once) = held.0.lock().expect("not poisoned").clone();
    assert_eq!(now.len(), 2);
    assert_eq!(most_at_once, 2, "never more was revoked than had to move");
}

/// An assignment was lost when the poll that took it up was cancelled while it committed what goes to others.
#[tokio::test]
async fn polls_that_are_cancelled_during_a_cooperative_rebalance_lose_no_partition() {
    let node = Node::get();
    let topic = node.topic("cancelled", 12, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    for partition in 0..12 {
        write_numbers(&producer, &topic, partition, 0..20).await.expect("written");
    }
    let settings = [("partition.assignment.strategy", "cooperative-sticky")];
    for seed in 0..6 {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut longest_us = 1000;
        let group = unique("cancelled");
        let mut members = vec![member(&node, &group, &topic, &settings).await];
        share(&mut members, 12).await;
        members.push(member(&node, &group, &topic, &settings).await);
        let sharing = async {
            loop {
                for member in &mut members {
                    // Ever longer, so that at some time even a slow machine gets a commit through.
                    longest_us += 20;
                    let delay = Duration::from_micros(random.random_range(0..longest_us));
                    let cancelled = tokio::time::timeout(delay, member.poll(Duration::from_secs(1))).await;
                    if let Ok(polled) = cancelled {
                        polled.expect("a poll");
                    }
                }
                if members.iter().all(|member| member.assignment().len() == 6) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let shared = tokio::time::timeout(PATIENCE, sharing).await;
        shared.unwrap_or_else(|_| panic!("cancelled polls lost an assignment, seed {seed}"));
    }
}

#[tokio::test]
async fn a_static_member_comes_back_to_its_partitions_without_a_rebalance() {
    let node = Node::get();
    let topic = node.topic("static", 4, &[]).await.expect("a topic");
    let group = unique("static");
    let mut members = vec![
        member(&node, &group, &topic, &[("group.instance.id", "a")]).await,
        member(&node, &group, &topic, &[("group.instance.id", "b")]).await,
    ];
    share(&mut members, 4).await;
    let had = members[0].assignment();
    let others = members[1].assignment();
    members.remove(0).close().await.expect("closed");
    members.insert(0, member(&node, &group, &topic, &[("group.instance.id", "a")]).await);
    share(&mut members, 4).await;
    assert_eq!(members[0].assignment(), had);
    assert_eq!(members[1].assignment(), others);
    // A second holder of the name fences the first.
    let _usurper = {
        let mut usurper = member(&node, &group, &topic, &[("group.instance.id", "a")]).await;
        usurper.poll(Duration::from_secs(2)).await.expect("a poll");
        usurper
    };
    let fenced = async {
        loop {
            if let Err(error) = members[0].poll(Duration::from_millis(100)).await {
                return error;
            }
        }
    };
    let error = tokio::time::timeout(PATIENCE, fenced).await.expect("fenced in time");
    assert_eq!(error.code(), Some(ErrorCode::FencedInstanceId), "{error}");
    assert!(error.is_fenced());
}

/// What is lost, and what is only revoked.
#[derive(Clone, Default)]
struct Losses(Arc<Mutex<Vec<&'static str>>>);

impl RebalanceListener for Losses {
    fn revoked(&mut self, _: &[TopicPartition]) {
        self.0.lock().expect("not poisoned").push("revoked");
    }
    fn lost(&mut self, _: &[TopicPartition]) {
        self.0.lock().expect("not poisoned").push("lost");
    }
}

/// The bug: it went on reading its partitions, and committed as nobody in particular.
#[tokio::test]
async fn a_fenced_member_reads_and_commits_no_more() {
    let node = Node::get();
    let topic = node.topic("fenced", 1, &[]).await.expect("a topic");
    let group = unique("fenced");
    let producer = node.producer(&[]).await.expect("a producer");
    write_numbers(&producer, &topic, 0, 0..100).await.expect("written");
    let settings = [
        ("group.instance.id", "a"),
        ("max.poll.records", "1"),
        ("partition.assignment.strategy", "cooperative-sticky"),
        ("auto.commit.interval.ms", "1"),
    ];
    let mut fenced = member(&node, &group, &topic, &settings).await;
    let losses = Losses::default();
    fenced.set_rebalance_listener(losses.clone());
    read(&mut fenced, 1).await;
    let mut usurper = member(&node, &group, &topic, &[("group.instance.id", "a"), settings[2]]).await;
    read(&mut usurper, 1).await;
    usurper.close().await.expect("closed, and a member still");
    let admin = node.admin().await.expect("an admin client");
    let partition = TopicPartition::new(topic.as_str(), 0);
    let committed = async || admin.group_offsets(&group).await.expect("read")[&partition].offset;
    let before = committed().await;
    let fencing = async { while fenced.poll(Duration::from_millis(100)).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, fencing).await.expect("fenced in time");
    assert!(fenced.assignment().is_empty());
    assert_eq!(*losses.0.lock().expect("not poisoned"), ["lost"]);
    for _ in 0..3 {
        let error = fenced.poll(Duration::from_millis(10)).await.expect_err("it is fenced still");
        assert_eq!(error.code(), Some(ErrorCode::FencedInstanceId), "{error}");
    }
    let offsets = || [(partition.clone(), OffsetAndMetadata::from(99))].into();
    let error = fenced.commit_offsets(offsets()).await.expect_err("no member any more");
    assert!(matches!(error, ClientError::CommitFailed { .. }), "{error}");
    let (sender, told) = tokio::sync::oneshot::channel();
    fenced
        .commit_offsets_async(offsets(), move |_, result| sender.send(result).expect("waited for"))
        .expect("taken");
    fenced.close().await.expect("closed");
    let error = told.await.expect("told").expect_err("no member any more");
    assert!(matches!(error, ClientError::CommitFailed { .. }), "{error}");
    assert_eq!(committed().await, before, "nothing was committed by the one that is fenced");
}

/// The bug: after a failed join it never tried again.
#[tokio::test]
async fn a_member_whose_join_has_failed_joins_again() {
    let node = Node::get();
    let topic = node.topic("rejoin", 1, &[]).await.expect("a topic");
    let group = unique("rejoin");
    let of = |assignor| [("partition.assignment.strategy", assignor)];
    let mut first = [member(&node, &group, &topic, &of("range")).await];
    share(&mut first, 1).await;
    let mut other = [member(&node, &group, &topic, &of("roundrobin")).await];
    let failing = async {
        loop {
            if let Err(error) = other[0].poll(Duration::from_millis(100)).await {
                return error;
            }
        }
    };
    let error = tokio::time::timeout(PATIENCE, failing).await.expect("refused in time");
    assert_eq!(error.code(), Some(ErrorCode::InconsistentGroupProtocol), "{error}");
    let [first] = first;
    first.close().await.expect("closed");
    share(&mut other, 1).await;
}

#[tokio::test]
async fn new_partitions_are_shared_out() {
    let node = Node::get();
    let topic = node.topic("grow", 1, &[]).await.expect("a topic");
    let group = unique("grow");
    let mut members = vec![member(&node, &group, &topic, &[("metadata.max.age.ms", "500")]).await];
    share(&mut members, 1).await;
    let admin = node.admin().await.expect("an admin client");
    admin.create_partitions(&topic, 3, false).await.expect("grown");
    share(&mut members, 3).await;
    let producer = node.producer(&[]).await.expect("a producer");
    producer
        .send(ProducerRecord::to(&topic).partition(2).value("v"))
        .await
        .expect("taken")
        .await
        .expect("written");
    assert_eq!(read(&mut members[0], 1).await[0].partition, 2);
}

#[tokio::test]
async fn a_member_that_does_not_poll_leaves_and_comes_back() {
    let node = Node::get();
    let topic = node.topic("slow", 2, &[]).await.expect("a topic");
    let group = unique("slow");
    let slow = [("max.poll.interval.ms", "1500")];
    let mut members =
        vec![member(&node, &group, &topic, &slow).await, member(&node, &group, &topic, &slow).await];
    share(&mut members, 2).await;
    let taking_over = async {
        while members[1].assignment().len() < 2 {
            members[1].poll(Duration::from_millis(100)).await.expect("a poll");
        }
    };
    tokio::time::timeout(PATIENCE, taking_over).await.expect("taken over in time");
    share(&mut members, 2).await;
}

#[tokio::test]
async fn offsets_of_a_group_without_members_can_be_set_and_deleted() {
    let node = Node::get();
    let topic = node.topic("offsets", 2, &[]).await.expect("a topic");
    let group = unique("offsets");
    let admin = node.admin().await.expect("an admin client");
    let partition = |p| TopicPartition::new(topic.as_str(), p);
    let offsets = BTreeMap::from([(partition(0), 5.into()), (partition(1), 7.into())]);
    admin.alter_group_offsets(&group, &offsets).await.expect("set");
    assert_eq!(admin.group_offsets(&group).await.expect("read"), offsets);
    admin.delete_group_offsets(&group, &[partition(0)]).await.expect("deleted");
    assert_eq!(
        admin.group_offsets(&group).await.expect("read").into_keys().collect::<Vec<_>>(),
        [partition(1)]
    );
    assert!(admin.list_groups().await.expect("listed").iter().any(|listed| listed.id == group));
    admin.delete_group(&group).await.expect("deleted");
    assert!(admin.list_groups().await.expect("listed").iter().all(|listed| listed.id != group));
}

/// As in Kafka, groups stay where they are until a restart.
#[tokio::test]
async fn partitions_added_to_the_offsets_topic_left_groups_without_their_offsets() {
    let node = Node::with(&[]);
    let topic = node.topic("stay", 1, &[]).await.expect("a topic");
    let admin = node.admin().await.expect("an admin client");
    let offsets = BTreeMap::from([(TopicPartition::new(topic.as_str(), 0), 5.into())]);
    let groups: Vec<String> = (0..10).map(|_| unique("stay")).collect();
    for group in &groups {
        admin.alter_group_offsets(group, &offsets).await.expect("set");
    }
    admin.create_partitions("__consumer_offsets", 50, false).await.expect("grown");
    for group in &groups {
        assert_eq!(admin.group_offsets(group).await.expect("read"), offsets);
    }
}

/// A partition that a known topic does not have was answered as if its offset had gone.
#[tokio::test]
async fn offsets_of_partitions_that_are_not_there_cannot_be_deleted() {
    let node = Node::get();
    let topic = node.topic("delete-offsets", 2, &[]).await.expect("a topic");
    let group = unique("delete-offsets");
    let mut wire = Wire::connect(node.address()).await;
    let admin = node.admin().await.expect("an admin client");
    let committed = BTreeMap::from([(TopicPartition::new(topic.as_str(), 0), OffsetAndMetadata::from(1))]);
    admin.alter_group_offsets(&group, &committed).await.expect("committed");
    let delete = |names: [(&str, Vec<i32>); 2]| OffsetDeleteRequest {
        group_id: group.clone(),
        topics: Vec::from(names.map(|(name, partitions)| {
            OffsetDeleteRequestTopic {
                name: name.to_owned(),
                partitions: partitions
                    .into_iter()
                    .map(|partition_index| OffsetDeleteRequestPartition { partition_index })
                    .collect(),
            }
        })),
    };
    let answer = wire.ask(0, &delete([(&topic, vec![0, 5]), ("no-such-topic", vec![0])])).await;
    assert_eq!(name_of(answer.error_code), "NONE");
    let mut found = BTreeMap::new();
    for topic in &answer.topics {
        for partition in &topic.partitions {
            found.insert((topic.name.as_str(), partition.partition_index), name_of(partition.error_code));
        }
    }
    let unknown = "UNKNOWN_TOPIC_OR_PARTITION";
    let wanted = [((topic.as_str(), 0), "NONE"), ((&topic, 5), unknown), (("no-such-topic", 0), unknown)];
    assert_eq!(found, BTreeMap::from(wanted));
    admin.close().await;
}
