//! What `moldau group` takes.

use clap::{Args as ClapArgs, Subcommand};

use super::ClusterArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// List groups
    List(GroupListArgs),
    /// Show offsets, lag and members of groups
    Describe(GroupDescribeArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct GroupListArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct GroupDescribeArgs {
    /// The groups
    #[arg(required = true, value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// Show the members rather than the offsets
    #[arg(short, long)]
    pub(crate) members: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}
