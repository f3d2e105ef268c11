//! Replay of Kafka's own log and snapshot, and images as snapshots.

use std::sync::Arc;

use moldau_metadata::{
    ConfigResource, MetadataChanges, MetadataDelta, MetadataImage, MetadataRecord, MetadataVersion,
    ReplayError,
};
use moldau_protocol::messages::{
    AbortTransactionRecord, BeginTransactionRecord, EndTransactionRecord, PartitionChangeRecord,
    RemoveTopicRecord, TopicRecord,
};
use moldau_types::{BrokerId, LeaderEpoch, Offset, PartitionIndex, Uuid};

use crate::fixture;

fn decode(value: &[u8]) -> MetadataRecord {
    MetadataRecord::decode(value).unwrap()
}

/// The image of the log's records before this offset.
fn image_of_log(end_offset: i64) -> MetadataImage {
    let mut delta = MetadataDelta::new(&MetadataImage::default());
    for record in fixture::records("metadata.log").into_iter().filter(|r| r.offset < end_offset) {
        let (offset, epoch) = (Offset(record.offset), LeaderEpoch(record.leader_epoch));
        delta.replay_at(&decode(&record.value), offset, epoch, record.timestamp_ms).unwrap();
    }
    assert!(!delta.in_transaction());
    delta.finish().0
}

fn image_of(records: &[MetadataRecord]) -> MetadataImage {
    let mut delta = MetadataDelta::from_snapshot(&MetadataImage::default());
    for record in records {
        delta.replay(record).unwrap();
    }
    delta.finish_snapshot().0
}

fn snapshot_records() -> Vec<MetadataRecord> {
    fixture::records("metadata.checkpoint").iter().map(|r| decode(&r.value)).collect()
}

#[test]
fn the_log_up_to_a_snapshot_and_the_snapshot_give_the_same_image() {
    let from_log = image_of_log(121);
    let from_snapshot = image_of(&snapshot_records());
    assert!(from_log.same_contents(&from_snapshot));
    assert_eq!(from_log.provenance.last_offset, Offset(120));
    assert_eq!(from_log.provenance.last_leader_epoch, LeaderEpoch(2));
}

#[test]
fn a_snapshot_of_the_image_has_the_records_of_kafkas_snapshot() {
    let mut ours = image_of_log(121).to_records(MetadataVersion::LATEST);
    let mut theirs = snapshot_records();
    // The reference writes supported features in the order of a hash table.
    for record in &mut theirs {
        match record {
            MetadataRecord::RegisterBroker(broker) => broker.features.sort_by(|a, b| a.name.cmp(&b.name)),
            MetadataRecord::RegisterController(node) => node.features.sort_by(|a, b| a.name.cmp(&b.name)),
            _ => {}
        }
    }
    let key = |record: &MetadataRecord| format!("{record:?}");
    ours.sort_by_cached_key(key);
    theirs.sort_by_cached_key(key);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(ours.len(), theirs.len());
}

#[test]
fn an_image_is_the_replay_of_its_records_at_every_offset() {
    for end in [4, 12, 14, 17, 45, 54, 62, 69, 75, 90, 100, 121, 130, 137] {
        // Inside the bootstrap transaction there is nothing to publish.
        if (4..12).contains(&end) {
            continue;
        }
        let image = image_of_log(end);
        let again = image_of(&image.to_records(image.features.version()));
        assert!(image.same_contents(&again), "up to offset {end}");
    }
}

#[test]
fn the_end_of_the_log_is_a_stopped_broker_with_all_its_partitions_offline() {
    let image = image_of_log(i64::MAX);
    let broker = image.cluster.broker(BrokerId(1)).unwrap();
    assert!(broker.fenced && broker.in_controlled_shutdown);
    assert_eq!(broker.broker_epoch, 71);
    assert!(image.elr_enabled());
    assert_eq!(image.topics.len(), 10);
    for topic in image.topics.iter() {
        for partition in topic.partitions.values() {
            assert!(!partition.has_leader() && partition.isr.is_empty());
            assert_eq!(partition.elr, [BrokerId(1)]);
            assert!(matches!(partition.leader_epoch.0, 1 | 3), "{}: {partition:?}", topic.name);
        }
    }
    assert_eq!(image.configs.value(&ConfigResource::default_broker(), "message.max.bytes"), Some("2000000"));
    assert_eq!(image.configs.topic("compacted").len(), 7);
    assert_eq!(image.producer_ids.next_producer_id, 2000);
    assert_eq!((image.acls.len(), image.scram.len()), (1, 1));
    assert!(image.topics.by_name("gone").is_none());
}

#[test]
fn a_delta_knows_what_changed_as_a_comparison_does() {
    let base = image_of_log(121);
    let mut delta = MetadataDelta::new(&base);
    for record in fixture::records("metadata.log").into_iter().filter(|r| r.offset >= 121) {
        delta.replay(&decode(&record.value)).unwrap();
    }
    let mixed = base.topics.by_name("mixed").unwrap().clone();
    delta.replay(&RemoveTopicRecord { topic_id: mixed.id }.into()).unwrap();
    let (image, changes) = delta.finish();
    assert_eq!(changes, MetadataChanges::between(&base, &image));
    assert_eq!(changes.topics.len(), 9);
    assert_eq!(changes.deleted_topics.keys().collect::<Vec<_>>(), [&mixed.id]);
    assert!(image.configs.topic("mixed").is_empty());

    let local = changes.local(BrokerId(1), &base, &image);
    assert_eq!((local.deleted.len(), local.leaders.len(), local.followers.len()), (1, 0, 10));
    assert!(changes.local(BrokerId(2), &base, &image).followers.is_empty());
    // Nothing was copied that did not change.
    let untouched = MetadataDelta::new(&base).finish();
    assert!(untouched.1.is_empty());
    let (a, b) = (base.topics.by_name("trimmed").unwrap(), untouched.0.topics.by_name("trimmed").unwrap());
    assert!(Arc::ptr_eq(a, b));
}

#[test]
fn an_aborted_transaction_leaves_nothing() {
    let base = image_of_log(121);
    let topic = |name: &str, id| {
        MetadataRecord::from(TopicRecord { name: name.into(), topic_id: Uuid::from_u128(id) })
    };
    let mut delta = MetadataDelta::new(&base);
    delta.replay(&topic("before", 1000)).unwrap();
    delta.replay(&BeginTransactionRecord::default().into()).unwrap();
    delta.replay(&topic("inside", 1001)).unwrap();
    assert!(delta.in_transaction());
    let err = delta.clone().replay(&BeginTransactionRecord::default().into());
    assert_eq!(err, Err(ReplayError::TransactionOrder("BeginTransactionRecord")));
    delta.replay(&AbortTransactionRecord::default().into()).unwrap();
    assert!(!delta.in_transaction());
    let err = delta.clone().replay(&EndTransactionRecord::default().into());
    assert_eq!(err, Err(ReplayError::TransactionOrder("EndTransactionRecord")));
    let (image, changes) = delta.finish();
    assert!(image.topics.by_name("before").is_some() && image.topics.by_name("inside").is_none());
    assert_eq!(changes.topics.len(), 1);
}

#[test]
fn records_that_contradict_the_image_are_errors() {
    let base = image_of_log(121);
    let mixed = base.topics.by_name("mixed").unwrap().id;
    let replay = |record: MetadataRecord| MetadataDelta::new(&base).replay(&record);
    let unknown = Uuid::from_u128(4711);
    assert!(matches!(
        replay(TopicRecord { name: "mixed".into(), topic_id: unknown }.into()),
        Err(ReplayError::TopicExists { .. })
    ));
    assert!(matches!(
        replay(RemoveTopicRecord { topic_id: unknown }.into()),
        Err(ReplayError::UnknownTopicId(_))
    ));
    let change = PartitionChangeRecord { topic_id: mixed, partition_id: 9, ..Default::default() };
    assert_eq!(
        replay(change.into()),
        Err(ReplayError::UnknownPartition { topic: mixed, partition: PartitionIndex(9) })
    );
}

#[test]
fn older_metadata_versions_leave_out_what_they_cannot_say() {
    let image = image_of_log(i64::MAX);
    for version in MetadataVersion::all() {
        for record in image.to_records(version) {
            let mut out = Vec::new();
            record.encode(&mut out, version).unwrap_or_else(|e| panic!("{version}: {record:?}: {e:?}"));
            assert_eq!(decode(&out), record, "{version}");
        }
    }
}
