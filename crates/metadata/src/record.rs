//! Every record of the metadata log, and its frame: frame version 1, the record's type and its version as varints, then
//! the message.
//!
//! Decoding never panics and refuses unknown types, versions and trailing bytes. It leaves what a record means to
//! [`crate::MetadataDelta`].

use bytes::Bytes;
use moldau_protocol::wire::writer;
use moldau_protocol::{DecodeError, EncodeError, Message, Reader, messages};

use crate::MetadataVersion;

/// Why bytes are not a metadata record, or a record cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The frame has another version than 1.
    #[error("metadata record frame version {0} is not known, only 1 is")]
    FrameVersion(u32),
    /// No metadata record has this type number.
    #[error("metadata record type {0} is not known")]
    UnknownType(u32),
    /// The record type is known, this version of it is not.
    #[error("{name} has no version {version}")]
    UnknownVersion {
        /// The record's name.
        name: &'static str,
        /// The version in the frame.
        version: u32,
    },
    /// The message does not decode.
    #[error("metadata record does not decode")]
    Decode(#[from] DecodeError),
    /// The message cannot be written in the chosen version.
    #[error("metadata record does not encode")]
    Encode(#[from] EncodeError),
}

/// The one frame version there is.
const FRAME_VERSION: u32 = 1;

macro_rules! records {
    ($($(#[$doc:meta])* $variant:ident($message:ident);)*) => {
        /// A record of the metadata log.
        #[derive(Clone, Debug, PartialEq)]
        pub enum MetadataRecord {
            $($(#[$doc])* $variant(messages::$message),)*
        }

        impl MetadataRecord {
            /// The record's name, such as `TopicRecord`.
            pub fn name(&self) -> &'static str {
                match self {
                    $(MetadataRecord::$variant(_) => messages::$message::NAME,)*
                }
            }

            /// The record's type number.
            pub fn api_key(&self) -> i16 {
                match self {
                    $(MetadataRecord::$variant(_) => messages::$message::API_KEY.unwrap_or(-1),)*
                }
            }

            #[cfg(feature = "json")]
            fn message_to_json(&self, version: i16) -> serde_json::Value {
                use moldau_protocol::json::JsonMessage;
                match self {
                    $(MetadataRecord::$variant(message) => message.to_json(version),)*
                }
            }

            fn encode_message(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
                match self {
                    $(MetadataRecord::$variant(message) => message.encode(out, version),)*
                }
            }

            fn decode_message(reader: &mut Reader<'_>, api_key: u32, version: u32) -> Result<MetadataRecord, RecordError> {
                $(if messages::$message::API_KEY.is_some_and(|key| i64::from(key) == i64::from(api_key)) {
                    let name = messages::$message::NAME;
                    let known = i16::try_from(version)
                        .ok()
                        .filter(|v| (messages::$message::MIN_VERSION..=messages::$message::MAX_VERSION).contains(v))
                        .ok_or(RecordError::UnknownVersion { name, version })?;
                    return Ok(MetadataRecord::$variant(messages::$message::decode(reader, known)?));
                })*
                Err(RecordError::UnknownType(api_key))
            }
        }

        $(impl From<messages::$message> for MetadataRecord {
            fn from(message: messages::$message) -> MetadataRecord {
                MetadataRecord::$variant(message)
            }
        })*
    };
}

records! {
    /// A broker (or a new incarnation of it) registers.
    RegisterBroker(RegisterBrokerRecord);
    /// A broker is taken out of the cluster.
    UnregisterBroker(UnregisterBrokerRecord);
    /// A topic's name and id.
    Topic(TopicRecord);
    /// A partition's whole state.
    Partition(PartitionRecord);
    /// One config of a resource; a null value removes it.
    Config(ConfigRecord);
    /// What changed in a partition.
    PartitionChange(PartitionChangeRecord);
    /// A broker is fenced (written before 3.3 only).
    FenceBroker(FenceBrokerRecord);
    /// A broker is unfenced (written before 3.3 only).
    UnfenceBroker(UnfenceBrokerRecord);
    /// A topic is deleted.
    RemoveTopic(RemoveTopicRecord);
    /// A delegation token is made or renewed.
    DelegationToken(DelegationTokenRecord);
    /// A user's SCRAM credential.
    UserScramCredential(UserScramCredentialRecord);
    /// A feature's finalized level; 0 removes it.
    FeatureLevel(FeatureLevelRecord);
    /// A client quota is set or removed.
    ClientQuota(ClientQuotaRecord);
    /// The producer ids below this one are taken.
    ProducerIds(ProducerIdsRecord);
    /// What changed in a broker's registration.
    BrokerRegistrationChange(BrokerRegistrationChangeRecord);
    /// An ACL.
    AccessControlEntry(AccessControlEntryRecord);
    /// An ACL is removed.
    RemoveAccessControlEntry(RemoveAccessControlEntryRecord);
    /// Nothing; it moves the high watermark.
    NoOp(NoOpRecord);
    /// The state of a migration from ZooKeeper, kept for old logs.
    ZkMigrationState(ZkMigrationStateRecord);
    /// A SCRAM credential is removed.
    RemoveUserScramCredential(RemoveUserScramCredentialRecord);
    /// The records up to the end or abort belong together.
    BeginTransaction(BeginTransactionRecord);
    /// The transaction's records hold.
    EndTransaction(EndTransactionRecord);
    /// The transaction's records never were.
    AbortTransaction(AbortTransactionRecord);
    /// A delegation token is removed.
    RemoveDelegationToken(RemoveDelegationTokenRecord);
    /// A controller registers.
    RegisterController(RegisterControllerRecord);
    /// Eligible leader replicas of one topic, or of all, are forgotten.
    ClearElr(ClearElrRecord);
}

impl MetadataRecord {
    /// The version in which the reference writes this record at `version`.
    pub fn version_at(&self, version: MetadataVersion) -> i16 {
        match self {
            MetadataRecord::RegisterBroker(_) => version.register_broker_record_version(),
            MetadataRecord::Partition(_) => version.partition_record_version(),
            MetadataRecord::PartitionChange(_) => version.partition_change_record_version(),
            // The lowest that can carry the change: an old reader then understands most of them.
            MetadataRecord::BrokerRegistrationChange(change) => {
                if change.cordoned_log_dirs.is_some() {
                    3
                } else if !change.log_dirs.is_empty() {
                    2
                } else if change.in_controlled_shutdown != 0 {
                    1
                } else {
                    0
                }
            }
            _ => 0,
        }
    }

    /// Appends the framed record in the version that belongs to `version`.
    pub fn encode(&self, out: &mut Vec<u8>, version: MetadataVersion) -> Result<(), RecordError> {
        self.encode_version(out, self.version_at(version))
    }

    /// Appends the framed record in the given version of it.
    pub fn encode_version(&self, out: &mut Vec<u8>, record_version: i16) -> Result<(), RecordError> {
        writer::unsigned_varint(out, FRAME_VERSION);
        writer::unsigned_varint(out, self.api_key() as u16 as u32);
        writer::unsigned_varint(out, record_version as u16 as u32);
        self.encode_message(out, record_version)?;
        Ok(())
    }

    /// The record in a log record's value; nothing may follow it.
    pub fn decode(value: &[u8]) -> Result<MetadataRecord, RecordError> {
        MetadataRecord::decode_with_version(value).map(|(record, _)| record)
    }

    /// As [`MetadataRecord::decode`], but bytes fields share `value`'s memory.
    pub fn decode_shared(value: &Bytes) -> Result<MetadataRecord, RecordError> {
        MetadataRecord::read(Reader::shared(value)).map(|(record, _)| record)
    }

    /// The record and the version it was written in.
    pub fn decode_with_version(value: &[u8]) -> Result<(MetadataRecord, i16), RecordError> {
        MetadataRecord::read(Reader::new(value))
    }

    fn read(mut reader: Reader<'_>) -> Result<(MetadataRecord, i16), RecordError> {
        let frame_version = reader.unsigned_varint()?;
        if frame_version != FRAME_VERSION {
            return Err(RecordError::FrameVersion(frame_version));
        }
        let api_key = reader.unsigned_varint()?;
        let version = reader.unsigned_varint()?;
        let record = MetadataRecord::decode_message(&mut reader, api_key, version)?;
        reader.finish()?;
        Ok((record, version as i16))
    }

    /// The record of this version in the JSON form of Kafka's dump tool: its type, version and data.
    #[cfg(feature = "json")]
    pub fn to_json(&self, version: i16) -> serde_json::Value {
        let mut type_name = String::new();
        for (i, c) in self.name().char_indices() {
            if c.is_ascii_uppercase() && i > 0 {
                type_name.push('_');
            }
            type_name.push(c.to_ascii_uppercase());
        }
        serde_json::json!({ "type": type_name, "version": version, "data": self.message_to_json(version) })
    }
}
