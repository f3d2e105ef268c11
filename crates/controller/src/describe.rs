//! What can be answered from the image alone.

use moldau_metadata::{ConfigResourceType, MetadataImage};
use moldau_protocol::messages::list_config_resources_response::ConfigResource;
use moldau_protocol::messages::{ListConfigResourcesRequest, ListConfigResourcesResponse};
use moldau_types::ErrorCode;

/// Answers ListConfigResources: resources of the given types (all, without a type) that have or can have configs. Version
/// 0 has no types and is only about client metrics subscriptions.
pub fn list_config_resources(
    image: &MetadataImage,
    request: &ListConfigResourcesRequest,
    version: i16,
) -> ListConfigResourcesResponse {
    use ConfigResourceType as T;
    let all = [T::Topic, T::Broker, T::BrokerLogger, T::ClientMetrics, T::Group];
    let wanted: Vec<T> = match (version, request.resource_types.is_empty()) {
        (0, _) => vec![T::ClientMetrics],
        (_, true) => all.to_vec(),
        (_, false) => {
            let known: Option<Vec<T>> =
                request.resource_types.iter().map(|code| T::from_code(*code)).collect();
            match known {
                Some(types) => all.into_iter().filter(|t| types.contains(t)).collect(),
                None => {
                    let error_code = ErrorCode::UnsupportedVersion.code();
                    return ListConfigResourcesResponse { error_code, ..Default::default() };
                }
            }
        }
    };
    let mut config_resources = Vec::new();
    for resource_type in wanted {
        let names: Vec<String> = match resource_type {
            T::Topic => image.topics.sorted().into_iter().map(|topic| topic.name.to_string()).collect(),
            T::Broker | T::BrokerLogger => {
                image.cluster.brokers().map(|broker| broker.id.to_string()).collect()
            }
            T::ClientMetrics | T::Group => image.configs.names(resource_type).map(str::to_owned).collect(),
        };
        let resource_type = resource_type.code();
        let resources =
            names.into_iter().map(|resource_name| ConfigResource { resource_name, resource_type });
        config_resources.extend(resources);
    }
    ListConfigResourcesResponse { config_resources, ..Default::default() }
}
