//! Which topics and partitions a command is about.

use moldau_client::{Admin, Partition};

use crate::args::topic::TopicFilterArgs;
use crate::failure::Failure;
use crate::pattern::Pattern;

/// The names of the topics that match, in order; that there is none is a failure unless it may be.
pub(crate) async fn names_matching(
    admin: &Admin,
    pattern: &Pattern,
    internal: bool,
    may_be_none: bool,
) -> Result<Vec<String>, Failure> {
    let names: Vec<String> = admin
        .list_topics(internal)
        .await?
        .into_iter()
        .filter(|topic| pattern.matches(&topic.name))
        .map(|topic| topic.name.to_string())
        .collect();
    if names.is_empty() && !may_be_none {
        return Err(Failure::said_no(format!(
            "no topic matches {}; `moldau topic list` shows those there are",
            pattern.text()
        )));
    }
    Ok(names)
}

impl TopicFilterArgs {
    /// Whether single partitions are asked for.
    pub(super) fn picks_partitions(&self) -> bool {
        self.under_replicated || self.unavailable || self.needs_min_isr()
    }

    /// Whether `min.insync.replicas` must be known.
    pub(super) fn needs_min_isr(&self) -> bool {
        self.under_min_isr || self.at_min_isr
    }

    /// Whether a partition is one of those asked for: any of the conditions will do, as in Kafka's tool.
    pub(super) fn picks(&self, partition: &Partition, min_isr: Option<usize>) -> bool {
        let in_sync = partition.isr.len();
        !self.picks_partitions()
            || (self.under_replicated && in_sync < partition.replicas.len())
            || (self.unavailable && partition.leader.is_none())
            || (self.under_min_isr && min_isr.is_some_and(|min| in_sync < min))
            || (self.at_min_isr && min_isr.is_some_and(|min| in_sync == min))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(leader: Option<i32>, replicas: usize, in_sync: usize) -> Partition {
        let ids = |count| (1..=count as i32).collect();
        let mut partition = Partition::new(0);
        partition.leader = leader;
        partition.replicas = ids(replicas);
        partition.isr = ids(in_sync);
        partition
    }

    fn picked(set: impl Fn(&mut TopicFilterArgs)) -> Vec<usize> {
        let mut filter = TopicFilterArgs::default();
        set(&mut filter);
        let all = [
            partition(Some(1), 3, 3),
            partition(Some(1), 3, 2),
            partition(Some(1), 3, 1),
            partition(None, 3, 0),
        ];
        (0..all.len()).filter(|at| filter.picks(&all[*at], Some(2))).collect()
    }

    #[test]
    fn each_condition_picks_its_partitions_and_several_pick_all_of_theirs() {
        assert_eq!(picked(|_| {}), [0, 1, 2, 3]);
        assert_eq!(picked(|filter| filter.under_replicated = true), [1, 2, 3]);
        assert_eq!(picked(|filter| filter.unavailable = true), [3]);
        assert_eq!(picked(|filter| filter.under_min_isr = true), [2, 3]);
        assert_eq!(picked(|filter| filter.at_min_isr = true), [1]);
        assert_eq!(
            picked(|filter| {
                filter.at_min_isr = true;
                filter.unavailable = true;
            }),
            [1, 3]
        );
    }
}
