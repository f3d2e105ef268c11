//! What `moldau records` takes.

use std::path::PathBuf;

use clap::{ArgGroup, Args as ClapArgs, Subcommand};

use super::ClusterArgs;
use super::partitions::TopicPartitions;
use crate::command::place::{Place, place};

#[derive(Debug, Subcommand)]
pub(crate) enum RecordsCommand {
    /// Delete the records before a place in each partition
    Delete(RecordsDeleteArgs),
}

#[derive(Debug, ClapArgs)]
#[command(group = ArgGroup::new("which").required(true).args(["topics", "from_file"]))]
pub(crate) struct RecordsDeleteArgs {
    /// The topics, or some of their partitions
    #[arg(value_name = "TOPIC[:PARTITIONS]", requires = "before")]
    pub(crate) topics: Vec<TopicPartitions>,
    /// Delete what is before: end, an offset, -N for N before the end, or a time such as 2013-01-01T05:15:00Z or @MS
    #[arg(long, value_name = "WHERE", allow_hyphen_values = true, value_parser = place)]
    pub(crate) before: Option<Place>,
    /// Partitions and offsets from the JSON file of Kafka's tool: {"partitions": [{"topic": "t", "partition": 0, "offset": 5}],
    /// "version": 1}; the offset -1 is the end
    #[arg(long, value_name = "FILE", conflicts_with = "before")]
    pub(crate) from_file: Option<PathBuf>,
    /// Only show what would be deleted
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}
