//! Holds the newest snapshot and which topics it must speak of.

use std::collections::BTreeSet;
use std::sync::Arc;

use moldau_protocol::messages::MetadataResponse;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::cluster::Cluster;

/// What to ask the cluster for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All topics.
    All,
    /// These; none of them asks only for brokers.
    Topics(BTreeSet<String>),
}

struct Inner {
    cluster: Arc<Cluster>,
    wanted: Wanted,
    read_at: Option<Instant>,
    /// Since when metadata can't be read.
    failing_since: Option<Instant>,
    version: u64,
}

/// The newest snapshot.
pub(crate) struct Cache {
    inner: Mutex<Inner>,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            inner: Mutex::new(Inner {
                cluster: Arc::default(),
                wanted: Wanted::Topics(BTreeSet::new()),
                read_at: None,
                failing_since: None,
                version: 0,
            }),
        }
    }
}

impl Cache {
    pub(super) fn cluster(&self) -> Arc<Cluster> {
        self.inner.lock().cluster.clone()
    }

    /// Counts the snapshots, so that a caller can see that somebody else has read a newer one meanwhile.
    pub(super) fn version(&self) -> u64 {
        self.inner.lock().version
    }

    pub(super) fn age(&self) -> Option<std::time::Duration> {
        self.inner.lock().read_at.map(|at| at.elapsed())
    }

    pub(super) fn wanted(&self) -> Wanted {
        self.inner.lock().wanted.clone()
    }

    /// Adds topics to what is asked for from now on; whether any was new.
    pub(super) fn want(&self, names: &[&str]) -> bool {
        match &mut self.inner.lock().wanted {
            Wanted::All => false,
            Wanted::Topics(topics) => names.iter().fold(false, |new, name| {
                if topics.contains(*name) { new } else { topics.insert((*name).to_owned()) || new }
            }),
        }
    }

    /// Asks for all topics from now on.
    #[cfg(feature = "regex")]
    pub(super) fn want_all(&self) {
        let mut inner = self.inner.lock();
        if inner.wanted != Wanted::All {
            inner.wanted = Wanted::All;
            inner.read_at = None;
        }
    }

    /// Metadata was read, or could not be.
    pub(super) fn note_reading(&self, succeeded: bool) {
        let mut inner = self.inner.lock();
        inner.failing_since = if succeeded { None } else { inner.failing_since.or(Some(Instant::now())) };
    }

    /// Whether metadata could not be read for this time.
    pub(super) fn is_failing_for(&self, time: std::time::Duration) -> bool {
        self.inner.lock().failing_since.is_some_and(|since| since.elapsed() >= time)
    }

    /// Forgets the brokers, so that they are found anew.
    pub(super) fn forget_brokers(&self) {
        let mut inner = self.inner.lock();
        inner.cluster = Arc::new(inner.cluster.without_brokers());
        inner.read_at = None;
        inner.failing_since = None;
    }

    pub(super) fn forget(&self, name: &str) {
        let mut inner = self.inner.lock();
        if let Wanted::Topics(topics) = &mut inner.wanted {
            topics.remove(name);
        }
        inner.cluster = Arc::new(inner.cluster.without(name));
    }

    /// Takes the brokers of an answer that is not kept otherwise.
    pub(super) fn learn_brokers(&self, response: &MetadataResponse) {
        let brokers = MetadataResponse {
            brokers: response.brokers.clone(),
            cluster_id: response.cluster_id.clone(),
            controller_id: response.controller_id,
            ..Default::default()
        };
        let mut inner = self.inner.lock();
        inner.cluster = Arc::new(inner.cluster.merged(brokers, false));
    }

    pub(super) fn update(&self, response: MetadataResponse, whole: bool) -> Arc<Cluster> {
        let mut inner = self.inner.lock();
        inner.cluster = Arc::new(inner.cluster.merged(response, whole));
        inner.read_at = Some(Instant::now());
        inner.version += 1;
        inner.cluster.clone()
    }
}
