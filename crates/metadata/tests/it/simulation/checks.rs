//! What must hold of an image, of its records, and of the list of changes that lead to it.

use std::collections::BTreeSet;

use moldau_metadata::{
    ConfigResource, ConfigResourceType, MetadataChanges, MetadataDelta, MetadataImage, MetadataRecord,
    MetadataVersion, NO_LEADER,
};
use moldau_types::PartitionIndex;

/// Names and ids belong together, and partitions are whole.
pub(super) fn image(image: &MetadataImage) {
    for topic in image.topics.iter() {
        assert_eq!(image.topics.id_of(&topic.name), Some(topic.id));
        assert_eq!(image.topics.by_name(&topic.name), Some(topic));
        assert_eq!(image.topics.by_id(topic.id), Some(topic));
        for partition in topic.partitions.values() {
            assert_eq!(partition.directories.len(), partition.replicas.len(), "{partition:?}");
            assert!(
                partition.leader == NO_LEADER || partition.isr.contains(&partition.leader),
                "{partition:?}"
            );
        }
    }
    let names: BTreeSet<&str> = image.topics.iter().map(|topic| &*topic.name).collect();
    assert_eq!((names.len(), image.topics.sorted().len()), (image.topics.len(), image.topics.len()));
    assert!(image.configs.iter().all(|(_, configs)| !configs.is_empty()));
    assert!(image.client_quotas.iter().all(|(_, quotas)| !quotas.is_empty()));
    assert!(image.features.finalized.values().all(|level| *level != 0));
    for broker in image.cluster.brokers() {
        assert!(broker.directories.is_sorted());
    }
}

/// Its records make an image, through their bytes. At the latest version it is the same one; an older version leaves
/// things out, but says of what is left the same again.
pub(super) fn snapshot(image: &MetadataImage) {
    let mut expected = image.clone();
    if let Some(version) = &mut expected.features.metadata_version {
        *version = MetadataVersion::LATEST;
    }
    let again = of_records(&image.to_records(MetadataVersion::LATEST), MetadataVersion::LATEST);
    assert!(again.same_contents(&expected), "{:?}", MetadataChanges::between(&expected, &again));
    assert!(MetadataChanges::between(&expected, &again).is_empty());

    let version = image.features.version();
    let records = image.to_records(version);
    let kept = of_records(&records, version);
    assert_eq!(kept.to_records(version), records);
    assert_eq!(kept.features, image.features);
}

fn of_records(records: &[MetadataRecord], version: MetadataVersion) -> MetadataImage {
    let mut delta = MetadataDelta::from_snapshot(&MetadataImage::default());
    for record in records {
        let mut bytes = Vec::new();
        record.encode(&mut bytes, version).unwrap();
        delta.replay(&MetadataRecord::decode(&bytes).unwrap()).unwrap();
    }
    delta.finish_snapshot().0
}

/// All that differs is in the list; what is in it and does not differ was at least named by a record or changed and
/// changed back.
pub(super) fn changes(
    base: &MetadataImage,
    image: &MetadataImage,
    noted: &MetadataChanges,
    allowed: &BTreeSet<String>,
) {
    let differs = MetadataChanges::between(base, image);
    let (noted_words, differing) = (words(noted), words(&differs));
    let missing: Vec<_> = differing.difference(&noted_words).collect();
    assert!(missing.is_empty(), "not in the list of changes: {missing:?}");
    let made_up: Vec<_> = noted_words.difference(allowed).collect();
    assert!(made_up.is_empty(), "in the list of changes for no reason: {made_up:?}");
    assert_eq!(noted.deleted_topics, differs.deleted_topics);
    for (id, topic) in &noted.topics {
        assert_eq!(topic.created, base.topics.by_id(*id).is_none());
        assert!(image.topics.by_id(*id).is_some(), "a topic that is gone is called changed");
    }
}

/// A change of a partition raises its epoch, and one of the leader the leader epoch.
pub(super) fn epochs(before: &MetadataImage, after: &MetadataImage, record: &MetadataRecord) {
    let MetadataRecord::PartitionChange(change) = record else { return };
    let of = |image: &MetadataImage| {
        image.topics.partition_by_id(change.topic_id, PartitionIndex(change.partition_id)).unwrap().clone()
    };
    let (old, new) = (of(before), of(after));
    assert_eq!(new.partition_epoch, old.partition_epoch + 1);
    let raised = i32::from(change.leader != moldau_metadata::NO_LEADER_CHANGE);
    assert_eq!(new.leader_epoch.0, old.leader_epoch.0 + raised);
}

/// Each entry of a list of changes but the deleted topics, in a form that compares.
pub(super) fn words(changes: &MetadataChanges) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for (id, topic) in &changes.topics {
        words.insert(format!("topic {id}"));
        words.extend(topic.partitions.iter().map(|index| partition(id, index.0)));
    }
    words.extend(changes.configs.iter().map(|resource| format!("config {resource:?}")));
    words.extend(changes.brokers.iter().map(|id| format!("broker {id}")));
    words.extend(changes.controllers.iter().map(|id| format!("controller {id}")));
    words.extend(changes.features.iter().map(|name| format!("feature {name}")));
    words.extend(changes.client_quotas.iter().map(|entity| format!("quota {entity:?}")));
    words.extend(changes.acls.iter().map(|id| format!("acl {id}")));
    words.extend(changes.scram.iter().map(|key| format!("scram {key:?}")));
    words.extend(changes.delegation_tokens.iter().map(|id| format!("token {id}")));
    words.extend(changes.producer_ids.then(|| "producer ids".to_owned()));
    words
}

fn partition(id: &moldau_types::Uuid, index: i32) -> String {
    format!("partition {id}/{index}")
}

/// What a record is about, as [`words`] says it: it may say again what held before.
pub(super) fn named(record: &MetadataRecord) -> Vec<String> {
    use MetadataRecord as R;
    let one = match record {
        R::RegisterBroker(r) => format!("broker {}", r.broker_id),
        R::BrokerRegistrationChange(r) => format!("broker {}", r.broker_id),
        R::FenceBroker(r) => format!("broker {}", r.id),
        R::UnfenceBroker(r) => format!("broker {}", r.id),
        R::RegisterController(r) => format!("controller {}", r.controller_id),
        R::Partition(r) => {
            return vec![format!("topic {}", r.topic_id), partition(&r.topic_id, r.partition_id)];
        }
        R::Config(r) => {
            let resource_type = ConfigResourceType::from_code(r.resource_type).unwrap();
            format!("config {:?}", ConfigResource { resource_type, name: r.resource_name.clone() })
        }
        R::FeatureLevel(r) => format!("feature {}", r.name),
        R::ProducerIds(_) => "producer ids".to_owned(),
        R::ClientQuota(r) => {
            let entity: moldau_metadata::QuotaEntity =
                r.entity.iter().map(|e| (e.entity_type.clone(), e.entity_name.clone())).collect();
            format!("quota {entity:?}")
        }
        R::AccessControlEntry(r) => format!("acl {}", r.id),
        R::UserScramCredential(r) => format!("scram {:?}", (r.mechanism, r.name.clone())),
        R::DelegationToken(r) => format!("token {}", r.token_id),
        _ => return Vec::new(),
    };
    vec![one]
}
