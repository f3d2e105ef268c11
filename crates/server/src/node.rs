//! The life of a node: start, serve, stop.
//!
//! The order of a start: log directories are locked and recovered, the metadata log is read, a first start writes its
//! bootstrap records, the broker registers itself and leads its partitions, and only then the listeners answer. A stop
//! goes the other way: no more requests, then the broker says that it goes, coordinators and logs are closed, the
//! metadata log last.

mod bootstrap;
mod registration;
mod start;

use std::net::SocketAddr;
use std::sync::Arc;

use moldau_config::Loaded;
use moldau_controller::{BootstrapOptions, bootstrap_records};
use moldau_quorum::{MetadataQuorum, RaftQuorum};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::broker::Broker;
use crate::loggers::Loggers;

/// How many threads close logs at a stop.
const CLOSING_THREADS: usize = 4;

/// What a node starts from.
pub struct NodeOptions {
    /// The configs, as `moldau-config` loaded them.
    pub configs: Loaded,
    /// `--release-version`: what the first start finalizes; none for the newest.
    pub release_version: Option<String>,
    /// `--feature`: levels that the first start finalizes.
    pub features: Vec<(String, i16)>,
    /// The loggers of this process.
    pub loggers: Arc<dyn Loggers>,
}

impl NodeOptions {
    /// Whether a new cluster could begin so. The reason why not is one of usage, for a person; nothing was touched.
    pub fn check_first_start(&self) -> Result<(), NodeError> {
        let dynamic_quorum = !self.configs.config.quorum.is_static();
        bootstrap_records(&self.bootstrap(), &self.configs.settings, dynamic_quorum)
            .map(drop)
            .map_err(|error| NodeError(error.to_string()))
    }

    fn bootstrap(&self) -> BootstrapOptions {
        BootstrapOptions {
            release_version: self.release_version.clone(),
            features: self.features.iter().cloned().collect(),
        }
    }
}

/// Why a node did not start, for a person.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NodeError(pub String);

impl From<String> for NodeError {
    fn from(reason: String) -> Self {
        NodeError(reason)
    }
}

/// A running node.
pub struct Node {
    broker: Arc<Broker>,
    quorum: Arc<RaftQuorum>,
    stopping: watch::Sender<bool>,
    listeners: Vec<(Arc<str>, SocketAddr)>,
    http: Option<SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

impl Node {
    /// Where it listens: listener names and addresses, in the order of `listeners`.
    pub fn listeners(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.listeners.iter().map(|(name, address)| (&**name, *address))
    }

    /// Where it tells of itself over HTTP, if it does (`moldau.http.listener`).
    pub fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// The id of the cluster that it belongs to.
    pub fn cluster_id(&self) -> &str {
        self.broker.cluster_id()
    }

    /// Stops the node cleanly: what was acknowledged is closed in a way that the next start reads without recovery.
    pub async fn stop(self) -> Result<(), NodeError> {
        // Nobody may wait for it any more.
        let _ = self.stopping.send(true);
        registration::leave(&self.broker).await;
        self.broker.groups.shut_down();
        for task in self.tasks {
            if let Err(error) = task.await
                && error.is_panic()
            {
                tracing::error!("a task of the node panicked: {error}");
            }
        }
        let broker = self.broker.clone();
        let epoch = broker.own_epoch();
        let closed = tokio::task::spawn_blocking(move || broker.logs.close(epoch, CLOSING_THREADS)).await;
        self.quorum.shutdown().await;
        match closed {
            Ok(()) => Ok(()),
            Err(error) => Err(NodeError(format!("closing the logs: {error}"))),
        }
    }
}
