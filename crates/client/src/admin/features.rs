//! The cluster's features and their levels (KIP-584).

use std::collections::BTreeMap;

use moldau_protocol::messages::ApiVersionsRequest;

use super::Admin;
use crate::error::{ClientError, Result};

/// The levels of a feature, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeatureLevels {
    /// The lowest.
    pub lowest: i16,
    /// The highest.
    pub highest: i16,
}

/// Which features there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeatureMetadata {
    /// The finalized levels by feature.
    pub finalized: BTreeMap<String, FeatureLevels>,
    /// The epoch of the finalized features, `None` where the broker has none.
    pub finalized_features_epoch: Option<i64>,
    /// The levels that the answering broker supports, by feature.
    pub supported: BTreeMap<String, FeatureLevels>,
}

impl Admin {
    /// Describes the features, as any broker knows them.
    pub async fn describe_features(&self) -> Result<FeatureMetadata> {
        let request = &ApiVersionsRequest {
            client_software_name: "moldau".to_owned(),
            client_software_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let answer = self.retried(|| async move {
            let response = self.core.any().await?.request(request).await?;
            ClientError::check(response.error_code, || "features".to_owned(), None)?;
            Ok(response)
        });
        let response = answer.await?;
        let finalized = response.finalized_features.into_iter().map(|feature| {
            let (lowest, highest) = (feature.min_version_level, feature.max_version_level);
            (feature.name, FeatureLevels { lowest, highest })
        });
        let supported = response.supported_features.into_iter().map(|feature| {
            (feature.name, FeatureLevels { lowest: feature.min_version, highest: feature.max_version })
        });
        Ok(FeatureMetadata {
            finalized: finalized.collect(),
            finalized_features_epoch: (response.finalized_features_epoch >= 0)
                .then_some(response.finalized_features_epoch),
            supported: supported.collect(),
        })
    }
}
