//! The features that this node supports and the levels that the cluster has finalized (KIP-584).

use moldau_metadata::VersionRange;
use moldau_metadata::feature::supported_features;

use super::Broker;

/// What ApiVersions says of features.
pub(crate) struct FeatureLevels {
    pub(crate) supported: Vec<(&'static str, VersionRange)>,
    pub(crate) finalized: Vec<(String, i16)>,
    /// The metadata offset that the finalized levels are of.
    pub(crate) epoch: i64,
}

impl Broker {
    pub(crate) fn features(&self) -> FeatureLevels {
        let image = self.image();
        let mut finalized: Vec<(String, i16)> = image
            .features
            .all()
            .into_iter()
            .filter(|(_, level)| *level > 0)
            .map(|(name, level)| (name.to_owned(), level))
            .collect();
        if self.identity.kraft_version > 0 && !finalized.iter().any(|(name, _)| name == "kraft.version") {
            finalized.push(("kraft.version".to_owned(), self.identity.kraft_version));
            finalized.sort();
        }
        FeatureLevels { supported: supported_features(), finalized, epoch: image.provenance.last_offset.0 }
    }
}
