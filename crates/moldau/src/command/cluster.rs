//! `moldau cluster describe`, or `moldau cluster`: the cluster, its brokers and features.

use serde_json::json;

use crate::args::{ClusterCommand, ClusterCommandArgs, ClusterDescribeArgs};
use crate::failure::Failure;
use crate::output::{Table, show};

pub(crate) async fn run(args: ClusterCommandArgs) -> Result<(), Failure> {
    match args.command {
        None => describe(args.describe).await,
        Some(ClusterCommand::Describe(args)) => describe(args).await,
    }
}

async fn describe(args: ClusterDescribeArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let cluster = admin.describe_cluster().await?;
    show(
        settings.output,
        || {
            json!({
                "cluster_id": cluster.id,
                "controller": cluster.controller,
                "brokers": cluster.brokers.iter().map(|broker| json!({
                    "id": broker.id, "host": broker.host, "port": broker.port, "rack": broker.rack,
                })).collect::<Vec<_>>(),
                "features": cluster.features.iter().map(|(name, level)| (name.clone(), json!(level)))
                    .collect::<serde_json::Map<_, _>>(),
            })
        },
        || {
            let mut brokers = Table::new(&["BROKER", "ADDRESS", "RACK"]);
            for broker in &cluster.brokers {
                let rack = broker.rack.clone().unwrap_or_else(|| "-".to_owned());
                brokers.row(vec![broker.id.to_string(), broker.address(), rack]);
            }
            let mut features = Table::new(&["FEATURE", "LEVEL"]);
            for (name, level) in &cluster.features {
                features.row(vec![name.clone(), level.to_string()]);
            }
            format!("cluster {}\n\n{}\n{}", cluster.id, brokers.text(), features.text())
        },
    )
}
