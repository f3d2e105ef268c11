//! `moldau cluster`: the cluster, its brokers and features, and the leaders of its partitions.

mod describe;
mod elect;
mod versions;

use crate::args::{ClusterCommand, ClusterCommandArgs};
use crate::failure::Failure;

/// `moldau cluster` is `moldau cluster describe`.
pub(crate) async fn run(args: ClusterCommandArgs) -> Result<(), Failure> {
    match args.command {
        None => describe::describe(args.describe).await,
        Some(ClusterCommand::Describe(args)) => describe::describe(args).await,
        Some(ClusterCommand::Features(args)) => versions::features(args).await,
        Some(ClusterCommand::ApiVersions(args)) => versions::api_versions(args).await,
        Some(ClusterCommand::ElectLeaders(args)) => elect::elect_leaders(args).await,
    }
}
