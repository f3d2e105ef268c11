//! Opening the store: what the files say, put together.
//!
//! The log is scanned whole from its begin, as the map of indexes and the voters come from it. An absent or damaged
//! snapshot is no harm as long as the log reaches back to an older one, or to offset 0.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use moldau_types::{BrokerId, LeaderEpoch, Offset, Uuid};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::read::split;
use super::{Clock, Inner, KeptSnapshot, Slot, Store, corrupt};
use crate::anchors::{self, Anchors};
use crate::checkpoint::{self, Checkpoint};
use crate::control::Control;
use crate::medium::Medium;
use crate::raft::{
    Membership, SnapshotMeta, StoredMembership, log_id, membership_from_controls, membership_of,
};
use crate::{SnapshotId, Voter, batch, election_state};

/// How much of the log is read at once.
const SCAN_BYTES: usize = 4 << 20;

/// Who votes as long as the log says nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstVoters {
    /// `kraft.version` 1: these are written down at the first start, and the log says who votes ever after.
    Dynamic(Vec<Voter>),
    /// `kraft.version` 0: the configuration says who votes (`controller.quorum.voters`).
    Static(Vec<Voter>),
    /// Nobody yet: a node that waits to hear of a quorum.
    Unknown,
}

/// What opening needs to know.
#[derive(Clone)]
pub(crate) struct StoreConfig {
    pub(crate) node_id: BrokerId,
    pub(crate) directory_id: Uuid,
    pub(crate) first_voters: FirstVoters,
    pub(crate) clock: Clock,
}

impl Store {
    /// Opens what the medium has, or begins.
    pub(crate) fn open(medium: Arc<dyn Medium>, config: StoreConfig) -> io::Result<Store> {
        let anchors = match medium.read_file(anchors::FILE_NAME)? {
            Some(bytes) => {
                Anchors::decode(&bytes).map_err(|e| corrupt(format!("{}: {e}", anchors::FILE_NAME)))?
            }
            None => Anchors::default(),
        };
        let vote = match medium.read_file(election_state::FILE_NAME)? {
            Some(bytes) => {
                let vote = election_state::decode(&bytes);
                vote.map_err(|error| corrupt(format!("{}: {error}", election_state::FILE_NAME)))?
            }
            None => None,
        };
        let mut found = find_snapshots(&*medium)?;
        let (start_offset, end_offset) = medium.bounds();
        if found.is_empty()
            && end_offset == 0
            && let FirstVoters::Dynamic(voters) = &config.first_voters
        {
            found.push(write_first(&*medium, voters, &config.clock)?);
        }
        let kraft_version = kraft_version(&found, &config.first_voters);
        let scan = Scan::of(&*medium, start_offset, end_offset)?;
        let mut inner = Inner {
            vote,
            purged: None,
            first_index: 1,
            start_offset,
            slots: scan.slots,
            end_offset,
            memberships: BTreeMap::new(),
            base_membership: StoredMembership::default(),
            snapshots: BTreeMap::new(),
            tail: VecDeque::new(),
            tail_bytes: 0,
            anchors,
        };
        let configured = match &config.first_voters {
            FirstVoters::Dynamic(voters) | FirstVoters::Static(voters) => membership_of(voters),
            FirstVoters::Unknown => None,
        };
        inner.find_begin(&found, configured.is_some());
        inner.memberships =
            scan.memberships.into_iter().map(|(slot, m)| (inner.first_index + slot as u64, m)).collect();
        inner.take_snapshots(found, configured.as_ref(), kraft_version);
        inner.remember(scan.tail);
        if inner.start_offset > 0 && inner.snapshots.keys().all(|id| id.end_offset.0 < start_offset) {
            return Err(corrupt(format!(
                "the metadata log begins at {start_offset}, and no snapshot reaches there"
            )));
        }
        let committed = inner.snapshots.last_key_value().map_or(start_offset, |(id, _)| id.end_offset.0);
        Ok(Store {
            medium,
            clock: config.clock,
            node_id: config.node_id,
            directory_id: config.directory_id,
            kraft_version,
            space: Default::default(),
            inner: Mutex::new(inner),
            snapshot_writer: Mutex::default(),
            committed: watch::Sender::new(committed),
        })
    }
}

impl Inner {
    /// What lies before the first batch, and so its index.
    fn find_begin(&mut self, found: &[FoundSnapshot], voters_known: bool) {
        if let Some((id, offset)) = self.anchors.purged
            && offset == self.start_offset
        {
            self.purged = Some(id);
        } else if self.start_offset == 0 {
            // The virtual entry of the first voters.
            self.purged = (voters_known || !found.is_empty()).then(|| log_id(0, 0));
        } else {
            // A log of the reference's that was trimmed: any index will do that nothing below could have had.
            let epoch =
                found.iter().find(|s| s.id.end_offset.0 == self.start_offset).map_or(0, |s| s.id.epoch.0);
            self.purged = Some(log_id(epoch, self.start_offset.unsigned_abs()));
        }
        self.first_index = self.purged.map_or(0, |purged| purged.index + 1);
    }

    fn take_snapshots(
        &mut self,
        found: Vec<FoundSnapshot>,
        configured: Option<&Membership>,
        kraft_version: i16,
    ) {
        let mut first = true;
        for snapshot in found {
            let Some(last) = self.id_ending_at(snapshot.id.end_offset.0) else {
                tracing::warn!(snapshot = %snapshot.id, "ignoring a snapshot that does not end where a batch of the log does");
                continue;
            };
            let from_file = membership_from_controls(&snapshot.checkpoint.controls);
            let membership = if kraft_version > 0 { from_file } else { configured.cloned() };
            let membership = StoredMembership::new(Some(last), membership.unwrap_or_default());
            if first || snapshot.id.end_offset.0 <= self.start_offset {
                self.base_membership = membership.clone();
            }
            first = false;
            let meta = SnapshotMeta { last_log_id: Some(last), last_membership: membership };
            let kept = KeptSnapshot {
                meta,
                size: snapshot.size,
                last_contained_log_timestamp: snapshot.checkpoint.last_contained_log_timestamp,
            };
            self.snapshots.insert(snapshot.id, kept);
        }
        if first && let (Some(membership), Some(purged)) = (configured, self.purged) {
            self.base_membership = StoredMembership::new(Some(purged), membership.clone());
        }
    }
}

struct FoundSnapshot {
    id: SnapshotId,
    size: u64,
    checkpoint: Checkpoint,
}

/// The whole snapshots, oldest first. Records of all but the newest are not kept.
fn find_snapshots(medium: &dyn Medium) -> io::Result<Vec<FoundSnapshot>> {
    let mut found = Vec::new();
    for (name, size) in medium.files()? {
        let Some(id) = checkpoint::parse_file_name(&name) else { continue };
        let Some(bytes) = medium.read_file(&name)? else { continue };
        match checkpoint::decode(&bytes) {
            Ok(mut checkpoint) => {
                checkpoint.records = Vec::new();
                found.push(FoundSnapshot { id, size, checkpoint });
            }
            Err(error) => tracing::warn!(snapshot = name, %error, "ignoring a damaged snapshot"),
        }
    }
    found.sort_by_key(|snapshot| snapshot.id);
    Ok(found)
}

fn write_first(medium: &dyn Medium, voters: &[Voter], clock: &Clock) -> io::Result<FoundSnapshot> {
    let id = SnapshotId { end_offset: Offset(0), epoch: LeaderEpoch(0) };
    let bytes = Bytes::from(checkpoint::encode_first(voters.to_vec(), clock()).map_err(corrupt)?);
    medium.write_file(&checkpoint::file_name(id), &bytes)?;
    let checkpoint = checkpoint::decode(&bytes).map_err(corrupt)?;
    Ok(FoundSnapshot { id, size: bytes.len() as u64, checkpoint })
}

fn kraft_version(found: &[FoundSnapshot], first_voters: &FirstVoters) -> i16 {
    let written = found.iter().rev().find_map(|snapshot| snapshot.checkpoint.kraft_version);
    written.unwrap_or(match first_voters {
        FirstVoters::Static(_) => 0,
        FirstVoters::Dynamic(_) | FirstVoters::Unknown => 1,
    })
}

/// What the log's batches say.
struct Scan {
    slots: VecDeque<Slot>,
    memberships: Vec<(usize, Membership)>,
    tail: Vec<Bytes>,
}

impl Scan {
    fn of(medium: &dyn Medium, start_offset: i64, end_offset: i64) -> io::Result<Scan> {
        let mut scan = Scan { slots: VecDeque::new(), memberships: Vec::new(), tail: Vec::new() };
        let mut next = start_offset;
        while next < end_offset {
            let batches = split(&medium.read(next, SCAN_BYTES)?)?;
            if batches.is_empty() {
                return Err(corrupt(format!(
                    "the metadata log has no batch at {next}, and ends at {end_offset}"
                )));
            }
            for bytes in &batches {
                next = scan.take(bytes, next)?;
            }
            scan.tail = batches;
        }
        Ok(scan)
    }

    fn take(&mut self, bytes: &Bytes, expected: i64) -> io::Result<i64> {
        let header = batch::check(bytes).map_err(corrupt)?;
        if header.base_offset != expected {
            return Err(corrupt(format!("a batch at {} where {expected} comes next", header.base_offset)));
        }
        if header.is_control() {
            let (_, records) = batch::decode(bytes).map_err(corrupt)?;
            let controls: Result<Vec<Control>, String> = records.iter().map(Control::decode).collect();
            let controls = controls.map_err(corrupt)?;
            // A new leader only repeats the voters that the log began with.
            let leads = controls.iter().any(|control| matches!(control, Control::LeaderChange { .. }));
            if !leads && let Some(membership) = membership_from_controls(&controls) {
                self.memberships.push((self.slots.len(), membership));
            }
        }
        self.slots
            .push_back(Slot { leader_epoch: header.partition_leader_epoch, base_offset: header.base_offset });
        Ok(header.next_offset())
    }
}
