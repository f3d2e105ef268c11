//! What the runtime needs of the partition that a coordinator writes to.

use std::pin::Pin;

use bytes::Bytes;
use moldau_types::ErrorCode;

/// A led partition of an internal topic. Appends come one at a time, from the shard that owns it.
///
/// ```text
/// log start offset ≤ committed ≤ log end offset
///        |—— read at load ——————————————|
///                                        ↑ append
/// ```
pub trait CoordinatorPartition: Send + Sync + 'static {
    /// Appends one batch, built with base offset 0, and gives the offset of its first record.
    /// The batch need not be committed on return.
    fn append(&self, batch: Vec<u8>) -> Result<i64, ErrorCode>;

    /// Whether everything up to and with `offset` is committed: replicated as the topic asks for and, where the node is
    /// so configured, synced.
    fn committed(&self, offset: i64) -> Commit;

    /// Whole batches from the one that holds `offset` on, about `max_bytes` of them but at least one; empty at the end.
    fn read(&self, offset: i64, max_bytes: usize) -> Result<Bytes, ErrorCode>;

    /// The first offset there is.
    fn log_start_offset(&self) -> i64;

    /// The offset the next record gets.
    fn log_end_offset(&self) -> i64;

    /// Where it is, for whoever has to look after it.
    fn location(&self) -> String;

    /// The largest batch that [`append`](Self::append) takes, in bytes.
    fn max_batch_bytes(&self) -> usize;
}

/// Whether an append is committed.
pub enum Commit {
    /// It is.
    Done,
    /// It will be, or fails, when the future ends.
    Pending(CommitFuture),
}

/// See [`Commit::Pending`].
pub type CommitFuture = Pin<Box<dyn Future<Output = Result<(), ErrorCode>> + Send>>;

impl Commit {
    /// Waits for the outcome.
    pub async fn wait(self) -> Result<(), ErrorCode> {
        match self {
            Commit::Done => Ok(()),
            Commit::Pending(future) => future.await,
        }
    }
}
