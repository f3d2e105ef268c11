//! One partition of `__consumer_offsets` at work: state, log, waiting requests and deadlines.
//!
//! Operations run one at a time under the shard's lock, on the thread of the request: an event, its append and its effects are one
//! step that nobody sees half of. Never held across an await. An answer that tells of records waits until they are committed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use moldau_coordinator::{Completion, CoordinatorResult, GroupShard, Now, Reply, ReplyBody, RequestId};
use moldau_protocol::messages::{JoinGroupResponse, SyncGroupResponse};
use moldau_types::{ErrorCode, Uuid};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Duration, Instant};

use crate::batch::BatchEncoder;
use crate::clock::Clock;
use crate::partition::{Commit, CoordinatorPartition};

/// See the module.
pub(crate) struct Shard {
    pub(crate) partition_index: i32,
    pub(crate) leader_epoch: i32,
    clock: Arc<Clock>,
    encoder: BatchEncoder,
    check_interval_ms: i64,
    state: Mutex<State>,
    /// When the timer task will look again, in monotonic milliseconds.
    wake_up_ms: AtomicI64,
    timer: Notify,
}

enum State {
    Loading {
        /// Topics that were deleted meanwhile, by name and id.
        deleted: Vec<(Arc<str>, Uuid)>,
    },
    Active(Box<Active>),
    Closed,
}

struct Active {
    groups: GroupShard,
    partition: Arc<dyn CoordinatorPartition>,
    /// The offset of the last record appended here or read at load.
    last_offset: i64,
    waiting: HashMap<RequestId, Waiter>,
    next_request: u64,
    next_expiry_check_ms: i64,
}

/// Where a parked request's answer goes.
pub(crate) enum Waiter {
    Join(oneshot::Sender<JoinGroupResponse>),
    Sync(oneshot::Sender<SyncGroupResponse>),
}

impl Shard {
    pub(crate) fn new(
        partition_index: i32,
        leader_epoch: i32,
        clock: Arc<Clock>,
        encoder: BatchEncoder,
        check_interval_ms: i64,
    ) -> Self {
        Shard {
            partition_index,
            leader_epoch,
            clock,
            encoder,
            check_interval_ms,
            state: Mutex::new(State::Loading { deleted: Vec::new() }),
            wake_up_ms: AtomicI64::new(i64::MAX),
            timer: Notify::new(),
        }
    }

    /// Starts to serve what was read from the log. False when the shard was closed meanwhile.
    pub(crate) fn activate(
        self: &Arc<Self>,
        mut groups: GroupShard,
        partition: Arc<dyn CoordinatorPartition>,
    ) -> bool {
        let mut state = self.state.lock();
        let State::Loading { deleted } = &mut *state else { return false };
        let deleted = std::mem::take(deleted);
        let now = self.clock.now();
        let mut out = CoordinatorResult::default();
        groups.loaded(now, &mut out);
        let mut active = Box::new(Active {
            groups,
            last_offset: partition.log_end_offset() - 1,
            partition,
            waiting: HashMap::new(),
            next_request: 0,
            next_expiry_check_ms: now.monotonic_ms.saturating_add(self.check_interval_ms),
        });
        self.settle_load(&mut active, now, out);
        if !deleted.is_empty() {
            let mut out = CoordinatorResult::default();
            active.groups.topics_deleted(&deleted, &mut out);
            self.settle_load(&mut active, now, out);
        }
        *state = State::Active(active);
        drop(state);
        tokio::spawn(run_timers(self.clone()));
        true
    }

    fn settle_load(self: &Arc<Self>, active: &mut Active, now: Now, out: CoordinatorResult) {
        if let Err(error) = self.settle(active, now, out) {
            tracing::warn!(
                partition = self.partition_index,
                error = error.name(),
                "append after load failed"
            );
        }
    }

    /// Removes the offsets of deleted topics, given by name and id; while the log is being read, as soon as it has been.
    pub(crate) fn topics_deleted(self: &Arc<Self>, topics: &[(Arc<str>, Uuid)]) -> Result<(), ErrorCode> {
        if let State::Loading { deleted } = &mut *self.state.lock() {
            deleted.extend_from_slice(topics);
            return Ok(());
        }
        let removed = self.write(|groups, _, out| {
            groups.topics_deleted(topics, out);
            Ok(())
        });
        removed.map(drop)
    }

    /// Gives the groups up. Whoever waits is answered with NOT_COORDINATOR.
    pub(crate) fn close(&self) {
        let state = std::mem::replace(&mut *self.state.lock(), State::Closed);
        if let State::Active(mut active) = state {
            let mut out = CoordinatorResult::default();
            active.groups.unload(self.clock.now(), &mut out);
            deliver(&mut active.waiting, out.replies);
        }
        self.timer.notify_one();
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(*self.state.lock(), State::Closed)
    }

    /// For a shard that is being loaded.
    pub(crate) async fn wait_unless_closed(&self, duration: Duration) {
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            () = self.timer.notified() => {}
        }
    }

    fn with_active<R>(
        self: &Arc<Self>,
        action: impl FnOnce(&mut Active, Now) -> Result<R, ErrorCode>,
    ) -> Result<R, ErrorCode> {
        let mut state = self.state.lock();
        match &mut *state {
            State::Loading { .. } => Err(ErrorCode::CoordinatorLoadInProgress),
            State::Closed => Err(ErrorCode::NotCoordinator),
            State::Active(active) => action(active, self.clock.now()),
        }
    }

    /// Runs a step that writes nothing and whose answer need not wait for anything.
    pub(crate) fn touch<R>(
        self: &Arc<Self>,
        action: impl FnOnce(&mut GroupShard, Now) -> Result<R, ErrorCode>,
    ) -> Result<R, ErrorCode> {
        self.with_active(|active, now| {
            let result = action(&mut active.groups, now);
            self.wake_timer(active);
            result
        })
    }

    /// Reads. The answer waits until what it saw is committed.
    pub(crate) async fn read<R>(
        self: &Arc<Self>,
        action: impl FnOnce(&GroupShard) -> R,
    ) -> Result<R, ErrorCode> {
        let (result, commit) = self.with_active(|active, _| {
            Ok((action(&active.groups), active.partition.committed(active.last_offset)))
        })?;
        commit.wait().await?;
        Ok(result)
    }

    /// Runs an operation and appends its records; the answer may be given when the returned commit is done.
    pub(crate) fn write<R>(
        self: &Arc<Self>,
        action: impl FnOnce(&mut GroupShard, Now, &mut CoordinatorResult) -> Result<R, ErrorCode>,
    ) -> Result<(R, Commit), ErrorCode> {
        self.with_active(|active, now| {
            let mut out = CoordinatorResult::default();
            let result = action(&mut active.groups, now, &mut out);
            let settled = self.settle(active, now, out);
            self.wake_timer(active);
            Ok((result?, settled?))
        })
    }

    /// Runs an operation whose answer comes as a reply.
    pub(crate) fn park(
        self: &Arc<Self>,
        waiter: Waiter,
        action: impl FnOnce(&mut GroupShard, Now, RequestId, &mut CoordinatorResult),
    ) -> Result<(), ErrorCode> {
        self.with_active(|active, now| {
            let request = RequestId(active.next_request);
            active.next_request += 1;
            active.waiting.insert(request, waiter);
            let mut out = CoordinatorResult::default();
            action(&mut active.groups, now, request, &mut out);
            // A refused append has been answered by the groups themselves where a request waits for it.
            if let Err(error) = self.settle(active, now, out) {
                tracing::warn!(partition = self.partition_index, error = error.name(), "append refused");
            }
            self.wake_timer(active);
            Ok(())
        })
    }

    /// Appends what a step wants appended, and does what follows from the outcome.
    fn settle(
        self: &Arc<Self>,
        active: &mut Active,
        now: Now,
        mut out: CoordinatorResult,
    ) -> Result<Commit, ErrorCode> {
        let mut first_error = Ok(Commit::Done);
        loop {
            let appended = self.append(active, &mut out);
            let replies = std::mem::take(&mut out.replies);
            deliver(&mut active.waiting, replies);
            let outcome = match appended {
                Ok(Commit::Done) => Ok(()),
                Ok(Commit::Pending(future)) => {
                    let Some(completion) = out.completion.take() else {
                        return Ok(Commit::Pending(future));
                    };
                    self.complete_later(completion, Commit::Pending(future));
                    return first_error;
                }
                Err(error) => {
                    first_error = first_error.and(Err(error));
                    Err(error)
                }
            };
            let Some(completion) = out.completion.take() else { return first_error };
            out = CoordinatorResult::default();
            active.groups.completed(now, completion, outcome, &mut out);
        }
    }

    fn append(&self, active: &mut Active, out: &mut CoordinatorResult) -> Result<Commit, ErrorCode> {
        if out.records.is_empty() {
            return Ok(Commit::Done);
        }
        let max_bytes = active.partition.max_batch_bytes();
        let now = self.clock.now();
        let batches = self.encoder.encode(&out.records, now.timestamp_ms, max_bytes).map_err(append_error)?;
        let mut records = std::mem::take(&mut out.records).into_iter();
        for batch in batches {
            let base_offset = active.partition.append(batch.bytes).map_err(append_error)?;
            active.last_offset = base_offset + batch.records as i64 - 1;
            let appended = records.by_ref().take(batch.records);
            if out.replay_records {
                active.groups.appended(base_offset, appended);
            }
        }
        Ok(match active.partition.committed(active.last_offset) {
            Commit::Done => Commit::Done,
            Commit::Pending(future) => {
                Commit::Pending(Box::pin(async move { future.await.map_err(append_error) }))
            }
        })
    }

    fn complete_later(self: &Arc<Self>, completion: Completion, commit: Commit) {
        let shard = self.clone();
        tokio::spawn(async move {
            let outcome = commit.wait().await;
            let settled = shard.with_active(|active, now| {
                let mut out = CoordinatorResult::default();
                active.groups.completed(now, completion, outcome, &mut out);
                let settled = shard.settle(active, now, out);
                shard.wake_timer(active);
                settled.map(drop)
            });
            if let Err(error) = settled {
                tracing::debug!(partition = shard.partition_index, error = error.name(), "not completed");
            }
        });
    }

    fn wake_timer(&self, active: &Active) {
        if let Some(deadline_ms) = active.groups.next_deadline_ms()
            && deadline_ms < self.wake_up_ms.load(Ordering::Relaxed)
        {
            self.timer.notify_one();
        }
    }

    /// Fires what is due; gives the time of the next look, `None` when the shard is closed.
    fn fire_timers(self: &Arc<Self>) -> Option<Instant> {
        let mut state = self.state.lock();
        let State::Active(active) = &mut *state else { return None };
        let now = self.clock.now();
        let mut more = true;
        while more {
            let mut out = CoordinatorResult::default();
            more = active.groups.fire_due_timer(now, &mut out);
            self.settle_timer(active, now, out);
        }
        if active.next_expiry_check_ms <= now.monotonic_ms {
            active.next_expiry_check_ms = now.monotonic_ms.saturating_add(self.check_interval_ms);
            let mut out = CoordinatorResult::default();
            active.groups.expire_offsets(now, &mut out);
            self.settle_timer(active, now, out);
        }
        let next_ms = active.groups.next_deadline_ms().unwrap_or(i64::MAX).min(active.next_expiry_check_ms);
        self.wake_up_ms.store(next_ms, Ordering::Relaxed);
        Some(self.clock.instant(next_ms))
    }

    fn settle_timer(self: &Arc<Self>, active: &mut Active, now: Now, out: CoordinatorResult) {
        if let Err(error) = self.settle(active, now, out) {
            tracing::warn!(
                partition = self.partition_index,
                error = error.name(),
                "append of a timeout refused"
            );
        }
    }
}

async fn run_timers(shard: Arc<Shard>) {
    while let Some(next) = shard.fire_timers() {
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = shard.timer.notified() => {}
        }
    }
}

fn deliver(waiting: &mut HashMap<RequestId, Waiter>, replies: Vec<Reply>) {
    for reply in replies {
        // A receiver that is gone belongs to a closed connection.
        match (waiting.remove(&reply.request), reply.response) {
            (Some(Waiter::Join(sender)), ReplyBody::Join(response)) => drop(sender.send(response)),
            (Some(Waiter::Sync(sender)), ReplyBody::Sync(response)) => drop(sender.send(response)),
            _ => debug_assert!(false, "a reply to nobody"),
        }
    }
}

/// What a client is told of a refused append.
fn append_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition | ErrorCode::NotEnoughReplicas | ErrorCode::RequestTimedOut => {
            ErrorCode::CoordinatorNotAvailable
        }
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge | ErrorCode::InvalidFetchSize => {
            ErrorCode::UnknownServerError
        }
        other => other,
    }
}
