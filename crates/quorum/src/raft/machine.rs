//! The state machine that openraft sees: it only notes how far the log is committed. What the records mean is decided
//! by the readers, each at its own pace, and a snapshot is written by whoever holds the metadata image; openraft is then
//! told that there is one.

use std::io;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use openraft::OptionalSend;
use openraft::entry::RaftEntry;
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};

use super::{Applied, LogId, Payload, SnapshotMeta, StoredMembership, Types};
use crate::store::{SnapshotData, Store};

type Snapshot = openraft::alias::SnapshotOf<Types, SnapshotData>;

/// See the module.
pub(crate) struct Machine {
    store: Arc<Store>,
    applied: Option<LogId>,
    membership: StoredMembership,
    /// The offset after what was applied.
    end_offset: i64,
    /// A snapshot that nobody wrote may be made up of nothing: openraft's suite has no image.
    #[cfg(test)]
    pub(crate) empty_snapshots: bool,
}

impl Machine {
    pub(crate) fn new(store: Arc<Store>) -> Machine {
        let (applied, membership) = store.applied_at_open();
        let end_offset = store.bounds().committed;
        Machine {
            store,
            applied,
            membership,
            end_offset,
            #[cfg(test)]
            empty_snapshots: false,
        }
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            if let Some(membership) = entry.get_membership() {
                self.membership = StoredMembership::new(Some(entry.log_id), membership);
            }
            let (base_offset, last_offset) = match &entry.payload {
                Payload::Stored(batch) => (batch.base_offset, batch.last_offset),
                _ => (self.end_offset, self.end_offset),
            };
            self.applied = Some(entry.log_id);
            self.end_offset = last_offset + 1;
            self.store.commit_to(self.end_offset);
            if let Some(responder) = responder {
                responder.send(Applied { base_offset, last_offset });
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder {
            store: Arc::clone(&self.store),
            #[cfg(test)]
            empty: self.empty_snapshots.then(|| (self.applied, self.membership.clone(), self.end_offset)),
        }
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SnapshotData,
    ) -> Result<(), io::Error> {
        self.store.install_snapshot(meta, &snapshot)?;
        self.applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.end_offset = snapshot.id.end_offset.0;
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        let current = self.store.current_snapshot()?;
        Ok(current.map(|(meta, snapshot)| Snapshot { meta, snapshot }))
    }
}

/// Hands openraft the newest snapshot that was written.
pub(crate) struct Builder {
    store: Arc<Store>,
    #[cfg(test)]
    empty: Option<(Option<LogId>, StoredMembership, i64)>,
}

impl RaftSnapshotBuilder<Types> for Builder {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        #[cfg(test)]
        if let Some((applied, membership, end_offset)) = self.empty.take() {
            self.store.keep_empty_snapshot(applied, membership, end_offset)?;
        }
        let current = self.store.current_snapshot()?;
        let (meta, snapshot) = current.ok_or_else(|| io::Error::other("no snapshot was written yet"))?;
        Ok(Snapshot { meta, snapshot })
    }
}
