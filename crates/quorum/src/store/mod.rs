//! The metadata log of this node: batches under raft indexes, snapshots, the vote.
//!
//! It joins the two ways to count: raft numbers entries, Kafka numbers records. What always holds:
//!
//! - entry `first_index + i` is batch `slots[i]`, and the batches' offsets follow each other without gaps;
//! - what lies before `first_index` is in a snapshot, or never was;
//! - an entry becomes a batch once, at its append; from then on only its bytes go around.
//!
//! All calls are synchronous and take one lock, but that no file of a snapshot is written under it; only [`Medium::sync`] goes on in the background. Which entries are
//! appended and when is left to openraft.

mod append;
mod open;
mod read;
mod snapshots;
mod space;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use moldau_types::{BrokerId, Uuid};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::anchors::Anchors;
use crate::medium::Medium;
use crate::raft::{LogId, Membership, SnapshotMeta, StoredMembership, Vote, log_id};
use crate::{SnapshotId, Voter};

pub use open::FirstVoters;
pub(crate) use open::StoreConfig;
pub(crate) use read::decode_committed;
pub(crate) use snapshots::SnapshotData;

/// Bytes of the newest batches that are kept in memory.
const TAIL_BYTES: usize = 256 << 10;

/// Tells the time in milliseconds since 1970.
pub(crate) type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// See the module.
pub(crate) struct Store {
    medium: Arc<dyn Medium>,
    clock: Clock,
    node_id: BrokerId,
    directory_id: Uuid,
    /// 1: the voters are part of the log.
    kraft_version: i16,
    space: space::Space,
    inner: Mutex<Inner>,
    /// Held by whoever writes or removes a snapshot; taken before `inner`.
    snapshot_writer: Mutex<()>,
    /// First offset that is not committed.
    committed: watch::Sender<i64>,
}

/// A batch in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    leader_epoch: i32,
    base_offset: i64,
}

/// A snapshot that is kept.
#[derive(Clone, Debug)]
struct KeptSnapshot {
    meta: SnapshotMeta,
    size: u64,
    last_contained_log_timestamp: i64,
}

struct Inner {
    vote: Option<Vote>,
    purged: Option<LogId>,
    first_index: u64,
    start_offset: i64,
    slots: VecDeque<Slot>,
    end_offset: i64,
    /// Voters that batches of the log brought, by index.
    memberships: BTreeMap<u64, Membership>,
    /// Voters before the log begins.
    base_membership: StoredMembership,
    snapshots: BTreeMap<SnapshotId, KeptSnapshot>,
    /// The newest batches; the last is the log's last.
    tail: VecDeque<Bytes>,
    tail_bytes: usize,
    /// Entries that were removed and stay in no snapshot yet, for snapshots that a leader sent.
    anchors: Anchors,
}

impl Inner {
    fn next_index(&self) -> u64 {
        self.first_index + self.slots.len() as u64
    }

    fn slot(&self, index: u64) -> Option<&Slot> {
        self.slots.get(usize::try_from(index.checked_sub(self.first_index)?).ok()?)
    }

    fn id_at(&self, index: u64) -> Option<LogId> {
        self.slot(index).map(|slot| log_id(slot.leader_epoch, index))
    }

    fn last_id(&self) -> Option<LogId> {
        if self.slots.is_empty() { self.purged } else { self.id_at(self.next_index() - 1) }
    }

    /// The offset after an entry of the log.
    fn offset_after(&self, index: u64) -> Option<i64> {
        self.slot(index)?;
        Some(self.slot(index + 1).map_or(self.end_offset, |next| next.base_offset))
    }

    /// The entry that ends where `offset` begins.
    fn id_ending_at(&self, offset: i64) -> Option<LogId> {
        if offset == self.start_offset
            && let Some(purged) = self.purged
        {
            return Some(purged);
        }
        if let Some(id) = self.anchors.snapshots.get(&offset) {
            return Some(*id);
        }
        let after = self.slots.partition_point(|slot| slot.base_offset < offset);
        let index = self.first_index + (after as u64).checked_sub(1)?;
        (self.offset_after(index) == Some(offset)).then(|| self.id_at(index)).flatten()
    }

    /// The voters as of an entry.
    fn membership_at(&self, index: u64) -> StoredMembership {
        match self.memberships.range(..=index).next_back() {
            Some((at, membership)) => StoredMembership::new(self.id_at(*at), membership.clone()),
            None => self.base_membership.clone(),
        }
    }

    fn membership(&self) -> StoredMembership {
        self.membership_at(u64::MAX)
    }

    fn clear_tail(&mut self) {
        self.tail.clear();
        self.tail_bytes = 0;
    }
}

/// Offsets of the log as of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) start: i64,
    pub(crate) committed: i64,
    pub(crate) end: i64,
}

impl Store {
    pub(crate) fn node_id(&self) -> BrokerId {
        self.node_id
    }

    pub(crate) fn kraft_version(&self) -> i16 {
        self.kraft_version
    }

    pub(crate) fn now_ms(&self) -> i64 {
        (self.clock)()
    }

    pub(crate) fn bounds(&self) -> Bounds {
        let inner = self.inner.lock();
        let committed =
            (*self.committed.borrow()).clamp(inner.start_offset, inner.end_offset.max(inner.start_offset));
        Bounds { start: inner.start_offset, committed, end: inner.end_offset }
    }

    /// Everything before `offset` is committed now.
    pub(crate) fn commit_to(&self, offset: i64) {
        self.committed.send_if_modified(|committed| {
            let more = offset > *committed;
            *committed = offset.max(*committed);
            more
        });
    }

    pub(crate) fn watch_committed(&self) -> watch::Receiver<i64> {
        self.committed.subscribe()
    }

    pub(crate) fn voters(&self) -> Vec<Voter> {
        crate::raft::voters(self.inner.lock().membership().membership())
    }

    pub(crate) fn vote(&self) -> Option<Vote> {
        self.inner.lock().vote
    }

    /// Keeps a vote, durably.
    pub(crate) fn save_vote(&self, vote: &Vote) -> io::Result<()> {
        let mut inner = self.inner.lock();
        let voted = vote.leader_id().voted_for;
        let own = u64::try_from(self.node_id.0).is_ok_and(|id| id == voted);
        let directory = if own {
            self.directory_id
        } else {
            inner.membership().membership().get_node(&voted).map_or(Uuid::ZERO, |member| member.directory_id)
        };
        let bytes = crate::election_state::encode(vote, directory);
        self.medium.write_file(crate::election_state::FILE_NAME, &bytes)?;
        inner.vote = Some(*vote);
        Ok(())
    }

    /// The offset after an entry; the log end if the log does not have it.
    pub(crate) fn offset_after(&self, index: u64) -> i64 {
        let inner = self.inner.lock();
        inner.offset_after(index).unwrap_or(if index < inner.first_index {
            inner.start_offset
        } else {
            inner.end_offset
        })
    }

    /// What was removed last, and the last entry.
    pub(crate) fn log_state(&self) -> (Option<LogId>, Option<LogId>) {
        let inner = self.inner.lock();
        (inner.purged, inner.last_id())
    }

    /// Stops cleanly; nothing can be appended afterwards.
    pub(crate) fn close(&self) -> io::Result<()> {
        self.medium.close()
    }
}

/// An error of what is in the files, not of reading them.
pub(crate) fn corrupt(reason: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_string())
}
