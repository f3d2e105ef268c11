//! What `moldau offsets` takes.

use clap::Args as ClapArgs;

use super::ClusterArgs;
use super::partitions::TopicPartitions;
use crate::command::offsets::{At, at};
use crate::pattern::Pattern;

#[derive(Debug, ClapArgs)]
pub(crate) struct OffsetsArgs {
    /// The topics, or some of their partitions [default: all]
    #[arg(value_name = "TOPIC[:PARTITIONS]")]
    pub(crate) topics: Vec<TopicPartitions>,
    /// All topics whose whole name matches this regular expression
    #[arg(long, value_name = "REGEX", conflicts_with = "topics")]
    pub(crate) matching: Option<Pattern>,
    /// Also the cluster's own topics
    #[arg(long)]
    pub(crate) internal: bool,
    /// The offset there: beginning, end, max-timestamp, or a time such as 2013-01-01T05:15:00Z or @MS [default: beginning and
    /// end]
    #[arg(long, value_name = "WHERE", value_parser = at)]
    pub(crate) at: Option<At>,
    /// The end of what is committed, rather than of what is written
    #[arg(long)]
    pub(crate) read_committed: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}
