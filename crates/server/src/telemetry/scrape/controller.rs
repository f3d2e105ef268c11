//! What the metadata log says, and the quorum that keeps it.

use moldau_metadata::{BrokerRegistration, MetadataImage};
use moldau_quorum::QuorumStatus;
use moldau_types::BrokerId;

use super::super::labels::{Family, Value};
use crate::broker::Broker;

pub(super) fn families(broker: &Broker, quorum: &QuorumStatus) -> Vec<Family> {
    let image = broker.image();
    let partitions = || image.topics.iter().flat_map(|topic| topic.partitions.values());
    let fenced = image.cluster.brokers().filter(|broker| broker.fenced).count();
    let leaving = image.cluster.brokers().filter(|broker| broker.in_controlled_shutdown).count();
    let of = |name, help| Family::of("kafka.controller", "KafkaController", name, help);
    let leads = quorum.leader.is_some_and(|leader| leader.id == broker.node_id());
    let misplaced =
        partitions().filter(|partition| partition.replicas.first() != Some(&partition.leader)).count();
    let mut families = vec![
        of("ActiveControllerCount", "1 where this node is the active controller.")
            .with_gauge(i64::from(leads)),
        of("ActiveBrokerCount", "Brokers that are registered and not fenced.")
            .with_gauge(image.cluster.brokers().len() - fenced),
        of("FencedBrokerCount", "Brokers that are registered and fenced.").with_gauge(fenced),
        of("ControlledShutdownBrokerCount", "Brokers that are giving their leaderships away to stop.")
            .with_gauge(leaving),
        of("GlobalTopicCount", "Topics of the cluster.").with_gauge(image.topics.len()),
        of("GlobalPartitionCount", "Partitions of the cluster.").with_gauge(partitions().count()),
        of("OfflinePartitionsCount", "Partitions of the cluster without a leader.")
            .with_gauge(partitions().filter(|partition| !partition.has_leader()).count()),
        of("PreferredReplicaImbalanceCount", "Partitions that their first replica does not lead.")
            .with_gauge(misplaced),
        of("LastAppliedRecordOffset", "Offset of the last metadata record that this node works by.")
            .with_gauge(image.provenance.last_offset.0),
        of("LastAppliedRecordTimestamp", "Its timestamp, in milliseconds since 1970.")
            .with_gauge(image.provenance.last_timestamp_ms),
        of("LastCommittedRecordOffset", "Offset of the last committed metadata record.")
            .with_gauge(quorum.high_watermark.0 - 1),
    ];
    families.push(registrations(&image));
    families.extend(raft(quorum));
    families.extend(features(broker, quorum));
    families
}

fn registrations(image: &MetadataImage) -> Family {
    let help =
        "Of each broker 10 when it is fenced, 20 when it is stopping in good order, 30 when it is active.";
    let mut states = Family::of("kafka.controller", "KafkaController", "BrokerRegistrationState", help);
    for broker in image.cluster.brokers() {
        let state = match &**broker {
            BrokerRegistration { fenced: true, .. } => 10,
            BrokerRegistration { in_controlled_shutdown: true, .. } => 20,
            _ => 30,
        };
        states.add(&[("broker", &broker.id.0.to_string())], Value::gauge(state));
    }
    states
}

fn raft(quorum: &QuorumStatus) -> Vec<Family> {
    let of = |name, help| Family::of("kafka.server", "raft-metrics", name, help);
    vec![
        of("current-leader", "Node id of the quorum's leader, -1 for none.")
            .with_gauge(quorum.leader.map_or(BrokerId(-1), |leader| leader.id).0),
        of("current-epoch", "Leader epoch of the quorum.").with_gauge(quorum.leader_epoch.0),
        of("high-watermark", "First offset of the metadata log that is not committed.")
            .with_gauge(quorum.high_watermark.0),
        of("log-end-offset", "Offset that the next metadata record gets.")
            .with_gauge(quorum.log_end_offset.0),
        of("number-of-voters", "Voters of the quorum.").with_gauge(quorum.voters.len()),
    ]
}

fn features(broker: &Broker, quorum: &QuorumStatus) -> Vec<Family> {
    let of = |name, help| Family::of("kafka.server", "MetadataLoader", name, help);
    let image = broker.image();
    let mut levels = of("FinalizedLevel", "Finalized level of a feature.");
    for (feature, level) in image.features.all() {
        levels.add(&[("featureName", &camel_case(feature))], Value::gauge(level));
    }
    let mut cluster =
        Family::own("moldau_cluster_info", "The cluster and node that this process belongs to.");
    let node = broker.node_id().0.to_string();
    let version = env!("CARGO_PKG_VERSION");
    cluster.add(
        &[("cluster_id", broker.cluster_id()), ("node_id", &node), ("version", version)],
        Value::gauge(1),
    );
    vec![
        of("CurrentMetadataVersion", "Finalized metadata.version.")
            .with_gauge(image.features.version().level()),
        of("CurrentControllerId", "Node id of the active controller, -1 for none.")
            .with_gauge(quorum.leader.map_or(-1, |leader| leader.id.0)),
        levels,
        cluster,
    ]
}

/// `metadata.version` as the MBeans have it, `metadataVersion`.
fn camel_case(feature: &str) -> String {
    let mut words = feature.split('.');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        name + &initial.to_ascii_uppercase() + rest
    })
}

#[cfg(test)]
mod tests {
    use super::camel_case;

    #[test]
    fn features_are_named_as_in_the_mbeans() {
        assert_eq!(camel_case("metadata.version"), "metadataVersion");
        assert_eq!(camel_case("eligible.leader.replicas.version"), "eligibleLeaderReplicasVersion");
    }
}
