//! Electing leaders.

use std::path::Path;

use moldau_client::admin::ElectionType;
use moldau_client::{ErrorCode, TopicPartition};
use serde::Deserialize;

use crate::args::ClusterElectLeadersArgs;
use crate::args::cluster::Election;
use crate::command::selection::partitions;
use crate::failure::Failure;
use crate::output::Outcomes;

/// The file of Kafka's own tool.
#[derive(Deserialize)]
struct PartitionsFile {
    partitions: Vec<PartitionsFileEntry>,
}

#[derive(Deserialize)]
struct PartitionsFileEntry {
    topic: String,
    partition: i32,
}

fn read_file(file: &Path) -> Result<Vec<TopicPartition>, Failure> {
    let wrong = |why: String| Failure::usage(format!("--from-file {}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let read: PartitionsFile = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    Ok(read
        .partitions
        .into_iter()
        .map(|entry| TopicPartition::new(entry.topic.as_str(), entry.partition))
        .collect())
}

pub(super) async fn elect_leaders(args: ClusterElectLeadersArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let from_file = args.from_file.as_deref().map(read_file).transpose()?;
    let admin = settings.admin().await?;
    let wanted = match (from_file, args.all) {
        (_, true) => None,
        (Some(partitions), _) => Some(partitions),
        (None, false) => Some(partitions(&admin, &args.topics).await?),
    };
    let election = match args.election {
        Election::Preferred => ElectionType::Preferred,
        Election::Unclean => ElectionType::Unclean,
    };
    let mut outcomes = Outcomes::new(settings.output, "partition").label("leader of");
    for (partition, result) in admin.elect_leaders(election, wanted.as_deref()).await? {
        match result {
            Ok(()) => outcomes.done(&partition, "elected")?,
            // It is what was asked for.
            Err(error) if error.code() == Some(ErrorCode::ElectionNotNeeded) => {
                outcomes.done(&partition, "unchanged")?
            }
            Err(error) => outcomes.failed(&partition, &error),
        }
    }
    outcomes.finish()
}
