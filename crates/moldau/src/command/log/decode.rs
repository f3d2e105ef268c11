//! The records of the internal topics as text: JSON of their schemas, in the form of Kafka's dump tool.
//!
//! Always: a record that can't be decoded says so in its place; nothing here fails a dump.

use bytes::Bytes;
use moldau_log::dump::DecodedRecord;
use moldau_protocol::coordinator_records::{
    GroupRecordKey, GroupRecordValue, ShareRecordKey, ShareRecordValue, TransactionRecordKey,
    TransactionRecordValue,
};
use moldau_protocol::frame::MetadataFrame;
use moldau_protocol::json::JsonMessage;
use moldau_protocol::messages::*;
use moldau_protocol::records::{BatchHeader, RecordView};
use moldau_protocol::{DecodeError, Message, Reader};
use serde_json::{Value, json};

/// How the records of a log are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Keys and values are shown as they are
    Plain,
    /// `__consumer_offsets`
    Offsets,
    /// `__transaction_state`
    Transactions,
    /// `__share_group_state`
    ShareState,
    /// `__cluster_metadata`, and its snapshots
    Metadata,
}

impl Kind {
    /// The kind of a file by the name of its directory, or of itself for a bootstrap snapshot.
    pub(super) fn of(path: &std::path::Path) -> Self {
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = |part: Option<&std::ffi::OsStr>| {
            part.and_then(|name| name.to_str()).unwrap_or_default().to_owned()
        };
        let directory = name(path.parent().and_then(std::path::Path::file_name));
        match directory.rsplit_once('-').map_or("", |(topic, _)| topic) {
            "__consumer_offsets" => Self::Offsets,
            "__transaction_state" => Self::Transactions,
            "__share_group_state" => Self::ShareState,
            "__cluster_metadata" => Self::Metadata,
            _ if name(path.file_name()).ends_with(".checkpoint") => Self::Metadata,
            _ => Self::Plain,
        }
    }
}

/// A record of an internal topic, as it was consumed; `None` leaves it as it is.
pub(crate) fn decode_consumed(
    topic: &str,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
) -> Option<DecodedRecord> {
    match topic {
        "__consumer_offsets" => coordinator_record(Kind::Offsets, key, value),
        "__transaction_state" => coordinator_record(Kind::Transactions, key, value),
        "__share_group_state" => coordinator_record(Kind::ShareState, key, value),
        _ => None,
    }
}

/// A record as text; `None` leaves it as it is.
pub(super) fn decode(kind: Kind, header: &BatchHeader, record: &RecordView<'_>) -> Option<DecodedRecord> {
    match kind {
        Kind::Plain => None,
        Kind::Metadata if header.is_control() => control(record),
        Kind::Metadata => {
            Some(DecodedRecord { payload: Some(metadata(record.value?)), ..Default::default() })
        }
        _ => coordinator_record(kind, record.key, record.value),
    }
}

fn coordinator_record(kind: Kind, key: Option<&[u8]>, value: Option<&[u8]>) -> Option<DecodedRecord> {
    match kind {
        Kind::Offsets => coordinator(
            key,
            value,
            GroupRecordKey::decode,
            GroupRecordKey::record_type,
            |key| key.to_json(),
            |kind, bytes| {
                let version = version_of(bytes)?;
                Ok((version, with_embedded(GroupRecordValue::decode(kind, bytes)?.to_json(version))))
            },
        ),
        Kind::Transactions => coordinator(
            key,
            value,
            TransactionRecordKey::decode,
            TransactionRecordKey::record_type,
            |key| key.to_json(),
            |kind, bytes| {
                let version = version_of(bytes)?;
                Ok((version, TransactionRecordValue::decode(kind, bytes)?.to_json(version)))
            },
        ),
        Kind::ShareState => coordinator(
            key,
            value,
            ShareRecordKey::decode,
            ShareRecordKey::record_type,
            |key| key.to_json(),
            |kind, bytes| {
                let version = version_of(bytes)?;
                Ok((version, ShareRecordValue::decode(kind, bytes)?.to_json(version)))
            },
        ),
        Kind::Plain | Kind::Metadata => None,
    }
}

fn version_of(value: &[u8]) -> Result<i16, DecodeError> {
    Reader::new(value).i16()
}

fn coordinator<K>(
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    read_key: impl Fn(&[u8]) -> Result<K, DecodeError>,
    kind: impl Fn(&K) -> i16,
    key_json: impl Fn(&K) -> Value,
    read_value: impl Fn(i16, &[u8]) -> Result<(i16, Value), DecodeError>,
) -> Option<DecodedRecord> {
    let unreadable = |error: DecodeError| format!("<UNREADABLE: {error}>");
    let key = match read_key(key?) {
        Ok(key) => key,
        Err(error) => return Some(DecodedRecord { key: Some(unreadable(error)), ..Default::default() }),
    };
    let kind = kind(&key);
    let payload = match value.map(|bytes| read_value(kind, bytes)) {
        None => "<DELETE>".to_owned(),
        Some(Ok((version, data))) => json!({"version": version.to_string(), "data": data}).to_string(),
        Some(Err(error)) => unreadable(error),
    };
    let key = json!({"type": kind.to_string(), "data": key_json(&key)}).to_string();
    Some(DecodedRecord { key: Some(key), payload: Some(payload), instead: None })
}

/// A classic group's members carry bytes of the embedded protocol; those of consumers are shown as what they say.
fn with_embedded(mut value: Value) -> Value {
    if value.get("protocolType").and_then(Value::as_str) != Some("consumer") {
        return value;
    }
    for member in value.get_mut("members").and_then(Value::as_array_mut).into_iter().flatten() {
        embedded::<ConsumerProtocolSubscription>(member, "subscription");
        embedded::<ConsumerProtocolAssignment>(member, "assignment");
    }
    value
}

fn embedded<M: JsonMessage>(member: &mut Value, field: &str) {
    let Some(text) = member.get(field).and_then(Value::as_str) else { return };
    let Some(bytes) = base64(text) else { return };
    let Some(version) = bytes.first_chunk::<2>().map(|version| i16::from_be_bytes(*version)) else { return };
    let version = version.min(M::MAX_VERSION);
    if let Ok(message) = M::decode(&mut Reader::new(&bytes[2..]), version) {
        member[field] = message.to_json(version);
    }
}

fn base64(text: &str) -> Option<Bytes> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out.into())
}

/// A control record of the metadata log.
fn control(record: &RecordView<'_>) -> Option<DecodedRecord> {
    let kind = i16::from_be_bytes(*record.key?.get(2..)?.first_chunk::<2>()?);
    let value = record.value?;
    fn text<M: JsonMessage>(name: &str, value: &[u8]) -> Option<String> {
        let version = i16::from_be_bytes(*value.first_chunk::<2>()?);
        let message =
            M::decode(&mut Reader::new(value), version.clamp(M::MIN_VERSION, M::MAX_VERSION)).ok()?;
        Some(format!("{name} {}", message.to_json(version)))
    }
    let instead = match kind {
        2 => text::<LeaderChangeMessage>("LeaderChange:", value),
        3 => text::<SnapshotHeaderRecord>("SnapshotHeader", value),
        4 => text::<SnapshotFooterRecord>("SnapshotFooter", value),
        5 => text::<KRaftVersionRecord>("KRaftVersion", value),
        6 => text::<VotersRecord>("KRaftVoters", value),
        _ => None,
    };
    Some(DecodedRecord { instead: Some(instead?), ..Default::default() })
}

macro_rules! metadata_records {
    ($($record:ident),* $(,)?) => {
        fn metadata_json(kind: i16, r: &mut Reader<'_>, version: i16) -> Result<(&'static str, Value), DecodeError> {
            match Some(kind) {
                $($record::API_KEY => Ok(($record::NAME, $record::decode(r, version)?.to_json(version))),)*
                _ => Err(DecodeError::Unknown { what: "metadata record type", number: kind.into() }),
            }
        }
    };
}

metadata_records! {
    AbortTransactionRecord, AccessControlEntryRecord, BeginTransactionRecord, BrokerRegistrationChangeRecord,
    ClearElrRecord, ClientQuotaRecord, ConfigRecord, DelegationTokenRecord, EndTransactionRecord, FeatureLevelRecord,
    FenceBrokerRecord, NoOpRecord, PartitionChangeRecord, PartitionRecord, ProducerIdsRecord, RegisterBrokerRecord,
    RegisterControllerRecord, RemoveAccessControlEntryRecord, RemoveDelegationTokenRecord, RemoveTopicRecord,
    RemoveUserScramCredentialRecord, TopicRecord, UnfenceBrokerRecord, UnregisterBrokerRecord,
    UserScramCredentialRecord, ZkMigrationStateRecord,
}

fn metadata(value: &[u8]) -> String {
    let mut reader = Reader::new(value);
    let decoded = MetadataFrame::decode(&mut reader).and_then(|frame| {
        let (name, data) = metadata_json(frame.record_type, &mut reader, frame.version)?;
        Ok(json!({"type": upper_snake(name), "version": frame.version, "data": data}).to_string())
    });
    decoded.unwrap_or_else(|error| format!("<UNREADABLE: {error}>"))
}

fn upper_snake(name: &str) -> String {
    let mut out = String::new();
    for (at, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_uppercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_base64() {
        assert_eq!(upper_snake("FeatureLevelRecord"), "FEATURE_LEVEL_RECORD");
        assert_eq!(base64("AAEC/w==").as_deref(), Some(&[0, 1, 2, 255][..]));
        assert_eq!(base64("*"), None);
    }
}
