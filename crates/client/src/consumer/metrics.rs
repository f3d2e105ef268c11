//! The consumer's figures: `consumer-metrics`, `consumer-fetch-manager-metrics` and `consumer-coordinator-metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::fetch_metrics::FetchMetrics;
use super::state::Readings;
use crate::config::CommonConfig;
use crate::metrics::{Group, Metric, Sensor};
use crate::net::ConnectionMetrics;

/// When something last happened.
#[derive(Default)]
pub(crate) struct Moment(Mutex<Option<Instant>>);

impl Moment {
    pub(crate) fn note(&self) {
        *self.0.lock() = Some(Instant::now());
    }

    fn age(&self) -> Option<Duration> {
        self.0.lock().map(|at| at.elapsed())
    }

    /// The age in whole seconds; −1 if it never happened.
    fn seconds_ago(&self) -> f64 {
        self.age().map_or(-1.0, |age| age.as_secs() as f64)
    }
}

/// A sum of times.
#[derive(Default)]
pub(crate) struct Nanos(AtomicU64);

impl Nanos {
    pub(crate) fn add_since(&self, began: Instant) {
        let nanos = began.elapsed().as_nanos().min(u128::from(u64::MAX)) as u64;
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }

    fn get(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64
    }
}

/// What a consumer measures. Times are in milliseconds.
pub(crate) struct ConsumerMetrics {
    last_poll: Moment,
    time_between_polls: Sensor,
    poll_idle_ratio: Sensor,
    pub(crate) commit_sync_time: Nanos,
    pub(crate) committed_time: Nanos,
    pub(super) fetches: FetchMetrics,
    pub(crate) commit_latencies: Sensor,
    pub(crate) heartbeats: Sensor,
    pub(crate) last_heartbeat: Moment,
    pub(crate) joins: Sensor,
    pub(crate) syncs: Sensor,
    pub(crate) rebalances: Sensor,
    pub(crate) failed_rebalances: Sensor,
    pub(crate) last_rebalance: Moment,
    pub(crate) assigned: Sensor,
    pub(crate) revoked: Sensor,
    pub(crate) lost: Sensor,
}

impl ConsumerMetrics {
    pub(crate) fn new(config: &CommonConfig) -> Arc<Self> {
        let sensor = || Sensor::new(config);
        Arc::new(Self {
            last_poll: Moment::default(),
            time_between_polls: sensor(),
            poll_idle_ratio: sensor(),
            commit_sync_time: Nanos::default(),
            committed_time: Nanos::default(),
            fetches: FetchMetrics::new(config),
            commit_latencies: sensor(),
            heartbeats: sensor(),
            last_heartbeat: Moment::default(),
            joins: sensor(),
            syncs: sensor(),
            rebalances: sensor(),
            failed_rebalances: sensor(),
            last_rebalance: Moment::default(),
            assigned: sensor(),
            revoked: sensor(),
            lost: sensor(),
        })
    }

    /// A poll begins; what [`ConsumerMetrics::poll_ends`] needs of it.
    pub(super) fn poll_begins(&self) -> (Instant, Duration) {
        let since_last = self.last_poll.age().unwrap_or_default();
        self.last_poll.note();
        self.time_between_polls.note(millis(since_last));
        (Instant::now(), since_last)
    }

    pub(super) fn poll_ends(&self, (began, since_last): (Instant, Duration)) {
        let within = began.elapsed();
        let ratio = within.as_secs_f64() / (within + since_last).as_secs_f64();
        if ratio.is_finite() {
            self.poll_idle_ratio.note(ratio);
        }
    }

    /// All figures of a consumer that reads these partitions.
    pub(super) fn read(&self, readings: &Readings, connections: &ConnectionMetrics) -> Vec<Metric> {
        let mut metrics = self.of_consumer(connections);
        metrics.extend(self.fetches.read(readings));
        metrics.extend(self.of_coordinator(readings.partitions.len()));
        metrics
    }

    fn of_consumer(&self, connections: &ConnectionMetrics) -> Vec<Metric> {
        let mut group = Group::new("consumer-metrics");
        group.value("last-poll-seconds-ago", self.last_poll.seconds_ago());
        group.average(["time-between-poll-avg", "time-between-poll-max"], &self.time_between_polls);
        group.value("poll-idle-ratio-avg", self.poll_idle_ratio.read().average);
        group.value("commit-sync-time-ns-total", self.commit_sync_time.get());
        group.value("committed-time-ns-total", self.committed_time.get());
        connections.read_into(&mut group);
        group.into_metrics()
    }

    fn of_coordinator(&self, assigned: usize) -> Vec<Metric> {
        let mut group = Group::new("consumer-coordinator-metrics");
        group.value("assigned-partitions", assigned as f64);
        group.counted(["commit-rate", "commit-total"], &self.commit_latencies);
        group.average(["commit-latency-avg", "commit-latency-max"], &self.commit_latencies);
        group.counted(["heartbeat-rate", "heartbeat-total"], &self.heartbeats);
        group.value("heartbeat-response-time-max", self.heartbeats.read().max);
        group.value("last-heartbeat-seconds-ago", self.last_heartbeat.seconds_ago());
        group.counted(["join-rate", "join-total"], &self.joins);
        group.average(["join-time-avg", "join-time-max"], &self.joins);
        group.counted(["sync-rate", "sync-total"], &self.syncs);
        group.average(["sync-time-avg", "sync-time-max"], &self.syncs);
        let rebalances = self.rebalances.read();
        group.average(["rebalance-latency-avg", "rebalance-latency-max"], &self.rebalances);
        group.value("rebalance-latency-total", rebalances.total);
        group.value("rebalance-rate-per-hour", rebalances.count_rate * 3600.0);
        group.value("rebalance-total", rebalances.count as f64);
        let failed = self.failed_rebalances.read();
        group.value("failed-rebalance-rate-per-hour", failed.count_rate * 3600.0);
        group.value("failed-rebalance-total", failed.count as f64);
        group.value("last-rebalance-seconds-ago", self.last_rebalance.seconds_ago());
        group.average(["partition-assigned-latency-avg", "partition-assigned-latency-max"], &self.assigned);
        group.average(["partition-revoked-latency-avg", "partition-revoked-latency-max"], &self.revoked);
        group.average(["partition-lost-latency-avg", "partition-lost-latency-max"], &self.lost);
        group.into_metrics()
    }
}

/// Notes how long something took.
pub(crate) fn note_since(sensor: &Sensor, began: Instant) {
    sensor.note(millis(began.elapsed()));
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
