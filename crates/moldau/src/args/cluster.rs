//! What `moldau cluster` takes.

use clap::{Args as ClapArgs, Subcommand};

use super::ClusterArgs;

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
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ClusterDescribeArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}
