//! ListConfigResources (api key 74), versions 0 and 1: version 0 lists client metrics resources only (KIP-714),
//! version 1 every kind (KIP-1142).

use std::collections::BTreeSet;
use std::sync::Arc;

use moldau_metadata::{ConfigResourceType, MetadataImage};
use moldau_protocol::messages::list_config_resources_response::ConfigResource;
use moldau_protocol::messages::{ListConfigResourcesRequest, ListConfigResourcesResponse};
use moldau_types::ErrorCode;

use crate::broker::Broker;
use crate::dispatch::RequestContext;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const BROKER_LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;

/// Answers a ListConfigResources request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: ListConfigResourcesRequest,
) -> ListConfigResourcesResponse {
    let asked: BTreeSet<i8> = match context.api_version {
        0 => [CLIENT_METRICS].into(),
        _ if request.resource_types.is_empty() => {
            [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP].into()
        }
        _ => request.resource_types.into_iter().collect(),
    };
    let image = broker.image();
    let mut config_resources = Vec::new();
    for resource_type in asked {
        let Some(names) = names(&image, resource_type) else {
            return ListConfigResourcesResponse {
                error_code: ErrorCode::UnsupportedVersion.code(),
                ..ListConfigResourcesResponse::default()
            };
        };
        config_resources
            .extend(names.into_iter().map(|resource_name| ConfigResource { resource_name, resource_type }));
    }
    ListConfigResourcesResponse { config_resources, ..ListConfigResourcesResponse::default() }
}

fn names(image: &MetadataImage, resource_type: i8) -> Option<Vec<String>> {
    let configured = |kind| image.configs.names(kind).map(str::to_owned).collect();
    Some(match resource_type {
        TOPIC => image.topics.sorted().into_iter().map(|topic| topic.name.to_string()).collect(),
        BROKER | BROKER_LOGGER => image.cluster.brokers().map(|broker| broker.id.to_string()).collect(),
        CLIENT_METRICS => configured(ConfigResourceType::ClientMetrics),
        GROUP => configured(ConfigResourceType::Group),
        _ => return None,
    })
}
