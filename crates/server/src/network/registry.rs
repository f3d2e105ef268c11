//! The open connections of a node: counted against the limits, and closed when they have been idle for too long.
//!
//! Invariant: a connection is in the registry exactly as long as its [`Registration`] lives.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moldau_config::BrokerConfig;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::limits::{ConnectionLimits, OpenConnections, Pace, Refusal};

/// What the registry and the connection share.
pub(crate) struct Liveness {
    started: Instant,
    /// Milliseconds after `started` of the last byte in either direction.
    last_active_ms: AtomicU64,
    /// Whether it keeps a buffer that is larger than what is in it.
    has_spare: AtomicBool,
    /// Whether it must close for its idleness.
    is_expired: AtomicBool,
    /// Told when it must close, or give its buffer back.
    pub(crate) stirred: Notify,
}

/// A sender that was silent for so long within a request keeps no more memory than it filled.
const KEEPS_SPARE: Duration = Duration::from_secs(1);

impl Liveness {
    pub(crate) fn touch(&self) {
        self.last_active_ms.store(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// The connection waits for more of a request, and keeps a buffer with much room for it or not.
    pub(crate) fn waits(&self, has_spare: bool) {
        self.has_spare.store(has_spare, Ordering::Relaxed);
    }

    /// Whether the connection must close for its idleness.
    pub(crate) fn is_expired(&self) -> bool {
        self.is_expired.load(Ordering::Relaxed)
    }

    fn idle(&self) -> Duration {
        self.started
            .elapsed()
            .saturating_sub(Duration::from_millis(self.last_active_ms.load(Ordering::Relaxed)))
    }
}

#[derive(Default)]
struct Open {
    next: u64,
    by_ip: HashMap<IpAddr, usize>,
    by_listener: HashMap<Arc<str>, usize>,
    /// Connections that were ever accepted.
    accepted: BTreeMap<Arc<str>, u64>,
    /// Connections that were told to close for their idleness.
    expired: u64,
    connections: HashMap<u64, Arc<Liveness>>,
}

/// Connections of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListenerCounts {
    /// Now.
    pub(crate) open: usize,
    /// Since the start.
    pub(crate) accepted: u64,
}

/// Connections of all listeners.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConnectionCounts {
    pub(crate) by_listener: Vec<(Arc<str>, ListenerCounts)>,
    /// Closed because nobody used them.
    pub(crate) expired: u64,
}

/// All open connections.
pub(crate) struct ConnectionRegistry {
    limits: Mutex<ConnectionLimits>,
    open: Mutex<Open>,
    pace: Mutex<Pace>,
    /// Told when there may be a place again.
    freed: Notify,
}

/// A place in the registry, given up when dropped.
pub(crate) struct Registration {
    registry: Arc<ConnectionRegistry>,
    id: u64,
    ip: IpAddr,
    listener: Arc<str>,
    pub(crate) liveness: Arc<Liveness>,
}

impl ConnectionRegistry {
    pub(crate) fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(ConnectionRegistry {
            limits: Mutex::new(limits),
            open: Mutex::default(),
            pace: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// Takes the limits of other configs; open connections stay.
    pub(crate) fn reconfigure(&self, config: &BrokerConfig) {
        let before = self.limits.lock().clone();
        self.set_limits(before.changed(config));
    }

    fn set_limits(&self, limits: ConnectionLimits) {
        *self.limits.lock() = limits;
        self.freed.notify_waiters();
    }

    /// How long a new connection of a listener has to wait, by the node's rate and by the listener's own.
    pub(crate) fn creation_wait(&self, listener: &str, of_listener: &mut Pace) -> Duration {
        let limits = self.limits.lock();
        let now = Instant::now();
        let of_all = self.pace.lock().wait(limits.all.rate, now);
        of_all.max(of_listener.wait(limits.of_listener(listener).rate, now))
    }

    /// Takes a place for a new connection, or says which limit is in the way.
    pub(crate) fn register(
        self: &Arc<Self>,
        ip: IpAddr,
        listener: &Arc<str>,
    ) -> Result<Registration, Refusal> {
        let limits = self.limits.lock();
        let mut open = self.open.lock();
        let count = OpenConnections {
            all: open.connections.len(),
            from_ip: open.by_ip.get(&ip).copied().unwrap_or(0),
            of_listener: open.by_listener.get(listener).copied().unwrap_or(0),
        };
        if let Some(refusal) = limits.refusal(ip, listener, count) {
            return Err(refusal);
        }
        *open.by_listener.entry(listener.clone()).or_default() += 1;
        *open.accepted.entry(listener.clone()).or_default() += 1;
        let id = open.next;
        open.next += 1;
        *open.by_ip.entry(ip).or_default() += 1;
        let liveness = Arc::new(Liveness {
            started: Instant::now(),
            last_active_ms: AtomicU64::new(0),
            has_spare: AtomicBool::new(false),
            is_expired: AtomicBool::new(false),
            stirred: Notify::new(),
        });
        open.connections.insert(id, liveness.clone());
        Ok(Registration { registry: self.clone(), id, ip, listener: listener.clone(), liveness })
    }

    /// Takes a place for a new connection, and waits for one where the node or the listener is full: those that come
    /// after it wait in the kernel's queue. Says why where its address has as many as it may.
    pub(crate) async fn place(
        self: &Arc<Self>,
        ip: IpAddr,
        listener: &Arc<str>,
    ) -> Result<Registration, String> {
        let mut told = false;
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            match self.register(ip, listener) {
                Ok(registration) => return Ok(registration),
                Err(Refusal::OfAddress(why)) => return Err(why),
                Err(Refusal::Full(why)) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(%listener, "a new connection waits until another ends: {why}");
                    }
                    freed.await;
                }
            }
        }
    }

    /// Tells the connections that were idle for longer than `max` to close, and those that stopped within a request to
    /// give back what they do not need.
    pub(crate) fn look_at_idle(&self, max: Duration) {
        let mut open = self.open.lock();
        let mut expired = 0;
        for liveness in open.connections.values() {
            let idle = liveness.idle();
            if idle > max {
                expired += u64::from(!liveness.is_expired.swap(true, Ordering::Relaxed));
                liveness.stirred.notify_one();
            } else if idle > KEEPS_SPARE && liveness.has_spare.swap(false, Ordering::Relaxed) {
                liveness.stirred.notify_one();
            }
        }
        open.expired += expired;
    }

    /// How many connections there are and were.
    pub(crate) fn counts(&self) -> ConnectionCounts {
        let open = self.open.lock();
        let of_listener = |(listener, accepted): (&Arc<str>, &u64)| {
            let now_open = open.by_listener.get(listener).copied().unwrap_or(0);
            (listener.clone(), ListenerCounts { open: now_open, accepted: *accepted })
        };
        ConnectionCounts {
            by_listener: open.accepted.iter().map(of_listener).collect(),
            expired: open.expired,
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut open = self.registry.open.lock();
        open.connections.remove(&self.id);
        if let Some(count) = open.by_listener.get_mut(&self.listener) {
            *count -= 1;
        }
        if let Some(count) = open.by_ip.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                open.by_ip.remove(&self.ip);
            }
        }
        if open.connections.capacity() > 1024 && open.connections.len() * 4 < open.connections.capacity() {
            open.connections.shrink_to_fit();
        }
        drop(open);
        self.registry.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::Limit;
    use super::*;

    #[test]
    fn a_place_is_free_again_when_the_connection_ends() {
        let limits = ConnectionLimits { max_per_ip: 1, ..ConnectionLimits::default() };
        let registry = ConnectionRegistry::new(limits);
        let (ip, listener) = ([127, 0, 0, 1].into(), "PLAINTEXT".into());
        let first = registry.register(ip, &listener);
        assert!(first.is_ok());
        assert!(registry.register(ip, &listener).is_err());
        drop(first);
        assert!(registry.register(ip, &listener).is_ok());
        let counts = registry.counts().by_listener;
        assert_eq!(counts, [(listener.clone(), ListenerCounts { open: 0, accepted: 2 })]);
        assert!(registry.open.lock().connections.is_empty());
        assert!(registry.open.lock().by_ip.is_empty());
        assert_eq!(registry.open.lock().by_listener[&listener], 0);
    }

    #[tokio::test]
    async fn a_connection_beyond_max_connections_was_closed_where_it_has_to_wait() {
        let registry = ConnectionRegistry::new(ConnectionLimits {
            of_listeners: [("PLAINTEXT".to_owned(), Limit { max: 1, ..Limit::NONE })].into(),
            ..ConnectionLimits::default()
        });
        let (ip, listener) = ([127, 0, 0, 1].into(), "PLAINTEXT".into());
        let first = registry.place(ip, &listener).await.expect("a place");
        let second = registry.place(ip, &listener);
        tokio::pin!(second);
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        drop(first);
        let second = second.await.expect("the place that the first has left");
        let third = registry.place(ip, &listener);
        tokio::pin!(third);
        assert!(futures_util::poll!(third.as_mut()).is_pending());
        registry.set_limits(ConnectionLimits { max_per_ip: 1, ..ConnectionLimits::default() });
        let refusal = third.await.err().expect("one address has no second place");
        assert!(refusal.contains("max.connections.per.ip allows 1"), "{refusal}");
        drop(second);
    }
}
