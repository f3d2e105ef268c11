//! Holds the newest snapshot and which topics it must speak of.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

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
    /// When each wanted topic was last used; kept only by a client that forgets idle ones.
    used: HashMap<String, Instant>,
    read_at: Option<Instant>,
    /// Since when metadata can't be read.
    failing_since: Option<Instant>,
    version: u64,
}

impl Inner {
    fn forget(&mut self, name: &str) {
        self.used.remove(name);
        if let Wanted::Topics(topics) = &mut self.wanted {
            topics.remove(name);
        }
        self.cluster = Arc::new(self.cluster.without(name));
    }
}

/// The newest snapshot.
pub(crate) struct Cache {
    /// How long a topic stays wanted that nobody uses, where that has an end.
    idle: Option<Duration>,
    inner: Mutex<Inner>,
}

impl Cache {
    /// A cache that stops asking for a topic that was not used for `idle`.
    pub(super) fn new(idle: Option<Duration>) -> Self {
        Self {
            idle,
            inner: Mutex::new(Inner {
                cluster: Arc::default(),
                wanted: Wanted::Topics(BTreeSet::new()),
                used: HashMap::new(),
                read_at: None,
                failing_since: None,
                version: 0,
            }),
        }
    }

    pub(super) fn cluster(&self) -> Arc<Cluster> {
        self.inner.lock().cluster.clone()
    }

    /// Counts the snapshots, so that a caller can see that somebody else has read a newer one meanwhile.
    pub(super) fn version(&self) -> u64 {
        self.inner.lock().version
    }

    pub(super) fn age(&self) -> Option<Duration> {
        self.inner.lock().read_at.map(|at| at.elapsed())
    }

    pub(super) fn wanted(&self) -> Wanted {
        self.inner.lock().wanted.clone()
    }

    /// Adds topics to what is asked for from now on; whether any was new.
    pub(super) fn want(&self, names: &[&str]) -> bool {
        self.want_at(names, Instant::now())
    }

    fn want_at(&self, names: &[&str], now: Instant) -> bool {
        let mut inner = self.inner.lock();
        if self.idle.is_some() {
            inner.used.extend(names.iter().map(|name| ((*name).to_owned(), now)));
        }
        match &mut inner.wanted {
            Wanted::All => false,
            Wanted::Topics(topics) => names.iter().fold(false, |new, name| {
                if topics.contains(*name) { new } else { topics.insert((*name).to_owned()) || new }
            }),
        }
    }

    /// Stops asking for the topics that were not used for too long.
    pub(super) fn forget_idle(&self) {
        self.forget_idle_at(Instant::now());
    }

    fn forget_idle_at(&self, now: Instant) {
        let Some(idle) = self.idle else { return };
        let mut inner = self.inner.lock();
        let names: Vec<String> =
            inner.used.iter().filter(|(_, at)| **at + idle <= now).map(|(name, _)| name.clone()).collect();
        for name in names {
            tracing::debug!(topic = name, "not used for metadata.max.idle.ms");
            inner.forget(&name);
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

    /// Asks only for these topics from now on, if it was for all.
    pub(super) fn want_no_more_than(&self, names: &BTreeSet<String>) {
        let mut inner = self.inner.lock();
        if inner.wanted == Wanted::All {
            inner.wanted = Wanted::Topics(names.clone());
        }
    }

    /// Metadata was read, or could not be.
    pub(super) fn note_reading(&self, succeeded: bool) {
        let mut inner = self.inner.lock();
        inner.failing_since = if succeeded { None } else { inner.failing_since.or(Some(Instant::now())) };
    }

    /// Whether metadata could not be read for this time.
    pub(super) fn is_failing_for(&self, time: Duration) -> bool {
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
        self.inner.lock().forget(name);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(cache: &Cache) -> Vec<String> {
        match cache.wanted() {
            Wanted::All => Vec::new(),
            Wanted::Topics(names) => names.into_iter().collect(),
        }
    }

    #[test]
    fn a_topic_is_asked_for_until_nobody_has_used_it_for_too_long() {
        let cache = Cache::new(Some(Duration::from_secs(5)));
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        assert!(cache.want_at(&["a", "b"], at(0)));
        assert!(!cache.want_at(&["b"], at(3)), "it was wanted before");
        cache.forget_idle_at(at(4));
        assert_eq!(wanted(&cache), ["a", "b"]);
        cache.forget_idle_at(at(5));
        assert_eq!(wanted(&cache), ["b"]);
        cache.forget_idle_at(at(8));
        assert!(wanted(&cache).is_empty());
        assert!(cache.want_at(&["a"], at(9)), "it is new again");
        assert_eq!(wanted(&cache), ["a"]);
    }

    #[test]
    #[cfg(feature = "regex")]
    fn all_topics_are_asked_for_only_until_some_are_named() {
        let cache = Cache::new(None);
        cache.want_all();
        assert_eq!(cache.wanted(), Wanted::All);
        cache.want_no_more_than(&["a".to_owned()].into());
        assert_eq!(wanted(&cache), ["a"]);
        cache.want(&["b"]);
        cache.want_no_more_than(&BTreeSet::new());
        assert_eq!(wanted(&cache), ["a", "b"], "what is asked for by name stays");
    }

    #[test]
    fn a_client_without_such_a_time_forgets_nothing() {
        let cache = Cache::new(None);
        let began = Instant::now();
        cache.want_at(&["a"], began);
        cache.forget_idle_at(began + Duration::from_secs(1_000_000));
        assert_eq!(wanted(&cache), ["a"]);
    }
}
