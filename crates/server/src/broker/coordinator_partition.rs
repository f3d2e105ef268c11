//! A led partition as the coordinators' runtime writes and reads it.

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use moldau_coordinator_runtime::{Commit, CoordinatorPartition};
use moldau_log::{AppendBatch, AppendOrigin, ReadUpTo};
use moldau_protocol::records::BatchHeader;
use moldau_types::{ErrorCode, Offset};

use super::{Partition, wall_clock_ms};

/// A partition of an internal topic that a coordinator writes to.
pub(crate) struct LedPartition(pub(crate) Arc<Partition>);

impl CoordinatorPartition for LedPartition {
    fn append(&self, mut batch: Vec<u8>) -> Result<i64, ErrorCode> {
        let header = BatchHeader::parse(&batch).map_err(|_| ErrorCode::UnknownServerError)?;
        let to_append = AppendBatch {
            bytes: &mut batch,
            header,
            max_timestamp: header.max_timestamp,
            offset_of_max_timestamp: i64::from(header.last_offset_delta),
            origin: AppendOrigin::Coordinator,
        };
        let epoch = self.0.leader_epoch();
        let mut results = self.0.log.append_as_leader(&mut [to_append], epoch, wall_clock_ms());
        match results.pop() {
            Some(Ok(info)) => {
                self.0.moved();
                Ok(info.first_offset.0)
            }
            Some(Err(error)) => {
                tracing::error!(topic = %self.0.topic, partition = self.0.index.0, "append refused: {error}");
                Err(ErrorCode::CoordinatorNotAvailable)
            }
            None => Err(ErrorCode::UnknownServerError),
        }
    }

    fn committed(&self, offset: i64) -> Commit {
        match self.0.durable(Offset(offset)) {
            None => Commit::Done,
            Some(durable) => Commit::Pending(Box::pin(async move {
                durable.await.map_err(|_| ErrorCode::CoordinatorNotAvailable)
            })),
        }
    }

    fn read(&self, offset: i64, max_bytes: usize) -> Result<Bytes, ErrorCode> {
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(topic = %self.0.topic, partition = self.0.index.0, "read failed: {error}");
            ErrorCode::KafkaStorageError
        };
        let read =
            self.0.log.read(Offset(offset), max_bytes, ReadUpTo::LogEnd, true).map_err(|e| failed(&e))?;
        let Some(slice) = read.slice else { return Ok(Bytes::new()) };
        let mut bytes = vec![0; slice.len];
        slice.file.read_exact_at(&mut bytes, slice.position).map_err(|e| failed(&e))?;
        Ok(bytes.into())
    }

    fn log_start_offset(&self) -> i64 {
        self.0.log.offsets().log_start.0
    }

    fn log_end_offset(&self) -> i64 {
        self.0.log.offsets().log_end.0
    }

    fn location(&self) -> String {
        self.0.log.path().display().to_string()
    }

    fn max_batch_bytes(&self) -> usize {
        usize::try_from(self.0.config.load().max_message_bytes).unwrap_or(0)
    }
}
