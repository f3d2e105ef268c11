//! Control records of the metadata log and its snapshots: who leads, who votes, where a snapshot begins and ends.
//!
//! A key is two 16-bit numbers, its version (0) and the type. A Voters batch holds one Voters record for each set of
//! voters that has to agree (two while a change is under way; readers that know one set take the last), and one with
//! the header `moldau.observers` for members that do not vote yet.

use bytes::Bytes;
use moldau_protocol::messages::k_raft_version_record::KRaftVersionRecord;
use moldau_protocol::messages::leader_change_message::{self, LeaderChangeMessage};
use moldau_protocol::messages::snapshot_footer_record::SnapshotFooterRecord;
use moldau_protocol::messages::snapshot_header_record::SnapshotHeaderRecord;
use moldau_protocol::messages::voters_record::{self, VotersRecord};
use moldau_protocol::{EncodeError, Message};
use moldau_types::BrokerId;

use crate::batch::Record;
use crate::{Voter, VoterEndpoint};

const LEADER_CHANGE: i16 = 2;
const SNAPSHOT_HEADER: i16 = 3;
const SNAPSHOT_FOOTER: i16 = 4;
const KRAFT_VERSION: i16 = 5;
const VOTERS: i16 = 6;
/// Marks a Voters record of members that do not vote.
const OBSERVERS_HEADER: &[u8] = b"moldau.observers";
/// The version in which all of them are written, as the reference does.
const MESSAGE_VERSION: i16 = 0;

/// A control record that the quorum knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    LeaderChange { leader: i32, voters: Vec<i32>, granting: Vec<i32> },
    SnapshotHeader { last_contained_log_timestamp: i64 },
    SnapshotFooter,
    KraftVersion(i16),
    Voters(Vec<Voter>),
    Observers(Vec<Voter>),
    Other(i16),
}

impl Control {
    /// The record to write. Fails only for names that are too long for any message.
    pub(crate) fn encode(&self) -> Result<Record, EncodeError> {
        let (kind, value, header) = match self {
            Control::LeaderChange { leader, voters, granting } => {
                let voters_of = |ids: &[i32]| {
                    let voter =
                        |id: &i32| leader_change_message::Voter { voter_id: *id, ..Default::default() };
                    ids.iter().map(voter).collect()
                };
                let message = LeaderChangeMessage {
                    version: 0,
                    leader_id: *leader,
                    voters: voters_of(voters),
                    granting_voters: voters_of(granting),
                };
                (LEADER_CHANGE, message.encode_to_vec(MESSAGE_VERSION)?, None)
            }
            Control::SnapshotHeader { last_contained_log_timestamp } => {
                let message = SnapshotHeaderRecord {
                    version: 0,
                    last_contained_log_timestamp: *last_contained_log_timestamp,
                };
                (SNAPSHOT_HEADER, message.encode_to_vec(MESSAGE_VERSION)?, None)
            }
            Control::SnapshotFooter => {
                (SNAPSHOT_FOOTER, SnapshotFooterRecord::default().encode_to_vec(MESSAGE_VERSION)?, None)
            }
            Control::KraftVersion(version) => {
                let message = KRaftVersionRecord { version: 0, k_raft_version: *version };
                (KRAFT_VERSION, message.encode_to_vec(MESSAGE_VERSION)?, None)
            }
            Control::Voters(voters) => (VOTERS, encode_voters(voters)?, None),
            Control::Observers(voters) => {
                (VOTERS, encode_voters(voters)?, Some(Bytes::from_static(OBSERVERS_HEADER)))
            }
            Control::Other(kind) => (*kind, Vec::new(), None),
        };
        let mut key = 0i16.to_be_bytes().to_vec();
        key.extend_from_slice(&kind.to_be_bytes());
        Ok(Record { key: Some(Bytes::from(key)), value: Bytes::from(value), header })
    }

    /// What a control record says; an error says why it cannot be read.
    pub(crate) fn decode(record: &Record) -> Result<Control, String> {
        let key = record.key.as_ref().and_then(|key| key.first_chunk::<4>());
        let Some([_, _, high, low]) = key else { return Err("a control record without its key".to_owned()) };
        let kind = i16::from_be_bytes([*high, *low]);
        decode_value(kind, record).map_err(|error| format!("control record of type {kind}: {error}"))
    }
}

fn decode_value(kind: i16, record: &Record) -> Result<Control, moldau_protocol::DecodeError> {
    let value = &record.value;
    Ok(match kind {
        LEADER_CHANGE => {
            // The message says its own version in its first field.
            let version = value.first_chunk().map_or(0, |v| i16::from_be_bytes(*v));
            let message =
                LeaderChangeMessage::decode_all(value, version.clamp(0, LeaderChangeMessage::MAX_VERSION))?;
            let ids = |voters: &[leader_change_message::Voter]| voters.iter().map(|v| v.voter_id).collect();
            Control::LeaderChange {
                leader: message.leader_id,
                voters: ids(&message.voters),
                granting: ids(&message.granting_voters),
            }
        }
        SNAPSHOT_HEADER => {
            let message = SnapshotHeaderRecord::decode_all(value, MESSAGE_VERSION)?;
            Control::SnapshotHeader { last_contained_log_timestamp: message.last_contained_log_timestamp }
        }
        SNAPSHOT_FOOTER => Control::SnapshotFooter,
        KRAFT_VERSION => {
            Control::KraftVersion(KRaftVersionRecord::decode_all(value, MESSAGE_VERSION)?.k_raft_version)
        }
        VOTERS => {
            let message = VotersRecord::decode_all(value, MESSAGE_VERSION)?;
            let voters = message.voters.into_iter().map(voter_of).collect();
            match record.header.as_deref() {
                Some(OBSERVERS_HEADER) => Control::Observers(voters),
                _ => Control::Voters(voters),
            }
        }
        other => Control::Other(other),
    })
}

fn encode_voters(voters: &[Voter]) -> Result<Vec<u8>, EncodeError> {
    let voter = |voter: &Voter| voters_record::Voter {
        voter_id: voter.id.0,
        voter_directory_id: voter.directory_id,
        endpoints: voter
            .endpoints
            .iter()
            .map(|e| voters_record::Endpoint { name: e.name.clone(), host: e.host.clone(), port: e.port })
            .collect(),
        k_raft_version_feature: voters_record::KRaftVersionFeature {
            min_supported_version: voter.min_kraft_version,
            max_supported_version: voter.max_kraft_version,
        },
    };
    VotersRecord { version: 0, voters: voters.iter().map(voter).collect() }.encode_to_vec(MESSAGE_VERSION)
}

fn voter_of(voter: voters_record::Voter) -> Voter {
    let endpoint = |e: voters_record::Endpoint| VoterEndpoint { name: e.name, host: e.host, port: e.port };
    Voter {
        id: BrokerId(voter.voter_id),
        directory_id: voter.voter_directory_id,
        endpoints: voter.endpoints.into_iter().map(endpoint).collect(),
        min_kraft_version: voter.k_raft_version_feature.min_supported_version,
        max_kraft_version: voter.k_raft_version_feature.max_supported_version,
    }
}
