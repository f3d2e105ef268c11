//! What a consumer's fetches have brought: `consumer-fetch-manager-metrics`, of all, by topic, and by partition.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;

use super::TopicPartition;
use super::metrics::ConsumerMetrics;
use super::state::{Reading, Readings};
use crate::config::CommonConfig;
use crate::metrics::{Group, Metric, Sensor};

/// What was given out: a value each time, and one for each answer.
struct Consumed {
    bytes: Sensor,
    records: Sensor,
    bytes_of_answers: Sensor,
    records_of_answers: Sensor,
}

impl Consumed {
    fn new(config: &CommonConfig) -> Self {
        let sensor = || Sensor::new(config);
        Self { bytes: sensor(), records: sensor(), bytes_of_answers: sensor(), records_of_answers: sensor() }
    }

    fn note(&self, given: Given) {
        self.bytes.note(given.bytes as f64);
        self.records.note(given.records as f64);
    }

    fn note_answer(&self, given: Given) {
        self.bytes_of_answers.note(given.bytes as f64);
        self.records_of_answers.note(given.records as f64);
    }

    fn read(&self, group: &mut Group, tags: &[(&'static str, String)]) {
        let (bytes, records) = (self.bytes.read(), self.records.read());
        let (answer_bytes, answer_records) = (self.bytes_of_answers.read(), self.records_of_answers.read());
        for (name, value) in [
            ("bytes-consumed-rate", bytes.rate),
            ("bytes-consumed-total", bytes.total),
            ("fetch-size-avg", answer_bytes.average),
            ("fetch-size-max", answer_bytes.max),
            ("records-consumed-rate", records.rate),
            ("records-consumed-total", records.total),
            ("records-per-request-avg", answer_records.average),
        ] {
            group.tagged(name, tags.to_vec(), value);
        }
    }
}

/// How far positions are from both ends of their logs. Leads have their sign turned, since a sensor keeps the largest.
struct Distances {
    lags: Sensor,
    negated_leads: Sensor,
}

impl Distances {
    fn new(config: &CommonConfig) -> Self {
        Self { lags: Sensor::new(config), negated_leads: Sensor::new(config) }
    }

    fn note(&self, reading: &Reading) {
        if let Some(lag) = reading.lag() {
            self.lags.note(lag as f64);
        }
        if let Some(lead) = reading.lead() {
            self.negated_leads.note(-(lead as f64));
        }
    }
}

/// What a consumer's fetches are measured by. Times are in milliseconds.
pub(super) struct FetchMetrics {
    config: CommonConfig,
    pub(super) latencies: Sensor,
    pub(super) throttle_times: Sensor,
    all: Consumed,
    by_topic: Mutex<BTreeMap<Arc<str>, Consumed>>,
    distances: Distances,
    /// Of partitions that are read.
    by_partition: Mutex<HashMap<TopicPartition, Distances>>,
}

impl FetchMetrics {
    pub(super) fn new(config: &CommonConfig) -> Self {
        Self {
            config: config.clone(),
            latencies: Sensor::new(config),
            throttle_times: Sensor::new(config),
            all: Consumed::new(config),
            by_topic: Mutex::default(),
            distances: Distances::new(config),
            by_partition: Mutex::default(),
        }
    }

    /// Records of a partition were given out.
    pub(super) fn note_distances(&self, partition: &TopicPartition, reading: &Reading) {
        self.distances.note(reading);
        let mut by_partition = self.by_partition.lock();
        if !by_partition.contains_key(partition) {
            by_partition.insert(partition.clone(), Distances::new(&self.config));
        }
        if let Some(distances) = by_partition.get(partition) {
            distances.note(reading);
        }
    }

    /// Forgets the partitions that are no longer read.
    pub(super) fn forget_all_but(&self, readings: &Readings) {
        self.by_partition.lock().retain(|partition, _| readings.partitions.contains_key(partition));
    }

    /// All figures of a consumer that reads these partitions.
    pub(super) fn read(&self, readings: &Readings) -> Vec<Metric> {
        let mut group = Group::new("consumer-fetch-manager-metrics");
        self.all.read(&mut group, &[]);
        group.counted(["fetch-rate", "fetch-total"], &self.latencies);
        group.average(["fetch-latency-avg", "fetch-latency-max"], &self.latencies);
        group.average(["fetch-throttle-time-avg", "fetch-throttle-time-max"], &self.throttle_times);
        group.value("records-lag-max", self.distances.lags.read().max);
        group.value("records-lead-min", -self.distances.negated_leads.read().max);
        for (topic, consumed) in &*self.by_topic.lock() {
            consumed.read(&mut group, &[("topic", topic.to_string())]);
        }
        let by_partition = self.by_partition.lock();
        for (partition, reading) in &readings.partitions {
            let index = partition.partition.to_string();
            let tags = [("topic", partition.topic.to_string()), ("partition", index)];
            let mut value = |name, value: f64| group.tagged(name, tags.to_vec(), value);
            value("preferred-read-replica", f64::from(reading.preferred_replica.map_or(-1, |(id, _)| id)));
            if let Some(lag) = reading.lag() {
                value("records-lag", lag as f64);
            }
            if let Some(lead) = reading.lead() {
                value("records-lead", lead as f64);
            }
            if let Some(distances) = by_partition.get(partition) {
                let (lags, leads) = (distances.lags.read(), distances.negated_leads.read());
                value("records-lag-avg", lags.average);
                value("records-lag-max", lags.max);
                value("records-lead-avg", -leads.average);
                value("records-lead-min", -leads.max);
            }
        }
        drop(by_partition);
        group.into_metrics()
    }

    fn note_given(&self, topic: &Arc<str>, given: Given) {
        self.all.note(given);
        let mut sensors = self.by_topic.lock();
        sensors.entry(topic.clone()).or_insert_with(|| Consumed::new(&self.config)).note(given);
    }

    fn note_answer(&self, by_topic: &BTreeMap<Arc<str>, Given>) {
        let mut all = Given::default();
        let sensors = self.by_topic.lock();
        for (topic, given) in by_topic {
            all.add(*given);
            if let Some(consumed) = sensors.get(topic) {
                consumed.note_answer(*given);
            }
        }
        drop(sensors);
        self.all.note_answer(all);
    }
}

/// What was given out.
#[derive(Clone, Copy, Default)]
struct Given {
    bytes: usize,
    records: usize,
}

impl Given {
    fn add(&mut self, more: Self) {
        self.bytes += more.bytes;
        self.records += more.records;
    }
}

/// Notes what is given out of one answer to a fetch, and how much that was when the last of it is gone.
pub(super) struct Tally {
    metrics: Arc<ConsumerMetrics>,
    by_topic: Mutex<BTreeMap<Arc<str>, Given>>,
}

impl Tally {
    pub(super) fn new(metrics: Arc<ConsumerMetrics>) -> Arc<Self> {
        Arc::new(Self { metrics, by_topic: Mutex::default() })
    }

    /// Batches of so many bytes, with so many records that were given out, are gone.
    pub(super) fn add(&self, topic: &Arc<str>, bytes: usize, records: usize) {
        let given = Given { bytes, records };
        self.metrics.fetches.note_given(topic, given);
        self.by_topic.lock().entry(topic.clone()).or_default().add(given);
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.metrics.fetches.note_answer(self.by_topic.get_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::{Need, Position};
    use super::*;
    use crate::metrics::assert_kafkas;
    use crate::net::ConnectionMetrics;

    #[test]
    fn all_figures_of_a_consumer_are_kafkas() {
        let config = CommonConfig::default();
        let (metrics, connections) = (ConsumerMetrics::new(&config), ConnectionMetrics::new(&config));
        let partition = TopicPartition::new("t", 0);
        let mut readings = Readings::default();
        readings.replace(&[partition.clone(), TopicPartition::new("t", 1)]);
        let reading = Reading {
            position: Ok(Position { offset: 30, leader_epoch: None }),
            end_offset: Some(40),
            log_start_offset: Some(10),
            ..Reading::new(Need::Reset)
        };
        metrics.fetches.note_distances(&partition, &reading);
        readings.partitions.insert(partition.clone(), reading);
        let tally = Tally::new(metrics.clone());
        tally.add(&partition.topic, 100, 7);
        tally.add(&partition.topic, 0, 3);
        // The bug: it counted only when the last of the answer was gone.
        let total = |metric: &Metric| metric.name == "records-consumed-total" && metric.value == 10.0;
        assert_eq!(metrics.read(&readings, &connections).iter().filter(|metric| total(metric)).count(), 2);
        drop(tally);
        let read = metrics.read(&readings, &connections);
        assert_kafkas(&read);
        let values = |name: &str| -> Vec<f64> {
            read.iter().filter(|metric| metric.name == name).map(|metric| metric.value).collect()
        };
        assert_eq!(values("records-consumed-total"), [10.0, 10.0], "of all and of the topic");
        assert_eq!(values("records-per-request-avg"), [10.0, 10.0], "it was one answer");
        assert_eq!(values("records-lag"), [10.0]);
        assert_eq!(values("records-lead-avg"), [20.0]);
        assert_eq!(values("assigned-partitions"), [2.0]);
    }
}
