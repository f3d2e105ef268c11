//! Metadata (api key 3), versions 0 to 13.
//!
//! - No topics means all topics (an empty list in version 0, null from version 1 on).
//! - A topic that is not there is made when the request and `auto.create.topics.enable` say so. The answer still says
//!   UNKNOWN_TOPIC_OR_PARTITION, as the reference's does, and clients ask again; by then the topic is ready.
//! - A topic is answered once, however often it is asked for: the answer is never much larger than what it is about.
//! - Topics may be asked for by id from version 12 on (KIP-516). Unknown ids are UNKNOWN_TOPIC_ID.

use std::collections::HashSet;
use std::sync::Arc;

use moldau_controller::validate_topic_name;
use moldau_metadata::{MetadataImage, TopicImage};
use moldau_protocol::messages::metadata_request::MetadataRequestTopic;
use moldau_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use moldau_protocol::messages::{MetadataRequest, MetadataResponse};
use moldau_types::{BrokerId, ErrorCode, Uuid};

use super::authorized;
use crate::broker::{Broker, is_internal_topic};
use crate::dispatch::RequestContext;

/// Before it the request has a field for ids (from 10 on), and the reference takes none.
const FIRST_VERSION_BY_ID: i16 = 12;
/// Before it a leader that is not on the asker's listener is a leader that is not there.
const FIRST_VERSION_WITH_LISTENER_NOT_FOUND: i16 = 6;

/// Answers a Metadata request.
pub(crate) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: MetadataRequest,
) -> MetadataResponse {
    let version = context.api_version;
    let wants_all = match &request.topics {
        None => true,
        Some(topics) => topics.is_empty() && version == 0,
    };
    if asks_by_id_too_early(&request, version) {
        return refused(request);
    }
    // What is made now is not in this answer.
    let image = broker.image();
    if !wants_all && (version < 4 || request.allow_auto_topic_creation) {
        create_missing(&broker, &image, &context, request.topics.as_deref().unwrap_or_default()).await;
    }
    let operations = authorized::when(request.include_topic_authorized_operations, authorized::ON_TOPIC);
    let listener = &context.connection.listener;
    let view = View { image: &image, version, listener, operations };
    let topics = match request.topics {
        Some(asked) if !wants_all => {
            let mut seen = HashSet::new();
            asked
                .into_iter()
                .filter(|topic| seen.insert(named_by(topic)))
                .map(|topic| find(&view, topic))
                .collect()
        }
        _ => image.topics.sorted().into_iter().map(|topic| describe(&view, topic)).collect(),
    };
    MetadataResponse {
        brokers: brokers(&image, listener),
        cluster_id: Some(broker.cluster_id().to_owned()),
        controller_id: broker.node_id().0,
        topics,
        cluster_authorized_operations: match version {
            8..=10 => authorized::when(request.include_cluster_authorized_operations, authorized::ON_CLUSTER),
            _ => authorized::NOT_ASKED,
        },
        ..MetadataResponse::default()
    }
}

/// What a topic is looked for by: the name counts for nothing beside an id.
fn named_by(topic: &MetadataRequestTopic) -> (Option<String>, Uuid) {
    (topic.name.clone().filter(|_| topic.topic_id.is_zero()), topic.topic_id)
}

/// Whether a request of a version that knows topics by name only asks for one otherwise.
fn asks_by_id_too_early(request: &MetadataRequest, version: i16) -> bool {
    let topics = request.topics.as_deref().unwrap_or_default();
    version < FIRST_VERSION_BY_ID
        && topics.iter().any(|topic| topic.name.is_none() || !topic.topic_id.is_zero())
}

/// The answer to a request that cannot be answered as a whole.
fn refused(request: MetadataRequest) -> MetadataResponse {
    let topics = request.topics.unwrap_or_default().into_iter().map(|topic| MetadataResponseTopic {
        error_code: ErrorCode::InvalidRequest.code(),
        name: Some(topic.name.unwrap_or_default()),
        topic_id: topic.topic_id,
        ..MetadataResponseTopic::default()
    });
    MetadataResponse { topics: topics.collect(), ..MetadataResponse::default() }
}

async fn create_missing(
    broker: &Arc<Broker>,
    image: &MetadataImage,
    context: &RequestContext,
    topics: &[MetadataRequestTopic],
) {
    let missing: Vec<&str> = topics
        .iter()
        .filter(|topic| topic.topic_id.is_zero())
        .filter_map(|topic| topic.name.as_deref())
        .filter(|name| image.topics.by_name(name).is_none() && validate_topic_name(name).is_ok())
        .collect();
    if !missing.is_empty() && broker.creates_topics() {
        broker.create_topics_automatically(&missing, context).await;
    }
}

/// What topics are described from, and for whom.
struct View<'a> {
    image: &'a MetadataImage,
    version: i16,
    listener: &'a str,
    operations: i32,
}

fn find(view: &View<'_>, asked: MetadataRequestTopic) -> MetadataResponseTopic {
    let image = view.image;
    let failed = |error: ErrorCode, name: Option<String>, topic_id| MetadataResponseTopic {
        error_code: error.code(),
        is_internal: name.as_deref().is_some_and(is_internal_topic),
        name,
        topic_id,
        topic_authorized_operations: authorized::NOT_ASKED,
        ..MetadataResponseTopic::default()
    };
    // Java's admin client sends an empty name beside an id.
    let name = match asked.name {
        Some(name) if asked.topic_id.is_zero() => name,
        _ => {
            return match image.topics.by_id(asked.topic_id) {
                Some(topic) => describe(view, topic),
                None => failed(ErrorCode::UnknownTopicId, None, asked.topic_id),
            };
        }
    };
    match image.topics.by_name(&name) {
        Some(topic) => describe(view, topic),
        None if validate_topic_name(&name).is_err() => {
            failed(ErrorCode::InvalidTopicException, Some(name), Uuid::ZERO)
        }
        None => failed(ErrorCode::UnknownTopicOrPartition, Some(name), Uuid::ZERO),
    }
}

fn describe(view: &View<'_>, topic: &TopicImage) -> MetadataResponseTopic {
    let View { image, version, listener, operations } = *view;
    let partitions = topic.partitions.iter().map(|(index, partition)| {
        let reachable = image.cluster.broker(partition.leader).filter(|broker| broker.is_active());
        let error = match reachable {
            Some(leader) if leader.listener(listener).is_some() => ErrorCode::None,
            Some(_) if version >= FIRST_VERSION_WITH_LISTENER_NOT_FOUND => ErrorCode::ListenerNotFound,
            Some(_) => ErrorCode::LeaderNotAvailable,
            None => ErrorCode::LeaderNotAvailable,
        };
        MetadataResponsePartition {
            error_code: error.code(),
            partition_index: index.0,
            leader_id: if error == ErrorCode::None { partition.leader.0 } else { -1 },
            leader_epoch: partition.leader_epoch.0,
            replica_nodes: ids(&partition.replicas),
            isr_nodes: ids(&partition.isr),
            offline_replicas: offline(image, &partition.replicas),
        }
    });
    MetadataResponseTopic {
        error_code: 0,
        name: Some(topic.name.to_string()),
        topic_id: topic.id,
        is_internal: is_internal_topic(&topic.name),
        partitions: partitions.collect(),
        topic_authorized_operations: operations,
    }
}

pub(super) fn ids(brokers: &[BrokerId]) -> Vec<i32> {
    brokers.iter().map(|id| id.0).collect()
}

/// The replicas whose brokers do not live.
pub(super) fn offline(image: &MetadataImage, replicas: &[BrokerId]) -> Vec<i32> {
    replicas.iter().filter(|id| !image.cluster.is_active(**id)).map(|id| id.0).collect()
}

fn brokers(image: &MetadataImage, listener: &str) -> Vec<MetadataResponseBroker> {
    image
        .cluster
        .brokers()
        .filter(|broker| broker.is_active())
        .filter_map(|broker| {
            let endpoint = broker.listener(listener)?;
            Some(MetadataResponseBroker {
                node_id: broker.id.0,
                host: endpoint.host.clone(),
                port: i32::from(endpoint.port),
                rack: broker.rack.clone(),
            })
        })
        .collect()
}
