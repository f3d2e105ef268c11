//! The controller's listener: the APIs that a node answers there, and what it does with those of brokers.

use anyhow::Result;
use moldau_protocol::ApiKey;
use moldau_protocol::messages::*;

use super::{Run, cluster, configs, frames, topics};

/// What brokers are asked for before: topics that the controller is asked to change.
pub(super) fn prepare(run: &mut Run) -> Result<()> {
    topics::before_deletions(run, "-asked-of-the-controller")
}

pub(super) fn run(run: &mut Run) -> Result<()> {
    run.each("a client with a name", |version, _| match version {
        3.. => ApiVersionsRequest {
            client_software_name: "differential".to_owned(),
            client_software_version: "1".to_owned(),
        },
        _ => ApiVersionsRequest::default(),
    })?;
    for (title, endpoint_type) in
        [("controllers", 2), ("brokers, of a controller", 1), ("an endpoint type that is not there", 9)]
    {
        run.each(title, |_, _| DescribeClusterRequest { endpoint_type, ..Default::default() })?;
    }
    topics::creations(run)?;
    topics::partitions(run)?;
    topics::deletions(run)?;
    configs::described(run)?;
    configs::replaced(run)?;
    configs::changed(run)?;
    cluster::elections(run)?;
    frames::of_apis(
        run,
        &[
            ApiKey::ApiVersions,
            ApiKey::CreateTopics,
            ApiKey::DeleteTopics,
            ApiKey::CreatePartitions,
            ApiKey::DescribeConfigs,
            ApiKey::AlterConfigs,
            ApiKey::IncrementalAlterConfigs,
            ApiKey::ElectLeaders,
            ApiKey::DescribeCluster,
        ],
    )?;
    frames::of_brokers_alone(
        run,
        &[ApiKey::Produce, ApiKey::Metadata, ApiKey::ListOffsets, ApiKey::JoinGroup],
    )
}
