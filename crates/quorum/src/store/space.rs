//! Space for what is proposed: it is reserved before an entry gets its index, since an entry that has one must be written.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::Store;

/// Bytes of a batch beside its records.
const BATCH_HEAD_BYTES: u64 = 128;

/// What was promised to proposals that are under way.
#[derive(Debug, Default)]
pub(crate) struct Space {
    promised: AtomicU64,
    /// An append waits for space.
    waiting: AtomicBool,
    /// Nobody waits any more: the node stops.
    given_up: AtomicBool,
}

/// Space of one proposal, until it is dropped.
pub(crate) struct Reservation {
    store: Arc<Store>,
    bytes: u64,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.store.space.promised.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

impl Store {
    /// Reserves space for a batch of so many bytes of records. An error of the kind `StorageFull` if there is none.
    pub(crate) fn reserve(self: &Arc<Self>, record_bytes: usize) -> io::Result<Reservation> {
        if self.space.waiting.load(Ordering::Acquire) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let bytes = record_bytes as u64 + BATCH_HEAD_BYTES;
        let promised = self.space.promised.fetch_add(bytes, Ordering::AcqRel) + bytes;
        let reservation = Reservation { store: Arc::clone(self), bytes };
        self.medium.reserve(promised)?;
        Ok(reservation)
    }

    /// Notes whether an append waits for space. False if it must not.
    pub(crate) fn wait_for_space(&self, waiting: bool) -> bool {
        let given_up = self.space.given_up.load(Ordering::Acquire);
        self.space.waiting.store(waiting, Ordering::Release);
        !given_up
    }

    /// Lets appends that wait for space fail.
    pub(crate) fn give_up_waiting(&self) {
        self.space.given_up.store(true, Ordering::Release);
    }
}
