//! Finalized feature levels.
//!
//! `kraft.version` is never here: the quorum finalizes it with control records of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{MetadataVersion, feature};

/// The feature levels that the cluster has agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeaturesImage {
    /// The metadata version; `None` until the log's first feature record.
    pub metadata_version: Option<MetadataVersion>,
    /// Other features with a level above 0, by name.
    pub finalized: Arc<BTreeMap<String, i16>>,
}

impl FeaturesImage {
    /// The metadata version, the lowest one as long as none is finalized.
    pub fn version(&self) -> MetadataVersion {
        self.metadata_version.unwrap_or(MetadataVersion::MINIMUM)
    }

    /// The finalized level of a feature (`metadata.version` too), 0 when it has none.
    pub fn level(&self, name: &str) -> i16 {
        if name == MetadataVersion::FEATURE_NAME {
            return self.metadata_version.map_or(0, MetadataVersion::level);
        }
        self.finalized.get(name).copied().unwrap_or(0)
    }

    /// Every finalized feature with its level, `metadata.version` included, by name.
    pub fn all(&self) -> BTreeMap<&str, i16> {
        let mut all: BTreeMap<&str, i16> =
            self.finalized.iter().map(|(name, level)| (name.as_str(), *level)).collect();
        if let Some(version) = self.metadata_version {
            all.insert(MetadataVersion::FEATURE_NAME, version.level());
        }
        all
    }

    /// Whether partitions carry eligible leader replicas.
    pub fn elr_enabled(&self) -> bool {
        self.version().has_elr() && self.level(feature::ELIGIBLE_LEADER_REPLICAS) > 0
    }
}
