//! openraft's log storage over the [`Store`].

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, Range, RangeBounds};
use std::sync::Arc;
use std::time::Duration;

use openraft::OptionalSend;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};

use super::{Entry, LogId, Types, Vote};
use crate::medium::SyncDone;
use crate::store::Store;

/// How often an append that found no space is tried again.
const SPACE_RETRY: Duration = Duration::from_millis(200);

/// The log as openraft writes and reads it.
#[derive(Clone)]
pub(crate) struct LogStorage {
    pub(crate) store: Arc<Store>,
}

impl RaftLogReader<Types> for LogStorage {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        self.store.entries(half_open(&range))
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.store.vote())
    }
}

fn half_open(range: &impl RangeBounds<u64>) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(at) => *at,
        Bound::Excluded(at) => at.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(at) => at.saturating_add(1),
        Bound::Excluded(at) => *at,
        Bound::Unbounded => u64::MAX,
    };
    start..end
}

impl RaftLogStorage<Types> for LogStorage {
    type LogReader = LogStorage;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, io::Error> {
        let (last_purged_log_id, last_log_id) = self.store.log_state();
        Ok(LogState { last_purged_log_id, last_log_id })
    }

    async fn get_log_reader(&mut self) -> LogStorage {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        self.store.save_vote(vote)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<Entry> = entries.into_iter().collect();
        let mut done: Option<SyncDone> = Some(Box::new(move |result| callback.io_completed(result)));
        loop {
            match self.store.append(&entries, &mut done) {
                // What was proposed has its space; a new segment, or a leader's entries, may find none.
                Err(error)
                    if error.kind() == io::ErrorKind::StorageFull && self.store.wait_for_space(true) =>
                {
                    tracing::error!(%error, "the metadata log waits for space");
                    tokio::time::sleep(SPACE_RETRY).await;
                }
                result => {
                    self.store.wait_for_space(false);
                    return result;
                }
            }
        }
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> Result<(), io::Error> {
        self.store.truncate_after(last_log_id)
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), io::Error> {
        self.store.purge(log_id)
    }
}
