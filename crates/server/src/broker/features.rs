//! The features that this node supports and the levels that the cluster has finalized (KIP-584).

use super::Broker;

/// A feature and the levels that this node supports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SupportedFeature {
    pub(crate) name: &'static str,
    pub(crate) min: i16,
    pub(crate) max: i16,
}

const fn supported(name: &'static str, min: i16, max: i16) -> SupportedFeature {
    SupportedFeature { name, min, max }
}

/// Transactions and the newer group protocols stay at level 0 until this node has them: what is not there is not
/// promised.
pub(crate) const SUPPORTED_FEATURES: [SupportedFeature; 7] = [
    supported("eligible.leader.replicas.version", 0, 1),
    supported("group.version", 0, 0),
    supported("kraft.version", 0, 1),
    supported("metadata.version", 7, 30),
    supported("share.version", 0, 0),
    supported("streams.version", 0, 0),
    supported("transaction.version", 0, 0),
];

/// What ApiVersions says of features.
pub(crate) struct FeatureLevels {
    pub(crate) supported: &'static [SupportedFeature],
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
        FeatureLevels { supported: &SUPPORTED_FEATURES, finalized, epoch: image.provenance.last_offset.0 }
    }
}
