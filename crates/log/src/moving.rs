//! What a move of a log to another directory does next. Pure: it is told how far the copy is and says one step.
//!
//! ```text
//! wait for a compaction ─► copy ─► … ─► at the end ─► settle what was copied ─► exchange ─► done
//!                           ▲                                    │                 │ too much came meanwhile
//!                           └────────────────────────────────────┴─────────────────┘
//! ```
//!
//! Invariants: nothing is copied to a copy that parts from its log; the exchange is tried only when little is not yet
//! on the disk, so that appends wait for little; each attempt that fails allows the next one more, so that a busy log
//! is moved too.

/// Bytes that are copied in one step.
pub(crate) const COPY_BYTES: usize = 4 << 20;
/// Bytes that may be copied and synced while appends wait, at the first attempt.
const EXCHANGE_BYTES: usize = 256 << 10;
/// How often that number is doubled at most.
const DOUBLINGS: u32 = 8;

/// What is known of both logs before a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// A compaction is at the log: what it takes away must be gone from both or from none.
    pub(crate) compacting: bool,
    /// Where the log starts.
    pub(crate) log_start: i64,
    /// Where the copy begins.
    pub(crate) copy_base: i64,
    /// Where the copy ends.
    pub(crate) copy_end: i64,
    /// Up to where the copy is one.
    pub(crate) agreed_to: i64,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing can be done now.
    Wait,
    /// The log has given up what would come next, or has again, after a crash, what it had given up before the copy began:
    /// the copy begins anew at this offset.
    Restart(i64),
    /// The copy has what the log has not: cut it from this offset on.
    Truncate(i64),
    /// Copy [`COPY_BYTES`].
    Copy,
    /// Bring the copy to the disk.
    Settle,
    /// Change places if no more than this many bytes are missing.
    Exchange(usize),
}

/// How far a move is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    at_end: bool,
    unsettled_bytes: u64,
    /// Settled or tried in vain since the end was first reached.
    rounds: u32,
}

impl Progress {
    /// The next step.
    pub(crate) fn next(&self, seen: Seen) -> Step {
        let bytes = EXCHANGE_BYTES << self.rounds.min(DOUBLINGS);
        if seen.compacting {
            Step::Wait
        } else if seen.copy_end < seen.log_start || seen.copy_base > seen.log_start {
            Step::Restart(seen.log_start)
        } else if seen.agreed_to < seen.copy_end {
            Step::Truncate(seen.agreed_to)
        } else if !self.at_end {
            Step::Copy
        } else if self.unsettled_bytes > bytes as u64 || self.rounds == 0 {
            Step::Settle
        } else {
            Step::Exchange(bytes)
        }
    }

    /// The copy was cut or begun anew.
    pub(crate) fn cut(&mut self) {
        self.at_end = false;
    }

    /// Bytes were copied, up to the end of the log or not.
    pub(crate) fn copied(&mut self, bytes: u64, at_end: bool) {
        self.unsettled_bytes += bytes;
        self.at_end = at_end;
    }

    /// The copy is on the disk.
    pub(crate) fn settled(&mut self) {
        self.unsettled_bytes = 0;
        self.at_end = false;
        self.rounds += 1;
    }

    /// Too much was missing for an exchange.
    pub(crate) fn behind(&mut self) {
        self.at_end = false;
        self.rounds += 1;
    }
}

#[cfg(test)]
mod tests;
