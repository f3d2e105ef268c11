//! What a node tells of itself over HTTP: `/metrics` for Prometheus, `/healthz`, `/readyz`.
//!
//! Counters are kept where things happen, as relaxed atomics; everything else is read at the time of a scrape. A metric has
//! the name of the reference's MBean, by one rule ([`names`]), and is there only when it is measured: nothing is a constant.

mod error_codes;
mod histogram;
mod http;
mod http_connections;
mod labels;
mod names;
mod requests;
mod scrape;
mod topics;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use histogram::{Histogram, TIME_BOUNDS_MS};
use moldau_log::SyncTimer;

pub(crate) use error_codes::{ErrorCodes, ErrorCounts};
pub(crate) use http::{HttpListener, Started, serve_http};
pub(crate) use requests::{Counted, RequestMetrics, settled};
pub(crate) use topics::{TopicCounters, TopicMetrics};

/// What a node counts from its start.
pub(crate) struct Telemetry {
    /// By API.
    pub(crate) requests: RequestMetrics,
    /// Of the data path, by topic and in all.
    pub(crate) topics: TopicMetrics,
    /// Fetches that wait for records.
    pub(crate) waiting_fetches: Waiting,
    /// Milliseconds that syncs of segments took.
    log_flushes: Arc<Histogram>,
    /// When the process started, as the reference's `start-time-ms`.
    pub(crate) started: SystemTime,
}

impl Default for Telemetry {
    fn default() -> Self {
        Telemetry {
            requests: RequestMetrics::default(),
            topics: TopicMetrics::default(),
            waiting_fetches: Waiting::default(),
            log_flushes: Arc::new(Histogram::new(&TIME_BOUNDS_MS)),
            started: SystemTime::now(),
        }
    }
}

impl Telemetry {
    /// What hears of the time of syncs.
    pub(crate) fn sync_timer(&self) -> SyncTimer {
        let times = self.log_flushes.clone();
        SyncTimer::new(move |took| times.observe(took.as_secs_f64() * 1000.0))
    }
}

/// How many wait for something.
#[derive(Default)]
pub(crate) struct Waiting(AtomicI64);

impl Waiting {
    /// One more, as long as the guard lives.
    pub(crate) fn enter(&self) -> WaitingGuard<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        WaitingGuard(self)
    }

    pub(crate) fn count(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One that waits.
pub(crate) struct WaitingGuard<'a>(&'a Waiting);

impl Drop for WaitingGuard<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
