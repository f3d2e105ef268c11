//! Reads what is committed, batch after batch, and a snapshot where the log no longer reaches back.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use crate::store::{Store, decode_committed};
use crate::{Committed, CommittedReader, QuorumError};

/// How much is read ahead.
const READ_BYTES: usize = 256 << 10;

/// See the module.
pub struct LogReader {
    store: Arc<Store>,
    committed: watch::Receiver<i64>,
    /// The next offset to give.
    next: i64,
    ready: VecDeque<Bytes>,
}

impl LogReader {
    pub(crate) fn new(store: Arc<Store>, from: i64) -> LogReader {
        let committed = store.watch_committed();
        LogReader { store, committed, next: from, ready: VecDeque::new() }
    }

    fn read(&mut self) -> std::io::Result<Option<Committed>> {
        if let Some(bytes) = self.ready.pop_front() {
            let batch = decode_committed(&bytes)?;
            self.next = batch.last_offset.0 + 1;
            return Ok(Some(Committed::Batch(batch)));
        }
        if self.next < self.store.bounds().start.max(0) || self.next < 0 {
            if let Some(snapshot) = self.store.read_latest_snapshot()? {
                self.next = snapshot.id.end_offset.0;
                return Ok(Some(Committed::Snapshot(snapshot)));
            }
            self.next = self.store.bounds().start;
        }
        let batches = self.store.committed_batches(self.next, READ_BYTES)?;
        if batches.is_empty() {
            return Ok(None);
        }
        self.ready.extend(batches);
        self.read()
    }
}

impl CommittedReader for LogReader {
    async fn next(&mut self) -> Result<Committed, QuorumError> {
        loop {
            self.committed.borrow_and_update();
            if let Some(found) = self.try_next()? {
                return Ok(found);
            }
            if self.committed.changed().await.is_err() {
                return Err(QuorumError::Shutdown);
            }
        }
    }

    fn try_next(&mut self) -> Result<Option<Committed>, QuorumError> {
        self.read().map_err(|error| QuorumError::Storage(error.to_string()))
    }
}
