//! What `moldau cluster` takes.

use std::path::PathBuf;

use clap::{ArgGroup, Args as ClapArgs, Subcommand, ValueEnum};

use super::ClusterArgs;
use super::partitions::TopicPartitions;

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ClusterCommandArgs {
    /// Without one, the cluster is described
    #[command(subcommand)]
    pub(crate) command: Option<ClusterCommand>,
    #[command(flatten)]
    pub(crate) describe: ClusterDescribeArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Show the cluster, its brokers and features
    Describe(ClusterDescribeArgs),
    /// Show the features with the levels that are finalized and supported
    Features(ClusterFeaturesArgs),
    /// Show the APIs that a broker speaks, with their versions
    ApiVersions(ClusterApiVersionsArgs),
    /// Make other replicas the leaders of their partitions
    ElectLeaders(ClusterElectLeadersArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ClusterDescribeArgs {
    /// Also brokers that are fenced: registered, and not in service
    #[arg(long)]
    pub(crate) fenced: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ClusterFeaturesArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ClusterApiVersionsArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// Which replica is made the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Election {
    /// The first replica, when it is in sync
    Preferred,
    /// Any live replica where no in-sync one is left; records may be lost
    Unclean,
}

#[derive(Debug, ClapArgs)]
#[command(group = ArgGroup::new("which").required(true).args(["topics", "all", "from_file"]))]
pub(crate) struct ClusterElectLeadersArgs {
    /// The topics, or some of their partitions
    #[arg(value_name = "TOPIC[:PARTITIONS]")]
    pub(crate) topics: Vec<TopicPartitions>,
    /// All partitions that need it
    #[arg(long)]
    pub(crate) all: bool,
    /// Partitions from the JSON file of Kafka's tool: {"partitions": [{"topic": "t", "partition": 0}]}
    #[arg(long, value_name = "FILE")]
    pub(crate) from_file: Option<PathBuf>,
    /// Which replica is made the leader
    #[arg(short, long, value_enum, default_value_t = Election::Preferred)]
    pub(crate) election: Election,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}
