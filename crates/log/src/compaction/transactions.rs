//! Which transactions were aborted, as a walk over the batches in order finds out.
//!
//! A marker may go once no batch of its transaction is left in the log; until then it stays, and an abort stays in the
//! transaction index of the segment that has its marker.

use std::collections::{HashMap, HashSet, VecDeque};

use moldau_protocol::records::BatchHeader;

use crate::index::txn::AbortedTransaction;
use crate::producers::marker;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct CleanedTransactions {
    /// Not yet reached, by first offset.
    upcoming: VecDeque<AbortedTransaction>,
    /// By producer; whether a batch of it was met.
    aborted: HashMap<i64, (AbortedTransaction, bool)>,
    committed: HashSet<i64>,
    /// Aborts whose markers stay because there were batches of them.
    kept: Vec<AbortedTransaction>,
}

impl CleanedTransactions {
    /// For a walk over a log with these aborted transactions, sorted by first offset.
    pub(crate) fn new(aborted: Vec<AbortedTransaction>) -> CleanedTransactions {
        CleanedTransactions { upcoming: aborted.into(), ..CleanedTransactions::default() }
    }

    /// Notes a batch; says whether its records (or, for a marker, the marker) are of no use to anybody any more.
    pub(crate) fn discardable(&mut self, header: &BatchHeader, bytes: &[u8]) -> bool {
        self.reach(header.last_offset());
        if header.is_control() { self.marker(header, bytes) } else { self.data(header) }
    }

    /// Whether a data batch is of an aborted transaction, noting it as met.
    fn data(&mut self, header: &BatchHeader) -> bool {
        if !header.is_transactional() {
            return false;
        }
        if let Some((_, met)) = self.aborted.get_mut(&header.producer_id) {
            *met = true;
            return true;
        }
        self.committed.insert(header.producer_id);
        false
    }

    fn marker(&mut self, header: &BatchHeader, bytes: &[u8]) -> bool {
        if header.record_count == 0 {
            return true;
        }
        match marker::end_transaction(header, bytes) {
            None => false,
            Some(end) if end.aborted => match self.aborted.remove(&header.producer_id) {
                Some((transaction, true)) => {
                    self.kept.push(transaction);
                    false
                }
                _ => true,
            },
            Some(_) => !self.committed.remove(&header.producer_id),
        }
    }

    fn reach(&mut self, offset: i64) {
        while let Some(next) = self.upcoming.front().filter(|next| next.first_offset.0 <= offset).copied() {
            self.upcoming.pop_front();
            self.aborted.entry(next.producer_id.0).or_insert((next, false));
        }
    }

    /// The aborts for the transaction index of what was written since the last call.
    pub(crate) fn take_kept(&mut self) -> Vec<AbortedTransaction> {
        std::mem::take(&mut self.kept)
    }
}
