//! The versions of each API that a broker speaks, and the choice among them.

use std::collections::{BTreeMap, HashMap};

use moldau_protocol::messages::ApiVersionsResponse;

/// What a broker answered to ApiVersions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Versions {
    ranges: HashMap<i16, (i16, i16)>,
    features: Vec<(String, i16)>,
}

impl Versions {
    pub(super) fn new(response: &ApiVersionsResponse) -> Self {
        let levels = response.finalized_features.iter().map(|f| (f.name.clone(), f.max_version_level));
        // what is supported and not finalized is at level 0
        let supported = response.supported_features.iter().map(|f| (f.name.clone(), 0));
        let features: BTreeMap<String, i16> = supported.chain(levels).collect();
        Self {
            ranges: response
                .api_keys
                .iter()
                .map(|api| (api.api_key, (api.min_version, api.max_version)))
                .collect(),
            features: features.into_iter().collect(),
        }
    }

    /// The versions the broker speaks of an API.
    pub(crate) fn range(&self, api_key: i16) -> Option<(i16, i16)> {
        self.ranges.get(&api_key).copied()
    }

    /// The highest version in both the broker's range and `lowest..=highest`.
    pub(crate) fn choose(&self, api_key: i16, lowest: i16, highest: i16) -> Option<i16> {
        let (min, max) = self.range(api_key)?;
        let version = max.min(highest);
        (version >= min.max(lowest)).then_some(version)
    }

    /// The features of the cluster with their finalized levels, 0 for those that only are supported; by name. Brokers
    /// that know only ApiVersions 3 leave those out whose lowest level is 0.
    pub(crate) fn features(&self) -> &[(String, i16)] {
        &self.features
    }

    /// All ranges, by API key.
    pub(crate) fn all(&self) -> Vec<(i16, i16, i16)> {
        let mut all: Vec<_> = self.ranges.iter().map(|(key, (min, max))| (*key, *min, *max)).collect();
        all.sort_unstable();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_common_version_is_chosen() {
        let versions = Versions { ranges: HashMap::from([(1, (4, 18))]), features: Vec::new() };
        assert_eq!(versions.choose(1, 4, 17), Some(17));
        assert_eq!(versions.choose(1, 4, 30), Some(18));
        assert_eq!(versions.choose(1, 0, 3), None);
        assert_eq!(versions.choose(1, 19, 20), None);
        assert_eq!(versions.choose(2, 0, 5), None);
    }
}
