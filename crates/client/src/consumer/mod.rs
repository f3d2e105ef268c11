//! The consumer: partitions assigned by hand or by a group, positions, fetches in the background, commits.
//!
//! Always: work that takes several requests (joining, finding positions, fetching) runs as tasks whose results the next
//! [`Consumer::poll`] takes up, so a poll that is cancelled loses nothing. Records come in the order of their partition.
//! The consumer protocol of KIP-848 has its place here later.

mod builder;
mod close;
mod commits;
mod fetch_metrics;
mod fetcher;
pub(crate) mod group;
mod interceptor;
pub(crate) mod lookup;
mod membership;
pub(crate) mod metrics;
mod parse;
#[cfg(feature = "regex")]
mod pattern;
mod position;
mod positions;
mod rebalance;
mod record;
mod session;
mod state;
mod stream;
mod truncation;
mod wakeup;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

pub use builder::ConsumerBuilder;
pub use close::{CloseOptions, Leave};
pub use interceptor::ConsumerInterceptor;
pub use membership::GroupMetadata;
pub use rebalance::RebalanceListener;
pub use record::{ConsumerRecord, FoundOffset, OffsetAndMetadata, OffsetSpec, TimestampType, TopicPartition};

use crate::config::{AutoOffsetReset, ConsumerConfig};
use crate::error::{ClientError, Result};
use crate::metadata::{Cluster, Core};
use crate::metrics::Metric;
use commits::Commits;
use fetcher::Fetcher;
use lookup::Committer;
use membership::Membership;
use metrics::ConsumerMetrics;
use position::Finder;
use state::{Need, Position, Reading, Readings};
use truncation::{Checked, Verdict};
pub use wakeup::Wakeup;

/// Offsets by partition.
pub type Offsets = BTreeMap<TopicPartition, OffsetAndMetadata>;

/// Reads records, from partitions that are assigned by hand or by a group.
///
/// ```no_run
/// use std::time::Duration;
/// use moldau_client::{Consumer, ConsumerConfig};
///
/// # async fn example() -> moldau_client::Result<()> {
/// let mut consumer = Consumer::connect(ConsumerConfig::from_pairs([
///     ("bootstrap.servers", "127.0.0.1:9092"),
///     ("group.id", "boards"),
///     ("enable.auto.commit", "false"),
/// ])?)
/// .await?;
/// consumer.subscribe(["flights"])?;
/// for record in consumer.poll(Duration::from_secs(1)).await? {
///     println!("{}-{}@{}", record.topic, record.partition, record.offset);
/// }
/// consumer.commit().await?;
/// consumer.close().await
/// # }
/// ```
pub struct Consumer {
    core: Arc<Core>,
    config: Arc<ConsumerConfig>,
    readings: Readings,
    fetcher: Fetcher,
    membership: Option<Membership>,
    listener: Option<Box<dyn RebalanceListener>>,
    interceptors: Vec<Box<dyn ConsumerInterceptor>>,
    metrics: Arc<ConsumerMetrics>,
    finder: Finder,
    checking: Option<JoinHandle<Result<Checked>>>,
    refreshing: Option<JoinHandle<Result<Arc<Cluster>>>>,
    commits: Commits,
    next_refresh: Instant,
    next_auto_commit: Instant,
    /// Records that a poll gave to a stream and the stream has not given out.
    unread: VecDeque<ConsumerRecord>,
    wakeup: Wakeup,
    #[cfg(feature = "regex")]
    pattern: Option<pattern::Pattern>,
}

impl Consumer {
    /// A consumer; connections are made when they are needed. Must be called within a tokio runtime.
    pub fn new(config: ConsumerConfig) -> Result<Self> {
        config.validate()?;
        membership::assignors(&config)?;
        let core = Core::new(config.common.clone(), config.allow_auto_create_topics)?;
        let config = Arc::new(config);
        let metrics = ConsumerMetrics::new(&config.common);
        Ok(Self {
            fetcher: Fetcher::new(core.clone(), config.clone(), metrics.clone()),
            finder: Finder::new(core.clone(), config.clone()),
            commits: Commits::start(core.clone(), metrics.clone()),
            interceptors: Vec::new(),
            metrics,
            readings: Readings::default(),
            membership: None,
            listener: None,
            checking: None,
            refreshing: None,
            next_refresh: Instant::now(),
            next_auto_commit: Instant::now() + config.auto_commit_interval,
            unread: VecDeque::new(),
            wakeup: Wakeup::default(),
            #[cfg(feature = "regex")]
            pattern: None,
            core,
            config,
        })
    }

    /// As [`Consumer::new`], but fails at once when none of the bootstrap addresses answers.
    pub async fn connect(config: ConsumerConfig) -> Result<Self> {
        let consumer = Self::new(config)?;
        consumer.core.refresh().await?;
        Ok(consumer)
    }

    /// Sets who hears of rebalances.
    pub fn set_rebalance_listener(&mut self, listener: impl RebalanceListener + 'static) {
        self.listener = Some(Box::new(listener));
    }

    /// Reads topics as a member of the group `group.id`, which shares out their partitions. The group is joined by polling.
    pub fn subscribe<T: Into<String>>(&mut self, topics: impl IntoIterator<Item = T>) -> Result<()> {
        let Some(group) = self.config.group_id.clone() else {
            return Err(ClientError::Usage(
                "subscribe needs group.id; to read without a group use assign".to_owned(),
            ));
        };
        #[cfg(feature = "regex")]
        {
            self.pattern = None;
        }
        let topics: BTreeSet<String> = topics.into_iter().map(Into::into).collect();
        self.core.want_no_more_than(&topics);
        self.subscribe_to(group, topics)
    }

    fn subscribe_to(&mut self, group: String, topics: BTreeSet<String>) -> Result<()> {
        let topics: Vec<String> = topics.into_iter().collect();
        match &mut self.membership {
            Some(membership) => membership.set_topics(topics),
            None => {
                self.read_only(&[]);
                let (core, config) = (self.core.clone(), self.config.clone());
                let membership = Membership::new(core, config, group, topics, self.metrics.clone())?;
                self.membership = Some(membership);
            }
        }
        Ok(())
    }

    /// Reads these partitions from now on, those that were read already from where they stand.
    fn read_only(&mut self, partitions: &[TopicPartition]) {
        self.readings.replace(partitions);
        self.fetcher.forget_all_but(&self.readings);
        let readings = &self.readings.partitions;
        self.unread.retain(|record| readings.contains_key(&record.topic_partition()));
    }

    /// The topics that are subscribed to, by name or because they match the pattern.
    pub fn subscription(&self) -> Vec<String> {
        self.membership.as_ref().map(|membership| membership.topics().to_vec()).unwrap_or_default()
    }

    /// The partitions that are paused.
    pub fn paused(&self) -> Vec<TopicPartition> {
        let paused = self.readings.partitions.iter().filter(|(_, reading)| reading.paused);
        paused.map(|(partition, _)| partition.clone()).collect()
    }

    /// Reads these partitions, without a group's share-out. Offsets can still be committed under `group.id`.
    pub fn assign(&mut self, partitions: impl IntoIterator<Item = TopicPartition>) -> Result<()> {
        if self.membership.is_some() {
            return Err(ClientError::Usage(
                "this consumer is subscribed; unsubscribe before assign".to_owned(),
            ));
        }
        self.read_only(&partitions.into_iter().collect::<Vec<_>>());
        Ok(())
    }

    /// Reads nothing any more; a member leaves its group, after a commit if `enable.auto.commit` is on.
    pub async fn unsubscribe(&mut self) -> Result<()> {
        let mut result = Ok(());
        if self.membership.is_some() {
            result = self.commit_automatically_now().await;
            result = result.and(self.commit_what_listener_wants(&self.assignment()).await);
        }
        if let Some(membership) = self.membership.take() {
            self.give_up(false);
            membership.leave("unsubscribed").await;
        }
        #[cfg(feature = "regex")]
        {
            self.pattern = None;
        }
        self.core.want_no_more_than(&BTreeSet::new());
        self.read_only(&[]);
        result
    }

    /// The partitions that are read.
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.readings.partitions.keys().cloned().collect()
    }

    /// The member id in the group, while it is joined: not yet before the first join, not during a rebalance.
    pub fn member_id(&self) -> Option<&str> {
        self.membership.as_ref().and_then(Membership::member_id)
    }

    /// The group with this consumer's place in it, as a producer needs it for transactions and as brokers know it.
    pub fn group_metadata(&self) -> Result<GroupMetadata> {
        Ok(match self.membership.as_ref().and_then(Membership::committer) {
            Some(committer) => committer.into(),
            None => GroupMetadata {
                group_instance_id: self.config.group_instance_id.clone(),
                ..Committer::of_group(self.group()?).into()
            },
        })
    }

    /// Has the group share out its partitions anew, for a reason that only the caller knows; the next poll begins it.
    pub fn enforce_rebalance(&mut self, reason: &str) -> Result<()> {
        match &mut self.membership {
            Some(membership) => membership.enforce(reason),
            None => {
                return Err(ClientError::Usage(
                    "enforce_rebalance needs a subscription: there is no group whose partitions are shared out"
                        .to_owned(),
                ));
            }
        }
        Ok(())
    }

    /// What wakes this consumer up from another task: see [`Wakeup`].
    pub fn wakeup(&self) -> Wakeup {
        self.wakeup.clone()
    }

    fn reading(&mut self, partition: &TopicPartition) -> Result<&mut Reading> {
        self.readings.partitions.get_mut(partition).ok_or_else(|| {
            ClientError::Usage(format!("{partition} is not among the partitions this consumer reads"))
        })
    }

    /// Gives no more records of these partitions until they are resumed.
    pub fn pause<'a>(&mut self, partitions: impl IntoIterator<Item = &'a TopicPartition>) -> Result<()> {
        partitions
            .into_iter()
            .try_for_each(|partition| self.reading(partition).map(|reading| reading.paused = true))
    }

    /// Goes on with partitions that were paused.
    pub fn resume<'a>(&mut self, partitions: impl IntoIterator<Item = &'a TopicPartition>) -> Result<()> {
        partitions
            .into_iter()
            .try_for_each(|partition| self.reading(partition).map(|reading| reading.paused = false))
    }

    /// What the consumer has counted and measured, under Kafka's names: `consumer-metrics`,
    /// `consumer-fetch-manager-metrics` and `consumer-coordinator-metrics`.
    pub fn metrics(&self) -> Vec<Metric> {
        self.metrics.read(&self.readings, self.core.connection_metrics())
    }

    fn group(&self) -> Result<&str> {
        let group = self.config.group_id.as_deref();
        group.ok_or_else(|| ClientError::Usage("committed offsets need group.id".to_owned()))
    }

    /// Where a partition stands of which a stream still has records to give out.
    fn unread_position(&self, partition: &TopicPartition) -> Option<Position> {
        let of_partition = |record: &&ConsumerRecord| {
            record.partition == partition.partition && record.topic == partition.topic
        };
        let first = self.unread.iter().find(of_partition)?;
        Some(Position { offset: first.offset, leader_epoch: None })
    }

    /// What a stream has not given out, but for partitions that are paused.
    fn take_unread(&mut self) -> Vec<ConsumerRecord> {
        let (held, given): (VecDeque<_>, VecDeque<_>) =
            self.unread.drain(..).partition(|record| self.readings.is_paused(record));
        self.unread = held;
        given.into()
    }

    fn drop_unread(&mut self, partition: &TopicPartition) {
        self.unread.retain(|record| record.topic_partition() != *partition);
    }

    /// Gives the next records, at least one, or none when `timeout` is over or interceptors left all of them out.
    pub async fn poll(&mut self, timeout: Duration) -> Result<Vec<ConsumerRecord>> {
        self.wakeup.check()?;
        let unread = self.take_unread();
        if !unread.is_empty() {
            return Ok(unread);
        }
        let poll = self.metrics.poll_begins();
        let records = self.poll_until(Instant::now() + timeout).await;
        self.metrics.poll_ends(poll);
        let records = records?;
        if records.is_empty() {
            return Ok(records);
        }
        Ok(self.interceptors.iter().fold(records, |records, interceptor| interceptor.on_consume(records)))
    }

    async fn poll_until(&mut self, deadline: Instant) -> Result<Vec<ConsumerRecord>> {
        loop {
            self.step().await?;
            self.fetcher.work_in_ready(&mut self.readings)?;
            let records = self.fetcher.take(&mut self.readings, self.config.max_poll_records)?;
            self.fetcher.start(&mut self.readings);
            if !records.is_empty() {
                return Ok(records);
            }
            if Instant::now() >= deadline {
                return Ok(Vec::new());
            }
            self.progress(deadline).await?;
        }
    }

    /// Waits until something has happened that a step can work with.
    async fn progress(&mut self, deadline: Instant) -> Result<()> {
        let mut until = deadline;
        if self.commits_automatically() {
            until = until.min(self.next_auto_commit);
        }
        let missing = self.membership.as_mut().is_some_and(|membership| membership.missing_topics() > 0);
        if (self.fetcher.metadata_wanted || missing) && self.refreshing.is_none() {
            until = until.min(self.next_refresh);
        }
        for at in [self.fetcher.next_start(&self.readings), self.finder.next_start()].into_iter().flatten() {
            until = until.min(at);
        }
        tokio::select! {
            result = self.fetcher.answered(&mut self.readings) => result?,
            found = self.finder.answered() => self.finder.take_up(found, &mut self.readings)?,
            checked = finished(&mut self.checking) => self.take_up_checked(checked?)?,
            refreshed = finished(&mut self.refreshing) => self.take_up_metadata(refreshed)?,
            () = self.commits.tell_next(&self.interceptors) => {}
            () = changed(&mut self.membership) => {}
            () = self.wakeup.woken() => self.wakeup.check()?,
            () = sleep_until(until) => {}
        }
        Ok(())
    }

    /// Does what can be done now without waiting for data.
    async fn step(&mut self) -> Result<()> {
        #[cfg(feature = "regex")]
        self.match_topics()?;
        self.rebalance().await?;
        let now = Instant::now();
        self.commits.tell_ready(&self.interceptors);
        self.commit_automatically_if_due(now)?;
        self.start_finding()?;
        self.start_checking();
        self.refresh_if_due(now);
        Ok(())
    }

    fn refresh_if_due(&mut self, now: Instant) {
        let missing = self.membership.as_mut().map_or(0, Membership::missing_topics);
        if self.refreshing.is_some()
            || now < self.next_refresh
            || !(self.fetcher.metadata_wanted || missing > 0 || self.core.is_stale())
        {
            return;
        }
        self.fetcher.metadata_wanted = false;
        self.next_refresh = now + self.config.common.retry_pause(missing.saturating_sub(1));
        let topics: BTreeSet<Arc<str>> = self.readings.partitions.keys().map(|p| p.topic.clone()).collect();
        let core = self.core.clone();
        self.refreshing = Some(tokio::spawn(async move {
            core.want(&topics.iter().map(|topic| &**topic).collect::<Vec<_>>());
            core.refresh().await
        }));
    }

    /// The error is one that does not pass by itself.
    fn take_up_metadata(&mut self, refreshed: Result<Arc<Cluster>>) -> Result<()> {
        let Err(error) = refreshed else { return Ok(()) };
        self.fetcher.metadata_wanted = true;
        if !error.is_retriable() {
            return Err(error);
        }
        tracing::warn!(%error, "metadata can't be read");
        Ok(())
    }

    /// Waits until something is known by which positions are found.
    async fn progress_of_finding(&mut self, deadline: Instant) -> Result<()> {
        self.start_finding()?;
        self.refresh_if_due(Instant::now());
        let mut until = self.finder.next_start().map_or(deadline, |at| at.min(deadline));
        if self.fetcher.metadata_wanted && self.refreshing.is_none() {
            until = until.min(self.next_refresh);
        }
        tokio::select! {
            found = self.finder.answered() => self.finder.take_up(found, &mut self.readings)?,
            refreshed = finished(&mut self.refreshing) => self.take_up_metadata(refreshed)?,
            () = sleep_until(until) => {}
        }
        Ok(())
    }

    fn start_finding(&mut self) -> Result<()> {
        let started = self.finder.start(&self.readings);
        self.fetcher.metadata_wanted |= std::mem::take(&mut self.finder.metadata_wanted);
        started
    }

    /// Has positions checked whose partitions have a new leader.
    fn start_checking(&mut self) {
        if self.checking.is_some() {
            return;
        }
        let doubts = truncation::doubts(&self.readings, &self.core.cluster());
        if !doubts.is_empty() {
            let core = self.core.clone();
            self.checking = Some(tokio::spawn(async move {
                let checked = truncation::check(core.clone(), doubts).await;
                if checked.iter().any(|(.., end)| end.is_err()) {
                    tokio::time::sleep(core.config().retry_backoff).await;
                }
                Ok(checked)
            }));
        }
    }

    /// Works in what new leaders say of positions: a position that was cut off goes back to where the logs part, unless
    /// `auto.offset.reset=none`.
    fn take_up_checked(&mut self, checked: Checked) -> Result<()> {
        let may_reset = self.config.auto_offset_reset != AutoOffsetReset::None;
        let mut result = Ok(());
        for (partition, doubt, end) in checked {
            let Some(reading) = self.readings.partitions.get_mut(&partition) else { continue };
            if reading.position != Ok(doubt.position) {
                continue;
            }
            let verdict = match end {
                Ok(end) => truncation::judge(doubt.position, end),
                Err(ClientError::Unsupported { .. }) => Verdict::Valid,
                Err(error) if error.is_retriable() => {
                    tracing::debug!(%partition, %error, "the position is not checked yet");
                    self.fetcher.metadata_wanted = true;
                    continue;
                }
                Err(error) => {
                    result = result.and(Err(error));
                    continue;
                }
            };
            let diverged_at = match verdict {
                Verdict::Valid => {
                    reading.checked_in = Some(doubt.leader_epoch);
                    continue;
                }
                Verdict::Diverged(position) => Some(position),
                Verdict::Unknown => None,
            };
            let offset = doubt.position.offset;
            tracing::warn!(%partition, offset, ?diverged_at, "the log was cut before the position");
            if may_reset {
                reading.checked_in = Some(doubt.leader_epoch);
                reading.position = diverged_at.ok_or(Need::Reset);
            } else {
                let diverged_at = diverged_at.map(|position| position.offset);
                let partition = partition.to_string();
                result = result.and(Err(ClientError::LogTruncated { partition, offset, diverged_at }));
            }
        }
        result
    }
}

/// The result of a task; pends while there is none. Cancelling this loses nothing.
pub(super) async fn finished<T, F>(task: &mut Option<F>) -> Result<T>
where
    F: Future<Output = std::result::Result<Result<T>, tokio::task::JoinError>> + Unpin,
{
    let Some(running) = task else { return std::future::pending().await };
    let result = running.await;
    *task = None;
    result.unwrap_or(Err(ClientError::Closed("consumer")))
}

async fn changed(membership: &mut Option<Membership>) {
    match membership {
        Some(membership) => membership.changed().await,
        None => std::future::pending().await,
    }
}
