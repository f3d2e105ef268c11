//! The contract of a metadata quorum: what is proposed, what comes out committed, what is known of the others.
//!
//! ```text
//!   snapshot …-…         log start                 high watermark        log end
//!   |====================|-----committed-----------|----not yet----------|
//!                        ^ readers below it get the snapshot first       ^ the next proposal's base offset
//! ```
//!
//! Implementations must hold the invariants of the crate's front page. Nothing here does I/O.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use moldau_types::{BrokerId, LeaderEpoch, Offset, Uuid};
use tokio::sync::watch;

/// Who leads, and since which epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leader {
    /// The controller that leads.
    pub id: BrokerId,
    /// The epoch that it leads; there is never a second leader of one epoch.
    pub epoch: LeaderEpoch,
}

/// Where a voter's controller listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VoterEndpoint {
    /// The listener's name, such as `CONTROLLER`.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// A member of the quorum that votes (KIP-853).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Voter {
    /// Its node id.
    pub id: BrokerId,
    /// The id of its metadata log directory; zero when it is not known (a static quorum).
    pub directory_id: Uuid,
    /// Its controller listeners.
    pub endpoints: Vec<VoterEndpoint>,
    /// The lowest `kraft.version` it supports.
    pub min_kraft_version: i16,
    /// The highest `kraft.version` it supports.
    pub max_kraft_version: i16,
}

/// How far another replica of the metadata log has come, as the leader knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaProgress {
    /// The replica's node id.
    pub id: BrokerId,
    /// The replica's log end offset.
    pub log_end_offset: Offset,
}

/// A view of the quorum from this node, for DescribeQuorum and for the controller loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumStatus {
    /// The leader, if this node knows one.
    pub leader: Option<Leader>,
    /// The highest epoch this node has seen.
    pub leader_epoch: LeaderEpoch,
    /// The first offset that is not yet committed.
    pub high_watermark: Offset,
    /// The first offset that the log still has.
    pub log_start_offset: Offset,
    /// The offset that the next record gets.
    pub log_end_offset: Offset,
    /// The voters.
    pub voters: Vec<Voter>,
    /// `kraft.version`: 1 when voters can be changed, 0 when they are configured.
    pub kraft_version: i16,
    /// Progress of the replicas, if this node leads.
    pub replicas: Vec<ReplicaProgress>,
    /// Why the quorum can do no more on this node, if it failed.
    pub failed: Option<String>,
}

/// Names a snapshot: everything before `end_offset`, the last of it written in `epoch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId {
    /// The first offset that the snapshot does not contain.
    pub end_offset: Offset,
    /// The leader epoch of the last batch that it contains.
    pub epoch: LeaderEpoch,
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}-{:010}", self.end_offset.0, self.epoch.0)
    }
}

/// The records of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotContents {
    /// Its name.
    pub id: SnapshotId,
    /// The append time of the last batch that it contains, in milliseconds.
    pub last_contained_log_timestamp: i64,
    /// The metadata records, each in its frame.
    pub records: Vec<Bytes>,
}

/// What a control batch says, as far as the controller loop needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlBatch {
    /// A leader began its epoch here.
    LeaderChange(Leader),
    /// The voters changed.
    Voters(Vec<Voter>),
    /// Another control record.
    Other,
}

/// A committed batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedBatch {
    /// Offset of its first record.
    pub base_offset: Offset,
    /// Offset of its last record.
    pub last_offset: Offset,
    /// The epoch of the leader that wrote it.
    pub leader_epoch: LeaderEpoch,
    /// When the leader appended it, in milliseconds.
    pub append_timestamp: i64,
    /// Its metadata records, each in its frame; empty for a control batch.
    pub records: Vec<Bytes>,
    /// Set for a control batch.
    pub control: Option<ControlBatch>,
}

/// The next thing that a reader gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Forget all that was read before: this is the whole state up to its end offset.
    Snapshot(SnapshotContents),
    /// The next batch.
    Batch(CommittedBatch),
}

impl Committed {
    /// The offset after what this contains.
    pub fn end_offset(&self) -> Offset {
        match self {
            Committed::Snapshot(snapshot) => snapshot.id.end_offset,
            Committed::Batch(batch) => Offset(batch.last_offset.0 + 1),
        }
    }
}

/// Records to be appended as one atomic batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The epoch in which they were computed: refused in every other.
    pub leader_epoch: LeaderEpoch,
    /// The offset that the first one must get: refused when the log's end is elsewhere by then.
    pub base_offset: Offset,
    /// Metadata records, each in its frame. At least one.
    pub records: Vec<Bytes>,
}

/// Resolves when a proposal is committed, with the offset of its last record, or cannot be any more.
pub type PendingCommit = Pin<Box<dyn Future<Output = Result<Offset, QuorumError>> + Send>>;

/// Why the quorum did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    /// This node does not lead, or not in that epoch.
    #[error("not the leader of the metadata quorum (the leader is {leader:?})")]
    NotLeader {
        /// The leader, if known.
        leader: Option<Leader>,
    },
    /// The log's end was not where the proposal expected it. Nothing of the proposal was written.
    #[error("the metadata log ends at {actual}, the proposal was made for {expected}")]
    UnexpectedBaseOffset {
        /// What the proposal said.
        expected: Offset,
        /// Where the log ended.
        actual: Offset,
    },
    /// A proposal without records.
    #[error("a proposal needs at least one record")]
    EmptyProposal,
    /// The records do not fit into one batch.
    #[error("a proposal of {size} bytes is larger than the limit of {limit}")]
    TooLarge {
        /// Bytes of the records.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A snapshot was asked for that is not committed or is older than one that exists.
    #[error("cannot keep a snapshot at {0}")]
    BadSnapshot(SnapshotId),
    /// The metadata log's files could not be read or written.
    #[error("metadata log: {0}")]
    Storage(String),
    /// The disk of the metadata log is full. Nothing of the proposal was written; a later one may find space.
    #[error("no space is left for the metadata log")]
    NoSpace,
    /// The quorum was shut down.
    #[error("the metadata quorum is shut down")]
    Shutdown,
}

/// Reads what is committed, in order and without gaps.
pub trait CommittedReader: Send + 'static {
    /// Waits for the next committed batch or snapshot.
    fn next(&mut self) -> impl Future<Output = Result<Committed, QuorumError>> + Send;

    /// The next one if it is there already.
    fn try_next(&mut self) -> Result<Option<Committed>, QuorumError>;
}

/// The metadata log among controllers.
pub trait MetadataQuorum: Send + Sync + 'static {
    /// What reads from it.
    type Reader: CommittedReader;

    /// This node's id.
    fn node_id(&self) -> BrokerId;

    /// The view of the quorum now.
    fn status(&self) -> QuorumStatus;

    /// The leader now, if known.
    fn leader(&self) -> Option<Leader> {
        self.status().leader
    }

    /// Changes of the view.
    fn watch(&self) -> watch::Receiver<QuorumStatus>;

    /// Hands a batch to the log, in the order of the calls; the answer comes later by what is returned, so that
    /// several can be under way and share one fsync.
    fn propose(&self, proposal: Proposal) -> impl Future<Output = Result<PendingCommit, QuorumError>> + Send;

    /// Reads from an offset, or from the latest snapshot if the log no longer has it.
    fn reader(&self, from: Offset) -> Self::Reader;

    /// Writes a snapshot of the committed state and keeps it.
    fn write_snapshot(
        &self,
        contents: SnapshotContents,
    ) -> impl Future<Output = Result<(), QuorumError>> + Send;

    /// The latest snapshot.
    fn latest_snapshot(&self) -> Option<SnapshotId>;

    /// Ends leadership if there is one, and stops. What is committed stays so.
    fn shutdown(&self) -> impl Future<Output = ()> + Send;
}
