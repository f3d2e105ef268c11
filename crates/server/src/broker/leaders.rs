//! Who leads a partition now, for a client that asked with an old idea of it (KIP-951): it need not ask for metadata.

use moldau_metadata::{MetadataImage, PartitionRegistration};

/// A leader and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CurrentLeader {
    /// Its broker id, −1 without a leader.
    pub(crate) leader_id: i32,
    /// Its leader epoch.
    pub(crate) leader_epoch: i32,
    /// Its address at the listener; none when it does not live or is not there.
    pub(crate) endpoint: Option<LeaderEndpoint>,
}

/// An address of a leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeaderEndpoint {
    pub(crate) node_id: i32,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) rack: Option<String>,
}

/// The leader of a partition, as a client of the listener of this name reaches it.
pub(crate) fn current_leader(
    image: &MetadataImage,
    partition: &PartitionRegistration,
    listener: &str,
) -> CurrentLeader {
    let broker = image.cluster.broker(partition.leader).filter(|broker| broker.is_active());
    let endpoint = broker.and_then(|broker| {
        let endpoint = broker.listener(listener)?;
        Some(LeaderEndpoint {
            node_id: broker.id.0,
            host: endpoint.host.clone(),
            port: endpoint.port,
            rack: broker.rack.clone(),
        })
    });
    CurrentLeader { leader_id: partition.leader.0, leader_epoch: partition.leader_epoch.0, endpoint }
}
