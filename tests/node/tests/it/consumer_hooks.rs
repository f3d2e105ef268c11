//! What a caller puts into a consumer, and what it tells: interceptors, callbacks of commits, figures.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use moldau_client::consumer::{ConsumerInterceptor, Offsets};
use moldau_client::{
    Consumer, ConsumerBuilder, ConsumerRecord, ErrorCode, Metric, OffsetAndMetadata, RebalanceListener,
    TopicPartition,
};
use moldau_node_tests::{Node, PATIENCE, read, unique, value, write_numbers};

type Notes = Arc<Mutex<Vec<String>>>;

/// Marks what is given out, leaves out what is odd if it is to, and notes what is committed and that all is over.
struct Marker {
    name: &'static str,
    only_even: bool,
    notes: Notes,
}

impl Marker {
    fn note(&self, what: String) {
        self.notes.lock().expect("a lock").push(format!("{} {what}", self.name));
    }
}

impl ConsumerInterceptor for Marker {
    fn on_consume(&self, records: Vec<ConsumerRecord>) -> Vec<ConsumerRecord> {
        let marked = |mut record: ConsumerRecord| {
            let mut text = record.value.map(|value| value.to_vec()).unwrap_or_default();
            text.extend_from_slice(self.name.as_bytes());
            record.value = Some(text.into());
            record
        };
        let kept = |record: &ConsumerRecord| !self.only_even || record.offset % 2 == 0;
        records.into_iter().filter(kept).map(marked).collect()
    }

    fn on_commit(&self, offsets: &Offsets) {
        let offsets: Vec<i64> = offsets.values().map(|committed| committed.offset).collect();
        self.note(format!("committed {offsets:?}"));
    }

    fn close(&self) {
        self.note("closed".to_owned());
    }
}

async fn intercepted(node: &Node, topic: &str, notes: &Notes) -> Consumer {
    let marker = |name, only_even| Marker { name, only_even, notes: notes.clone() };
    let mut consumer = ConsumerBuilder::new()
        .set("bootstrap.servers", node.address())
        .and_then(|builder| builder.set("group.id", &unique("intercepted")))
        .and_then(|builder| builder.set("enable.auto.commit", "false"))
        .and_then(|builder| builder.set("auto.offset.reset", "earliest"))
        .expect("settings")
        .interceptor(marker("a", true))
        .interceptor(marker("b", false))
        .build()
        .expect("a consumer");
    consumer.assign([TopicPartition::new(topic, 0)]).expect("assigned");
    consumer
}

#[tokio::test]
async fn interceptors_see_records_one_after_the_other_and_each_commit_and_the_end() {
    let node = Node::get();
    let topic = node.topic("consumer-interceptors", 1, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    write_numbers(&producer, &topic, 0, 0..6).await.expect("written");
    let notes = Notes::default();
    let mut consumer = intercepted(&node, &topic, &notes).await;
    let records = read(&mut consumer, 3).await;
    let values: Vec<&str> = records.iter().map(value).collect();
    assert_eq!(values, ["0ab", "2ab", "4ab"]);
    let partition = TopicPartition::new(topic.as_str(), 0);
    assert_eq!(consumer.position(&partition).await.expect("known"), 6, "what is left out counts as read");
    consumer.commit_offsets([(partition.clone(), 2.into())].into()).await.expect("committed");
    consumer.commit_async(|_, result| result.expect("committed")).expect("begun");
    consumer.commit_in_background().expect("begun");
    let no_topic = TopicPartition::new("", 0);
    let refused = consumer.commit_offsets([(no_topic, 1.into())].into()).await;
    assert!(refused.is_err(), "there is no such topic");
    consumer.close().await.expect("closed");
    let notes = notes.lock().expect("a lock").clone();
    let wanted = [
        "a committed [2]",
        "b committed [2]",
        "a committed [6]",
        "b committed [6]",
        "a committed [6]",
        "b committed [6]",
        "a closed",
        "b closed",
    ];
    assert_eq!(notes, wanted);
}

#[tokio::test]
async fn callbacks_of_commits_come_in_order_and_before_a_commit_that_is_waited_for() {
    let node = Node::get();
    let topic = node.topic("commit-callbacks", 1, &[]).await.expect("a topic");
    let group = unique("callbacks");
    let settings = [("group.id", group.as_str()), ("enable.auto.commit", "false")];
    let mut consumer = node.consumer(&settings).await.expect("a consumer");
    let partition = TopicPartition::new(topic.as_str(), 0);
    // Apache Kafka answers before its broker knows the topic.
    consumer.partitions_for(&topic).await.expect("known");
    consumer.assign([partition.clone()]).expect("assigned");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let commit = |consumer: &mut Consumer, offset: i64| {
        let (heard, at) = (heard.clone(), partition.clone());
        let offsets = Offsets::from([(partition.clone(), OffsetAndMetadata::from(offset))]);
        let callback = move |offsets: &Offsets, result: moldau_client::Result<()>| {
            result.expect("committed");
            heard.lock().expect("a lock").push(offsets[&at].offset);
        };
        consumer.commit_offsets_async(offsets, callback).expect("begun");
    };
    for offset in 1..=20 {
        commit(&mut consumer, offset);
    }
    assert!(heard.lock().expect("a lock").is_empty(), "callbacks come from within later calls");
    consumer.commit_offsets([(partition.clone(), 30.into())].into()).await.expect("committed");
    assert!(heard.lock().expect("a lock").iter().copied().eq(1..=20), "{heard:?}");
    let committed = consumer.committed(std::slice::from_ref(&partition)).await.expect("read");
    assert_eq!(committed[&partition].offset, 30, "none of the earlier ones has overtaken it");

    // A poll tells as well, also of a commit of nothing.
    let nothing = Arc::new(Mutex::new(false));
    let told = nothing.clone();
    let callback = move |offsets: &Offsets, result: moldau_client::Result<()>| {
        *told.lock().expect("a lock") = offsets.is_empty() && result.is_ok();
    };
    consumer.commit_offsets_async(Offsets::new(), callback).expect("begun");
    let polling = async {
        while !*nothing.lock().expect("a lock") {
            consumer.poll(Duration::from_millis(50)).await.expect("a poll");
        }
    };
    tokio::time::timeout(PATIENCE, polling).await.expect("told in time");

    // So does closing, and the commits are made.
    commit(&mut consumer, 40);
    consumer.close().await.expect("closed");
    assert_eq!(heard.lock().expect("a lock").last(), Some(&40));
    let admin = node.admin().await.expect("an admin client");
    assert_eq!(admin.group_offsets(&group).await.expect("read")[&partition].offset, 40);
}

#[tokio::test]
async fn the_callback_hears_of_a_commit_that_was_refused() {
    let node = Node::get();
    let topic = node.topic("refused-commit", 1, &[]).await.expect("a topic");
    let group = unique("refused");
    let settings = [("group.id", group.as_str()), ("enable.auto.commit", "false")];
    // While a member has the group, somebody outside can't commit for it.
    let mut member = node.consumer(&settings).await.expect("a consumer");
    member.subscribe([topic.as_str()]).expect("subscribed");
    let joining = async {
        while member.assignment().is_empty() {
            member.poll(Duration::from_millis(50)).await.expect("a poll");
        }
    };
    tokio::time::timeout(PATIENCE, joining).await.expect("joined in time");
    let mut outsider = node.consumer(&settings).await.expect("a consumer");
    let code = Arc::new(Mutex::new(None));
    let heard = code.clone();
    let offsets = Offsets::from([(TopicPartition::new(topic.as_str(), 0), 1.into())]);
    let callback = move |_: &Offsets, result: moldau_client::Result<()>| {
        *heard.lock().expect("a lock") = result.expect_err("refused").code();
    };
    outsider.commit_offsets_async(offsets, callback).expect("begun");
    outsider.close().await.expect("closed");
    assert_eq!(*code.lock().expect("a lock"), Some(ErrorCode::UnknownMemberId));
    member.close().await.expect("closed");
}

fn tagged(consumer: &Consumer, group: &str, name: &str, tags: &[(&'static str, String)]) -> f64 {
    let is_meant =
        |metric: &Metric| metric.group == group && metric.name == name && metric.tags.as_slice() == tags;
    let found = consumer.metrics().into_iter().find(is_meant);
    found.unwrap_or_else(|| panic!("no {name} of {tags:?} in {group}")).value
}

fn figure(consumer: &Consumer, group: &str, name: &str) -> f64 {
    tagged(consumer, group, name, &[])
}

#[tokio::test]
async fn figures_are_what_was_done_under_kafkas_names() {
    let node = Node::get();
    let topic = node.topic("consumer-figures", 2, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    write_numbers(&producer, &topic, 0, 0..40).await.expect("written");
    let group = unique("figures");
    let settings = [
        ("group.id", group.as_str()),
        ("enable.auto.commit", "false"),
        ("max.poll.records", "10"),
        ("heartbeat.interval.ms", "100"),
        ("session.timeout.ms", "6000"),
    ];
    let mut consumer = node.consumer(&settings).await.expect("a consumer");
    let coordinator = "consumer-coordinator-metrics";
    let fetches = "consumer-fetch-manager-metrics";
    assert_eq!(figure(&consumer, "consumer-metrics", "last-poll-seconds-ago"), -1.0);
    assert_eq!(figure(&consumer, coordinator, "last-rebalance-seconds-ago"), -1.0);
    assert!(figure(&consumer, fetches, "records-lag-max").is_nan());
    consumer.subscribe([topic.as_str()]).expect("subscribed");
    let got = read(&mut consumer, 10).await.len();
    // The bug: nothing counted before all of an answer was given out.
    assert_eq!(figure(&consumer, fetches, "records-consumed-total"), got as f64);
    let of_topic = [("topic", topic.clone())];
    let of_partition = [("topic", topic.clone()), ("partition", "0".to_owned())];
    assert_eq!(tagged(&consumer, fetches, "records-lag", &of_partition), (40 - got) as f64);
    assert_eq!(tagged(&consumer, fetches, "records-lead", &of_partition), got as f64);
    assert_eq!(tagged(&consumer, fetches, "records-lag-max", &of_partition), 30.0);
    assert_eq!(tagged(&consumer, fetches, "records-lead-min", &of_partition), 10.0);
    assert_eq!(tagged(&consumer, fetches, "preferred-read-replica", &of_partition), -1.0);
    assert_eq!(figure(&consumer, fetches, "records-lag-max"), 30.0);
    assert_eq!(figure(&consumer, fetches, "records-lead-min"), 10.0);
    read(&mut consumer, 40 - got).await;
    consumer.commit().await.expect("committed");
    consumer.commit_async(|_, result| result.expect("committed")).expect("begun");
    let beating = async {
        while figure(&consumer, coordinator, "heartbeat-total") == 0.0
            || figure(&consumer, coordinator, "commit-total") < 2.0
        {
            consumer.poll(Duration::from_millis(50)).await.expect("a poll");
        }
    };
    tokio::time::timeout(PATIENCE, beating).await.expect("a heartbeat in time");
    assert_eq!(figure(&consumer, fetches, "records-consumed-total"), 40.0);
    assert!(figure(&consumer, fetches, "bytes-consumed-total") > 40.0 * 7.0);
    for name in ["records-consumed-total", "bytes-consumed-total"] {
        assert_eq!(tagged(&consumer, fetches, name, &of_topic), figure(&consumer, fetches, name), "{name}");
    }
    assert!(figure(&consumer, fetches, "fetch-total") >= 1.0);
    assert_eq!(figure(&consumer, coordinator, "assigned-partitions"), 2.0);
    assert_eq!(figure(&consumer, coordinator, "rebalance-total"), 1.0);
    // The bug: the answer that only gives the member its id counted as a join.
    assert_eq!(figure(&consumer, coordinator, "join-total"), 1.0);
    assert_eq!(figure(&consumer, coordinator, "sync-total"), 1.0);
    assert_eq!(figure(&consumer, coordinator, "commit-total"), 2.0);
    assert!(figure(&consumer, coordinator, "commit-latency-max") > 0.0);
    assert!(figure(&consumer, "consumer-metrics", "commit-sync-time-ns-total") > 0.0);
    assert_eq!(figure(&consumer, "consumer-metrics", "committed-time-ns-total"), 0.0);
    consumer.committed(&[TopicPartition::new(topic.as_str(), 0)]).await.expect("read");
    assert!(figure(&consumer, "consumer-metrics", "committed-time-ns-total") > 0.0);
    let names: Vec<_> = consumer.metrics().into_iter().map(|m| (m.group, m.name, m.tags)).collect();
    let distinct: BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "no figure comes twice");
    consumer.unsubscribe().await.expect("unsubscribed");
    let left = consumer.metrics().into_iter().filter(|metric| metric.tags.len() > 1).count();
    assert_eq!(left, 0, "partitions that are no longer read have no figures");
    consumer.close().await.expect("closed");
}

/// Commits what was given out before it goes, and begins at an offset if there is one.
#[derive(Default)]
struct CommitsByHand {
    begin_at: Option<i64>,
    notes: Notes,
}

impl RebalanceListener for CommitsByHand {
    fn revoking(&mut self, positions: &Offsets) -> Offsets {
        let at: Vec<i64> = positions.values().map(|position| position.offset).collect();
        self.notes.lock().expect("a lock").push(format!("revoking {at:?}"));
        positions.clone()
    }

    fn revoked(&mut self, partitions: &[TopicPartition]) {
        self.notes.lock().expect("a lock").push(format!("revoked {}", partitions.len()));
    }

    fn begin_at(&mut self, partitions: &[TopicPartition]) -> Offsets {
        let begin_at = self.begin_at.take();
        let offset = |partition: &TopicPartition| Some((partition.clone(), begin_at?.into()));
        partitions.iter().filter_map(offset).collect()
    }
}

/// The bug: without automatic commits, nothing could be committed before partitions went to others, or be sought after.
#[tokio::test]
async fn a_rebalance_listener_commits_by_hand_and_says_where_to_begin() {
    let node = Node::get();
    let topic = node.topic("consumer-listener-commits", 1, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    write_numbers(&producer, &topic, 0, 0..9).await.expect("written");
    let group = unique("listener-commits");
    let settings = [
        ("group.id", group.as_str()),
        ("enable.auto.commit", "false"),
        ("auto.offset.reset", "earliest"),
        ("max.poll.records", "1"),
    ];
    let mut consumer = node.consumer(&settings).await.expect("a consumer");
    let notes = Notes::default();
    consumer.set_rebalance_listener(CommitsByHand { begin_at: Some(2), notes: notes.clone() });
    consumer.subscribe([topic.as_str()]).expect("subscribed");
    let mut offsets: Vec<i64> = Vec::new();
    for _ in 0..3 {
        offsets.extend(read(&mut consumer, 1).await.iter().map(|record| record.offset));
        consumer.enforce_rebalance("a test").expect("subscribed");
    }
    assert_eq!(offsets, [2, 3, 4], "each rebalance goes on where the last record was, with none read twice");
    consumer.close().await.expect("closed");
    let wanted = ["revoking [3]", "revoked 1", "revoking [4]", "revoked 1", "revoking [5]", "revoked 1"];
    assert_eq!(*notes.lock().expect("a lock"), wanted);
    let mut next = node.consumer(&settings).await.expect("a consumer");
    next.subscribe([topic.as_str()]).expect("subscribed");
    assert_eq!(read(&mut next, 1).await[0].offset, 5, "a member that comes later begins there");
    next.close().await.expect("closed");
}

/// The bug: a slow reader of a stream lost its membership, since only each 500th record counted as a poll.
#[tokio::test]
async fn each_record_of_a_stream_counts_as_a_poll() {
    let node = Node::get();
    let topic = node.topic("consumer-slow-stream", 1, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    write_numbers(&producer, &topic, 0, 0..30).await.expect("written");
    let settings = [
        ("group.id", unique("slow-stream")),
        ("enable.auto.commit", "false".to_owned()),
        ("heartbeat.interval.ms", "100".to_owned()),
        ("max.poll.interval.ms", "2000".to_owned()),
    ];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let mut consumer = node.consumer(&settings).await.expect("a consumer");
    consumer.subscribe([topic.as_str()]).expect("subscribed");
    for at in 0..30 {
        assert_eq!(consumer.next().await.expect("a record").offset, at);
        // Together longer than max.poll.interval.ms.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    write_numbers(&producer, &topic, 0, 30..31).await.expect("written");
    assert_eq!(consumer.next().await.expect("a record").offset, 30, "it is a member still");
    consumer.close().await.expect("closed");
}
