//! What a client counts and measures, under the names of Kafka's clients.
//!
//! Always: it is written once a batch, a request or a poll, never once a record. Rates, averages and maxima are taken
//! over the last `metrics.num.samples` windows of `metrics.sample.window.ms`; totals over the client's life.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::config::CommonConfig;

/// One figure of a client.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// The name, such as `record-send-rate`.
    pub name: &'static str,
    /// The group, such as `producer-metrics`.
    pub group: &'static str,
    /// What it is about, beyond the whole client: for example `topic` and `partition` with their values.
    pub tags: Vec<(&'static str, String)>,
    /// The value; NaN for an average or a maximum of nothing. Times are in milliseconds, sizes in bytes.
    pub value: f64,
}

impl Metric {
    /// A figure without tags, for the tests of what takes figures.
    pub fn new(group: &'static str, name: &'static str, value: f64) -> Self {
        Self { name, group, tags: Vec::new(), value }
    }
}

#[derive(Clone, Copy)]
struct Sample {
    began: Instant,
    count: u64,
    sum: f64,
    max: f64,
}

struct State {
    total: f64,
    count: u64,
    samples: VecDeque<Sample>,
}

/// Values over time.
pub(crate) struct Sensor {
    window: Duration,
    count: usize,
    state: Mutex<State>,
}

/// What a sensor says at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    pub(crate) total: f64,
    /// How many values there were.
    pub(crate) count: u64,
    /// How many a second.
    pub(crate) count_rate: f64,
    /// The sum a second.
    pub(crate) rate: f64,
    pub(crate) average: f64,
    pub(crate) max: f64,
}

impl Sensor {
    pub(crate) fn new(config: &CommonConfig) -> Self {
        let (window, count) =
            (config.metrics_window.max(Duration::from_millis(1)), config.metrics_samples.max(1));
        Self { window, count, state: Mutex::new(State { total: 0.0, count: 0, samples: VecDeque::new() }) }
    }

    /// Notes a value.
    pub(crate) fn note(&self, value: f64) {
        self.note_at(value, Instant::now());
    }

    fn note_at(&self, value: f64, now: Instant) {
        let mut state = self.state.lock();
        state.total += value;
        state.count += 1;
        self.drop_old(&mut state, now);
        match state.samples.back_mut().filter(|sample| now < sample.began + self.window) {
            Some(sample) => {
                sample.count += 1;
                sample.sum += value;
                sample.max = sample.max.max(value);
            }
            None => state.samples.push_back(Sample { began: now, count: 1, sum: value, max: value }),
        }
    }

    fn drop_old(&self, state: &mut State, now: Instant) {
        let all = self.window * self.count as u32;
        while state.samples.front().is_some_and(|sample| sample.began + all <= now) {
            state.samples.pop_front();
        }
        while state.samples.len() > self.count {
            state.samples.pop_front();
        }
    }

    pub(crate) fn read(&self) -> Reading {
        self.read_at(Instant::now())
    }

    fn read_at(&self, now: Instant) -> Reading {
        let mut state = self.state.lock();
        self.drop_old(&mut state, now);
        let (count, sum, max) = state.samples.iter().fold((0, 0.0, f64::NAN), |(count, sum, max), sample| {
            (count + sample.count, sum + sample.sum, sample.max.max(max))
        });
        // A rate over the first instants says nothing: the windows that are over count whole.
        let began = state.samples.front().map_or(now, |sample| sample.began);
        let span = (now - began).max(self.window * (self.count as u32 - 1)).max(Duration::from_millis(1));
        Reading {
            total: state.total,
            count: state.count,
            count_rate: count as f64 / span.as_secs_f64(),
            rate: sum / span.as_secs_f64(),
            average: if count == 0 { f64::NAN } else { sum / count as f64 },
            max,
        }
    }
}

/// Gathers metrics of one group.
pub(crate) struct Group {
    name: &'static str,
    metrics: Vec<Metric>,
}

impl Group {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, metrics: Vec::new() }
    }

    pub(crate) fn value(&mut self, name: &'static str, value: f64) {
        self.tagged(name, Vec::new(), value);
    }

    pub(crate) fn tagged(&mut self, name: &'static str, tags: Vec<(&'static str, String)>, value: f64) {
        self.metrics.push(Metric { name, group: self.name, tags, value });
    }

    /// A rate and a total.
    pub(crate) fn rate(&mut self, [rate, total]: [&'static str; 2], sensor: &Sensor) {
        let reading = sensor.read();
        self.value(rate, reading.rate);
        self.value(total, reading.total);
    }

    /// How often something was noted: a rate and a total.
    pub(crate) fn counted(&mut self, [rate, total]: [&'static str; 2], sensor: &Sensor) {
        let reading = sensor.read();
        self.value(rate, reading.count_rate);
        self.value(total, reading.count as f64);
    }

    /// An average and a maximum.
    pub(crate) fn average(&mut self, [average, max]: [&'static str; 2], sensor: &Sensor) {
        let reading = sensor.read();
        self.value(average, reading.average);
        self.value(max, reading.max);
    }

    pub(crate) fn into_metrics(self) -> Vec<Metric> {
        self.metrics
    }
}

/// Panics at a figure that Kafka's clients do not have, or that comes twice.
#[cfg(test)]
pub(crate) fn assert_kafkas(metrics: &[Metric]) {
    let names_of = |group: &str, tags: &str| {
        let mut rows =
            include_str!("metrics/kafka.tsv").lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let row = rows.find(|row| row[0] == group && row.get(1) == Some(&tags));
        row.unwrap_or_else(|| panic!("Kafka has no {group} of {tags:?}"))[2]
    };
    let mut seen = std::collections::BTreeSet::new();
    for metric in metrics {
        let tags: Vec<&str> = metric.tags.iter().map(|(tag, _)| *tag).collect();
        let names = names_of(metric.group, &tags.join(","));
        assert!(names.split(',').any(|name| name == metric.name), "Kafka has no {metric:?}");
        assert!(seen.insert((metric.group, metric.name, metric.tags.clone())), "twice: {metric:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_leave_their_windows_and_stay_in_the_total() {
        let config = CommonConfig {
            metrics_window: Duration::from_secs(10),
            metrics_samples: 2,
            ..CommonConfig::default()
        };
        let sensor = Sensor::new(&config);
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let empty = sensor.read_at(began);
        assert!(empty.average.is_nan() && empty.max.is_nan() && empty.rate == 0.0);
        sensor.note_at(30.0, at(0));
        sensor.note_at(50.0, at(5));
        let first = sensor.read_at(at(5));
        assert_eq!((first.total, first.rate, first.average, first.max), (80.0, 8.0, 40.0, 50.0));
        assert_eq!((first.count, first.count_rate), (2, 0.2));
        sensor.note_at(20.0, at(12));
        assert_eq!(sensor.read_at(at(16)).rate, 100.0 / 16.0);
        let later = sensor.read_at(at(25));
        assert_eq!((later.total, later.average, later.max), (100.0, 20.0, 20.0));
        let idle = sensor.read_at(at(60));
        assert!(idle.rate == 0.0 && idle.total == 100.0 && idle.max.is_nan());
    }
}
