//! The cluster's metadata image and its deltas, built from Kafka's metadata records.
//!
//! - [`MetadataRecord`]: every record of the metadata log with its framing, and the version each is written in at a
//!   `metadata.version`.
//! - [`MetadataImage`]: what all records up to an offset say. Immutable and cheap to clone: maps are persistent, entries
//!   are shared, so an image of 100,000 partitions costs a few pointers to keep and a change copies only its own path.
//! - [`MetadataDelta`]: an image in the making: records are replayed into it and it notes what changed.
//! - [`feature`] and [`MetadataVersion`]: the feature levels that the cluster can agree on.
//!
//! Always true: replaying `image.to_records()` into an empty image gives the same image. No I/O, no clock, no decisions:
//! what is to be written is the controller's, what is to be done about a change is the broker's.

mod delta;
pub mod feature;
mod image;
mod metadata_version;
mod record;
mod replay;
mod snapshot;

pub use delta::{LocalChanges, LocalPartition, MetadataChanges, MetadataDelta, TopicChanges};
pub use image::{
    AclsImage, BrokerRegistration, ClientQuotasImage, ClusterImage, ConfigEntries, ConfigResource,
    ConfigResourceType, ConfigsImage, ControllerRegistration, DelegationTokensImage, Endpoint, FeaturesImage,
    LeaderRecoveryState, MetadataImage, PartitionRegistration, ProducerIdsImage, Provenance, QuotaEntity,
    ScramImage, TopicImage, TopicsImage, VersionRange, collision_form,
};
pub use metadata_version::MetadataVersion;
pub use record::{MetadataRecord, RecordError};
pub use replay::ReplayError;

/// No broker leads the partition.
pub const NO_LEADER: moldau_types::BrokerId = moldau_types::BrokerId(-1);
/// In a partition change record: the leader stays.
pub const NO_LEADER_CHANGE: i32 = -2;
