//! One consumer's membership in its group: joined, joining, or about to.
//!
//! Always: while a join is under way the member owns nothing, unless all its assignors are cooperative. The task that joins
//! goes on when nobody polls, and its result waits for the next poll, and for those after it until one has taken it up.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use moldau_types::ErrorCode;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Leave;
use super::group::Previous;
use super::group::assignor::Assignor;
use super::group::heartbeat::{Heartbeat, Notice, leave};
use super::group::join::{Join, Joined, MemberId};
use super::lookup::Committer;
use super::metrics::ConsumerMetrics;
use super::record::TopicPartition;
use crate::config::{ConfigError, ConsumerConfig};
use crate::error::{ClientError, Result};
use crate::metadata::{Cluster, Core};

/// A group with a member's place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupMetadata {
    /// The group.
    pub group_id: String,
    /// The generation, −1 outside the membership.
    pub generation_id: i32,
    /// The member id, empty outside the membership.
    pub member_id: String,
    /// The name of a static member.
    pub group_instance_id: Option<String>,
}

impl From<Committer> for GroupMetadata {
    fn from(committer: Committer) -> Self {
        Self {
            group_id: committer.group,
            generation_id: committer.generation,
            member_id: committer.member_id,
            group_instance_id: committer.instance_id,
        }
    }
}

/// How long a commit waits for a rebalance to end that has overtaken it.
const SETTLE: Duration = Duration::from_secs(5);

/// The assignors that `partition.assignment.strategy` names.
pub(super) fn assignors(config: &ConsumerConfig) -> Result<Vec<Assignor>> {
    let invalid = |why: &str| {
        ClientError::Config(ConfigError::Invalid {
            key: "partition.assignment.strategy".to_owned(),
            value: config.assignment_strategy.join(","),
            why: why.to_owned(),
        })
    };
    if config.assignment_strategy.is_empty() {
        return Err(invalid("must name at least one of range, roundrobin, sticky and cooperative-sticky"));
    }
    config
        .assignment_strategy
        .iter()
        .map(|name| {
            Assignor::named(name).ok_or_else(|| {
                invalid("must be range, roundrobin, sticky or cooperative-sticky, or their Java classes")
            })
        })
        .collect()
}

/// What happened to the membership.
pub(super) enum Change {
    /// Nothing.
    None,
    /// A join was completed; said again until [`Membership::taken_up`].
    Assigned(Vec<TopicPartition>),
    /// The group rebalances: commit, give up what is owned, then [`Membership::join`].
    Revoked,
    /// The group rebalances: commit and [`Membership::join`]; what is owned stays until the join is completed.
    Rejoin,
    /// The membership was lost: give up what was owned, then [`Membership::join`].
    Lost,
}

/// A join under way. Dropping it ends the task.
struct Joining {
    task: JoinHandle<()>,
    answer: oneshot::Receiver<Result<Joined>>,
    result: Option<Result<Joined>>,
}

impl Joining {
    fn start(join: Join) -> Self {
        let (sender, answer) = oneshot::channel();
        let task = tokio::spawn(async move {
            let _ = sender.send(join.run().await);
        });
        Self { task, answer, result: None }
    }

    /// Waits for the result and keeps it; cancelling this loses nothing.
    async fn finish(&mut self) {
        if self.result.is_none() {
            let result = (&mut self.answer).await;
            self.result = Some(result.unwrap_or(Err(ClientError::Closed("consumer"))));
        }
    }

    fn take(&mut self) -> Option<Result<Joined>> {
        self.result.take().or_else(|| self.answer.try_recv().ok())
    }
}

impl Drop for Joining {
    fn drop(&mut self) {
        self.task.abort();
    }
}

enum State {
    /// Not joined, and not about to: it failed, for this reason, or has left.
    Out(Option<ClientError>),
    Joining {
        joining: Joining,
        /// Who still commits for the partitions that a cooperative member goes on with.
        before: Option<Committer>,
    },
    In {
        joined: Joined,
        heartbeat: Heartbeat,
        /// The consumer reads what was assigned.
        taken_up: bool,
    },
}

/// Whether topics that are wanted are not there yet. Until they are, metadata is read again and again: the group's leader
/// can share out only what it knows of.
#[derive(Default)]
struct Missing {
    looked_at: Option<Arc<Cluster>>,
    rounds: u32,
}

impl Missing {
    fn look(&mut self, cluster: Arc<Cluster>, topics: &[String]) -> u32 {
        if !self.looked_at.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, &cluster)) {
            let is_missing =
                |name: &String| cluster.topic(name).is_none_or(|topic| topic.error.is_retriable());
            self.rounds = if topics.iter().any(is_missing) { self.rounds.saturating_add(1) } else { 0 };
            self.looked_at = Some(cluster);
        }
        self.rounds
    }
}

pub(super) struct Membership {
    core: Arc<Core>,
    config: Arc<ConsumerConfig>,
    group: String,
    topics: Vec<String>,
    assignors: Vec<Assignor>,
    member_id: MemberId,
    topics_changed: bool,
    missing: Missing,
    /// Why the caller wants a rebalance.
    enforced: Option<String>,
    /// What the last join gave.
    previous: Previous,
    state: State,
    reason: Cow<'static, str>,
    metrics: Arc<ConsumerMetrics>,
}

impl Membership {
    pub(super) fn new(
        core: Arc<Core>,
        config: Arc<ConsumerConfig>,
        group: String,
        topics: Vec<String>,
        metrics: Arc<ConsumerMetrics>,
    ) -> Result<Self> {
        let assignors = assignors(&config)?;
        let mut membership = Self {
            core,
            config,
            group,
            topics,
            assignors,
            member_id: MemberId::default(),
            topics_changed: false,
            missing: Missing::default(),
            enforced: None,
            previous: Previous::default(),
            state: State::Out(None),
            reason: "".into(),
            metrics,
        };
        membership.join(Vec::new());
        Ok(membership)
    }

    /// Wants other topics from now on.
    pub(super) fn set_topics(&mut self, topics: Vec<String>) {
        if self.topics != topics {
            self.topics = topics;
            self.topics_changed = true;
            self.missing = Missing::default();
        }
    }

    /// Wants the group to rebalance.
    pub(super) fn enforce(&mut self, reason: &str) {
        let reason = if reason.is_empty() { "rebalance enforced by user" } else { reason };
        self.enforced = Some(reason.to_owned());
    }

    /// The topics that are wanted.
    pub(super) fn topics(&self) -> &[String] {
        &self.topics
    }

    /// How often in a row metadata had not all topics that are wanted; 0 when they are there.
    pub(super) fn missing_topics(&mut self) -> u32 {
        self.missing.look(self.core.cluster(), &self.topics)
    }

    /// The member id, while joined.
    pub(super) fn member_id(&self) -> Option<&str> {
        match &self.state {
            State::In { joined, .. } => Some(&joined.member_id),
            _ => None,
        }
    }

    /// Whether partitions are kept while the group rebalances.
    fn is_cooperative(&self) -> bool {
        self.assignors.iter().all(|assignor| assignor.is_cooperative())
    }

    /// Whether the topic is subscribed to.
    pub(super) fn wants(&self, topic: &str) -> bool {
        self.topics.iter().any(|wanted| wanted == topic)
    }

    /// Who commits, while there is something to commit for.
    pub(super) fn committer(&self) -> Option<Committer> {
        match &self.state {
            State::In { joined, .. } => Some(self.committer_of(joined)),
            State::Joining { before, .. } => before.clone(),
            State::Out(_) => None,
        }
    }

    /// Why nothing can be committed now: whoever commits outside the membership would overwrite what the members commit.
    pub(super) fn commit_error(&self) -> ClientError {
        match &self.state {
            State::Out(failure) => ClientError::CommitFailed {
                group: self.group.clone(),
                why: failure.as_ref().map(ToString::to_string).unwrap_or_default(),
            },
            _ => ClientError::server(
                format!("commit for group {}", self.group),
                ErrorCode::RebalanceInProgress,
                Some("the member is joining; poll until it has partitions, then commit".to_owned()),
            ),
        }
    }

    fn committer_of(&self, joined: &Joined) -> Committer {
        Committer {
            group: self.group.clone(),
            generation: joined.generation,
            member_id: joined.member_id.clone(),
            instance_id: self.config.group_instance_id.clone(),
        }
    }

    /// Starts joining again since some partitions were given up: now others can have them.
    pub(super) fn join_after_release(&mut self, owned: Vec<TopicPartition>) {
        self.reason = "partitions were given up for others".into();
        self.join(owned);
    }

    /// Starts joining; `owned` is what the member goes on with meanwhile.
    pub(super) fn join(&mut self, owned: Vec<TopicPartition>) {
        self.topics_changed = false;
        self.enforced = None;
        let before = self.committer().filter(|_| !owned.is_empty());
        self.core.want(&self.topics.iter().map(String::as_str).collect::<Vec<_>>());
        let join = Join {
            core: self.core.clone(),
            config: self.config.clone(),
            group: self.group.clone(),
            member_id: self.member_id.clone(),
            topics: self.topics.clone(),
            assignors: self.assignors.clone(),
            owned,
            previous: self.previous.clone(),
            reason: self.reason.clone(),
            metrics: self.metrics.clone(),
        };
        self.state = State::Joining { joining: Joining::start(join), before };
    }

    /// Waits, not for long, until the join of a member that goes on with its partitions is completed, so that it can commit
    /// with the generation that the group has by now. False if there is no such join, or it goes on.
    pub(super) async fn settle(&mut self) -> bool {
        let State::Joining { joining, before: Some(_) } = &mut self.state else { return false };
        if tokio::time::timeout(SETTLE, joining.finish()).await.is_err() {
            return false;
        }
        let Some(Ok(joined)) = joining.result.clone() else { return false };
        let committer = self.committer_of(&joined);
        if let State::Joining { before, .. } = &mut self.state {
            *before = Some(committer);
        }
        true
    }

    /// Waits until [`Membership::next`] has something to say.
    pub(super) async fn changed(&mut self) {
        match &mut self.state {
            State::In { heartbeat, .. } => heartbeat.pulse.noticed().await,
            State::Joining { joining, .. } => joining.finish().await,
            // The next poll joins again, or says once more why not.
            State::Out(Some(_)) => {}
            State::Out(None) => std::future::pending().await,
        }
    }

    /// The assignment is read from now on. A poll that is cancelled before leaves it to the next one.
    pub(super) fn taken_up(&mut self) {
        if let State::In { taken_up, .. } = &mut self.state {
            *taken_up = true;
        }
    }

    /// The membership ends with this error; the caller gives up what it owned.
    fn fail<T>(&mut self, error: ClientError) -> Result<T> {
        self.state = State::Out(Some(error.clone()));
        Err(error)
    }

    /// The owner has polled; whether [`Membership::next`] has something to say of the group.
    pub(super) fn note_poll(&mut self) -> bool {
        match &self.state {
            State::In { heartbeat, taken_up, .. } => {
                heartbeat.pulse.polled();
                !taken_up || heartbeat.pulse.has_notice()
            }
            State::Joining { joining, .. } => joining.result.is_some() || joining.task.is_finished(),
            State::Out(_) => false,
        }
    }

    /// What happened since the last call. Never waits for the group. After an error nothing is owned any more: where another
    /// has taken this member's place, or a right is missing, the error is said again each time; after any other the member
    /// joins anew.
    pub(super) fn next(&mut self) -> Result<Change> {
        match &mut self.state {
            State::Out(None) => Ok(Change::None),
            State::Out(Some(error)) if error.is_fenced() => Err(error.clone()),
            State::Out(Some(_)) => {
                self.reason = "joining failed before".into();
                Ok(Change::Lost)
            }
            State::Joining { joining, .. } => {
                let Some(result) = joining.take() else { return Ok(Change::None) };
                let joined = match result {
                    Ok(joined) => joined,
                    Err(error) => {
                        let went_on = matches!(self.state, State::Joining { before: Some(_), .. });
                        return match error.code() {
                            Some(ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration) if went_on => {
                                self.state = State::Out(None);
                                self.reason = "the membership was lost".into();
                                Ok(Change::Lost)
                            }
                            _ => self.fail(error),
                        };
                    }
                };
                let assigned = joined.assigned.clone();
                self.previous = Previous { partitions: assigned.clone(), generation: joined.generation };
                self.state = State::In { heartbeat: self.heartbeat(&joined), joined, taken_up: false };
                Ok(Change::Assigned(assigned))
            }
            State::In { joined, heartbeat, taken_up: false } => {
                heartbeat.pulse.polled();
                Ok(Change::Assigned(joined.assigned.clone()))
            }
            State::In { joined, heartbeat, taken_up: true } => {
                heartbeat.pulse.polled();
                match heartbeat.pulse.take() {
                    Some(Notice::Failed(error)) => return self.fail(error),
                    Some(Notice::Lost) => {
                        self.member_id.set("");
                        self.reason = "the membership was lost".into();
                        return Ok(Change::Lost);
                    }
                    Some(Notice::Rebalance) => {
                        self.reason = "the group rebalances".into();
                        return Ok(self.rejoin());
                    }
                    None => {}
                }
                if self.topics_changed {
                    self.reason = "the subscription changed".into();
                    return Ok(self.rejoin());
                }
                if let Some(reason) = self.enforced.take() {
                    self.reason = reason.into();
                    return Ok(self.rejoin());
                }
                if let Some(counts) = &joined.counts {
                    let cluster = self.core.cluster();
                    let now = |topic: &String| cluster.topic(topic).map_or(0, |topic| topic.partitions.len());
                    if counts.iter().any(|(topic, count)| now(topic) != *count) {
                        self.reason = "the number of partitions changed".into();
                        return Ok(self.rejoin());
                    }
                }
                Ok(Change::None)
            }
        }
    }

    fn rejoin(&self) -> Change {
        if self.is_cooperative() { Change::Rejoin } else { Change::Revoked }
    }

    fn heartbeat(&self, joined: &Joined) -> Heartbeat {
        let member = self.committer_of(joined);
        Heartbeat::start(
            self.core.clone(),
            joined.coordinator,
            member,
            self.config.heartbeat_interval,
            self.config.max_poll_interval,
            self.metrics.clone(),
        )
    }

    /// Leaves the group; static members stay, so that they can come back without a rebalance.
    pub(super) async fn leave(self, reason: &str) {
        self.leave_as(reason, Leave::ByKind).await;
    }

    /// Leaves the group if that is wanted of such a member.
    pub(super) async fn leave_as(mut self, reason: &str, leave_it: Leave) {
        let instance_id = self.config.group_instance_id.clone();
        if leave_it == Leave::Never || (leave_it == Leave::ByKind && instance_id.is_some()) {
            return;
        }
        let member_id = self.member_id.get();
        let coordinator = match std::mem::replace(&mut self.state, State::Out(None)) {
            State::In { joined, .. } => Ok(joined.coordinator),
            _ if member_id.is_empty() => return,
            _ => self.core.group_coordinator(&self.group).await,
        };
        let member = Committer { group: self.group.clone(), generation: -1, member_id, instance_id };
        let left = match coordinator {
            Ok(coordinator) => leave(&self.core, coordinator, &member, reason).await,
            Err(error) => Err(error),
        };
        if let Err(error) = left {
            tracing::debug!(group = member.group, %error, "leaving");
        }
    }
}
