//! What the metadata log says up to an offset.
//!
//! An image never changes once it is shared: a delta works on its own clone. All parts are persistent or shared, so a
//! clone is a few reference counts, whatever the size of the cluster. It leaves reading records to the replay module.

mod cluster;
mod configs;
mod features;
mod partition;
mod quotas;
mod security;
mod topics;

pub use cluster::{BrokerRegistration, ClusterImage, ControllerRegistration, Endpoint, VersionRange};
pub use configs::{ConfigEntries, ConfigResource, ConfigResourceType, ConfigsImage};
pub use features::FeaturesImage;
pub use partition::{LeaderRecoveryState, PartitionRegistration};
pub use quotas::{ClientQuotasImage, ProducerIdsImage, QuotaEntity};
pub use security::{AclsImage, DelegationTokensImage, ScramImage};
pub use topics::{TopicImage, TopicsImage, collision_form};

use moldau_types::{LeaderEpoch, Offset};

/// Up to where in the log an image goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// Offset of the last record that is in the image; −1 when it is empty.
    pub last_offset: Offset,
    /// Leader epoch of that record's batch.
    pub last_leader_epoch: LeaderEpoch,
    /// Timestamp of that record's batch, in milliseconds since 1970.
    pub last_timestamp_ms: i64,
}

impl Provenance {
    /// Of an image without any record.
    pub const EMPTY: Provenance =
        Provenance { last_offset: Offset(-1), last_leader_epoch: LeaderEpoch(-1), last_timestamp_ms: -1 };
}

impl Default for Provenance {
    fn default() -> Provenance {
        Provenance::EMPTY
    }
}

/// Everything the metadata log says up to an offset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataImage {
    /// Up to where in the log the image goes.
    pub provenance: Provenance,
    /// Finalized feature levels.
    pub features: FeaturesImage,
    /// Brokers and controllers.
    pub cluster: ClusterImage,
    /// Topics and partitions.
    pub topics: TopicsImage,
    /// Configs of every resource.
    pub configs: ConfigsImage,
    /// Client quotas.
    pub client_quotas: ClientQuotasImage,
    /// The next block of producer ids.
    pub producer_ids: ProducerIdsImage,
    /// Access control entries.
    pub acls: AclsImage,
    /// SCRAM credentials.
    pub scram: ScramImage,
    /// Delegation tokens.
    pub delegation_tokens: DelegationTokensImage,
}

impl MetadataImage {
    /// Whether both say the same of the cluster, wherever in the log they end.
    pub fn same_contents(&self, other: &MetadataImage) -> bool {
        let at_same_offset = MetadataImage { provenance: self.provenance, ..other.clone() };
        *self == at_same_offset
    }

    /// Whether partitions carry eligible leader replicas now.
    pub fn elr_enabled(&self) -> bool {
        self.features.elr_enabled()
    }
}
