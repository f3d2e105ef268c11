//! The metadata log among controllers, with snapshots.
//!
//! [`MetadataQuorum`] is the contract that the controller loop codes against: an ordered log of batches of metadata
//! records, each batch atomic, with one leader an epoch. What always holds:
//!
//! - a batch that was reported committed is never lost, changed or reordered, by no crash and no change of leader;
//! - every reader sees the same committed batches in the same order, without gaps;
//! - `log start offset ≤ high watermark ≤ log end offset`, and a reader below the log start gets a snapshot first.
//!
//! The crate knows batches and control records; what a metadata record means is left to `moldau-metadata`.

mod anchors;
mod api;
mod batch;
mod checkpoint;
mod control;
mod election_state;
mod medium;
mod quorum;
mod raft;
mod reader;
#[cfg(test)]
mod simulation;
mod store;

pub use api::{
    Committed, CommittedBatch, CommittedReader, ControlBatch, Leader, MetadataQuorum, PendingCommit,
    Proposal, QuorumError, QuorumStatus, ReplicaProgress, SnapshotContents, SnapshotId, Voter, VoterEndpoint,
};
pub use checkpoint::{CheckpointError, decode_bootstrap, encode_bootstrap};
pub use quorum::{QuorumConfig, RaftQuorum};
pub use reader::LogReader;
pub use store::FirstVoters;
