//! DescribeCluster (api key 60), versions 0 to 2: on brokers' listeners the brokers, on controllers' the controllers
//! (version 1, KIP-919). Version 2 lists fenced brokers when asked.

use std::sync::Arc;

use moldau_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use moldau_protocol::messages::{DescribeClusterRequest, DescribeClusterResponse};
use moldau_types::ErrorCode;

use super::authorized;
use crate::broker::Broker;
use crate::dispatch::RequestContext;

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

/// Answers a DescribeCluster request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: DescribeClusterRequest,
) -> DescribeClusterResponse {
    let here = if context.connection.is_controller { CONTROLLERS } else { BROKERS };
    if request.endpoint_type != here {
        let known = matches!(request.endpoint_type, BROKERS | CONTROLLERS);
        let (error, message) = if known {
            (
                // Version 0 does not know the error.
                if context.api_version == 0 {
                    ErrorCode::InvalidRequest
                } else {
                    ErrorCode::MismatchedEndpointType
                },
                format!(
                    "The request was sent to an endpoint of type {}, but we wanted an endpoint of type {}",
                    kind(here),
                    kind(request.endpoint_type)
                ),
            )
        } else {
            (
                ErrorCode::UnsupportedEndpointType,
                format!("Unsupported endpoint type {}", request.endpoint_type),
            )
        };
        return DescribeClusterResponse {
            error_code: error.code(),
            error_message: Some(message),
            cluster_authorized_operations: authorized::NOT_ASKED,
            ..DescribeClusterResponse::default()
        };
    }
    let image = broker.image();
    let listener = &*context.connection.listener;
    let endpoints: Vec<DescribeClusterBroker> = if here == BROKERS {
        image
            .cluster
            .brokers()
            .filter(|registration| registration.is_active() || request.include_fenced_brokers)
            .filter_map(|registration| {
                let endpoint = registration.listener(listener)?;
                Some(DescribeClusterBroker {
                    broker_id: registration.id.0,
                    host: endpoint.host.clone(),
                    port: i32::from(endpoint.port),
                    rack: registration.rack.clone(),
                    is_fenced: registration.fenced,
                })
            })
            .collect()
    } else {
        broker
            .controller_endpoints(listener)
            .into_iter()
            .map(|(id, host, port)| DescribeClusterBroker {
                broker_id: id.0,
                host,
                port: i32::from(port),
                rack: None,
                is_fenced: false,
            })
            .collect()
    };
    DescribeClusterResponse {
        endpoint_type: here,
        cluster_id: broker.cluster_id().to_owned(),
        controller_id: broker.node_id().0,
        brokers: endpoints,
        cluster_authorized_operations: authorized::when(
            request.include_cluster_authorized_operations,
            authorized::ON_CLUSTER,
        ),
        ..DescribeClusterResponse::default()
    }
}

fn kind(endpoint_type: i8) -> &'static str {
    if endpoint_type == CONTROLLERS { "CONTROLLER" } else { "BROKER" }
}
