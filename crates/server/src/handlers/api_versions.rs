//! ApiVersions (api key 18), versions 0 to 4.
//!
//! - Lists what this node answers on the listener that was asked, and nothing else.
//! - A request in a version that is not known is answered in version 0 with UNSUPPORTED_VERSION and the versions of
//!   ApiVersions alone, and the connection stays (KIP-511).
//! - Version 3 leaves out supported features whose lowest level is 0, version 4 has them all (KIP-1022).

use std::sync::Arc;

use moldau_protocol::ApiKey;
use moldau_protocol::messages::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use moldau_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use moldau_types::ErrorCode;

use super::offered::{offered, versions};
use crate::broker::Broker;
use crate::dispatch::{RequestContext, decode, reply};
use crate::network::Outcome;

/// Answers an ApiVersions request, whatever its version.
pub(crate) fn handle(broker: &Arc<Broker>, context: RequestContext, body: &[u8]) -> Outcome {
    if !versions(ApiKey::ApiVersions).contains(context.api_version) {
        let range = versions(ApiKey::ApiVersions);
        let answer = ApiVersionsResponse {
            error_code: ErrorCode::UnsupportedVersion.code(),
            api_keys: vec![ApiVersion {
                api_key: ApiKey::ApiVersions.code(),
                min_version: range.min,
                max_version: range.max,
            }],
            ..ApiVersionsResponse::default()
        };
        return reply(&RequestContext { api_version: 0, ..context }, &answer);
    }
    let request = match decode::<ApiVersionsRequest>(&context, body) {
        Ok(request) => request,
        Err(outcome) => return outcome,
    };
    let nameless =
        !is_valid_name(&request.client_software_name) || !is_valid_name(&request.client_software_version);
    if context.api_version >= 3 && nameless {
        let answer = ApiVersionsResponse {
            error_code: ErrorCode::InvalidRequest.code(),
            ..ApiVersionsResponse::default()
        };
        return reply(&context, &answer);
    }
    if context.api_version >= 3 {
        let _ = context.connection.client_software.set(request.client_software_name.into());
    }
    reply(&context, &answer(broker, &context))
}

/// Letters and digits with dots and dashes between them.
fn is_valid_name(name: &str) -> bool {
    let alphanumeric = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let bytes = name.as_bytes();
    alphanumeric(bytes.first().copied())
        && alphanumeric(bytes.last().copied())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

fn answer(broker: &Broker, context: &RequestContext) -> ApiVersionsResponse {
    let api_keys = offered(context.connection.is_controller)
        .map(|(key, range)| ApiVersion {
            api_key: key.code(),
            min_version: range.min,
            max_version: range.max,
        })
        .collect();
    if context.api_version < 3 {
        return ApiVersionsResponse { api_keys, ..ApiVersionsResponse::default() };
    }
    let features = broker.features();
    let supported = features
        .supported
        .into_iter()
        .filter(|(_, levels)| context.api_version >= 4 || levels.min > 0)
        .map(|(name, levels)| SupportedFeatureKey {
            name: name.to_owned(),
            min_version: levels.min,
            max_version: levels.max,
        })
        .collect();
    let finalized = features
        .finalized
        .into_iter()
        .map(|(name, level)| FinalizedFeatureKey { name, max_version_level: level, min_version_level: level })
        .collect();
    ApiVersionsResponse {
        api_keys,
        supported_features: supported,
        finalized_features_epoch: features.epoch,
        finalized_features: finalized,
        ..ApiVersionsResponse::default()
    }
}

#[cfg(test)]
mod tests {
    use super::is_valid_name;

    #[test]
    fn software_names_are_checked_as_kip_511_says() {
        for good in ["a", "apache-kafka-java", "4.3.1", "lib.rd-kafka0"] {
            assert!(is_valid_name(good), "{good}");
        }
        for bad in ["", "-a", "a-", ".", "a b", "a/b", "é"] {
            assert!(!is_valid_name(bad), "{bad}");
        }
    }
}
