//! Changing the log: entries become batches, the end is cut off, the begin is removed.

use std::io;

use bytes::Bytes;
use moldau_protocol::EncodeError;
use openraft::entry::RaftEntry;

use super::{Inner, Slot, Store, TAIL_BYTES, corrupt};
use crate::Proposal;
use crate::batch::{self, Place, Record};
use crate::control::Control;
use crate::medium::SyncDone;
use crate::raft::{Entry, LogId, Membership, Payload, epoch_of, membership_controls};

/// A NoOpRecord in its frame: takes the place of a proposal that must not be written.
const NO_OP: &[u8] = &[1, 20, 0, 0];

impl Store {
    /// Appends entries that continue the log. They are durable when `done` is called without an error. Nothing of them is
    /// there after an error, and `done` is left for another try.
    pub(crate) fn append(&self, entries: &[Entry], done: &mut Option<SyncDone>) -> io::Result<()> {
        let now_ms = self.now_ms();
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let (mut batches, mut slots, mut memberships) = (Vec::new(), Vec::new(), Vec::new());
        let mut end_offset = inner.end_offset;
        let mut next_index = inner.next_index();
        let untouched = inner.slots.is_empty() && inner.purged.is_none();
        for entry in entries.iter().cloned() {
            let index = entry.log_id.index;
            if untouched && slots.is_empty() {
                next_index = index;
            }
            if index != next_index {
                return Err(corrupt(format!(
                    "entry {index} was to be appended where {next_index} comes next"
                )));
            }
            let leader_epoch = epoch_of(&entry.log_id);
            let place = Place { base_offset: end_offset, leader_epoch, timestamp_ms: now_ms };
            if let Some(membership) = entry.get_membership() {
                memberships.push((index, membership));
            }
            let (bytes, last_offset) = self.materialize(inner, entry.payload, place)?;
            slots.push(Slot { leader_epoch, base_offset: end_offset });
            batches.push(bytes);
            end_offset = last_offset + 1;
            next_index += 1;
        }
        self.medium.append(&batches, now_ms)?;
        if untouched {
            inner.first_index = next_index - slots.len() as u64;
        }
        inner.slots.extend(slots);
        inner.memberships.extend(memberships);
        inner.end_offset = end_offset;
        inner.remember(batches);
        // Under the lock, so that no truncation gets between an append and its sync.
        if let Some(done) = done.take() {
            self.medium.sync(done);
        }
        Ok(())
    }

    /// The batch that an entry becomes, and its last offset.
    fn materialize(&self, inner: &Inner, payload: Payload, place: Place) -> io::Result<(Bytes, i64)> {
        let (control, records) = match payload {
            Payload::Stored(stored) => {
                if stored.base_offset != place.base_offset {
                    return Err(corrupt(format!(
                        "the leader's batch at {} does not continue the log that ends at {}",
                        stored.base_offset, place.base_offset
                    )));
                }
                batch::check(&stored.bytes).map_err(corrupt)?;
                return Ok((stored.bytes, stored.last_offset));
            }
            Payload::Proposal(proposal) => (false, acceptable(proposal, place)),
            Payload::Blank => (true, self.leader_change(inner, place).map_err(corrupt)?),
            Payload::Membership(membership) => (true, membership_records(&membership).map_err(corrupt)?),
        };
        let last_offset = place.base_offset + records.len() as i64 - 1;
        Ok((Bytes::from(batch::encode(place, control, &records)), last_offset))
    }

    /// This node begins to lead. The first leader of all also writes down the voters that the log began with.
    fn leader_change(&self, inner: &Inner, place: Place) -> Result<Vec<Record>, EncodeError> {
        let membership = inner.membership();
        let voters: Vec<i32> =
            membership.membership().voter_ids().filter_map(|id| i32::try_from(id).ok()).collect();
        let leader = self.node_id.0;
        let mut records = vec![Control::LeaderChange { leader, voters, granting: vec![leader] }.encode()?];
        if place.base_offset == 0 && self.kraft_version > 0 {
            records.extend(membership_records(membership.membership())?);
        }
        Ok(records)
    }

    /// Removes every entry after this one.
    pub(crate) fn truncate_after(&self, last: Option<LogId>) -> io::Result<()> {
        let now_ms = self.now_ms();
        let mut inner = self.inner.lock();
        let keep = last.map_or(0, |id| id.index + 1);
        let Some(first_gone) = inner.slot(keep.max(inner.first_index)).copied() else { return Ok(()) };
        let keep = keep.max(inner.first_index);
        self.medium.truncate_to(first_gone.base_offset, now_ms)?;
        let count = (keep - inner.first_index) as usize;
        inner.slots.truncate(count);
        inner.memberships.split_off(&keep);
        inner.end_offset = first_gone.base_offset;
        inner.clear_tail();
        Ok(())
    }

    /// Removes every entry up to this one; they are in a snapshot.
    pub(crate) fn purge(&self, upto: LogId) -> io::Result<()> {
        let now_ms = self.now_ms();
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        if inner.purged.is_some_and(|purged| purged.index >= upto.index) {
            return Ok(());
        }
        let base_membership = inner.membership_at(upto.index);
        let anchored =
            inner.anchors.snapshots.iter().find(|(_, id)| id.index == upto.index).map(|(at, _)| *at);
        let inside = inner.offset_after(upto.index);
        // The file first: it is what says where the log begins.
        let start_offset = inside.or(anchored).unwrap_or(inner.end_offset);
        let before = inner.anchors.purged.replace((upto, start_offset));
        match self.medium.write_file(crate::anchors::FILE_NAME, &inner.anchors.encode()) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                // More than is needed is kept, until a later purge finds space.
                tracing::warn!(%error, "the begin of the metadata log is not removed");
                inner.anchors.purged = before;
                return Ok(());
            }
            written => written?,
        }
        if inside.is_some() {
            self.medium.raise_start(start_offset, now_ms)?;
            inner.slots.drain(..(upto.index + 1 - inner.first_index) as usize);
            while inner.tail.len() > inner.slots.len() {
                inner.tail_bytes -= inner.tail.pop_front().map_or(0, |bytes| bytes.len());
            }
        } else {
            self.medium.restart_at(start_offset, now_ms)?;
            inner.slots.clear();
            inner.clear_tail();
            inner.end_offset = start_offset;
        }
        inner.memberships = inner.memberships.split_off(&(upto.index + 1));
        inner.base_membership = base_membership;
        inner.first_index = upto.index + 1;
        inner.start_offset = start_offset;
        inner.purged = Some(upto);
        self.commit_to(start_offset);
        Ok(())
    }
}

impl Inner {
    /// Keeps the newest batches in memory.
    pub(super) fn remember(&mut self, batches: Vec<Bytes>) {
        for bytes in batches {
            self.tail_bytes += bytes.len();
            self.tail.push_back(bytes);
        }
        while self.tail_bytes > TAIL_BYTES && self.tail.len() > 1 {
            self.tail_bytes -= self.tail.pop_front().map_or(0, |bytes| bytes.len());
        }
    }
}

/// The records of a proposal, or a NoOp where they must not be written: made in another epoch, or for another place.
/// Raft has already given the entry its index, so it cannot be left out.
fn acceptable(proposal: Proposal, place: Place) -> Vec<Record> {
    let fits = proposal.leader_epoch.0 == place.leader_epoch && proposal.base_offset.0 == place.base_offset;
    if fits && !proposal.records.is_empty() {
        proposal.records.into_iter().map(Record::data).collect()
    } else {
        vec![Record::data(Bytes::from_static(NO_OP))]
    }
}

fn membership_records(membership: &Membership) -> Result<Vec<Record>, EncodeError> {
    let mut controls = vec![Control::KraftVersion(1)];
    controls.extend(membership_controls(membership));
    controls.iter().map(Control::encode).collect()
}
