//! A partition in memory, for tests of what is above.

use bytes::Bytes;
use moldau_protocol::records::{BatchHeader, set_base_offset};
use moldau_types::ErrorCode;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::partition::{Commit, CoordinatorPartition};

/// Batches in a vector. Appends can be made to fail, commits to wait.
#[derive(Debug)]
pub struct MemoryPartition {
    log: Mutex<MemoryLog>,
    committed: watch::Sender<i64>,
}

#[derive(Debug, Default)]
struct MemoryLog {
    batches: Vec<(i64, Bytes)>,
    end_offset: i64,
    refusal: Option<ErrorCode>,
    holds_commits: bool,
}

impl Default for MemoryPartition {
    fn default() -> Self {
        MemoryPartition { log: Mutex::default(), committed: watch::channel(-1).0 }
    }
}

impl MemoryPartition {
    /// Refuses appends with an error, or takes them again.
    pub fn refuse(&self, error: Option<ErrorCode>) {
        self.log.lock().refusal = error;
    }

    /// Appends from now on are not committed before [`MemoryPartition::commit_all`].
    pub fn hold_commits(&self) {
        self.log.lock().holds_commits = true;
    }

    /// Commits everything that was appended.
    pub fn commit_all(&self) {
        self.committed.send_replace(self.log.lock().end_offset - 1);
    }

    /// Adds bytes of a real log: whole batches with their offsets.
    pub fn preload(&self, bytes: &Bytes) {
        let mut log = self.log.lock();
        let mut rest = bytes.clone();
        while let Ok(header) = BatchHeader::parse(&rest) {
            if rest.len() < header.size_in_bytes() {
                break;
            }
            log.batches.push((header.base_offset, rest.split_to(header.size_in_bytes())));
            log.end_offset = header.next_offset();
        }
        self.committed.send_replace(log.end_offset - 1);
    }

    /// All batches, one after the other.
    pub fn bytes(&self) -> Vec<u8> {
        self.log.lock().batches.iter().flat_map(|(_, batch)| batch.iter().copied()).collect()
    }
}

impl CoordinatorPartition for MemoryPartition {
    fn append(&self, mut batch: Vec<u8>) -> Result<i64, ErrorCode> {
        let mut log = self.log.lock();
        if let Some(error) = log.refusal {
            return Err(error);
        }
        let base_offset = log.end_offset;
        set_base_offset(&mut batch, base_offset).map_err(|_| ErrorCode::CorruptMessage)?;
        let header = BatchHeader::parse(&batch).map_err(|_| ErrorCode::CorruptMessage)?;
        log.end_offset = header.next_offset();
        log.batches.push((base_offset, batch.into()));
        if !log.holds_commits {
            self.committed.send_replace(header.last_offset());
        }
        Ok(base_offset)
    }

    fn committed(&self, offset: i64) -> Commit {
        if *self.committed.borrow() >= offset {
            return Commit::Done;
        }
        let mut committed = self.committed.subscribe();
        Commit::Pending(Box::pin(async move {
            let reached = committed.wait_for(|committed| *committed >= offset).await;
            reached.map(drop).map_err(|_| ErrorCode::NotLeaderOrFollower)
        }))
    }

    fn read(&self, offset: i64, max_bytes: usize) -> Result<Bytes, ErrorCode> {
        let log = self.log.lock();
        let mut read = Vec::new();
        for (_, batch) in log.batches.iter().filter(|(base_offset, _)| *base_offset >= offset) {
            if !read.is_empty() && read.len() + batch.len() > max_bytes {
                break;
            }
            read.extend_from_slice(batch);
        }
        Ok(read.into())
    }

    fn log_start_offset(&self) -> i64 {
        0
    }

    fn log_end_offset(&self) -> i64 {
        self.log.lock().end_offset
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn max_batch_bytes(&self) -> usize {
        1_048_588
    }
}
