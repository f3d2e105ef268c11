//! The loop itself.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moldau_controller::{Context, Controller};
use moldau_metadata::{MetadataChanges, MetadataDelta, MetadataImage, MetadataRecord};
use moldau_quorum::{MetadataQuorum, PendingCommit, Proposal, QuorumError};
use moldau_types::{ErrorCode, LeaderEpoch, Offset};
use tokio::sync::mpsc;

use super::handle::{Answer, Decision, Operation};
use super::load::abort_record;
use super::snapshot::{SnapshotRules, Snapshots};
use crate::blocking::unhurried;

/// Records of an operation that need not be in one batch are put into batches of this many.
const RECORDS_IN_BATCH: usize = 2000;

/// What is told of each new image, in the order of the log.
pub(crate) trait Publish: Send + 'static {
    /// Does what follows from the change on this node; the request that caused it is answered afterwards.
    fn publish(&mut self, base: &Arc<MetadataImage>, image: Arc<MetadataImage>, changes: &MetadataChanges);
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
    /// What [`load`](super::load) gave: the image, and what else is to be known of the log.
    pub(crate) image: Arc<MetadataImage>,
    /// The log ends within a metadata transaction.
    pub(crate) open_transaction: bool,
    /// Bytes of records since the latest snapshot.
    pub(crate) bytes_since_snapshot: u64,
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
    snapshots: Snapshots,
}

/// Runs the controller until its handle is dropped.
pub(crate) async fn run<Q: MetadataQuorum, P: Publish>(
    task: ControllerTask<Q, P>,
    mut operations: mpsc::Receiver<Operation>,
) {
    let ControllerTask {
        quorum,
        controller,
        publisher,
        image,
        open_transaction,
        bytes_since_snapshot,
        rules,
        clock,
    } = task;
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
        snapshots: Snapshots::new(rules, bytes_since_snapshot, clock()),
    };
    if open_transaction {
        this.abort_transaction().await;
    }
    loop {
        if this.under_way.front().is_some_and(|first| first.commit.is_none()) {
            this.settle(Ok(()));
            continue;
        }
        let commit = this.under_way.front_mut().and_then(|first| first.commit.as_mut());
        let waiting = commit.is_some();
        let snapshot_due = this.snapshots.due_in_ms((this.clock)());
        tokio::select! {
            biased;
            operation = operations.recv() => match operation {
                Some(operation) => this.begin(operation).await,
                None => break,
            },
            result = async { match commit { Some(commit) => commit.await.map(|_| ()), None => Ok(()) } }, if waiting => {
                this.settle(result);
            }
            written = this.snapshots.outcome() => this.snapshots.ended(written, (this.clock)()),
            () = tokio::time::sleep(Duration::from_millis(snapshot_due.unwrap_or(0))), if snapshot_due.is_some() => {}
        }
        this.snapshots.begin_if_due(&this.quorum, &this.committed, (this.clock)());
    }
    while let Some(first) = this.under_way.front_mut() {
        let result = match first.commit.as_mut() {
            Some(commit) => commit.await.map(|_| ()),
            None => Ok(()),
        };
        this.settle(result);
    }
    this.snapshots.finish().await;
}

impl<Q: MetadataQuorum, P: Publish> Loop<Q, P> {
    /// Undoes what a controller that is gone left half done; the image is without it already.
    async fn abort_transaction(&mut self) {
        let mut frame = Vec::new();
        let written = abort_record().encode(&mut frame, self.newest.features.version());
        let (Some(leader), Ok(())) = (self.quorum.status().leader, written) else { return };
        let record = Bytes::from(frame);
        let proposal =
            Proposal { leader_epoch: leader.epoch, base_offset: self.next_offset, records: vec![record] };
        match self.quorum.propose(proposal).await {
            Ok(commit) => {
                let mut image = MetadataImage::clone(&self.newest);
                image.provenance.last_offset = self.next_offset;
                image.provenance.last_leader_epoch = leader.epoch;
                image.provenance.last_timestamp_ms = (self.clock)();
                let (image, changes) = (Arc::new(image), MetadataChanges::default());
                self.newest = image.clone();
                self.next_offset = Offset(self.next_offset.0 + 1);
                self.under_way.push_back(UnderWay {
                    commit: Some(commit),
                    image,
                    changes,
                    answer: None,
                    bytes: 0,
                });
            }
            Err(error) => tracing::error!(%error, "an open metadata transaction could not be ended"),
        }
    }

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
            // Thousands of topics at once take their time.
            unhurried(|| operation(&mut self.controller, &mut context))
        };
        let Some(leader) = leads else {
            return answer(Err(ErrorCode::NotController));
        };
        if records.is_empty() {
            // What it read must be committed before it is told.
            let (image, changes) = (self.newest.clone(), MetadataChanges::default());
            self.under_way.push_back(UnderWay {
                commit: None,
                image,
                changes,
                answer: Some(answer),
                bytes: 0,
            });
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
        let (image, changes, frames) = match unhurried(|| self.replay(records, leader_epoch, now_ms)) {
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
            // Of thousands of partitions at once the files are made or renamed here.
            unhurried(|| self.publisher.publish(&base, first.image, &first.changes));
            self.snapshots.committed(first.bytes);
        }
        if let Some(answer) = first.answer {
            answer(Ok(()));
        }
    }
}

fn wire_code(error: &QuorumError) -> ErrorCode {
    match error {
        QuorumError::NotLeader { .. } | QuorumError::UnexpectedBaseOffset { .. } | QuorumError::Shutdown => {
            ErrorCode::NotController
        }
        QuorumError::TooLarge { .. } => ErrorCode::PolicyViolation,
        QuorumError::NoSpace | QuorumError::Storage(_) => ErrorCode::KafkaStorageError,
        QuorumError::EmptyProposal | QuorumError::BadSnapshot(_) => ErrorCode::UnknownServerError,
    }
}
