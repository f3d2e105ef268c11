//! Ids, offsets and error codes of Kafka as types.
//!
//! The lowest crate: it depends on no other of the workspace and does no I/O.

mod error_code;
mod ids;
mod uuid;

pub use error_code::ErrorCode;
pub use ids::{BrokerId, LeaderEpoch, Offset, PartitionIndex, ProducerEpoch, ProducerId, TopicId};
pub use uuid::{ParseUuidError, Uuid};
