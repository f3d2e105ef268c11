//! The producer's figures (`producer-metrics`).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::config::CommonConfig;
use crate::metrics::{Group, Metric, Sensor};
use crate::net::ConnectionMetrics;

/// What a producer measures.
pub(super) struct ProducerMetrics {
    pub(super) records_sent: Sensor,
    pub(super) records_failed: Sensor,
    pub(super) records_retried: Sensor,
    pub(super) batches_split: Sensor,
    pub(super) batch_sizes: Sensor,
    pub(super) compression: Sensor,
    pub(super) records_per_request: Sensor,
    pub(super) queue_times: Sensor,
    pub(super) request_latencies: Sensor,
    pub(super) requests_in_flight: AtomicUsize,
}

impl ProducerMetrics {
    pub(super) fn new(config: &CommonConfig) -> Self {
        let sensor = || Sensor::new(config);
        Self {
            records_sent: sensor(),
            records_failed: sensor(),
            records_retried: sensor(),
            batches_split: sensor(),
            batch_sizes: sensor(),
            compression: sensor(),
            records_per_request: sensor(),
            queue_times: sensor(),
            request_latencies: sensor(),
            requests_in_flight: AtomicUsize::new(0),
        }
    }

    /// All figures, with those that are known from elsewhere.
    pub(super) fn read(&self, gauges: &Gauges, connections: &ConnectionMetrics) -> Vec<Metric> {
        let mut group = Group::new("producer-metrics");
        group.rate(["record-send-rate", "record-send-total"], &self.records_sent);
        group.rate(["record-error-rate", "record-error-total"], &self.records_failed);
        group.rate(["record-retry-rate", "record-retry-total"], &self.records_retried);
        group.rate(["batch-split-rate", "batch-split-total"], &self.batches_split);
        group.average(["batch-size-avg", "batch-size-max"], &self.batch_sizes);
        group.value("compression-rate-avg", self.compression.read().average);
        group.value("records-per-request-avg", self.records_per_request.read().average);
        group.average(["record-queue-time-avg", "record-queue-time-max"], &self.queue_times);
        group.average(["request-latency-avg", "request-latency-max"], &self.request_latencies);
        group.value("buffer-total-bytes", gauges.buffer_total as f64);
        group.value("buffer-available-bytes", gauges.buffer_available as f64);
        group.value("requests-in-flight", self.requests_in_flight.load(Ordering::Relaxed) as f64);
        group.value("metadata-age", gauges.metadata_age.map_or(f64::NAN, |age| age.as_secs_f64()));
        connections.read_into(&mut group);
        group.into_metrics()
    }
}

/// What is looked up when the figures are read.
pub(super) struct Gauges {
    pub(super) buffer_total: usize,
    pub(super) buffer_available: usize,
    pub(super) metadata_age: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::assert_kafkas;

    #[test]
    fn all_figures_of_a_producer_are_kafkas() {
        let gauges = Gauges { buffer_total: 10, buffer_available: 4, metadata_age: None };
        let config = CommonConfig::default();
        let read = ProducerMetrics::new(&config).read(&gauges, &ConnectionMetrics::new(&config));
        assert_kafkas(&read);
        let available = read.iter().find(|metric| metric.name == "buffer-available-bytes");
        assert_eq!(available.map(|metric| metric.value), Some(4.0));
    }
}
