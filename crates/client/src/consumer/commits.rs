//! Commits: at once or in the background, in the order in which they were asked for.
//!
//! Always: commits in the background are made one after the other by one task, and their callbacks are called in that order,
//! from within the consumer's own calls. A commit that is waited for comes after all of them.

use std::collections::VecDeque;
use std::sync::Arc;

use moldau_types::ErrorCode;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::lookup::{Committer, at_coordinator, commit};
use super::metrics::{ConsumerMetrics, note_since};
use super::state::Position;
use super::{Consumer, ConsumerInterceptor, OffsetAndMetadata, Offsets, TopicPartition};
use crate::error::{ClientError, Result};
use crate::metadata::Core;
use crate::net::Lane;

/// Hears what became of a commit.
type Callback = Box<dyn FnOnce(&Offsets, Result<()>) + Send>;

/// A commit to be made, and who hears of it.
struct Job {
    id: u64,
    /// Who commits, or why nobody can.
    committer: Result<Committer>,
    offsets: Offsets,
    /// Whether somebody hears what became of it; then it is tried once.
    is_heard: bool,
}

/// A commit whose end was not told.
struct Pending {
    id: u64,
    offsets: Offsets,
    callback: Option<Callback>,
}

/// The commits that wait for their turn.
#[derive(Default)]
struct Queue {
    /// The jobs, and whether no more will come.
    jobs: Mutex<(VecDeque<Job>, bool)>,
    wake: Notify,
}

impl Queue {
    /// The next job, as soon as there is one; `None` when no more will come.
    async fn next(&self) -> Option<Job> {
        loop {
            {
                let (jobs, is_over) = &mut *self.jobs.lock();
                match jobs.pop_front() {
                    Some(job) => return Some(job),
                    None if *is_over => return None,
                    None => {}
                }
            }
            self.wake.notified().await;
        }
    }

    fn push(&self, job: Job) {
        self.jobs.lock().0.push_back(job);
        self.wake.notify_one();
    }

    /// Takes back the job that nobody hears of, if it still waits.
    fn take_unheard(&self) -> Option<Job> {
        let (jobs, _) = &mut *self.jobs.lock();
        let place = jobs.iter().position(|job| !job.is_heard)?;
        jobs.remove(place)
    }
}

/// The commits in the background of one consumer.
pub(super) struct Commits {
    queue: Arc<Queue>,
    /// The results, in the order of `pending`.
    done: mpsc::UnboundedReceiver<Result<()>>,
    pending: VecDeque<Pending>,
    next_id: u64,
    task: JoinHandle<()>,
}

impl Drop for Commits {
    fn drop(&mut self) {
        self.queue.jobs.lock().1 = true;
        self.queue.wake.notify_one();
    }
}

impl Commits {
    /// Starts the task; it ends when this is dropped and all that was asked for is done.
    pub(super) fn start(core: Arc<Core>, metrics: Arc<ConsumerMetrics>) -> Self {
        let queue = Arc::new(Queue::default());
        let waiting = queue.clone();
        let (report, done) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Some(Job { committer, offsets, is_heard, .. }) = waiting.next().await {
                let result = match (committer, is_heard) {
                    // Nothing is to be done when there is nothing to commit.
                    _ if offsets.is_empty() => Ok(()),
                    (Err(error), _) => Err(error),
                    (Ok(committer), true) => commit_once(&core, &metrics, &committer, &offsets).await,
                    (Ok(committer), false) => commit_until_done(&core, &metrics, &committer, &offsets).await,
                };
                let _ = report.send(result);
            }
        });
        Self { queue, done, pending: VecDeque::new(), next_id: 0, task }
    }

    /// Has a commit made. One that nobody hears of takes the place of the one before that still waits: where partitions stood
    /// then is of no interest any more.
    fn push(&mut self, committer: Result<Committer>, offsets: Offsets, callback: Option<Callback>) {
        let (id, is_heard) = (self.next_id, callback.is_some());
        self.next_id += 1;
        if !is_heard && let Some(older) = self.queue.take_unheard() {
            self.pending.retain(|pending| pending.id != older.id);
        }
        self.pending.push_back(Pending { id, offsets: offsets.clone(), callback });
        self.queue.push(Job { id, committer, offsets, is_heard });
    }

    /// Makes no more commits, and tells of all whose end is not known that they have failed.
    pub(super) fn give_up(&mut self, error: &ClientError, interceptors: &[Box<dyn ConsumerInterceptor>]) {
        self.tell_ready(interceptors);
        self.task.abort();
        while !self.pending.is_empty() {
            self.tell(Err(error.clone()), interceptors);
        }
    }

    /// Whether any was asked for whose end was not told.
    pub(super) fn are_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Waits for the next to end, and tells of it; pends while there is none. Cancelling this loses nothing.
    pub(super) async fn tell_next(&mut self, interceptors: &[Box<dyn ConsumerInterceptor>]) {
        if self.pending.is_empty() {
            return std::future::pending().await;
        }
        match self.done.recv().await {
            Some(done) => self.tell(done, interceptors),
            None => self.give_up(&ClientError::Closed("consumer"), interceptors),
        }
    }

    /// Tells of those that have ended.
    pub(super) fn tell_ready(&mut self, interceptors: &[Box<dyn ConsumerInterceptor>]) {
        while let Ok(done) = self.done.try_recv() {
            self.tell(done, interceptors);
        }
    }

    /// Tells what became of the first that is pending.
    fn tell(&mut self, result: Result<()>, interceptors: &[Box<dyn ConsumerInterceptor>]) {
        let Some(Pending { offsets, callback, .. }) = self.pending.pop_front() else { return };
        if result.is_ok() && !offsets.is_empty() {
            interceptors.iter().for_each(|interceptor| interceptor.on_commit(&offsets));
        }
        match (callback, result) {
            (Some(callback), result) => callback(&offsets, result),
            (None, Err(error)) => tracing::warn!(%error, "offsets were not committed"),
            (None, Ok(())) => {}
        }
    }
}

impl Consumer {
    /// Commits where all partitions stand: after the last record that was given out. A consumer that subscribed and is not
    /// joined can't: [`ClientError::CommitFailed`] after its membership has ended, `REBALANCE_IN_PROGRESS` while it joins.
    ///
    /// [`ClientError::CommitFailed`]: crate::ClientError::CommitFailed
    pub async fn commit(&mut self) -> Result<()> {
        let offsets = self.standing();
        self.commit_offsets(offsets).await
    }

    /// Commits these offsets, after all that were to be committed in the background.
    pub async fn commit_offsets(&mut self, offsets: Offsets) -> Result<()> {
        let began = Instant::now();
        self.finish_commits().await;
        let result = self.commit_now(offsets).await;
        self.metrics.commit_sync_time.add_since(began);
        result
    }

    async fn commit_now(&mut self, offsets: Offsets) -> Result<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        let committed = commit_until_done(&self.core, &self.metrics, &self.committer()?, &offsets).await;
        let overtaken = [ErrorCode::IllegalGeneration, ErrorCode::RebalanceInProgress];
        match (committed, &mut self.membership) {
            (Err(error), Some(membership)) if error.code().is_some_and(|code| overtaken.contains(&code)) => {
                if !membership.settle().await {
                    return Err(error);
                }
                commit_until_done(&self.core, &self.metrics, &self.committer()?, &offsets).await?;
            }
            (committed, _) => committed?,
        }
        self.interceptors.iter().for_each(|interceptor| interceptor.on_commit(&offsets));
        Ok(())
    }

    /// Commits where all partitions stand, in the background, instead of one of this call that still waits for its turn; a
    /// failure is only logged.
    pub fn commit_in_background(&mut self) -> Result<()> {
        self.group()?;
        let (committer, offsets) = (self.committer(), self.standing());
        if !offsets.is_empty() {
            self.commits.push(committer, offsets, None);
        }
        Ok(())
    }

    /// Commits where all partitions stand, in the background, and calls `callback` with what became of it.
    ///
    /// Callbacks are called in the order of these calls, from within a later [`Consumer::poll`], commit or
    /// [`Consumer::close`], at the latest there. The commit is tried once: an error that
    /// [passes by itself](crate::ClientError::is_retriable) is told as well, since a later commit makes up for it.
    ///
    /// ```no_run
    /// # async fn example(mut consumer: moldau_client::Consumer) -> moldau_client::Result<()> {
    /// use std::time::Duration;
    ///
    /// let records = consumer.poll(Duration::from_secs(1)).await?;
    /// println!("{} records", records.len());
    /// consumer.commit_async(|offsets, result| match result {
    ///     Ok(()) => println!("committed {offsets:?}"),
    ///     Err(error) => eprintln!("{offsets:?}: {error}"),
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn commit_async(
        &mut self,
        callback: impl FnOnce(&Offsets, Result<()>) + Send + 'static,
    ) -> Result<()> {
        let offsets = self.standing();
        self.commit_offsets_async(offsets, callback)
    }

    /// As [`Consumer::commit_async`], these offsets.
    pub fn commit_offsets_async(
        &mut self,
        offsets: Offsets,
        callback: impl FnOnce(&Offsets, Result<()>) + Send + 'static,
    ) -> Result<()> {
        self.group()?;
        let committer = self.committer();
        self.commits.push(committer, offsets, Some(Box::new(callback)));
        Ok(())
    }

    /// Waits for what was to be committed in the background, and tells of it.
    pub(super) async fn finish_commits(&mut self) {
        while self.commits.are_pending() {
            self.commits.tell_next(&self.interceptors).await;
        }
    }

    pub(super) fn commits_automatically(&self) -> bool {
        self.config.auto_commit && self.config.group_id.is_some()
    }

    pub(super) async fn commit_automatically_now(&mut self) -> Result<()> {
        if self.commits_automatically() && self.may_commit() { self.commit().await } else { Ok(()) }
    }

    /// Starts the automatic commit that is due, unless others are under way.
    pub(super) fn commit_automatically_if_due(&mut self, now: Instant) -> Result<()> {
        if self.commits_automatically() && now >= self.next_auto_commit {
            self.next_auto_commit = now + self.config.auto_commit_interval;
            if !self.commits.are_pending() && self.may_commit() {
                self.commit_in_background()?;
            }
        }
        Ok(())
    }

    fn committer(&self) -> Result<Committer> {
        match &self.membership {
            Some(membership) => membership.committer().ok_or_else(|| membership.commit_error()),
            None => Ok(Committer::of_group(self.group()?)),
        }
    }

    /// Whether this consumer is joined, or is no member at all.
    pub(super) fn may_commit(&self) -> bool {
        self.membership.as_ref().is_none_or(|membership| membership.committer().is_some())
    }

    /// Where all partitions stand.
    pub(super) fn standing(&self) -> Offsets {
        let offset = |position: Position| OffsetAndMetadata {
            offset: position.offset,
            leader_epoch: position.leader_epoch,
            metadata: String::new(),
        };
        let given_out = |(partition, position): (&TopicPartition, Position)| {
            (partition.clone(), offset(self.unread_position(partition).unwrap_or(position)))
        };
        self.readings.positions().map(given_out).collect()
    }
}

/// Commits, again and again until it succeeds or fails for good.
async fn commit_until_done(
    core: &Core,
    metrics: &ConsumerMetrics,
    committer: &Committer,
    offsets: &Offsets,
) -> Result<()> {
    let attempt = |connection| measured(metrics, commit(connection, committer, offsets));
    at_coordinator(core, &committer.group, attempt).await
}

/// Commits, with one try.
async fn commit_once(
    core: &Core,
    metrics: &ConsumerMetrics,
    committer: &Committer,
    offsets: &Offsets,
) -> Result<()> {
    let node = core.group_coordinator(&committer.group).await?;
    let connection = core.node(node, Lane::Coordinator).await?;
    measured(metrics, commit(connection, committer, offsets)).await
}

async fn measured(metrics: &ConsumerMetrics, commit: impl Future<Output = Result<()>>) -> Result<()> {
    let began = Instant::now();
    let result = commit.await;
    if !matches!(&result, Err(error) if error.is_connection()) {
        note_since(&metrics.commit_latencies, began);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CommonConfig;

    /// The bug: while a broker did not answer, each automatic or unheard commit was kept, without a limit.
    #[tokio::test]
    async fn an_unheard_commit_takes_the_place_of_one_that_waits() {
        let config = CommonConfig::default();
        let core = Core::new(config.clone(), false).expect("a core");
        let mut commits = Commits::start(core, ConsumerMetrics::new(&config));
        let offsets = |offset: i64| Offsets::from([(TopicPartition::new("t", 0), offset.into())]);
        let refused = || Err(ClientError::Closed("consumer"));
        commits.push(refused(), offsets(1), None);
        commits.push(refused(), offsets(2), Some(Box::new(|_, _| ())));
        commits.push(refused(), offsets(3), None);
        commits.push(refused(), offsets(4), None);
        let wanted = [offsets(2), offsets(4)];
        assert!(commits.pending.iter().map(|pending| &pending.offsets).eq(&wanted));
        assert!(commits.queue.jobs.lock().0.iter().map(|job| &job.offsets).eq(&wanted));
        while commits.are_pending() {
            commits.tell_next(&[]).await;
        }
    }
}
