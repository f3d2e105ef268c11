//! Open transactions of a log, and ended ones whose marker is not below the high watermark yet: together they hold
//! the last stable offset back.

use std::collections::BTreeMap;

use super::TransactionChange;

/// Transactions by first offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Transactions {
    open: BTreeMap<i64, i64>,
    unreplicated: BTreeMap<i64, i64>,
}

impl Transactions {
    /// Notes what a batch of `producer_id` did.
    pub(crate) fn apply(&mut self, producer_id: i64, change: TransactionChange) {
        match change {
            TransactionChange::None => {}
            TransactionChange::Begun { first } => {
                self.open.insert(first, producer_id);
            }
            TransactionChange::Ended { first, marker, .. } => {
                self.open.remove(&first);
                self.unreplicated.insert(first, marker);
            }
        }
    }

    /// Notes an open transaction found in a snapshot.
    pub(crate) fn reopen(&mut self, producer_id: i64, first: i64) {
        self.open.insert(first, producer_id);
    }

    /// Ended transactions whose marker lies below the high watermark hold nothing back any more.
    pub(crate) fn high_watermark_moved(&mut self, high_watermark: i64) {
        while let Some((&first, &marker)) = self.unreplicated.first_key_value() {
            if marker >= high_watermark {
                break;
            }
            self.unreplicated.remove(&first);
        }
    }

    /// Where the first transaction begins whose outcome readers must not see yet.
    pub(crate) fn first_unstable_offset(&self) -> Option<i64> {
        match (self.open.first_key_value(), self.unreplicated.first_key_value()) {
            (Some((a, _)), Some((b, _))) => Some(*a.min(b)),
            (a, b) => a.or(b).map(|(first, _)| *first),
        }
    }

    /// The last stable offset at the moment a transaction ended, as the transaction index keeps it: `apply` was
    /// called with its end already.
    pub(crate) fn last_stable_offset_after(&self, marker: i64) -> i64 {
        self.open.first_key_value().map_or(marker + 1, |(first, _)| *first)
    }
}
