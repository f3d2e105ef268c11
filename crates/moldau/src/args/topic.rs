//! What `moldau topic` takes.

use clap::{Args as ClapArgs, Subcommand};

use super::{ClusterArgs, key_value};
use crate::pattern::Pattern;

#[derive(Debug, Subcommand)]
pub(crate) enum TopicCommand {
    /// Make topics
    Create(TopicCreateArgs),
    /// List topics
    List(TopicListArgs),
    /// Show partitions, leaders, replicas and configs
    Describe(TopicDescribeArgs),
    /// Delete topics with all their records
    Delete(TopicDeleteArgs),
    /// Add partitions, set or unset configs
    Alter(TopicAlterArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TopicCreateArgs {
    /// The topics
    #[arg(required = true, value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// The number of partitions [default: the broker's num.partitions]
    #[arg(short, long, value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) partitions: Option<i32>,
    /// The number of replicas [default: the broker's default.replication.factor]
    #[arg(short, long, value_parser = clap::value_parser!(i16).range(1..))]
    pub(crate) replication_factor: Option<i16>,
    /// The replicas of each partition, partitions separated by commas: 1:2,2:3 is two partitions of two replicas
    #[arg(long, value_name = "BROKERS", value_parser = assignment, conflicts_with_all = ["partitions", "replication_factor"])]
    pub(crate) assignment: Option<Assignment>,
    /// A config such as retention.ms=-1
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) config: Vec<(String, String)>,
    /// Do nothing about topics that exist
    #[arg(long)]
    pub(crate) if_not_exists: bool,
    /// Only ask whether it could be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// Which topics, of which partitions.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct TopicFilterArgs {
    /// Only topics whose whole name matches this regular expression
    #[arg(long, value_name = "REGEX")]
    pub(crate) matching: Option<Pattern>,
    /// Also the cluster's own topics
    #[arg(long)]
    pub(crate) internal: bool,
    /// Only topics with configs of their own
    #[arg(long)]
    pub(crate) with_configs: bool,
    /// Only partitions with fewer in-sync replicas than replicas
    #[arg(long)]
    pub(crate) under_replicated: bool,
    /// Only partitions without a leader
    #[arg(long)]
    pub(crate) unavailable: bool,
    /// Only partitions with fewer in-sync replicas than min.insync.replicas
    #[arg(long)]
    pub(crate) under_min_isr: bool,
    /// Only partitions with just as many in-sync replicas as min.insync.replicas
    #[arg(long)]
    pub(crate) at_min_isr: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TopicListArgs {
    #[command(flatten)]
    pub(crate) filter: TopicFilterArgs,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TopicDescribeArgs {
    /// The topics [default: all]
    #[arg(value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// A topic by its id
    #[arg(long, value_name = "ID", conflicts_with = "topics")]
    pub(crate) id: Vec<moldau_client::Uuid>,
    /// Say nothing of topics that do not exist
    #[arg(long)]
    pub(crate) if_exists: bool,
    #[command(flatten)]
    pub(crate) filter: TopicFilterArgs,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TopicDeleteArgs {
    /// The topics
    #[arg(required_unless_present = "matching", value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// All topics whose whole name matches this regular expression, but not the cluster's own
    #[arg(long, value_name = "REGEX", conflicts_with = "topics")]
    pub(crate) matching: Option<Pattern>,
    /// Do nothing about topics that do not exist
    #[arg(long)]
    pub(crate) if_exists: bool,
    /// Only say which topics would be deleted
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TopicAlterArgs {
    /// The topic
    pub(crate) topic: String,
    /// The new number of partitions, which can only grow
    #[arg(short, long, value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) partitions: Option<i32>,
    /// A config to set
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) config: Vec<(String, String)>,
    /// A config to unset
    #[arg(short, long, value_name = "KEY")]
    pub(crate) delete_config: Vec<String>,
    /// Do nothing about a topic that does not exist
    #[arg(long)]
    pub(crate) if_exists: bool,
    /// Only ask whether it could be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// The replicas of each partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment(pub(crate) Vec<Vec<i32>>);

/// Reads `1:2,2:3`.
fn assignment(text: &str) -> Result<Assignment, String> {
    text.split(',')
        .map(|replicas| replicas.split(':').map(|id| id.trim().parse().ok()).collect::<Option<Vec<i32>>>())
        .collect::<Option<Vec<_>>>()
        .map(Assignment)
        .ok_or_else(|| "must be the ids of brokers such as 1:2,2:3".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_stand_between_commas_and_replicas_between_colons() {
        assert_eq!(assignment("1:2,2:3"), Ok(Assignment(vec![vec![1, 2], vec![2, 3]])));
        assert_eq!(assignment("0"), Ok(Assignment(vec![vec![0]])));
        assert!(assignment("1:,2").is_err() && assignment("").is_err() && assignment("a").is_err());
    }
}
