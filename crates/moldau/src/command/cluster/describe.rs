//! The cluster with its brokers.

use moldau_client::Broker;
use serde_json::json;

use crate::args::ClusterDescribeArgs;
use crate::failure::Failure;
use crate::output::{Table, show};

pub(super) async fn describe(args: ClusterDescribeArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let cluster = admin.describe_cluster().await?;
    let fenced = if args.fenced { Some(admin.fenced_brokers().await?) } else { None };
    show(
        settings.output,
        || {
            let mut json = json!({
                "cluster_id": cluster.id,
                "controller": cluster.controller,
                "brokers": cluster.brokers.iter().map(broker_json).collect::<Vec<_>>(),
                "features": cluster.features.iter().map(|(name, level)| (name.clone(), json!(level)))
                    .collect::<serde_json::Map<_, _>>(),
            });
            if let Some(fenced) = &fenced {
                json["fenced"] = fenced.iter().map(broker_json).collect();
            }
            json
        },
        || {
            let mut brokers = Table::new(&["BROKER", "ADDRESS", "RACK", "STATE"]);
            let mut row = |broker: &Broker, state: &str| {
                let rack = broker.rack.clone().unwrap_or_else(|| "-".to_owned());
                brokers.row(vec![broker.id.to_string(), broker.address(), rack, state.to_owned()]);
            };
            cluster.brokers.iter().for_each(|broker| row(broker, "in service"));
            fenced.iter().flatten().for_each(|broker| row(broker, "fenced"));
            let mut features = Table::new(&["FEATURE", "LEVEL"]);
            for (name, level) in &cluster.features {
                features.row(vec![name.clone(), level.to_string()]);
            }
            format!("cluster {}\n\n{}\n{}", cluster.id, brokers.text(), features.text())
        },
    )
}

fn broker_json(broker: &Broker) -> serde_json::Value {
    json!({ "id": broker.id, "host": broker.host, "port": broker.port, "rack": broker.rack })
}
