//! `quorum-state`: the newest epoch this node has seen, and whom it follows or voted for in it.
//!
//! JSON as Kafka writes it. Version 1 has the voted directory id; version 0, of a static quorum, has the cluster id and
//! the voters as well. A vote for a leader that a quorum granted has a leader id; a vote that is still a candidate's has
//! a voted id.

use moldau_types::Uuid;
use serde::{Deserialize, Serialize};

use crate::raft::Vote;

/// The file's name.
pub(crate) const FILE_NAME: &str = "quorum-state";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StateV1 {
    #[serde(default = "none")]
    leader_id: i64,
    #[serde(default = "none")]
    leader_epoch: i64,
    #[serde(default = "none")]
    voted_id: i64,
    #[serde(default)]
    voted_directory_id: Option<String>,
    #[serde(rename = "data_version")]
    data_version: i16,
}

fn none() -> i64 {
    -1
}

/// The file's bytes.
pub(crate) fn encode(vote: &Vote, voted_directory: Uuid) -> Vec<u8> {
    let node = i64::try_from(vote.leader_id().voted_for).unwrap_or(-1);
    let (leader_id, voted_id, directory) =
        if vote.is_committed() { (node, -1, Uuid::ZERO) } else { (-1, node, voted_directory) };
    let state = StateV1 {
        leader_id,
        leader_epoch: i64::try_from(vote.leader_id().term).unwrap_or(-1),
        voted_id,
        voted_directory_id: Some(directory.to_string()),
        data_version: 1,
    };
    // A struct of numbers and a string always serializes.
    serde_json::to_vec(&state).unwrap_or_default()
}

/// The vote in the file; an epoch without leader and vote gives none, as nothing was promised in it, together with the
/// epoch itself.
pub(crate) fn decode(bytes: &[u8]) -> Result<Option<Vote>, String> {
    let state: StateV1 = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if !(0..=1).contains(&state.data_version) {
        return Err(format!("unknown data_version {}", state.data_version));
    }
    let Ok(epoch) = u64::try_from(state.leader_epoch) else { return Ok(None) };
    if let Ok(leader) = u64::try_from(state.leader_id) {
        return Ok(Some(Vote::new_committed(epoch, leader)));
    }
    // Nobody was voted for: a vote for node 0 that is not committed promises no more than the epoch itself,
    // except that no other may be voted for in it any more.
    Ok(Some(Vote::new(epoch, u64::try_from(state.voted_id).unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_votes_round_trip() {
        for vote in [Vote::new(5, 3), Vote::new_committed(7, 1)] {
            assert_eq!(decode(&encode(&vote, Uuid::random())), Ok(Some(vote)));
        }
    }

    #[test]
    fn a_leader_is_written_as_the_reference_writes_it() {
        let expected = r#"{"leaderId":1,"leaderEpoch":2,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}"#;
        let vote = Vote::new_committed(2, 1);
        assert_eq!(String::from_utf8(encode(&vote, Uuid::ZERO)).unwrap(), expected);
        assert_eq!(decode(expected.as_bytes()), Ok(Some(vote)));
    }

    #[test]
    fn version_0_and_damaged_files() {
        let v0 = r#"{"clusterId":"","leaderId":-1,"leaderEpoch":4,"votedId":2,"appliedOffset":0,"currentVoters":[{"voterId":2}],"data_version":0}"#;
        assert_eq!(decode(v0.as_bytes()), Ok(Some(Vote::new(4, 2))));
        assert!(decode(b"{").is_err());
        assert!(decode(br#"{"leaderEpoch":4,"data_version":9}"#).is_err());
    }
}
