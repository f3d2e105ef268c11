//! Snapshots of the metadata: writing, installing what a leader sent, reading, and letting old ones go.
//!
//! Whoever writes a snapshot holds `snapshot_writer` all the time, and the lock of the log only for what is short: a large snapshot
//! takes long to sync, and the log goes on meanwhile. The anchor of a snapshot is on the disk before its file.

use std::io;

use bytes::Bytes;

use super::{Inner, KeptSnapshot, Store, corrupt};
use crate::checkpoint;
use crate::control::Control;
use crate::raft::{SnapshotMeta, StoredMembership, membership_controls};
use crate::{SnapshotContents, SnapshotId};

/// A snapshot on its way to another node: its name and its file.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotData {
    pub(crate) id: SnapshotId,
    pub(crate) bytes: Bytes,
}

impl Store {
    /// Writes a snapshot of the state up to the end of a committed batch. `false` if there is one already.
    pub(crate) fn write_snapshot(&self, contents: &SnapshotContents) -> io::Result<bool> {
        let _writing = self.snapshot_writer.lock();
        let end_offset = contents.id.end_offset.0;
        let (last, membership) = {
            let inner = self.inner.lock();
            if inner.snapshots.contains_key(&contents.id) {
                return Ok(false);
            }
            let newest = inner.snapshots.last_key_value().map_or(-1, |(id, _)| id.end_offset.0);
            let last = inner.id_ending_at(end_offset);
            let last = last.filter(|id| crate::raft::epoch_of(id) == contents.id.epoch.0);
            let Some(last) = last.filter(|_| end_offset > newest && end_offset <= *self.committed.borrow())
            else {
                return Err(corrupt(format!(
                    "no committed batch of epoch {} ends at {end_offset}",
                    contents.id.epoch.0
                )));
            };
            (last, inner.membership_at(last.index))
        };
        let meta = SnapshotMeta { last_log_id: Some(last), last_membership: membership };
        let controls = self.membership_head(&meta.last_membership);
        let bytes = checkpoint::encode(contents, &controls, self.now_ms()).map_err(corrupt)?;
        self.keep_snapshot(contents.id, meta, contents.last_contained_log_timestamp, &bytes)?;
        Ok(true)
    }

    fn membership_head(&self, membership: &StoredMembership) -> Vec<Control> {
        let mut controls = Vec::new();
        if self.kraft_version > 0 {
            controls.push(Control::KraftVersion(self.kraft_version));
            controls.extend(membership_controls(membership.membership()));
        }
        controls
    }

    /// To be called with `snapshot_writer` held.
    fn keep_snapshot(
        &self,
        id: SnapshotId,
        meta: SnapshotMeta,
        last_contained_log_timestamp: i64,
        bytes: &[u8],
    ) -> io::Result<()> {
        if let Some(last) = meta.last_log_id {
            let mut inner = self.inner.lock();
            inner.anchors.snapshots.insert(id.end_offset.0, last);
            self.medium.write_file(crate::anchors::FILE_NAME, &inner.anchors.encode())?;
        }
        self.medium.write_file(&checkpoint::file_name(id), bytes)?;
        let kept = KeptSnapshot { meta, size: bytes.len() as u64, last_contained_log_timestamp };
        self.inner.lock().snapshots.insert(id, kept);
        Ok(())
    }

    /// Keeps a snapshot that the leader sent. Only when the log has its last entry is all of the log before it known to
    /// be committed; else the log may hold entries that never were, and readers wait for the purge that follows.
    pub(crate) fn install_snapshot(&self, meta: &SnapshotMeta, data: &SnapshotData) -> io::Result<()> {
        let read = checkpoint::decode(&data.bytes).map_err(corrupt)?;
        let _writing = self.snapshot_writer.lock();
        self.keep_snapshot(data.id, meta.clone(), read.last_contained_log_timestamp, &data.bytes)?;
        let last = meta.last_log_id;
        if last.is_some_and(|last| self.inner.lock().id_at(last.index) == Some(last)) {
            self.commit_to(data.id.end_offset.0);
        }
        Ok(())
    }

    /// The newest snapshot.
    pub(crate) fn latest_snapshot(&self) -> Option<SnapshotId> {
        self.inner.lock().snapshots.last_key_value().map(|(id, _)| *id)
    }

    /// The newest snapshot for a follower. A log that begins with voters from the configuration gives an empty one.
    pub(crate) fn current_snapshot(&self) -> io::Result<Option<(SnapshotMeta, SnapshotData)>> {
        let (id, meta) = {
            let inner = self.inner.lock();
            match inner.snapshots.last_key_value() {
                Some((id, kept)) => (*id, kept.meta.clone()),
                None => return self.implied_snapshot(&inner),
            }
        };
        let bytes = self.medium.read_file(&checkpoint::file_name(id))?;
        let bytes = bytes.ok_or_else(|| corrupt(format!("the snapshot {id} is gone")))?;
        Ok(Some((meta, SnapshotData { id, bytes })))
    }

    fn implied_snapshot(&self, inner: &Inner) -> io::Result<Option<(SnapshotMeta, SnapshotData)>> {
        let Some(purged) = inner.purged else { return Ok(None) };
        let id = SnapshotId {
            end_offset: moldau_types::Offset(inner.start_offset),
            epoch: moldau_types::LeaderEpoch(crate::raft::epoch_of(&purged)),
        };
        let contents = SnapshotContents { id, last_contained_log_timestamp: 0, records: Vec::new() };
        let controls = self.membership_head(&inner.base_membership);
        let bytes = checkpoint::encode(&contents, &controls, self.now_ms()).map_err(corrupt)?;
        let meta = SnapshotMeta { last_log_id: Some(purged), last_membership: inner.base_membership.clone() };
        Ok(Some((meta, SnapshotData { id, bytes: Bytes::from(bytes) })))
    }

    /// The newest snapshot's records, unless it holds none of the log.
    pub(crate) fn read_latest_snapshot(&self) -> io::Result<Option<SnapshotContents>> {
        let Some(id) = self.latest_snapshot().filter(|id| id.end_offset.0 > 0) else { return Ok(None) };
        let bytes = self.medium.read_file(&checkpoint::file_name(id))?;
        let bytes = bytes.ok_or_else(|| corrupt(format!("the snapshot {id} is gone")))?;
        let read = checkpoint::decode(&bytes).map_err(corrupt)?;
        Ok(Some(SnapshotContents {
            id,
            last_contained_log_timestamp: read.last_contained_log_timestamp,
            records: read.records,
        }))
    }

    /// Lets snapshots go, oldest first, while log and snapshots take more than `max_bytes` or the oldest is older than
    /// `max_age_ms`; −1 is no limit. The newest stays. Gives the index up to which the log is no longer needed.
    pub(crate) fn expire_snapshots(&self, max_bytes: i64, max_age_ms: i64) -> io::Result<Option<u64>> {
        let _writing = self.snapshot_writer.lock();
        let now_ms = self.now_ms();
        let log_size = self.medium.size();
        let mut inner = self.inner.lock();
        let mut removed = false;
        while inner.snapshots.len() > 1 {
            let total = log_size + inner.snapshots.values().map(|kept| kept.size).sum::<u64>();
            let Some((id, oldest)) = inner.snapshots.first_key_value() else { break };
            let age = now_ms.saturating_sub(oldest.last_contained_log_timestamp);
            let too_much = max_bytes >= 0 && total > max_bytes.unsigned_abs();
            let too_old = max_age_ms >= 0 && age > max_age_ms;
            if !too_much && !too_old {
                break;
            }
            let id = *id;
            self.medium.remove_file(&checkpoint::file_name(id))?;
            inner.snapshots.remove(&id);
            inner.anchors.snapshots.remove(&id.end_offset.0);
            removed = true;
        }
        if !removed {
            return Ok(None);
        }
        self.medium.write_file(crate::anchors::FILE_NAME, &inner.anchors.encode())?;
        let oldest = inner.snapshots.values().next();
        Ok(oldest.and_then(|kept| kept.meta.last_log_id).map(|id| id.index))
    }

    /// Log id and voters that the newest snapshot ends with: what is applied when nothing else is.
    pub(crate) fn applied_at_open(&self) -> (Option<crate::raft::LogId>, StoredMembership) {
        let inner = self.inner.lock();
        match inner.snapshots.last_key_value() {
            Some((_, kept)) => (kept.meta.last_log_id, kept.meta.last_membership.clone()),
            None => (inner.purged, inner.base_membership.clone()),
        }
    }

    /// A snapshot without records, for openraft's suite.
    #[cfg(test)]
    pub(crate) fn keep_empty_snapshot(
        &self,
        applied: Option<crate::raft::LogId>,
        membership: StoredMembership,
        end_offset: i64,
    ) -> io::Result<()> {
        let epoch = applied.as_ref().map_or(0, crate::raft::epoch_of);
        let id = SnapshotId {
            end_offset: moldau_types::Offset(end_offset),
            epoch: moldau_types::LeaderEpoch(epoch),
        };
        let contents = SnapshotContents { id, last_contained_log_timestamp: 0, records: Vec::new() };
        let controls = self.membership_head(&membership);
        let bytes = checkpoint::encode(&contents, &controls, self.now_ms()).map_err(corrupt)?;
        let _writing = self.snapshot_writer.lock();
        self.keep_snapshot(id, SnapshotMeta { last_log_id: applied, last_membership: membership }, 0, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use moldau_types::{BrokerId, LeaderEpoch, Offset, Uuid};

    use super::*;
    use crate::medium::Medium;
    use crate::medium::memory::Memory;
    use crate::raft::{Entry, Payload, log_id};
    use crate::store::{FirstVoters, StoreConfig};

    fn store(disk: &Memory) -> Store {
        let config = StoreConfig {
            node_id: BrokerId(1),
            directory_id: Uuid::ONE,
            first_voters: FirstVoters::Static(Vec::new()),
            clock: Arc::new(|| 1_000),
        };
        Store::open(Arc::new(disk.clone()), config).unwrap()
    }

    fn append(store: &Store) {
        let index = store.log_state().1.map_or(0, |last| last.index + 1);
        let entry = Entry { log_id: log_id(1, index), payload: Payload::Blank };
        store.append(&[entry], &mut None).unwrap();
        store.commit_to(store.bounds().end);
    }

    #[test]
    fn the_log_stood_still_while_a_snapshot_was_being_synced() {
        let disk = Memory::default();
        let store = store(&disk);
        append(&store);
        let id = SnapshotId { end_offset: Offset(store.bounds().end), epoch: LeaderEpoch(1) };
        let contents = SnapshotContents { id, last_contained_log_timestamp: 0, records: Vec::new() };
        let slow = disk.slow_checkpoints.lock();
        std::thread::scope(|threads| {
            let writer = threads.spawn(|| store.write_snapshot(&contents));
            while disk.read_file(crate::anchors::FILE_NAME).unwrap().is_none() {
                std::thread::yield_now();
            }
            let free = store.inner.try_lock_for(Duration::from_secs(10)).is_some();
            if free {
                append(&store);
            }
            let kept_early = free && store.latest_snapshot().is_some();
            drop(slow);
            assert!(writer.join().unwrap().unwrap());
            assert!(free, "the log is locked");
            assert!(!kept_early, "the snapshot is not on the disk");
        });
        assert_eq!(store.latest_snapshot(), Some(id));
    }
}
