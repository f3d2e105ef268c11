//! Snapshots as files: `<end offset, 20 digits>-<epoch, 10 digits>.checkpoint`, batches like the log's.
//!
//! A header first (with `kraft.version` and the voters where they can be changed), the metadata records, a footer last:
//! a file without its footer is not a snapshot. Offsets inside count from 0 and mean nothing. The bootstrap checkpoint,
//! records for the very first start, has the same form without an end offset.

use bytes::Bytes;
use moldau_protocol::records::{BatchHeader, LOG_OVERHEAD};

use crate::batch::{self, Place, Record};
use crate::control::Control;
use crate::{SnapshotContents, SnapshotId, Voter};

const SUFFIX: &str = ".checkpoint";
/// Records are put together in batches of about this size.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// Why a file is no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a whole snapshot: {0}")]
pub struct CheckpointError(String);

/// A snapshot as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) last_contained_log_timestamp: i64,
    /// `None` in a snapshot without KRaftVersion record: a static quorum's, or the bootstrap checkpoint.
    pub(crate) kraft_version: Option<i16>,
    pub(crate) controls: Vec<Control>,
    pub(crate) records: Vec<Bytes>,
}

/// The name of a snapshot's file.
pub(crate) fn file_name(id: SnapshotId) -> String {
    format!("{id}{SUFFIX}")
}

/// The snapshot that a file name means.
pub(crate) fn parse_file_name(name: &str) -> Option<SnapshotId> {
    let (offset, epoch) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(offset, 20) || !digits(epoch, 10) {
        return None;
    }
    Some(SnapshotId {
        end_offset: moldau_types::Offset(offset.parse().ok()?),
        epoch: moldau_types::LeaderEpoch(epoch.parse().ok()?),
    })
}

/// The bytes of a snapshot. `members` says the voters, where they are part of the log.
pub(crate) fn encode(
    contents: &SnapshotContents,
    members: &[Control],
    now_ms: i64,
) -> Result<Vec<u8>, CheckpointError> {
    let control = |control: &Control| {
        control.encode().map_err(|error| CheckpointError(format!("cannot write a control record: {error}")))
    };
    let timestamp = contents.last_contained_log_timestamp;
    let mut head = vec![control(&Control::SnapshotHeader { last_contained_log_timestamp: timestamp })?];
    for member in members {
        head.push(control(member)?);
    }
    let mut writer = Writer {
        out: Vec::new(),
        next_offset: 0,
        leader_epoch: contents.id.epoch.0.max(0),
        timestamp_ms: now_ms,
    };
    writer.push(true, &head);
    let mut pending = Vec::new();
    let mut size = 0;
    for value in &contents.records {
        let bound = batch::size_bound(value.len());
        if size + bound > BATCH_BYTES_MAX && !pending.is_empty() {
            writer.push(false, &std::mem::take(&mut pending));
            size = 0;
        }
        size += bound;
        pending.push(Record::data(value.clone()));
    }
    writer.push(false, &pending);
    writer.push(true, &[control(&Control::SnapshotFooter)?]);
    Ok(writer.out)
}

struct Writer {
    out: Vec<u8>,
    next_offset: i64,
    leader_epoch: i32,
    timestamp_ms: i64,
}

impl Writer {
    fn push(&mut self, control: bool, records: &[Record]) {
        if records.is_empty() {
            return;
        }
        let place = Place {
            base_offset: self.next_offset,
            leader_epoch: self.leader_epoch,
            timestamp_ms: self.timestamp_ms,
        };
        self.out.extend_from_slice(&batch::encode(place, control, records));
        self.next_offset += records.len() as i64;
    }
}

/// Reads a snapshot.
pub(crate) fn decode(bytes: &Bytes) -> Result<Checkpoint, CheckpointError> {
    let failed = |reason: &str| CheckpointError(reason.to_owned());
    let mut checkpoint = Checkpoint {
        last_contained_log_timestamp: -1,
        kraft_version: None,
        controls: Vec::new(),
        records: Vec::new(),
    };
    let (mut at, mut headed, mut footed) = (0, false, false);
    while at < bytes.len() {
        let header = BatchHeader::parse(&bytes[at..]).map_err(|error| CheckpointError(error.to_string()))?;
        let end = at.saturating_add(header.batch_length.max(0) as usize + LOG_OVERHEAD);
        if footed || end > bytes.len() {
            return Err(failed("its last batch is torn, or it goes on after its footer"));
        }
        let (header, records) =
            batch::decode(&bytes.slice(at..end)).map_err(|error| CheckpointError(error.to_string()))?;
        at = end;
        if !header.is_control() {
            if !headed {
                return Err(failed("it has no header"));
            }
            checkpoint.records.extend(records.into_iter().map(|record| record.value));
            continue;
        }
        for record in &records {
            match Control::decode(record).map_err(CheckpointError)? {
                Control::SnapshotHeader { last_contained_log_timestamp } => {
                    headed = true;
                    checkpoint.last_contained_log_timestamp = last_contained_log_timestamp;
                }
                Control::SnapshotFooter => footed = true,
                Control::KraftVersion(version) => checkpoint.kraft_version = Some(version),
                other => checkpoint.controls.push(other),
            }
        }
    }
    if headed && footed { Ok(checkpoint) } else { Err(failed("it has no footer")) }
}

/// The bytes of a bootstrap checkpoint: the metadata records of the very first start.
pub fn encode_bootstrap(records: Vec<Bytes>, now_ms: i64) -> Result<Vec<u8>, CheckpointError> {
    let id = SnapshotId { end_offset: moldau_types::Offset(0), epoch: moldau_types::LeaderEpoch(0) };
    encode(&SnapshotContents { id, last_contained_log_timestamp: 0, records }, &[], now_ms)
}

/// The metadata records of a bootstrap checkpoint.
pub fn decode_bootstrap(bytes: &Bytes) -> Result<Vec<Bytes>, CheckpointError> {
    decode(bytes).map(|checkpoint| checkpoint.records)
}

/// The snapshot that a dynamic quorum begins with: its first voters, and nothing else.
pub(crate) fn encode_first(voters: Vec<Voter>, now_ms: i64) -> Result<Vec<u8>, CheckpointError> {
    let id = SnapshotId { end_offset: moldau_types::Offset(0), epoch: moldau_types::LeaderEpoch(0) };
    let contents = SnapshotContents { id, last_contained_log_timestamp: now_ms, records: Vec::new() };
    encode(&contents, &[Control::KraftVersion(1), Control::Voters(voters)], now_ms)
}
