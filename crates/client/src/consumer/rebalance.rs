//! A consumer's part in a rebalance: what is committed, given up, taken up and told, and in which order.
//!
//! Always: what is given up was committed before, if `enable.auto.commit` is on and it still belongs to this member.

use tokio::time::Instant;

use super::metrics::note_since;
use super::{Consumer, TopicPartition, membership};
use crate::error::Result;

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
pub trait RebalanceListener: Send {
    /// These partitions will be read from now on.
    fn assigned(&mut self, partitions: &[TopicPartition]) {
        let _ = partitions;
    }

    /// These partitions are no longer read; their offsets were committed if `enable.auto.commit` is on.
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
                if let Err(error) = self.commit_automatically_now().await {
                    tracing::warn!(%error, "offsets were not committed before the rebalance");
                }
                let wanted = |partition: &TopicPartition| {
                    self.membership.as_ref().is_some_and(|membership| membership.wants(&partition.topic))
                };
                let (kept, unwanted): (Vec<_>, Vec<_>) = self.assignment().into_iter().partition(wanted);
                self.release(&kept, &unwanted);
                self.join(kept);
                Ok(())
            }
            membership::Change::Revoked => {
                if let Err(error) = self.commit_automatically_now().await {
                    tracing::warn!(%error, "offsets were not committed before the rebalance");
                }
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

    /// Takes up what a join gave. What a cooperative member read and is not given again goes to others: after a commit it
    /// is let go, and the member joins once more so that they can have it.
    async fn take_up(&mut self, partitions: &[TopicPartition]) {
        tracing::debug!(?partitions, "assigned");
        let before = self.assignment();
        let (kept, released): (Vec<_>, Vec<_>) =
            before.iter().cloned().partition(|partition| partitions.contains(partition));
        if !released.is_empty()
            && let Err(error) = self.commit_automatically_now().await
        {
            tracing::warn!(%error, "offsets were not committed before partitions were given up");
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
