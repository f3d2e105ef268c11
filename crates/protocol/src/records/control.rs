//! Control records: what brokers and controllers write between the data, one kind a key.
//!
//! The key is a version and a type, both `i16`. The value of a transaction's end is a version and the coordinator
//! epoch; the quorum's values are messages that begin with their version themselves.

use super::RecordsError;
use super::builder::BatchBuilder;
use crate::Message;
use crate::messages::{
    EndTxnMarker, KRaftVersionRecord, LeaderChangeMessage, SnapshotFooterRecord, SnapshotHeaderRecord,
    VotersRecord,
};

/// The type in the key of a control record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ControlRecordType {
    /// End of an aborted transaction.
    Abort,
    /// End of a committed transaction.
    Commit,
    /// First record of a quorum leader's epoch.
    LeaderChange,
    /// First record of a snapshot.
    SnapshotHeader,
    /// Last record of a snapshot.
    SnapshotFooter,
    /// The level of `kraft.version`.
    KRaftVersion,
    /// The quorum's voters.
    KRaftVoters,
    /// A type of a later version: to be skipped.
    Unknown(i16),
}

impl ControlRecordType {
    /// Reads the key of a control record.
    pub fn from_key(key: &[u8]) -> Result<Self, RecordsError> {
        let Some(&[v0, v1, t0, t1]) = key.first_chunk() else {
            return Err(RecordsError::InvalidRecord("the key of a control record is too short"));
        };
        if i16::from_be_bytes([v0, v1]) < 0 {
            return Err(RecordsError::InvalidRecord("the version of a control record is negative"));
        }
        Ok(match i16::from_be_bytes([t0, t1]) {
            0 => ControlRecordType::Abort,
            1 => ControlRecordType::Commit,
            2 => ControlRecordType::LeaderChange,
            3 => ControlRecordType::SnapshotHeader,
            4 => ControlRecordType::SnapshotFooter,
            5 => ControlRecordType::KRaftVersion,
            6 => ControlRecordType::KRaftVoters,
            other => ControlRecordType::Unknown(other),
        })
    }

    /// The number in the key.
    pub fn id(self) -> i16 {
        match self {
            ControlRecordType::Abort => 0,
            ControlRecordType::Commit => 1,
            ControlRecordType::LeaderChange => 2,
            ControlRecordType::SnapshotHeader => 3,
            ControlRecordType::SnapshotFooter => 4,
            ControlRecordType::KRaftVersion => 5,
            ControlRecordType::KRaftVoters => 6,
            ControlRecordType::Unknown(id) => id,
        }
    }

    /// The key, in version 0.
    pub fn key(self) -> [u8; 4] {
        let [t0, t1] = self.id().to_be_bytes();
        [0, 0, t0, t1]
    }
}

/// A control record with its value.
#[derive(Clone, Debug, PartialEq)]
pub enum ControlRecord {
    /// End of an aborted transaction.
    Abort(EndTxnMarker),
    /// End of a committed transaction.
    Commit(EndTxnMarker),
    /// First record of a quorum leader's epoch.
    LeaderChange(LeaderChangeMessage),
    /// First record of a snapshot.
    SnapshotHeader(SnapshotHeaderRecord),
    /// Last record of a snapshot.
    SnapshotFooter(SnapshotFooterRecord),
    /// The level of `kraft.version`.
    KRaftVersion(KRaftVersionRecord),
    /// The quorum's voters.
    KRaftVoters(VotersRecord),
    /// A type of a later version.
    Unknown(i16),
}

const BAD_VALUE: RecordsError = RecordsError::InvalidRecord("the value of a control record is invalid");

fn version_of(value: &[u8]) -> Result<i16, RecordsError> {
    value.first_chunk().map(|version| i16::from_be_bytes(*version)).ok_or(BAD_VALUE)
}

/// Decodes a message that begins with its own version.
fn decode_own<M: Message>(value: &[u8]) -> Result<M, RecordsError> {
    let version = version_of(value)?.clamp(M::MIN_VERSION, M::MAX_VERSION);
    M::decode_all(value, version).map_err(|_| BAD_VALUE)
}

fn decode_marker(value: &[u8]) -> Result<EndTxnMarker, RecordsError> {
    if version_of(value)? < EndTxnMarker::MIN_VERSION {
        return Err(BAD_VALUE);
    }
    // A later version only has more fields behind those of version 0.
    let value = value.get(2..6).ok_or(BAD_VALUE)?;
    EndTxnMarker::decode_all(value, EndTxnMarker::MIN_VERSION).map_err(|_| BAD_VALUE)
}

impl ControlRecord {
    /// Reads a record of a control batch.
    pub fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Self, RecordsError> {
        let key = key.ok_or(RecordsError::InvalidRecord("a control record has no key"))?;
        let value = value.unwrap_or_default();
        Ok(match ControlRecordType::from_key(key)? {
            ControlRecordType::Abort => ControlRecord::Abort(decode_marker(value)?),
            ControlRecordType::Commit => ControlRecord::Commit(decode_marker(value)?),
            ControlRecordType::LeaderChange => ControlRecord::LeaderChange(decode_own(value)?),
            ControlRecordType::SnapshotHeader => ControlRecord::SnapshotHeader(decode_own(value)?),
            ControlRecordType::SnapshotFooter => ControlRecord::SnapshotFooter(decode_own(value)?),
            ControlRecordType::KRaftVersion => ControlRecord::KRaftVersion(decode_own(value)?),
            ControlRecordType::KRaftVoters => ControlRecord::KRaftVoters(decode_own(value)?),
            ControlRecordType::Unknown(id) => ControlRecord::Unknown(id),
        })
    }

    /// Its type.
    pub fn record_type(&self) -> ControlRecordType {
        match self {
            ControlRecord::Abort(_) => ControlRecordType::Abort,
            ControlRecord::Commit(_) => ControlRecordType::Commit,
            ControlRecord::LeaderChange(_) => ControlRecordType::LeaderChange,
            ControlRecord::SnapshotHeader(_) => ControlRecordType::SnapshotHeader,
            ControlRecord::SnapshotFooter(_) => ControlRecordType::SnapshotFooter,
            ControlRecord::KRaftVersion(_) => ControlRecordType::KRaftVersion,
            ControlRecord::KRaftVoters(_) => ControlRecordType::KRaftVoters,
            ControlRecord::Unknown(id) => ControlRecordType::Unknown(*id),
        }
    }

    /// The value: messages in the version that their own field says.
    pub fn encode_value(&self) -> Result<Vec<u8>, RecordsError> {
        let encoded = match self {
            ControlRecord::Abort(marker) | ControlRecord::Commit(marker) => {
                let mut out = vec![0, 0];
                return match marker.encode(&mut out, 0) {
                    Ok(()) => Ok(out),
                    Err(_) => Err(BAD_VALUE),
                };
            }
            ControlRecord::LeaderChange(message) => message.encode_to_vec(message.version),
            ControlRecord::SnapshotHeader(message) => message.encode_to_vec(message.version),
            ControlRecord::SnapshotFooter(message) => message.encode_to_vec(message.version),
            ControlRecord::KRaftVersion(message) => message.encode_to_vec(message.version),
            ControlRecord::KRaftVoters(message) => message.encode_to_vec(message.version),
            ControlRecord::Unknown(_) => return Err(BAD_VALUE),
        };
        encoded.map_err(|_| BAD_VALUE)
    }

    /// Appends it to a control batch.
    pub fn append_to(&self, builder: &mut BatchBuilder, timestamp: i64) -> Result<(), RecordsError> {
        let value = self.encode_value()?;
        builder.append(timestamp, Some(&self.record_type().key()), Some(&value), &[])?;
        Ok(())
    }
}

/// The batch that ends a transaction of a producer, at base offset 0.
pub fn end_transaction_batch(
    commit: bool,
    producer_id: i64,
    producer_epoch: i16,
    coordinator_epoch: i32,
    timestamp: i64,
) -> Result<Vec<u8>, RecordsError> {
    let marker = EndTxnMarker { coordinator_epoch };
    let record = if commit { ControlRecord::Commit(marker) } else { ControlRecord::Abort(marker) };
    let mut builder =
        BatchBuilder::new().producer(producer_id, producer_epoch, -1).transactional(true).control(true);
    record.append_to(&mut builder, timestamp)?;
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transactions_end_is_read_again() {
        let data = end_transaction_batch(false, 4, 2, 7, 1000).unwrap();
        let batch = super::super::BatchView::parse(&data).unwrap();
        assert!(batch.header.is_control() && batch.header.is_transactional());
        let mut records = batch.records().unwrap();
        let record = records.next_record().unwrap().unwrap();
        assert_eq!(
            ControlRecord::decode(record.key, record.value),
            Ok(ControlRecord::Abort(EndTxnMarker { coordinator_epoch: 7 }))
        );
    }

    #[test]
    fn damaged_control_records_are_errors_and_unknown_ones_are_not() {
        assert!(ControlRecord::decode(None, None).is_err());
        assert!(ControlRecord::decode(Some(&[0, 0, 0]), None).is_err());
        assert!(ControlRecord::decode(Some(&[0xff, 0xff, 0, 0]), Some(&[0; 6])).is_err());
        assert!(ControlRecord::decode(Some(&[0, 0, 0, 1]), Some(&[0; 5])).is_err());
        assert!(ControlRecord::decode(Some(&[0, 0, 0, 2]), Some(&[0, 0, 0])).is_err());
        assert_eq!(ControlRecord::decode(Some(&[0, 0, 0, 99]), None), Ok(ControlRecord::Unknown(99)));
    }
}
