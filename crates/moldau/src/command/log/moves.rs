//! `moldau log move`: replicas to another log directory of their broker.

use std::collections::BTreeMap;
use std::time::Duration;

use moldau_client::Admin;
use moldau_client::admin::TopicPartitionReplica;

use crate::args::log::LogMoveArgs;
use crate::command::selection::partitions;
use crate::failure::Failure;
use crate::output::Outcomes;
use crate::progress::{Progress, Unit};

/// How often it is asked how far a move is.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) async fn run(args: LogMoveArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let moves: BTreeMap<TopicPartitionReplica, String> = partitions(&admin, &args.topics)
        .await?
        .into_iter()
        .map(|partition| TopicPartitionReplica { partition, broker: args.broker })
        .map(|replica| (replica, args.directory.clone()))
        .collect();
    let mut outcomes = Outcomes::new(settings.output, "partition").label("replica of");
    let mut moving = Vec::new();
    for (replica, result) in admin.alter_replica_log_dirs(&moves).await? {
        match result {
            Ok(()) => moving.push(replica),
            Err(error) => outcomes.failed(&replica.partition, &error),
        }
    }
    if args.wait {
        wait(&admin, &moving, &args.directory).await?;
    }
    for replica in &moving {
        outcomes.done(&replica.partition, if args.wait { "moved" } else { "is being moved" })?;
    }
    outcomes.finish()
}

/// Waits until no replica is on its way; each must have arrived where it was sent.
async fn wait(admin: &Admin, moving: &[TopicPartitionReplica], directory: &str) -> Result<(), Failure> {
    let progress = Progress::start(Unit::Records, None, false);
    loop {
        let mut behind = 0;
        let mut under_way = 0;
        for (replica, info) in admin.describe_replica_log_dirs(moving).await? {
            let info = info?;
            if info.future.is_some() {
                under_way += 1;
                behind += info.future_offset_lag.max(0);
            } else if info.current.as_deref() != Some(directory) {
                let place = info.current.unwrap_or_else(|| "no directory".to_owned());
                return Err(Failure::said_no(format!(
                    "{} is in {place} and no longer on its way to {directory}; the broker's log says why",
                    replica.partition
                )));
            }
        }
        if under_way == 0 {
            return Ok(());
        }
        progress.say(|| format!("{under_way} replicas under way, {behind} records behind"));
        tokio::time::sleep(PAUSE).await;
    }
}
