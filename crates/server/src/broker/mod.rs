//! The broker: what the request handlers work with.
//!
//! It owns the led partitions, the newest metadata image, the fetch sessions, the group coordinator and the way to the
//! controller. What always holds: the image that handlers see is never ahead of what this broker has applied to its
//! logs.

mod apply;
mod auto_create;
mod background;
mod compaction;
mod coordinator_partition;
mod features;
mod leaders;
mod moves;
mod partition;
mod partitions;
mod places;
mod producer_ids;
mod topics;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use moldau_config::{BrokerConfig, Settings};
use moldau_coordinator_runtime::GroupCoordinator;
use moldau_log::LogManager;
use moldau_metadata::MetadataImage;
use moldau_types::{BrokerId, ErrorCode, Uuid};

use crate::controller::ControllerHandle;
use crate::fetch::SessionCache;
use crate::network::ConnectionRegistry;
use crate::telemetry::Telemetry;

pub(crate) use apply::Applier;
pub(crate) use background::spawn_background;
pub(crate) use leaders::{CurrentLeader, LeaderEndpoint, current_leader};
pub(crate) use partition::{Durable, Partition};
pub(crate) use partitions::Partitions;
pub(crate) use topics::is_internal_topic;

/// What this node is, fixed for its life.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) node_id: BrokerId,
    pub(crate) cluster_id: String,
    /// The controller's listeners as they are to be reached: name, host, port.
    pub(crate) controller_listeners: Vec<(String, String, u16)>,
    /// Whether voters can be changed: `kraft.version` 1.
    pub(crate) kraft_version: i16,
}

/// The configs in force: the static ones with the dynamic ones of the image over them.
pub(crate) struct Configs {
    pub(crate) settings: Settings,
    pub(crate) broker: BrokerConfig,
}

/// The broker of this node.
pub(crate) struct Broker {
    pub(crate) identity: Identity,
    pub(crate) configs: ArcSwap<Configs>,
    pub(crate) logs: Arc<LogManager>,
    pub(crate) groups: Arc<GroupCoordinator>,
    pub(crate) loggers: Arc<dyn crate::loggers::Loggers>,
    pub(crate) connections: Arc<ConnectionRegistry>,
    pub(crate) telemetry: Telemetry,
    /// Told when `cordoned.log.dirs` has changed, and when a log directory goes offline.
    pub(crate) directories_changed: Arc<tokio::sync::Notify>,
    /// Told when a move to another log directory was asked for.
    pub(crate) moves_begun: tokio::sync::Notify,
    /// Told when a replica came to a log directory that the controller does not know of.
    pub(crate) places_changed: tokio::sync::Notify,
    /// Held while an image is applied.
    applying: parking_lot::Mutex<()>,
    /// A partition is led whose log could not be made for want of space.
    logs_missing: std::sync::atomic::AtomicBool,
    image: ArcSwap<MetadataImage>,
    partitions: Partitions,
    sessions: SessionCache,
    controller: ControllerHandle,
    producer_ids: producer_ids::ProducerIds,
}

impl Broker {
    pub(crate) fn new(
        identity: Identity,
        configs: Configs,
        logs: Arc<LogManager>,
        groups: Arc<GroupCoordinator>,
        controller: ControllerHandle,
        loggers: Arc<dyn crate::loggers::Loggers>,
        connections: Arc<ConnectionRegistry>,
    ) -> Arc<Self> {
        let slots = configs.broker.network.max_incremental_fetch_session_cache_slots;
        let telemetry = Telemetry::default();
        logs.time_syncs(&telemetry.sync_timer());
        let directories_changed = Arc::new(tokio::sync::Notify::new());
        let tell = directories_changed.clone();
        logs.tell_of_failures(&moldau_log::FailureListener::new(move || tell.notify_one()));
        Arc::new(Broker {
            identity,
            logs,
            groups,
            loggers,
            connections,
            telemetry,
            directories_changed,
            moves_begun: tokio::sync::Notify::new(),
            places_changed: tokio::sync::Notify::new(),
            applying: parking_lot::Mutex::default(),
            logs_missing: std::sync::atomic::AtomicBool::new(false),
            image: ArcSwap::from_pointee(MetadataImage::default()),
            partitions: Partitions::default(),
            sessions: SessionCache::new(usize::try_from(slots).unwrap_or(0)),
            controller,
            producer_ids: producer_ids::ProducerIds::default(),
            configs: ArcSwap::from_pointee(configs),
        })
    }

    pub(crate) fn node_id(&self) -> BrokerId {
        self.identity.node_id
    }

    pub(crate) fn cluster_id(&self) -> &str {
        &self.identity.cluster_id
    }

    pub(crate) fn image(&self) -> Arc<MetadataImage> {
        self.image.load_full()
    }

    pub(crate) fn partitions(&self) -> &Partitions {
        &self.partitions
    }

    pub(crate) fn fetch_sessions(&self) -> &SessionCache {
        &self.sessions
    }

    pub(crate) fn controller(&self) -> &ControllerHandle {
        &self.controller
    }

    /// The epoch of this broker's registration, −1 before it.
    pub(crate) fn own_epoch(&self) -> i64 {
        self.image().cluster.broker(self.node_id()).map_or(-1, |registration| registration.broker_epoch)
    }

    /// The wall clock, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        wall_clock_ms()
    }

    /// `fetch.max.bytes`
    pub(crate) fn fetch_bytes_max(&self) -> usize {
        usize::try_from(self.configs.load().broker.network.fetch_max_bytes).unwrap_or(0)
    }

    /// The partition of a topic by its name, led here, or why it is not.
    pub(crate) fn led_by_name(&self, topic: &str, index: i32) -> Result<Arc<Partition>, ErrorCode> {
        self.partitions().get(topic, index).ok_or_else(|| self.why_not_led(topic, index))
    }

    /// The partition of a topic by its id, led here, or why it is not.
    pub(crate) fn led_by_id(&self, topic: Uuid, index: i32) -> Result<Arc<Partition>, ErrorCode> {
        if let Some(led) = self.partitions().get_by_id(topic, index) {
            return Ok(led);
        }
        let image = self.image.load();
        let name = &image.topics.by_id(topic).ok_or(ErrorCode::UnknownTopicId)?.name;
        Err(self.why_not_led(name, index))
    }

    /// Why a partition that was asked for is not led here.
    pub(crate) fn why_not_led(&self, topic: &str, index: i32) -> ErrorCode {
        match self.image.load().topics.partition(topic, index.into()) {
            None => ErrorCode::UnknownTopicOrPartition,
            Some(partition) if partition.leader == self.node_id() => ErrorCode::KafkaStorageError,
            Some(_) => ErrorCode::NotLeaderOrFollower,
        }
    }

    /// The controllers as they are reached through the listener of this name.
    pub(crate) fn controller_endpoints(&self, listener: &str) -> Vec<(BrokerId, String, u16)> {
        let found = self.identity.controller_listeners.iter().filter(|(name, ..)| name == listener);
        found.map(|(_, host, port)| (self.node_id(), host.clone(), *port)).collect()
    }
}

/// The wall clock, in milliseconds since 1970.
pub(crate) fn wall_clock_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}
