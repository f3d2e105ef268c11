//! What must hold, kept in one place for all nodes of a world.
//!
//! State machine safety: whatever two nodes have committed at an offset is the same batch, and a snapshot says what the
//! batches before it said. Election safety: an epoch has one leader. Durability: what was acknowledged is committed
//! where it was said to be.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;

use crate::{Committed, CommittedBatch, ControlBatch, Leader};

/// What a node has seen of the committed log, or the world of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) end_offset: i64,
    pub(super) epoch: i32,
    /// Of all metadata records so far.
    pub(super) hash: u64,
}

/// See the module.
#[derive(Default)]
pub(super) struct Oracle {
    committed: BTreeMap<i64, CommittedBatch>,
    /// What was seen at each end of a batch.
    seen: BTreeMap<i64, Seen>,
    leaders: BTreeMap<i32, i32>,
    acknowledged: BTreeMap<i64, Vec<Bytes>>,
}

impl Oracle {
    /// A node goes on from `before` with what it reads next.
    pub(super) fn read(&mut self, node: u64, before: Seen, next: &Committed) -> Result<Seen, String> {
        let after = match next {
            Committed::Batch(batch) => {
                if batch.base_offset.0 != before.end_offset {
                    return Err(format!(
                        "node {node} read {} after {}",
                        batch.base_offset, before.end_offset
                    ));
                }
                self.batch(node, before, batch)?
            }
            Committed::Snapshot(snapshot) => {
                let bytes = snapshot.records.first().and_then(|record| record.first_chunk::<8>());
                let hash = bytes.map_or(0, |bytes| u64::from_be_bytes(*bytes));
                Seen { end_offset: snapshot.id.end_offset.0, epoch: snapshot.id.epoch.0, hash }
            }
        };
        match self.seen.get(&after.end_offset) {
            Some(known) if *known != after => {
                Err(format!("node {node} has {after:?} where another had {known:?}"))
            }
            Some(_) => Ok(after),
            None => {
                self.seen.insert(after.end_offset, after);
                Ok(after)
            }
        }
    }

    fn batch(&mut self, node: u64, before: Seen, batch: &CommittedBatch) -> Result<Seen, String> {
        if batch.leader_epoch.0 < before.epoch {
            return Err(format!("node {node}: epoch {} after {}", batch.leader_epoch, before.epoch));
        }
        let known = self.committed.entry(batch.base_offset.0).or_insert_with(|| batch.clone());
        if known != batch {
            return Err(format!("node {node} committed {batch:?} where {known:?} was committed"));
        }
        if let Some(ControlBatch::LeaderChange(leader)) = batch.control {
            self.leader(leader)?;
        }
        let mut hasher = DefaultHasher::new();
        before.hash.hash(&mut hasher);
        batch.records.hash(&mut hasher);
        let hash = if batch.control.is_some() { before.hash } else { hasher.finish() };
        Ok(Seen { end_offset: batch.last_offset.0 + 1, epoch: batch.leader_epoch.0, hash })
    }

    /// Someone says who leads.
    pub(super) fn leader(&mut self, leader: Leader) -> Result<(), String> {
        let known = *self.leaders.entry(leader.epoch.0).or_insert(leader.id.0);
        if known == leader.id.0 {
            return Ok(());
        }
        Err(format!("epoch {} is led by {known} and by {}", leader.epoch, leader.id))
    }

    /// A proposal was acknowledged with this last offset.
    pub(super) fn acknowledge(&mut self, last_offset: i64, records: Vec<Bytes>) {
        self.acknowledged.insert(last_offset + 1 - records.len() as i64, records);
    }

    /// Whether all that was acknowledged is where it was said to be. Holds once somebody has read everything.
    pub(super) fn acknowledged_is_committed(&self) -> Result<(), String> {
        for (base_offset, records) in &self.acknowledged {
            match self.committed.get(base_offset) {
                Some(batch) if batch.records == *records => {}
                found => {
                    return Err(format!("{records:?} was acknowledged at {base_offset}, where {found:?} is"));
                }
            }
        }
        Ok(())
    }

    /// For a person: what happened.
    pub(super) fn summary(&self) -> String {
        let (batches, epochs) = (self.committed.len(), self.leaders.len());
        let end = self.seen.values().next_back().copied().unwrap_or_default();
        let acknowledged = self.acknowledged.len();
        format!("{batches} batches, {acknowledged} acknowledged, {epochs} epochs, end {end:?}")
    }
}
