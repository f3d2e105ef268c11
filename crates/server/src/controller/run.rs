//! The loop itself, and the loading of the image that it starts from.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use moldau_controller::{Context, Controller};
use moldau_metadata::{MetadataChanges, MetadataDelta, MetadataImage, MetadataRecord};
use moldau_quorum::{Committed, CommittedReader, MetadataQuorum, PendingCommit, Proposal, QuorumError, SnapshotContents, SnapshotId};
use moldau_types::{ErrorCode, LeaderEpoch, Offset};
use tokio::sync::mpsc;

use super::handle::{Answer, Decision, Operation};

/// Records of an operation that need not be in one batch are put into batches of this many.
const RECORDS_IN_BATCH: usize = 2000;

/// What is told of each new image, in the order of the log.
pub(crate) trait Publish: Send + 'static {
    /// Does what follows from the change on this node; the request that caused it is answered afterwards.
    fn publish(&mut self, base: &Arc<MetadataImage>, image: Arc<MetadataImage>, changes: &MetadataChanges);
}

/// When the loop writes snapshots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SnapshotRules {
    /// `metadata.log.max.record.bytes.between.snapshots`
    pub(crate) max_record_bytes: u64,
    /// `metadata.log.max.snapshot.interval.ms`; 0 for never.
    pub(crate) max_interval_ms: i64,
}

/// A proposal that is not yet committed.
struct UnderWay {
    commit: Option<PendingCommit>,
    image: Arc<MetadataImage>,
    changes: MetadataChanges,
    /// Absent where more batches of the same operation follow.
    answer: Option<Answer>,
    bytes: u64,
}

/// What the loop works with.
pub(crate) struct ControllerTask<Q, P> {
    pub(crate) quorum: Arc<Q>,
    pub(crate) controller: Controller,
    pub(crate) publisher: P,
    /// What [`load`] gave.
    pub(crate) image: Arc<MetadataImage>,
    pub(crate) rules: SnapshotRules,
    /// The wall clock, in milliseconds.
    pub(crate) clock: fn() -> i64,
}

struct Loop<Q, P> {
    quorum: Arc<Q>,
    controller: Controller,
    publisher: P,
    clock: fn() -> i64,
    committed: Arc<MetadataImage>,
    newest: Arc<MetadataImage>,
    next_offset: Offset,
    under_way: VecDeque<UnderWay>,
    rules: SnapshotRules,
    bytes_since_snapshot: u64,
    last_snapshot_ms: i64,
}

/// Reads everything committed so far.
pub(crate) fn load(quorum: &impl MetadataQuorum) -> Result<MetadataImage, String> {
    let mut reader = quorum.reader(Offset(0));
    let mut image = MetadataImage::default();
    let high_watermark = quorum.status().high_watermark;
    let mut at = Offset(0);
    while at < high_watermark {
        let Some(next) = reader.try_next().map_err(|e| e.to_string())? else { break };
        at = next.end_offset();
        image = apply(&image, next)?;
    }
    Ok(image)
}

fn apply(image: &MetadataImage, committed: Committed) -> Result<MetadataImage, String> {
    let mut delta = match &committed {
        Committed::Snapshot(_) => MetadataDelta::from_snapshot(image),
        Committed::Batch(_) => MetadataDelta::new(image),
    };
    let (records, last, epoch, timestamp) = match committed {
        Committed::Snapshot(SnapshotContents { id, last_contained_log_timestamp, records }) => {
            (records, Offset(id.end_offset.0 - 1), id.epoch, last_contained_log_timestamp)
        }
        Committed::Batch(batch) => (batch.records, batch.last_offset, batch.leader_epoch, batch.append_timestamp),
    };
    for frame in &records {
        let record = MetadataRecord::decode_shared(frame).map_err(|e| format!("metadata record before {last}: {e}"))?;
        delta.replay(&record).map_err(|e| format!("metadata record before {last}: {e}"))?;
    }
    delta.set_provenance(last, epoch, timestamp);
    Ok(delta.finish().0)
}

/// Runs the controller until its handle is dropped.
pub(crate) async fn run<Q: MetadataQuorum, P: Publish>(
    task: ControllerTask<Q, P>,
    mut operations: mpsc::Receiver<Operation>,
) {
    let ControllerTask { quorum, controller, publisher, image, rules, clock } = task;
    let next_offset = quorum.status().log_end_offset;
    let mut this = Loop {
        quorum,
        controller,
        publisher,
        clock,
        committed: image.clone(),
        newest: image,
        next_offset,
        under_way: VecDeque::new(),
        rules,
        bytes_since_snapshot: 0,
        last_snapshot_ms: clock(),
    };
    loop {
        if this.under_way.front().is_some_and(|first| first.commit.is_none()) {
            this.settle(Ok(()));
            continue;
        }
        let commit = this.under_way.front_mut().and_then(|first| first.commit.as_mut());
        let waiting = commit.is_some();
        tokio::select! {
            biased;
            operation = operations.recv() => match operation {
                Some(operation) => this.begin(operation).await,
                None => break,
            },
            result = async { match commit { Some(commit) => commit.await.map(|_| ()), None => Ok(()) } }, if waiting => {
                this.settle(result);
                this.snapshot_if_due().await;
            }
        }
    }
    while let Some(first) = this.under_way.front_mut() {
        let result = match first.commit.as_mut() {
            Some(commit) => commit.await.map(|_| ()),
            None => Ok(()),
        };
        this.settle(result);
    }
}

impl<Q: MetadataQuorum, P: Publish> Loop<Q, P> {
    /// Computes an operation and proposes its records.
    async fn begin(&mut self, operation: Operation) {
        let status = self.quorum.status();
        let leads = status.leader.filter(|leader| leader.id == self.quorum.node_id());
        let now_ms = (self.clock)();
        let newest = self.newest.clone();
        let Decision { records, atomic, answer } = {
            let mut context = Context {
                image: &newest,
                next_offset: self.next_offset,
                now_ms,
                kraft_version: status.kraft_version,
                rng: &mut rand::rng(),
            };
            operation(&mut self.controller, &mut context)
        };
        let Some(leader) = leads else {
            return answer(Err(ErrorCode::NotController));
        };
        if records.is_empty() {
            // What it read must be committed before it is told.
            let (image, changes) = (self.newest.clone(), MetadataChanges::default());
            self.under_way.push_back(UnderWay { commit: None, image, changes, answer: Some(answer), bytes: 0 });
            return;
        }
        let batch_length = if atomic { records.len() } else { RECORDS_IN_BATCH };
        let mut batches = records.chunks(batch_length).peekable();
        let mut answer = Some(answer);
        while let Some(batch) = batches.next() {
            let answer_now = if batches.peek().is_none() { answer.take() } else { None };
            if let Err((code, answer_now)) = self.propose(batch, leader.epoch, now_ms, answer_now).await {
                if let Some(answer) = answer_now.or(answer) {
                    answer(Err(code));
                }
                return;
            }
        }
    }

    async fn propose(
        &mut self,
        records: &[MetadataRecord],
        leader_epoch: LeaderEpoch,
        now_ms: i64,
        answer: Option<Answer>,
    ) -> Result<(), (ErrorCode, Option<Answer>)> {
        let (image, changes, frames) = match self.replay(records, leader_epoch, now_ms) {
            Ok(replayed) => replayed,
            Err(reason) => {
                tracing::error!(%reason, "the controller made records that cannot be applied; nothing was written");
                return Err((ErrorCode::UnknownServerError, answer));
            }
        };
        let count = frames.len() as i64;
        let bytes = frames.iter().map(|frame| frame.len() as u64).sum();
        let proposal = Proposal { leader_epoch, base_offset: self.next_offset, records: frames };
        match self.quorum.propose(proposal).await {
            Ok(commit) => {
                self.next_offset = Offset(self.next_offset.0 + count);
                self.newest = image.clone();
                self.under_way.push_back(UnderWay { commit: Some(commit), image, changes, answer, bytes });
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the metadata quorum refused a change");
                if let QuorumError::UnexpectedBaseOffset { actual, .. } = error {
                    self.next_offset = actual;
                }
                Err((wire_code(&error), answer))
            }
        }
    }

    fn replay(
        &self,
        records: &[MetadataRecord],
        leader_epoch: LeaderEpoch,
        now_ms: i64,
    ) -> Result<(Arc<MetadataImage>, MetadataChanges, Vec<Bytes>), String> {
        let mut delta = MetadataDelta::new(&self.newest);
        let mut frames = Vec::with_capacity(records.len());
        for (at, record) in records.iter().enumerate() {
            let offset = Offset(self.next_offset.0 + at as i64);
            delta.replay_at(record, offset, leader_epoch, now_ms).map_err(|e| e.to_string())?;
            let mut frame = Vec::new();
            record.encode(&mut frame, delta.image().features.version()).map_err(|e| e.to_string())?;
            frames.push(frame.into());
        }
        let (image, changes) = delta.finish();
        Ok((Arc::new(image), changes, frames))
    }

    /// Ends the oldest proposal: publishes and answers, or undoes it and all that was computed on top of it.
    fn settle(&mut self, result: Result<(), QuorumError>) {
        let Some(first) = self.under_way.pop_front() else { return };
        if let Err(error) = result {
            tracing::error!(%error, "a change of metadata was not committed");
            let code = wire_code(&error);
            let undone = std::iter::once(first).chain(self.under_way.drain(..));
            for answer in undone.filter_map(|undone| undone.answer) {
                answer(Err(code));
            }
            self.newest = self.committed.clone();
            self.next_offset = self.quorum.status().log_end_offset;
            return;
        }
        if first.commit.is_some() {
            let base = std::mem::replace(&mut self.committed, first.image.clone());
            self.publisher.publish(&base, first.image, &first.changes);
            self.bytes_since_snapshot += first.bytes;
        }
        if let Some(answer) = first.answer {
            answer(Ok(()));
        }
    }

    async fn snapshot_if_due(&mut self) {
        let now_ms = (self.clock)();
        let by_time = self.rules.max_interval_ms > 0
            && self.bytes_since_snapshot > 0
            && now_ms - self.last_snapshot_ms >= self.rules.max_interval_ms;
        if self.bytes_since_snapshot < self.rules.max_record_bytes && !by_time {
            return;
        }
        let image = &self.committed;
        let version = image.features.version();
        let records = image.to_records(version).into_iter().map(|record| {
            let mut frame = Vec::new();
            record.encode(&mut frame, version).map(|()| Bytes::from(frame)).map_err(|e| e.to_string())
        });
        let contents = records.collect::<Result<Vec<_>, _>>().map(|records| SnapshotContents {
            id: SnapshotId {
                end_offset: Offset(image.provenance.last_offset.0 + 1),
                epoch: image.provenance.last_leader_epoch,
            },
            last_contained_log_timestamp: image.provenance.last_timestamp_ms,
            records,
        });
        let written = match contents {
            Ok(contents) => self.quorum.write_snapshot(contents).await.map_err(|e| e.to_string()),
            Err(reason) => Err(reason),
        };
        match written {
            Ok(()) => self.bytes_since_snapshot = 0,
            Err(reason) => tracing::error!(%reason, "the snapshot of the metadata could not be written; the log is kept"),
        }
        self.last_snapshot_ms = now_ms;
    }
}

fn wire_code(error: &QuorumError) -> ErrorCode {
    match error {
        QuorumError::NotLeader { .. } | QuorumError::UnexpectedBaseOffset { .. } | QuorumError::Shutdown => {
            ErrorCode::NotController
        }
        QuorumError::TooLarge { .. } => ErrorCode::PolicyViolation,
        QuorumError::Storage(_) => ErrorCode::KafkaStorageError,
        QuorumError::EmptyProposal | QuorumError::BadSnapshot(_) => ErrorCode::UnknownServerError,
    }
}
