//! The leader epochs of one log and where each began: what a follower needs to find where its log and the leader's
//! part (KIP-101, KIP-279).
//!
//! Entries ascend strictly in epoch and in start offset. Kept in memory here, with what is known of their file;
//! `PartitionLog` writes `leader-epoch-checkpoint` before records of a new epoch are appended and before the recovery
//! point moves. An epoch without records need not be in the file: the next leader's epoch would take its place.

/// Whether `leader-epoch-checkpoint` has the entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kept {
    /// The file is older than the entries.
    No,
    /// The file has them; a crash of the machine may take that back.
    Written,
    /// The file has them, on the disk.
    #[default]
    Synced,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeaderEpochs {
    entries: Vec<(i32, i64)>,
    kept: Kept,
}

impl LeaderEpochs {
    /// Takes entries of a checkpoint file, dropping what is not ascending.
    pub(crate) fn from_entries(entries: Vec<(i32, i64)>) -> LeaderEpochs {
        let mut epochs = LeaderEpochs::default();
        for (epoch, start) in entries {
            epochs.assign(epoch, start);
        }
        epochs.kept = Kept::Synced;
        epochs
    }

    /// Forgets all entries.
    pub(crate) fn clear(&mut self) {
        *self = LeaderEpochs { entries: Vec::new(), kept: Kept::No };
    }

    /// What the file has.
    pub(crate) fn kept(&self) -> Kept {
        self.kept
    }

    /// Notes what the file has now.
    pub(crate) fn set_kept(&mut self, kept: Kept) {
        self.kept = kept;
    }

    /// Pairs of epoch and start offset.
    pub(crate) fn entries(&self) -> &[(i32, i64)] {
        &self.entries
    }

    /// The newest epoch.
    pub(crate) fn latest(&self) -> Option<i32> {
        self.entries.last().map(|entry| entry.0)
    }

    /// Notes that `epoch` begins at `start`; entries that contradict it go. True if anything changed.
    pub(crate) fn assign(&mut self, epoch: i32, start: i64) -> bool {
        if epoch < 0 || start < 0 {
            return false;
        }
        if let Some(&(last_epoch, last_start)) = self.entries.last()
            && epoch == last_epoch
            && start >= last_start
        {
            return false;
        }
        let kept = self.entries.iter().rposition(|&(e, s)| e < epoch && s < start).map_or(0, |at| at + 1);
        self.entries.truncate(kept);
        self.entries.push((epoch, start));
        self.kept = Kept::No;
        true
    }

    /// The epoch in which `offset` was appended.
    pub(crate) fn epoch_of(&self, offset: i64) -> Option<i32> {
        let after = self.entries.partition_point(|entry| entry.1 <= offset);
        after.checked_sub(1).map(|at| self.entries[at].0)
    }

    /// The largest epoch not above `epoch` and the offset at which the next one begins; (−1, −1) if unknown.
    pub(crate) fn end_offset_of(&self, epoch: i32, log_end: i64) -> (i32, i64) {
        if epoch < 0 {
            return (-1, -1);
        }
        if self.latest() == Some(epoch) {
            return (epoch, log_end);
        }
        let after = self.entries.partition_point(|entry| entry.0 <= epoch);
        match (after.checked_sub(1), self.entries.get(after)) {
            (_, None) => (-1, -1),
            (None, Some(next)) => (epoch, next.1),
            (Some(at), Some(next)) => (self.entries[at].0, next.1),
        }
    }

    /// Forgets epochs that begin at or after `end`.
    pub(crate) fn truncate_from_end(&mut self, end: i64) {
        let remaining = self.entries.partition_point(|entry| entry.1 < end);
        if remaining < self.entries.len() {
            self.entries.truncate(remaining);
            self.kept = Kept::No;
        }
    }

    /// Lets the log begin at `start`: the epoch of `start` begins there, earlier ones go.
    pub(crate) fn truncate_from_start(&mut self, start: i64) {
        let after = self.entries.partition_point(|entry| entry.1 <= start);
        let Some(at) = after.checked_sub(1) else { return };
        if at == 0 && self.entries[0].1 == start {
            return;
        }
        self.entries.drain(..at);
        self.entries[0].1 = start;
        self.kept = Kept::No;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(entries: &[(i32, i64)]) -> LeaderEpochs {
        LeaderEpochs { entries: entries.to_vec(), kept: Kept::Synced }
    }

    #[test]
    fn a_new_epoch_replaces_those_it_contradicts() {
        let mut e = LeaderEpochs::default();
        assert!(e.assign(0, 0));
        assert!(!e.assign(0, 5), "the epoch goes on");
        assert!(e.assign(2, 0), "nothing was written in epoch 0");
        assert_eq!(e.entries(), [(2, 0)]);
        assert!(e.assign(3, 7));
        assert!(e.assign(5, 9));
        assert!(e.assign(4, 8), "a truncated log got another history");
        assert_eq!(e.entries(), [(2, 0), (3, 7), (4, 8)]);
    }

    #[test]
    fn end_offsets_follow_kip_101() {
        let e = epochs(&[(2, 5), (3, 7), (6, 9)]);
        assert_eq!(e.end_offset_of(-1, 20), (-1, -1));
        assert_eq!(e.end_offset_of(6, 20), (6, 20));
        assert_eq!(e.end_offset_of(7, 20), (-1, -1));
        assert_eq!(e.end_offset_of(3, 20), (3, 9));
        assert_eq!(e.end_offset_of(5, 20), (3, 9));
        assert_eq!(e.end_offset_of(1, 20), (1, 5));
        assert_eq!(LeaderEpochs::default().end_offset_of(0, 20), (-1, -1));
        assert_eq!(
            (e.epoch_of(4), e.epoch_of(5), e.epoch_of(8), e.epoch_of(100)),
            (None, Some(2), Some(3), Some(6))
        );
    }

    #[test]
    fn both_ends_can_be_cut() {
        let mut e = epochs(&[(0, 0), (2, 10), (3, 20)]);
        e.truncate_from_start(0);
        assert_eq!(e.kept(), Kept::Synced, "nothing changed");
        e.truncate_from_start(4);
        assert_eq!(e.kept(), Kept::No);
        assert_eq!(e.entries(), [(0, 4), (2, 10), (3, 20)]);
        e.truncate_from_start(10);
        assert_eq!(e.entries(), [(2, 10), (3, 20)]);
        e.set_kept(Kept::Written);
        e.truncate_from_end(21);
        assert_eq!(e.kept(), Kept::Written, "nothing changed");
        e.truncate_from_end(20);
        assert_eq!(e.kept(), Kept::No);
        assert_eq!(e.entries(), [(2, 10)]);
        e.truncate_from_start(50);
        assert_eq!(e.entries(), [(2, 50)]);
    }
}
