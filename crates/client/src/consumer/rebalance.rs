//! A consumer's part in a rebalance: what is committed, given up, taken up and told, and in which order.
//!
//! Always: what is given up was committed before, if `enable.auto.commit` is on or the listener wants it, and it still belongs
//! to this member.

use tokio::time::Instant;

use super::metrics::note_since;
use super::state::Position;
use super::{Consumer, Offsets, TopicPartition, membership};
use crate::error::{ClientError, Result};

/// Hears what a group's rebalance gives and takes. Called from within [`Consumer::poll`].
///
/// ```no_run
/// use moldau_client::{Consumer, RebalanceListener, TopicPartition};
///
/// /// Says what comes and goes.
/// struct Watch;
///
/// impl RebalanceListener for Watch {
///     fn assigned(&mut self, partitions: &[TopicPartition]) {
///         partitions.iter().for_each(|partition| println!("+ {partition}"));
///     }
///     fn revoked(&mut self, partitions: &[TopicPartition]) {
///         partitions.iter().for_each(|partition| println!("- {partition}"));
///     }
/// }
///
/// # fn example(mut consumer: Consumer) -> moldau_client::Result<()> {
/// consumer.set_rebalance_listener(Watch);
/// consumer.subscribe(["flights"])
/// # }
/// ```
///
/// With `enable.auto.commit=false`, a listener can commit what was worked on before it goes to others:
///
/// ```
/// use moldau_client::RebalanceListener;
/// use moldau_client::consumer::Offsets;
///
/// struct CommitsInTime;
///
/// impl RebalanceListener for CommitsInTime {
///     fn revoking(&mut self, positions: &Offsets) -> Offsets {
///         // All that was polled was worked on.
///         positions.clone()
///     }
/// }
/// ```
pub trait RebalanceListener: Send {
    /// These partitions are about to be given up, and stand at these positions: after the last record that was given out.
    /// What this returns is committed, and waited for, before they are; a failure is logged. Called before
    /// [`RebalanceListener::revoked`], once more if the poll was cancelled that waited for the commit. Nothing is committed
    /// unless said otherwise.
    fn revoking(&mut self, positions: &Offsets) -> Offsets {
        let _ = positions;
        Offsets::new()
    }

    /// Where to begin with partitions that will be read from now on, called after [`RebalanceListener::assigned`]. Those
    /// that are left out begin at their committed offset; all, unless said otherwise.
    fn begin_at(&mut self, partitions: &[TopicPartition]) -> Offsets {
        let _ = partitions;
        Offsets::new()
    }

    /// These partitions will be read from now on.
    fn assigned(&mut self, partitions: &[TopicPartition]) {
        let _ = partitions;
    }

    /// These partitions are no longer read; their offsets were committed if `enable.auto.commit` is on, or those that
    /// [`RebalanceListener::revoking`] named.
    fn revoked(&mut self, partitions: &[TopicPartition]) {
        let _ = partitions;
    }

    /// These partitions already belong to somebody else; nothing can be committed for them.
    fn lost(&mut self, partitions: &[TopicPartition]) {
        self.revoked(partitions);
    }
}

impl Consumer {
    /// Takes up what the group has decided, and joins where that is due.
    pub(super) async fn rebalance(&mut self) -> Result<()> {
        let Some(membership) = &mut self.membership else { return Ok(()) };
        let change = match membership.next() {
            Ok(change) => change,
            Err(error) => {
                // Others may own the partitions by now.
                self.give_up(true);
                return Err(error);
            }
        };
        match change {
            membership::Change::None => Ok(()),
            membership::Change::Assigned(partitions) => {
                self.take_up(&partitions).await;
                Ok(())
            }
            membership::Change::Rejoin => {
                let wanted = |partition: &TopicPartition| {
                    self.membership.as_ref().is_some_and(|membership| membership.wants(&partition.topic))
                };
                let (kept, unwanted): (Vec<_>, Vec<_>) = self.assignment().into_iter().partition(wanted);
                self.commit_before(&unwanted).await;
                self.release(&kept, &unwanted);
                self.join(kept);
                Ok(())
            }
            membership::Change::Revoked => {
                self.commit_before(&self.assignment()).await;
                self.give_up(false);
                self.join(Vec::new());
                Ok(())
            }
            membership::Change::Lost => {
                self.give_up(true);
                self.join(Vec::new());
                Ok(())
            }
        }
    }

    fn join(&mut self, owned: Vec<TopicPartition>) {
        if let Some(membership) = &mut self.membership {
            membership.join(owned);
        }
    }

    /// Commits what is to be committed before these partitions are given up.
    async fn commit_before(&mut self, given_up: &[TopicPartition]) {
        if let Err(error) = self.commit_automatically_now().await {
            tracing::warn!(%error, "offsets were not committed before the rebalance");
        }
        if let Err(error) = self.commit_what_listener_wants(given_up).await {
            tracing::warn!(%error, "what the rebalance listener wanted was not committed");
        }
    }

    /// Has the listener say what to commit of these partitions, and commits it, within the time that a rebalance waits.
    pub(super) async fn commit_what_listener_wants(&mut self, given_up: &[TopicPartition]) -> Result<()> {
        if given_up.is_empty() || !self.may_commit() {
            return Ok(());
        }
        let mut positions = self.standing();
        let Some(listener) = &mut self.listener else { return Ok(()) };
        positions.retain(|partition, _| given_up.contains(partition));
        let offsets = listener.revoking(&positions);
        if offsets.is_empty() {
            return Ok(());
        }
        let allowed = self.config.max_poll_interval;
        let timed_out = |_| ClientError::TimedOut {
            what: "the commit before a rebalance".to_owned(),
            after: allowed,
            setting: "max.poll.interval.ms",
        };
        tokio::time::timeout(allowed, self.commit_offsets(offsets)).await.map_err(timed_out)?
    }

    /// Takes up what a join gave. What a cooperative member read and is not given again goes to others: after a commit it
    /// is let go, and the member joins once more so that they can have it.
    async fn take_up(&mut self, partitions: &[TopicPartition]) {
        tracing::debug!(?partitions, "assigned");
        let before = self.assignment();
        let (kept, released): (Vec<_>, Vec<_>) =
            before.iter().cloned().partition(|partition| partitions.contains(partition));
        if !released.is_empty() {
            self.commit_before(&released).await;
        }
        // From here on nothing is waited for: a cancelled poll has done all of it or none.
        if let Some(membership) = &mut self.membership {
            membership.taken_up();
        }
        self.release(&kept, &released);
        let added: Vec<_> =
            partitions.iter().filter(|partition| !before.contains(partition)).cloned().collect();
        self.readings.replace(partitions);
        self.metrics.fetches.forget_all_but(&self.readings);
        if let Some(listener) = &mut self.listener {
            let began = Instant::now();
            listener.assigned(&added);
            for (partition, offset) in listener.begin_at(&added) {
                let reading = self.readings.partitions.get_mut(&partition);
                let Some(reading) = reading.filter(|_| added.contains(&partition)) else { continue };
                reading.position = Ok(Position { offset: offset.offset, leader_epoch: offset.leader_epoch });
            }
            note_since(&self.metrics.assigned, began);
        }
        if !released.is_empty()
            && let Some(membership) = &mut self.membership
        {
            membership.join_after_release(partitions.to_vec());
        }
    }

    /// Reads only `kept` from now on and tells the listener that the others are gone.
    fn release(&mut self, kept: &[TopicPartition], released: &[TopicPartition]) {
        if released.is_empty() {
            return;
        }
        self.read_only(kept);
        if let Some(listener) = &mut self.listener {
            let began = Instant::now();
            listener.revoked(released);
            note_since(&self.metrics.revoked, began);
        }
    }

    pub(super) fn give_up(&mut self, lost: bool) {
        let partitions = self.assignment();
        self.read_only(&[]);
        if partitions.is_empty() {
            return;
        }
        if let Some(listener) = &mut self.listener {
            let began = Instant::now();
            if lost {
                listener.lost(&partitions)
            } else {
                listener.revoked(&partitions)
            }
            note_since(if lost { &self.metrics.lost } else { &self.metrics.revoked }, began);
        }
    }
}
