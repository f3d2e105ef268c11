//! The first records of a new cluster: the feature levels that it starts with, and what those bring along.
//!
//! With a metadata version that has them, the records stand in a metadata transaction: a first start that is cut short
//! leaves nothing behind.

use std::collections::BTreeMap;

use moldau_config::{Settings, TopicConfig};
use moldau_metadata::{ConfigResource, MetadataRecord, MetadataVersion, feature};
use moldau_protocol::messages::{
    BeginTransactionRecord, ConfigRecord, EndTransactionRecord, FeatureLevelRecord,
};

use crate::config_rules::MIN_INSYNC_REPLICAS;
use crate::update_features::check_dependencies;

/// What a first start finalizes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootstrapOptions {
    /// `--release-version`; the latest without it.
    pub release_version: Option<String>,
    /// `--feature NAME=LEVEL`, by name.
    pub features: BTreeMap<String, i16>,
}

impl BootstrapOptions {
    /// What the records of a bootstrap checkpoint say, as `kafka-storage format` writes it. It names every level above zero.
    pub fn of_checkpoint(records: &[MetadataRecord]) -> Result<BootstrapOptions, BootstrapError> {
        let mut features: BTreeMap<String, i16> = feature::FEATURES
            .iter()
            .filter(|feature| feature.name != feature::KRAFT_VERSION)
            .map(|feature| (feature.name.to_owned(), 0))
            .collect();
        for record in records {
            match record {
                MetadataRecord::FeatureLevel(level) => {
                    features.insert(level.name.clone(), level.feature_level);
                }
                MetadataRecord::NoOp(_) => {}
                MetadataRecord::UserScramCredential(_) => return Err(BootstrapError::ScramCredentials),
                other => return Err(BootstrapError::UnexpectedRecord(other.name())),
            }
        }
        let level =
            features.remove(MetadataVersion::FEATURE_NAME).ok_or(BootstrapError::NoMetadataVersion)?;
        let version =
            MetadataVersion::from_level(level).ok_or(BootstrapError::MetadataVersionLevel(level))?;
        Ok(BootstrapOptions { release_version: Some(version.name().to_owned()), features })
    }
}

/// Why a cluster cannot start so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BootstrapError {
    /// `--release-version` names no version.
    #[error("{0}")]
    ReleaseVersion(String),
    /// `--feature` names `metadata.version`, which `--release-version` sets.
    #[error(
        "Use --release-version instead of --feature metadata.version=X to avoid ambiguity. The supported versions are \
         from {} to {}",
        MetadataVersion::MINIMUM,
        MetadataVersion::LATEST
    )]
    MetadataVersionAsFeature,
    /// `--feature` names an unknown feature.
    #[error("Unsupported feature: {name}. Supported features are: {supported}")]
    UnknownFeature {
        /// The name that was given.
        name: String,
        /// The names that could be.
        supported: String,
    },
    /// `--feature` asks for a level that is not supported.
    #[error("{name} cannot start at level {level}: the supported levels are 0 to {level_max}")]
    UnsupportedLevel {
        /// The feature.
        name: String,
        /// The level that was given.
        level: i16,
        /// The highest level that is supported.
        level_max: i16,
    },
    /// A level needs another one.
    #[error("{0}")]
    Dependency(String),
    /// A bootstrap checkpoint has no `metadata.version`.
    #[error("it has no metadata.version")]
    NoMetadataVersion,
    /// A bootstrap checkpoint has a `metadata.version` of which this build has no records.
    #[error(
        "it has metadata.version {0}, and the supported levels are {min} to {max}",
        min = MetadataVersion::MINIMUM.level(),
        max = MetadataVersion::LATEST.level()
    )]
    MetadataVersionLevel(i16),
    /// A bootstrap checkpoint has SCRAM credentials.
    #[error("it has SCRAM credentials (--add-scram), and SASL is not there yet")]
    ScramCredentials,
    /// A bootstrap checkpoint has a record that no cluster begins with.
    #[error("it has a {0}, which a new cluster cannot begin with")]
    UnexpectedRecord(&'static str),
}

/// The records that a new cluster begins with, and the `kraft.version` to begin with (which the quorum writes itself).
/// `dynamic_quorum` is whether controllers may come and go, that is `controller.quorum.voters` is empty.
pub fn bootstrap_records(
    options: &BootstrapOptions,
    node: &Settings,
    dynamic_quorum: bool,
) -> Result<(Vec<MetadataRecord>, i16), BootstrapError> {
    let version = match &options.release_version {
        Some(text) => text.parse::<MetadataVersion>().map_err(|error| {
            BootstrapError::ReleaseVersion(format!("Unknown metadata.version '{text}'. {error}"))
        })?,
        None => MetadataVersion::LATEST,
    };
    let levels = levels_of(options, version)?;
    let kraft_version = match options.features.get(feature::KRAFT_VERSION) {
        Some(level) if *level > 0 && !dynamic_quorum => {
            let message =
                format!("Cannot set kraft.version to {level} unless controller.quorum.voters is empty.");
            return Err(BootstrapError::Dependency(message));
        }
        Some(0) if dynamic_quorum => {
            let message = "Cannot set kraft.version to 0 if controller.quorum.voters is empty.";
            return Err(BootstrapError::Dependency(message.into()));
        }
        _ => i16::from(dynamic_quorum),
    };
    let mut records = Vec::new();
    let level_record = |name: &str, level| FeatureLevelRecord { name: name.to_owned(), feature_level: level };
    records.push(level_record(MetadataVersion::FEATURE_NAME, version.level()).into());
    let above_zero = levels.iter().filter(|(_, level)| **level > 0);
    records.extend(above_zero.map(|(name, level)| MetadataRecord::from(level_record(name, *level))));
    if levels.get(feature::ELIGIBLE_LEADER_REPLICAS).is_some_and(|level| *level > 0) {
        let min_isr = TopicConfig::resolve(&Default::default(), node).min_insync_replicas;
        let resource = ConfigResource::default_broker();
        let record = ConfigRecord {
            resource_type: resource.resource_type.code(),
            resource_name: resource.name,
            name: MIN_INSYNC_REPLICAS.to_owned(),
            value: Some(min_isr.to_string()),
        };
        records.push(record.into());
    }
    if version.has_metadata_transactions() {
        records.insert(0, BeginTransactionRecord { name: Some("Bootstrap records".into()) }.into());
        records.push(EndTransactionRecord::default().into());
    }
    Ok((records, kraft_version))
}

/// The level of each feature but `metadata.version` and `kraft.version`.
fn levels_of(
    options: &BootstrapOptions,
    version: MetadataVersion,
) -> Result<BTreeMap<&str, i16>, BootstrapError> {
    let mut levels: BTreeMap<&str, i16> =
        feature::FEATURES.iter().map(|feature| (feature.name, feature.default_level(version))).collect();
    for (name, level) in &options.features {
        if name == MetadataVersion::FEATURE_NAME {
            return Err(BootstrapError::MetadataVersionAsFeature);
        }
        let Some(feature) = feature::find(name) else {
            let supported: Vec<_> = feature::FEATURES.iter().map(|feature| feature.name).collect();
            return Err(BootstrapError::UnknownFeature {
                name: name.clone(),
                supported: supported.join(", "),
            });
        };
        if !(0..=feature.level_max).contains(level) {
            let (name, level, level_max) = (name.clone(), *level, feature.level_max);
            return Err(BootstrapError::UnsupportedLevel { name, level, level_max });
        }
        levels.insert(feature.name, *level);
    }
    levels.remove(feature::KRAFT_VERSION);
    let mut proposed = levels.clone();
    proposed.insert(MetadataVersion::FEATURE_NAME, version.level());
    for (name, level) in &levels {
        check_dependencies(name, *level, &proposed).map_err(BootstrapError::Dependency)?;
    }
    Ok(levels)
}
