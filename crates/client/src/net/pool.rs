//! The connections of one client: at most one for each broker and lane, made when it is needed.
//!
//! Always: concurrent callers wait for the same attempt; after a failure the next attempt waits for `reconnect.backoff.ms`, doubling.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until, timeout};

use super::connection::Connection;
use super::metrics::ConnectionMetrics;
use crate::config::CommonConfig;
use crate::error::Result;

/// What a connection is for, so that a request that rests at the broker does not hold up others behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// Metadata, produce, administration.
    Main,
    /// Fetches, which rest at the broker until there is data.
    Fetch,
    /// The group coordinator, where JoinGroup and SyncGroup rest.
    Coordinator,
    /// Heartbeats, which must pass while a JoinGroup rests.
    Heartbeat,
}

#[derive(Default)]
struct Slot {
    connection: Option<Connection>,
    failures: u32,
    not_before: Option<Instant>,
}

type Slots = HashMap<(String, Lane), Arc<tokio::sync::Mutex<Slot>>>;

/// Connections by address and lane.
pub(crate) struct Pool {
    config: CommonConfig,
    metrics: Arc<ConnectionMetrics>,
    slots: Mutex<Slots>,
}

impl Pool {
    pub(crate) fn new(config: CommonConfig) -> Self {
        let metrics = Arc::new(ConnectionMetrics::new(&config));
        Self { config, metrics, slots: Mutex::default() }
    }

    /// What all connections of this client counted.
    pub(crate) fn metrics(&self) -> &ConnectionMetrics {
        &self.metrics
    }

    /// The connection to `address` in `lane`, made now if there is none.
    pub(crate) async fn get(&self, address: &str, lane: Lane) -> Result<Connection> {
        let slot = self.slots.lock().entry((address.to_owned(), lane)).or_default().clone();
        let mut slot = slot.lock().await;
        if let Some(connection) = &slot.connection
            && !connection.is_closed()
        {
            return Ok(connection.clone());
        }
        slot.connection = None;
        if let Some(not_before) = slot.not_before {
            sleep_until(not_before).await;
        }
        let allowed = self.config.setup_time(slot.failures);
        match Connection::open(address, &self.config, &self.metrics, allowed).await {
            Ok(connection) => {
                tracing::debug!(address, ?lane, "connected");
                *slot = Slot { connection: Some(connection.clone()), ..Slot::default() };
                Ok(connection)
            }
            Err(error) => {
                tracing::debug!(address, ?lane, %error, "no connection");
                slot.not_before = Some(Instant::now() + self.config.reconnect_pause(slot.failures));
                slot.failures = slot.failures.saturating_add(1);
                Err(error)
            }
        }
    }

    /// Ends all connections, and waits until what they were given is written, at most `request.timeout.ms`.
    pub(crate) async fn close(&self) {
        let mut slots: Vec<_> = self.slots.lock().drain().map(|(_, slot)| slot).collect();
        let mut ending = Vec::new();
        let mut end = |connection: Option<Connection>| {
            if let Some(connection) = connection {
                connection.close();
                ending.push(connection);
            }
        };
        // Those that are there first: the others are about to be made, which a caller may not wait for.
        slots.retain(|slot| match slot.try_lock() {
            Ok(mut slot) => {
                end(slot.connection.take());
                false
            }
            Err(_) => true,
        });
        for slot in slots {
            end(slot.lock().await.connection.take());
        }
        let all_written = async {
            for connection in &ending {
                connection.ended().await;
            }
        };
        let _ = timeout(self.config.request_timeout, all_written).await;
    }
}
