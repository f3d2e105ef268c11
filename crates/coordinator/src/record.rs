//! Records of `__consumer_offsets`, in Kafka's own format.
//!
//! A key's first two bytes are the record's type, a value's first two its version; a record without value deletes what
//! its key names. Types of other kinds of groups are known by number only: they are read over, never rewritten.

use std::sync::Arc;

use bytes::Bytes;
use moldau_protocol::messages::{GroupMetadataKey, GroupMetadataValue, OffsetCommitKey, OffsetCommitValue};
use moldau_protocol::{DecodeError, EncodeError, Message, Reader};

use crate::offsets::OffsetAndMetadata;

/// Type of the offset keys of old.
const LEGACY_OFFSET_COMMIT: i16 = 0;
/// Type of [`OffsetCommitKey`].
const OFFSET_COMMIT: i16 = 1;
/// Type of [`GroupMetadataKey`].
const GROUP_METADATA: i16 = 2;
const CONSUMER_GROUP_METADATA: i16 = 3;
const SHARE_GROUP_METADATA: i16 = 11;
const STREAMS_GROUP_METADATA: i16 = 17;

/// The version group metadata is written in.
const GROUP_METADATA_VERSION: i16 = 3;
/// The version offsets are written in; the topic id is a tagged field of it.
const OFFSET_COMMIT_VERSION: i16 = 4;
/// The only version with an expire timestamp.
const OFFSET_COMMIT_VERSION_WITH_EXPIRY: i16 = 1;

/// What kind of group an id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupType {
    /// The client-side protocol: JoinGroup and SyncGroup.
    Classic,
    /// The broker-side protocol of KIP-848.
    Consumer,
    /// A share group (KIP-932).
    Share,
    /// A streams group (KIP-1071).
    Streams,
}

impl GroupType {
    /// Every kind.
    pub const ALL: [GroupType; 4] =
        [GroupType::Classic, GroupType::Consumer, GroupType::Share, GroupType::Streams];

    /// Kafka's name, as in ListGroups.
    pub fn name(self) -> &'static str {
        match self {
            GroupType::Classic => "classic",
            GroupType::Consumer => "consumer",
            GroupType::Share => "share",
            GroupType::Streams => "streams",
        }
    }
}

/// One record of the group coordinator's log.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupRecord {
    /// A committed offset, or its removal.
    Offset {
        /// The group.
        group_id: Arc<str>,
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// `None` removes the offset.
        value: Option<OffsetAndMetadata>,
    },
    /// A generation of a classic group, or the group's removal.
    Group {
        /// The group.
        group_id: Arc<str>,
        /// `None` removes the group.
        value: Option<Box<GroupMetadataValue>>,
    },
    /// A group of a kind that this coordinator does not serve exists, or no longer exists.
    OtherGroup {
        /// The group.
        group_id: Arc<str>,
        /// Its kind.
        group_type: GroupType,
        /// False for a tombstone.
        exists: bool,
    },
    /// A record that says nothing about classic groups or offsets.
    Unknown {
        /// The type number of the key.
        record_type: i16,
    },
}

/// A record as it stands in a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct EncodedRecord {
    /// The key.
    pub key: Bytes,
    /// The value, `None` for a tombstone.
    pub value: Option<Bytes>,
}

impl GroupRecord {
    /// The bytes of this record, `None` for kinds that this coordinator only reads.
    pub fn encode(&self) -> Result<Option<EncodedRecord>, EncodeError> {
        match self {
            GroupRecord::Offset { group_id, topic, partition, value } => {
                let key = OffsetCommitKey {
                    group: group_id.to_string(),
                    topic: topic.to_string(),
                    partition: *partition,
                };
                let value = match value {
                    None => None,
                    Some(offset) => {
                        let version = match offset.expire_timestamp_ms {
                            Some(_) => OFFSET_COMMIT_VERSION_WITH_EXPIRY,
                            None => OFFSET_COMMIT_VERSION,
                        };
                        Some(versioned(version, &offset.to_value())?)
                    }
                };
                Ok(Some(EncodedRecord { key: prefixed(OFFSET_COMMIT, &key, 0)?, value }))
            }
            GroupRecord::Group { group_id, value } => {
                let key = GroupMetadataKey { group: group_id.to_string() };
                let value = match value {
                    None => None,
                    Some(value) => Some(versioned(GROUP_METADATA_VERSION, value.as_ref())?),
                };
                Ok(Some(EncodedRecord { key: prefixed(GROUP_METADATA, &key, 0)?, value }))
            }
            GroupRecord::OtherGroup { .. } | GroupRecord::Unknown { .. } => Ok(None),
        }
    }

    /// Reads a record. `record_offset` is its offset in the log.
    pub fn decode(key: &[u8], value: Option<&[u8]>, record_offset: i64) -> Result<GroupRecord, DecodeError> {
        let mut reader = Reader::new(key);
        let record_type = reader.i16()?;
        match record_type {
            LEGACY_OFFSET_COMMIT | OFFSET_COMMIT => {
                let key = OffsetCommitKey::decode(&mut reader, 0)?;
                let value = match value {
                    None => None,
                    Some(bytes) => {
                        let value: OffsetCommitValue = read_versioned(bytes)?;
                        Some(OffsetAndMetadata::from_value(value, record_offset))
                    }
                };
                Ok(GroupRecord::Offset {
                    group_id: key.group.into(),
                    topic: key.topic.into(),
                    partition: key.partition,
                    value,
                })
            }
            GROUP_METADATA => {
                let key = GroupMetadataKey::decode(&mut reader, 0)?;
                let value = match value {
                    None => None,
                    Some(bytes) => Some(Box::new(read_versioned(bytes)?)),
                };
                Ok(GroupRecord::Group { group_id: key.group.into(), value })
            }
            CONSUMER_GROUP_METADATA | SHARE_GROUP_METADATA | STREAMS_GROUP_METADATA => {
                let group_type = match record_type {
                    CONSUMER_GROUP_METADATA => GroupType::Consumer,
                    SHARE_GROUP_METADATA => GroupType::Share,
                    _ => GroupType::Streams,
                };
                // These keys are a group id alone, as a classic group's is.
                let key = GroupMetadataKey::decode(&mut reader, 0)?;
                Ok(GroupRecord::OtherGroup {
                    group_id: key.group.into(),
                    group_type,
                    exists: value.is_some(),
                })
            }
            _ => Ok(GroupRecord::Unknown { record_type }),
        }
    }
}

fn prefixed<M: Message>(prefix: i16, message: &M, version: i16) -> Result<Bytes, EncodeError> {
    let mut out = Vec::with_capacity(64);
    out.extend_from_slice(&prefix.to_be_bytes());
    message.encode(&mut out, version)?;
    Ok(out.into())
}

fn versioned<M: Message>(version: i16, message: &M) -> Result<Bytes, EncodeError> {
    prefixed(version, message, version)
}

fn read_versioned<M: Message>(bytes: &[u8]) -> Result<M, DecodeError> {
    let mut reader = Reader::new(bytes);
    let version = reader.i16()?;
    if !(M::MIN_VERSION..=M::MAX_VERSION).contains(&version) {
        return Err(DecodeError::UnsupportedVersion { message: M::NAME, version });
    }
    M::decode(&mut reader, version)
}
