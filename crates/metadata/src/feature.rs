//! The features that a cluster finalizes: their levels, what each level needs, and which metadata version first has it.
//!
//! The table is Kafka 4.3's production levels. Which of them this build supports is less: see [`supported_features`].

use crate::{MetadataVersion, VersionRange};

/// One level of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureLevel {
    /// The level.
    pub level: i16,
    /// The first metadata version at which a new cluster takes this level by itself.
    pub bootstrap_metadata_version: i16,
    /// The metadata version that the level needs.
    pub requires_metadata_version: Option<i16>,
}

/// A feature other than `metadata.version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// The feature's name.
    pub name: &'static str,
    /// Its levels, ascending from 0.
    pub levels: &'static [FeatureLevel],
    /// The highest level that this build supports.
    pub level_max: i16,
}

const fn level(
    level: i16,
    bootstrap_metadata_version: i16,
    requires_metadata_version: Option<i16>,
) -> FeatureLevel {
    FeatureLevel { level, bootstrap_metadata_version, requires_metadata_version }
}

/// The name of the feature that gives partitions eligible leader replicas.
pub const ELIGIBLE_LEADER_REPLICAS: &str = "eligible.leader.replicas.version";
/// The name of the feature that the metadata quorum itself finalizes.
pub const KRAFT_VERSION: &str = "kraft.version";

/// Every feature other than `metadata.version`, by name.
pub const FEATURES: [Feature; 6] = [
    Feature {
        name: ELIGIBLE_LEADER_REPLICAS,
        levels: &[level(0, 7, None), level(1, 26, Some(23))],
        level_max: 1,
    },
    Feature { name: "group.version", levels: &[level(0, 7, None), level(1, 22, None)], level_max: 0 },
    Feature { name: KRAFT_VERSION, levels: &[level(0, 7, None), level(1, 21, None)], level_max: 1 },
    Feature { name: "share.version", levels: &[level(0, 7, None), level(1, 28, None)], level_max: 0 },
    Feature { name: "streams.version", levels: &[level(0, 7, None), level(1, 29, None)], level_max: 0 },
    Feature {
        name: "transaction.version",
        levels: &[level(0, 7, None), level(1, 24, None), level(2, 24, None)],
        level_max: 0,
    },
];

/// The feature of this name; `metadata.version` is not among them.
pub fn find(name: &str) -> Option<&'static Feature> {
    FEATURES.iter().find(|feature| feature.name == name)
}

impl Feature {
    /// The highest supported level that a new cluster at `version` takes by itself.
    pub fn default_level(&self, version: MetadataVersion) -> i16 {
        let fits =
            |l: &&FeatureLevel| l.bootstrap_metadata_version <= version.level() && l.level <= self.level_max;
        self.levels.iter().rev().find(fits).map_or(0, |l| l.level)
    }

    /// What this level needs of `metadata.version`.
    pub fn required_metadata_version(&self, level: i16) -> Option<i16> {
        self.levels.iter().find(|l| l.level == level)?.requires_metadata_version
    }
}

/// The ranges that a node of this build supports, `metadata.version` included, by name.
pub fn supported_features() -> Vec<(&'static str, VersionRange)> {
    let mut all: Vec<_> =
        FEATURES.iter().map(|f| (f.name, VersionRange { min: 0, max: f.level_max })).collect();
    let metadata =
        VersionRange { min: MetadataVersion::MINIMUM.level(), max: MetadataVersion::LATEST.level() };
    all.push((MetadataVersion::FEATURE_NAME, metadata));
    all.sort_unstable_by_key(|(name, _)| *name);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_cluster_takes_the_highest_level_its_version_allows() {
        let elr = find(ELIGIBLE_LEADER_REPLICAS).unwrap();
        assert_eq!(elr.default_level(MetadataVersion::LATEST), 1);
        assert_eq!(elr.default_level("4.0".parse().unwrap()), 0);
        assert_eq!(elr.required_metadata_version(1), Some(23));
        assert_eq!(find("metadata.version"), None);
        assert_eq!(supported_features().len(), 7);
    }
}
