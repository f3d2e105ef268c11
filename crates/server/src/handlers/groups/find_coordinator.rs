//! FindCoordinator (api key 10), versions 0 to 6: which node coordinates a group.
//!
//! Version 1 adds the key's type, 4 asks for many keys (KIP-699), 6 knows share groups. `__consumer_offsets` is made when the first
//! group is asked for, and the answer waits for it: COORDINATOR_NOT_AVAILABLE only says that its leader is not reachable.
//! Transactional ids are refused by an error that clients do not retry: Java shows the text of an unexpected error and not
//! that of a missing authorization, librdkafka retries the former and ends with the latter.

use std::sync::Arc;
use std::time::Instant;

use moldau_metadata::MetadataImage;
use moldau_protocol::messages::find_coordinator_response::Coordinator;
use moldau_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};
use moldau_types::{ErrorCode, PartitionIndex};

use crate::broker::Broker;
use crate::dispatch::RequestContext;
use crate::handlers::INVALID_REQUEST_TEXT;
use crate::network::Complaint;

const OFFSETS_TOPIC: &str = "__consumer_offsets";
const FIRST_VERSION_WITH_MANY_KEYS: i16 = 4;
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;

/// Answers a FindCoordinator request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    if request.key_type == GROUP && broker.image().topics.by_name(OFFSETS_TOPIC).is_none() {
        broker.create_topics_automatically(&[OFFSETS_TOPIC], &context).await;
    }
    let image = broker.image();
    let listener = &context.connection.listener;
    let find = |key: &str| match request.key_type {
        GROUP => coordinator(&image, broker.groups.partition_for(key), listener),
        TRANSACTION => no_transactions(&context, key),
        // A share group's key has three parts; the reference has no words for one that has not.
        SHARE if context.api_version >= FIRST_VERSION_WITH_MANY_KEYS => {
            refused(ErrorCode::InvalidRequest, "")
        }
        _ => refused(ErrorCode::InvalidRequest, INVALID_REQUEST_TEXT),
    };
    if context.api_version >= FIRST_VERSION_WITH_MANY_KEYS {
        let coordinators =
            request.coordinator_keys.into_iter().map(|key| Coordinator { key: key.clone(), ..find(&key) });
        return FindCoordinatorResponse { coordinators: coordinators.collect(), ..Default::default() };
    }
    let found = find(&request.key);
    let no_error = found.error_code == 0;
    FindCoordinatorResponse {
        error_code: found.error_code,
        error_message: if no_error { Some(ErrorCode::None.name().to_owned()) } else { found.error_message },
        node_id: found.node_id,
        host: found.host,
        port: found.port,
        ..Default::default()
    }
}

/// The leader of the group's partition, as it is reached through the listener.
fn coordinator(image: &MetadataImage, partition: i32, listener: &str) -> Coordinator {
    let leader = image
        .topics
        .partition(OFFSETS_TOPIC, PartitionIndex(partition))
        .and_then(|partition| image.cluster.broker(partition.leader))
        .filter(|broker| broker.is_active());
    match leader.and_then(|broker| Some((broker.id, broker.listener(listener)?))) {
        Some((node_id, endpoint)) => Coordinator {
            node_id: node_id.0,
            host: endpoint.host.clone(),
            port: i32::from(endpoint.port),
            ..Coordinator::default()
        },
        None => refused(ErrorCode::CoordinatorNotAvailable, "The coordinator is not available."),
    }
}

/// Producers that want transactions.
static TRANSACTIONAL: Complaint = Complaint::new();

fn no_transactions(context: &RequestContext, transactional_id: &str) -> Coordinator {
    let (client, peer) = (context.client_id.as_deref().unwrap_or_default(), context.connection.peer);
    if let Some(more) = TRANSACTIONAL.due(Instant::now()) {
        tracing::warn!(%peer, client, transactional_id, more_unsaid = more, "refused a producer that wants transactions");
    }
    let is_java =
        context.connection.client_software.get().is_some_and(|name| name.starts_with("apache-kafka-java"));
    let error =
        if is_java { ErrorCode::InvalidRequest } else { ErrorCode::TransactionalIdAuthorizationFailed };
    refused(
        error,
        "This node has no transactions yet; unset transactional.id and use an idempotent producer.",
    )
}

fn refused(error: ErrorCode, message: &str) -> Coordinator {
    Coordinator {
        node_id: -1,
        port: -1,
        error_code: error.code(),
        error_message: Some(message.to_owned()),
        ..Coordinator::default()
    }
}
