//! The records of the coordinators' logs: `__consumer_offsets`, `__transaction_state` and `__share_group_state`.
//!
//! A key is the number of the record's type (2 bytes) and the key's message in version 0; a value is the version (2
//! bytes) and the value's message. Each log has numbers of its own. A record with a null value is a tombstone, which
//! these types leave to the caller.

use crate::Message;
use crate::messages::*;
use crate::wire::{DecodeError, EncodeError, Reader};

macro_rules! coordinator_records {
    ($(#[$key_doc:meta])* $key:ident, $(#[$value_doc:meta])* $value:ident {
        $($number:literal $variant:ident($key_message:ident, $value_message:ident),)*
    }) => {
        $(#[$key_doc])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum $key {
            $(
                #[doc = concat!("Type ", stringify!($number), ".")]
                $variant($key_message),
            )*
        }

        $(#[$value_doc])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum $value {
            $(
                #[doc = concat!("Type ", stringify!($number), ".")]
                $variant($value_message),
            )*
        }

        impl $key {
            /// The number of the record's type.
            pub fn record_type(&self) -> i16 {
                match self {
                    $($key::$variant(_) => $number,)*
                }
            }

            /// Decodes a record's key. A type that is not known errs as [`DecodeError::Unknown`]: such a record comes
            /// from a later version, and may be skipped.
            pub fn decode(key: &[u8]) -> Result<$key, DecodeError> {
                let mut r = Reader::new(key);
                let record_type = r.i16()?;
                let decoded = match record_type {
                    $($number => $key::$variant($key_message::decode(&mut r, 0)?),)*
                    _ => return Err(unknown_type(record_type)),
                };
                r.finish()?;
                Ok(decoded)
            }

            /// The key's bytes.
            pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
                match self {
                    $($key::$variant(message) => prefixed($number, message, 0),)*
                }
            }
        }

        impl $value {
            /// The number of the record's type.
            pub fn record_type(&self) -> i16 {
                match self {
                    $($value::$variant(_) => $number,)*
                }
            }

            /// Decodes the value of a record whose key has this type.
            pub fn decode(record_type: i16, value: &[u8]) -> Result<$value, DecodeError> {
                let mut r = Reader::new(value);
                let version = r.i16()?;
                let decoded = match record_type {
                    $($number => $value::$variant($value_message::decode(&mut r, version)?),)*
                    _ => return Err(unknown_type(record_type)),
                };
                r.finish()?;
                Ok(decoded)
            }

            /// The value's bytes in this version.
            pub fn encode(&self, version: i16) -> Result<Vec<u8>, EncodeError> {
                match self {
                    $($value::$variant(message) => prefixed(version, message, version),)*
                }
            }

            /// The highest version of the value.
            pub fn max_version(&self) -> i16 {
                match self {
                    $($value::$variant(_) => $value_message::MAX_VERSION,)*
                }
            }
        }

        #[cfg(feature = "json")]
        impl $key {
            /// The key's message as JSON.
            pub fn to_json(&self) -> serde_json::Value {
                match self {
                    $($key::$variant(message) => crate::json::JsonMessage::to_json(message, 0),)*
                }
            }
        }

        #[cfg(feature = "json")]
        impl $value {
            /// The value's message in this version as JSON.
            pub fn to_json(&self, version: i16) -> serde_json::Value {
                match self {
                    $($value::$variant(message) => crate::json::JsonMessage::to_json(message, version),)*
                }
            }
        }

        #[cfg(test)]
        impl $key {
            /// Type number, and the numbers that the key's and the value's schemas have.
            const TYPES: &[(i16, Option<i16>, Option<i16>)] =
                &[$(($number, $key_message::API_KEY, $value_message::API_KEY),)*];
        }
    };
}

coordinator_records! {
    /// The key of a record in `__consumer_offsets`.
    GroupRecordKey,
    /// The value of a record in `__consumer_offsets`.
    GroupRecordValue {
        0 LegacyOffsetCommit(LegacyOffsetCommitKey, LegacyOffsetCommitValue),
        1 OffsetCommit(OffsetCommitKey, OffsetCommitValue),
        2 GroupMetadata(GroupMetadataKey, GroupMetadataValue),
        3 ConsumerGroupMetadata(ConsumerGroupMetadataKey, ConsumerGroupMetadataValue),
        4 ConsumerGroupPartitionMetadata(ConsumerGroupPartitionMetadataKey, ConsumerGroupPartitionMetadataValue),
        5 ConsumerGroupMemberMetadata(ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue),
        6 ConsumerGroupTargetAssignmentMetadata(
            ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue),
        7 ConsumerGroupTargetAssignmentMember(
            ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue),
        8 ConsumerGroupCurrentMemberAssignment(
            ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue),
        10 ShareGroupMemberMetadata(ShareGroupMemberMetadataKey, ShareGroupMemberMetadataValue),
        11 ShareGroupMetadata(ShareGroupMetadataKey, ShareGroupMetadataValue),
        12 ShareGroupTargetAssignmentMetadata(
            ShareGroupTargetAssignmentMetadataKey, ShareGroupTargetAssignmentMetadataValue),
        13 ShareGroupTargetAssignmentMember(
            ShareGroupTargetAssignmentMemberKey, ShareGroupTargetAssignmentMemberValue),
        14 ShareGroupCurrentMemberAssignment(
            ShareGroupCurrentMemberAssignmentKey, ShareGroupCurrentMemberAssignmentValue),
        15 ShareGroupStatePartitionMetadata(
            ShareGroupStatePartitionMetadataKey, ShareGroupStatePartitionMetadataValue),
        16 ConsumerGroupRegularExpression(ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue),
        17 StreamsGroupMetadata(StreamsGroupMetadataKey, StreamsGroupMetadataValue),
        19 StreamsGroupMemberMetadata(StreamsGroupMemberMetadataKey, StreamsGroupMemberMetadataValue),
        20 StreamsGroupTargetAssignmentMetadata(
            StreamsGroupTargetAssignmentMetadataKey, StreamsGroupTargetAssignmentMetadataValue),
        21 StreamsGroupTargetAssignmentMember(
            StreamsGroupTargetAssignmentMemberKey, StreamsGroupTargetAssignmentMemberValue),
        22 StreamsGroupCurrentMemberAssignment(
            StreamsGroupCurrentMemberAssignmentKey, StreamsGroupCurrentMemberAssignmentValue),
        23 StreamsGroupTopology(StreamsGroupTopologyKey, StreamsGroupTopologyValue),
    }
}

coordinator_records! {
    /// The key of a record in `__transaction_state`.
    TransactionRecordKey,
    /// The value of a record in `__transaction_state`.
    TransactionRecordValue {
        0 TransactionLog(TransactionLogKey, TransactionLogValue),
    }
}

coordinator_records! {
    /// The key of a record in `__share_group_state`.
    ShareRecordKey,
    /// The value of a record in `__share_group_state`.
    ShareRecordValue {
        0 ShareSnapshot(ShareSnapshotKey, ShareSnapshotValue),
        1 ShareUpdate(ShareUpdateKey, ShareUpdateValue),
    }
}

fn prefixed<M: Message>(prefix: i16, message: &M, version: i16) -> Result<Vec<u8>, EncodeError> {
    let mut out = prefix.to_be_bytes().to_vec();
    message.encode(&mut out, version)?;
    Ok(out)
}

#[cold]
fn unknown_type(record_type: i16) -> DecodeError {
    DecodeError::Unknown { what: "coordinator record type", number: record_type.into() }
}

#[cfg(test)]
mod tests;
