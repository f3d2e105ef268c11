//! The features and the APIs of a cluster.

use std::collections::BTreeSet;

use moldau_client::admin::FeatureLevels;
use moldau_protocol::ApiKey;
use serde_json::json;

use crate::args::{ClusterApiVersionsArgs, ClusterFeaturesArgs};
use crate::failure::Failure;
use crate::output::{Table, show};

pub(super) async fn features(args: ClusterFeaturesArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let features = settings.admin().await?.describe_features().await?;
    let names: BTreeSet<&String> = features.supported.keys().chain(features.finalized.keys()).collect();
    // The finalized levels always begin at what is lowest; the highest is the level.
    let level = |name: &str| features.finalized.get(name).map(|levels| levels.highest);
    show(
        settings.output,
        || {
            let feature = |name: &&String| {
                let supported = features.supported.get(*name);
                json!({
                    "feature": name,
                    "finalized": level(name),
                    "supported_lowest": supported.map(|levels| levels.lowest),
                    "supported_highest": supported.map(|levels| levels.highest),
                })
            };
            json!({
                "finalized_features_epoch": features.finalized_features_epoch,
                "features": names.iter().map(feature).collect::<Vec<_>>(),
            })
        },
        || {
            let mut table = Table::new(&["FEATURE", "FINALIZED", "SUPPORTED"]);
            for name in &names {
                let finalized = level(name).map_or_else(|| "-".to_owned(), |level| level.to_string());
                let supported = features.supported.get(*name).map_or_else(|| "-".to_owned(), range);
                table.row(vec![(*name).clone(), finalized, supported]);
            }
            table.text()
        },
    )
}

fn range(levels: &FeatureLevels) -> String {
    format!("{} to {}", levels.lowest, levels.highest)
}

pub(super) async fn api_versions(args: ClusterApiVersionsArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let versions = settings.admin().await?.api_versions().await?;
    let name = |key: i16| ApiKey::from_i16(key).map_or("UNKNOWN", |api| api.name());
    show(
        settings.output,
        || {
            versions
                .iter()
                .map(|(key, lowest, highest)| {
                    json!({ "key": key, "api": name(*key), "lowest": lowest, "highest": highest })
                })
                .collect()
        },
        || {
            let mut table = Table::new(&["KEY", "API", "LOWEST", "HIGHEST"]);
            for (key, lowest, highest) in &versions {
                table.row(vec![
                    key.to_string(),
                    name(*key).to_owned(),
                    lowest.to_string(),
                    highest.to_string(),
                ]);
            }
            table.text()
        },
    )
}
