//! Brokers and controllers that registered.

use std::collections::BTreeMap;
use std::sync::Arc;

use moldau_types::{BrokerId, Uuid};

/// A listener that a node offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The listener's name.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL.
    pub security_protocol: i16,
}

/// The levels of a feature that a node supports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    /// The lowest level.
    pub min: i16,
    /// The highest level.
    pub max: i16,
}

impl VersionRange {
    /// Whether the level is in the range.
    pub const fn contains(self, level: i16) -> bool {
        self.min <= level && level <= self.max
    }
}

/// A broker as it last registered, and whether it may lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerRegistration {
    /// The broker.
    pub id: BrokerId,
    /// Offset of its registration record: later requests must carry it.
    pub broker_epoch: i64,
    /// Chosen anew by each start of the process.
    pub incarnation_id: Uuid,
    /// Its client listeners, in the order it gave them.
    pub listeners: Vec<Endpoint>,
    /// What it supports, by feature.
    pub supported_features: BTreeMap<String, VersionRange>,
    /// Where it stands, if it says.
    pub rack: Option<String>,
    /// It must not lead or be in an ISR until it is unfenced.
    pub fenced: bool,
    /// It is giving away its leaderships to stop.
    pub in_controlled_shutdown: bool,
    /// Whether it is a broker of a cluster that was moving away from ZooKeeper; kept for old logs.
    pub is_migrating_zk_broker: bool,
    /// Its log directories that are online, sorted.
    pub directories: Vec<Uuid>,
    /// Its log directories that take no new replicas, sorted; `None` when it never said.
    pub cordoned_directories: Option<Vec<Uuid>>,
}

impl BrokerRegistration {
    /// The listener of this name.
    pub fn listener(&self, name: &str) -> Option<&Endpoint> {
        self.listeners.iter().find(|listener| listener.name == name)
    }

    /// Neither fenced nor stopping: it may lead and join an ISR.
    pub fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }

    /// Whether a replica in this directory can be online; the special directories count as online unless lost.
    pub fn has_online_directory(&self, directory: Uuid) -> bool {
        if self.directories.is_empty()
            || directory == Uuid::UNASSIGNED_DIR
            || directory == Uuid::MIGRATING_DIR
        {
            return true;
        }
        directory != Uuid::LOST_DIR && self.directories.binary_search(&directory).is_ok()
    }
}

/// A controller as it last registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerRegistration {
    /// The controller.
    pub id: BrokerId,
    /// Chosen anew by each start of the process.
    pub incarnation_id: Uuid,
    /// Kept for old logs.
    pub zk_migration_ready: bool,
    /// Its controller listeners, in the order it gave them.
    pub listeners: Vec<Endpoint>,
    /// What it supports, by feature.
    pub supported_features: BTreeMap<String, VersionRange>,
}

/// Brokers and controllers that registered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterImage {
    brokers: Arc<BTreeMap<BrokerId, Arc<BrokerRegistration>>>,
    controllers: Arc<BTreeMap<BrokerId, Arc<ControllerRegistration>>>,
}

impl ClusterImage {
    /// The broker's registration.
    pub fn broker(&self, id: BrokerId) -> Option<&Arc<BrokerRegistration>> {
        self.brokers.get(&id)
    }

    /// Every registered broker, by id.
    pub fn brokers(&self) -> impl ExactSizeIterator<Item = &Arc<BrokerRegistration>> {
        self.brokers.values()
    }

    /// The controller's registration.
    pub fn controller(&self, id: BrokerId) -> Option<&Arc<ControllerRegistration>> {
        self.controllers.get(&id)
    }

    /// Every registered controller, by id.
    pub fn controllers(&self) -> impl ExactSizeIterator<Item = &Arc<ControllerRegistration>> {
        self.controllers.values()
    }

    /// Whether the broker is registered and neither fenced nor stopping.
    pub fn is_active(&self, id: BrokerId) -> bool {
        self.broker(id).is_some_and(|broker| broker.is_active())
    }

    pub(crate) fn put_broker(&mut self, broker: BrokerRegistration) {
        Arc::make_mut(&mut self.brokers).insert(broker.id, Arc::new(broker));
    }

    pub(crate) fn broker_mut(&mut self, id: BrokerId) -> Option<&mut BrokerRegistration> {
        Arc::make_mut(&mut self.brokers).get_mut(&id).map(Arc::make_mut)
    }

    pub(crate) fn remove_broker(&mut self, id: BrokerId) {
        Arc::make_mut(&mut self.brokers).remove(&id);
    }

    pub(crate) fn put_controller(&mut self, controller: ControllerRegistration) {
        Arc::make_mut(&mut self.controllers).insert(controller.id, Arc::new(controller));
    }
}
