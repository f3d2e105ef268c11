//! Where a metadata log is kept: a log of batches and a few whole files beside it.
//!
//! One contract, two implementations: [`Disk`] with Kafka's files, and a simulated disk for tests that loses what was
//! not synced. Offsets of batches ascend without gaps between log start and log end. What was synced before a crash is
//! there after it; of the rest any prefix may be. Whole files are replaced atomically and synced.

mod disk;
#[cfg(test)]
pub(crate) mod memory;
mod synced;

use std::io;

use bytes::Bytes;

pub(crate) use disk::{Disk, DiskConfig};

/// Called when everything that was appended before is durable, or cannot be made so.
pub(crate) type SyncDone = Box<dyn FnOnce(io::Result<()>) + Send>;

/// See the module.
pub(crate) trait Medium: Send + Sync + 'static {
    /// Log start and log end offset.
    fn bounds(&self) -> (i64, i64);

    /// Makes sure that appends of so many bytes in all find space. An error of the kind `StorageFull` if there is none.
    fn reserve(&self, bytes: u64) -> io::Result<()>;

    /// Appends batches that continue the log, all or none. An error of the kind `StorageFull` is passing.
    fn append(&self, batches: &[Bytes], now_ms: i64) -> io::Result<()>;

    /// Makes durable what was appended, and tells so; several calls may share one sync.
    fn sync(&self, done: SyncDone);

    /// Whole batches from the one that holds `from`, about `max_bytes` of them, one at least unless `from` is the end.
    fn read(&self, from: i64, max_bytes: usize) -> io::Result<Bytes>;

    /// Removes everything from `offset`, the begin of a batch, durably.
    fn truncate_to(&self, offset: i64, now_ms: i64) -> io::Result<()>;

    /// Removes everything; the log begins at `offset`.
    fn restart_at(&self, offset: i64, now_ms: i64) -> io::Result<()>;

    /// The log begins at `offset`, the begin of a batch; what is before may be removed.
    fn raise_start(&self, offset: i64, now_ms: i64) -> io::Result<()>;

    /// Bytes of the log.
    fn size(&self) -> u64;

    /// Replaces a file.
    fn write_file(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// A file's bytes, if it is there.
    fn read_file(&self, name: &str) -> io::Result<Option<Bytes>>;

    /// Removes a file that may be there.
    fn remove_file(&self, name: &str) -> io::Result<()>;

    /// Names and sizes of the files.
    fn files(&self) -> io::Result<Vec<(String, u64)>>;

    /// Stops cleanly: everything is durable afterwards, nothing can be appended.
    fn close(&self) -> io::Result<()>;
}
