//! Temporary: a quorum of one on a partition log.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use moldau_log::{AppendBatch, AppendOrigin, LogConfig, LogDir, OpenLog, PartitionLog, ReadUpTo};
use moldau_protocol::records::{BatchBuilder, BatchHeader, batches};
use moldau_quorum::{
    Committed, CommittedBatch, CommittedReader, Leader, MetadataQuorum, PendingCommit, Proposal, QuorumError,
    QuorumStatus, SnapshotContents, SnapshotId,
};
use moldau_types::{BrokerId, LeaderEpoch, Offset};
use tokio::sync::watch;

pub(crate) struct Solo {
    node: BrokerId,
    epoch: LeaderEpoch,
    log: Arc<PartitionLog>,
}

impl Solo {
    pub(crate) fn open(dir: &Path, node: BrokerId) -> Result<Self, String> {
        let (log, _) = OpenLog {
            path: dir.join("__cluster_metadata-0"),
            topic: "__cluster_metadata".into(),
            partition: 0,
            topic_id: None,
            directory: Arc::new(LogDir::new(dir)),
            config: LogConfig { delete: false, ..LogConfig::default() },
            log_start: Offset(0),
            recovery_point: Offset(0),
            high_watermark: Offset(0),
            clean: false,
            now_ms: crate::broker::wall_clock_ms(),
        }
        .open()
        .map_err(|e| e.to_string())?;
        log.set_high_watermark_follows_log_end(true);
        let epoch = LeaderEpoch(log.latest_leader_epoch().map_or(1, |e| e.0 + 1));
        log.assign_leader_epoch(epoch).map_err(|e| e.to_string())?;
        Ok(Solo { node, epoch, log })
    }
}

pub(crate) struct Reader {
    log: Arc<PartitionLog>,
    at: Offset,
}

impl CommittedReader for Reader {
    async fn next(&mut self) -> Result<Committed, QuorumError> {
        std::future::pending().await
    }

    fn try_next(&mut self) -> Result<Option<Committed>, QuorumError> {
        let storage = |e: &dyn std::fmt::Display| QuorumError::Storage(e.to_string());
        let read = self.log.read(self.at, 1, ReadUpTo::LogEnd, true).map_err(|e| storage(&e))?;
        let Some(slice) = read.slice else { return Ok(None) };
        let mut bytes = vec![0; slice.len];
        slice.file.read_exact_at(&mut bytes, slice.position).map_err(|e| storage(&e))?;
        let Some(batch) = batches(&bytes).next() else { return Ok(None) };
        let batch = batch.map_err(|e| storage(&e))?;
        let mut records = Vec::new();
        let mut stream = batch.records().map_err(|e| storage(&e))?;
        while let Some(record) = stream.next_record().map_err(|e| storage(&e))? {
            records.push(Bytes::copy_from_slice(record.value.unwrap_or_default()));
        }
        let header = batch.header;
        self.at = Offset(header.base_offset + i64::from(header.last_offset_delta) + 1);
        Ok(Some(Committed::Batch(CommittedBatch {
            base_offset: Offset(header.base_offset),
            last_offset: Offset(self.at.0 - 1),
            leader_epoch: LeaderEpoch(header.partition_leader_epoch),
            append_timestamp: header.max_timestamp,
            records,
            control: None,
        })))
    }
}

impl MetadataQuorum for Solo {
    type Reader = Reader;

    fn node_id(&self) -> BrokerId {
        self.node
    }

    fn status(&self) -> QuorumStatus {
        let offsets = self.log.offsets();
        QuorumStatus {
            leader: Some(Leader { id: self.node, epoch: self.epoch }),
            leader_epoch: self.epoch,
            high_watermark: offsets.high_watermark,
            log_start_offset: offsets.log_start,
            log_end_offset: offsets.log_end,
            voters: Vec::new(),
            kraft_version: 1,
            replicas: Vec::new(),
            failed: None,
        }
    }

    fn watch(&self) -> watch::Receiver<QuorumStatus> {
        watch::channel(self.status()).1
    }

    async fn propose(&self, proposal: Proposal) -> Result<PendingCommit, QuorumError> {
        let storage = |e: &dyn std::fmt::Display| QuorumError::Storage(e.to_string());
        let now = crate::broker::wall_clock_ms();
        let mut builder = BatchBuilder::new();
        for record in &proposal.records {
            builder.append(now, None, Some(record), &[]).map_err(|e| storage(&e))?;
        }
        let mut bytes = builder.build().map_err(|e| storage(&e))?;
        let header = BatchHeader::parse(&bytes).map_err(|e| storage(&e))?;
        let batch = AppendBatch {
            bytes: &mut bytes,
            header,
            max_timestamp: now,
            offset_of_max_timestamp: 0,
            origin: AppendOrigin::Coordinator,
        };
        let result = self.log.append_as_leader(&mut [batch], self.epoch, now).pop();
        let info = result.ok_or(QuorumError::EmptyProposal)?.map_err(|e| storage(&e))?;
        let log = self.log.clone();
        let synced = tokio::task::spawn_blocking(move || log.sync());
        Ok(Box::pin(async move {
            synced.await.map_err(|_| QuorumError::Shutdown)?.map_err(|e| QuorumError::Storage(e.to_string()))?;
            Ok(info.last_offset)
        }))
    }

    fn reader(&self, from: Offset) -> Reader {
        Reader { log: self.log.clone(), at: from }
    }

    async fn write_snapshot(&self, contents: SnapshotContents) -> Result<(), QuorumError> {
        Err(QuorumError::BadSnapshot(contents.id))
    }

    fn latest_snapshot(&self) -> Option<SnapshotId> {
        None
    }

    async fn shutdown(&self) {
        if let Err(error) = self.log.close() {
            tracing::error!(%error, "the metadata log was not closed cleanly");
        }
    }
}
