//! A metric as it is scraped: its name, and a value for each set of labels.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::histogram::Snapshot;
use super::names::{label_name, metric_name};

/// A value.
#[derive(Debug)]
pub(super) enum Value {
    Counter(u64),
    Seconds(f64),
    Gauge(f64),
    Histogram(Snapshot),
}

/// Labels and their value.
type Sample = (Vec<(String, String)>, Value);

/// All values of one name.
#[derive(Debug)]
pub(super) struct Family {
    name: String,
    help: &'static str,
    samples: Vec<Sample>,
}

impl Family {
    /// Of an MBean: its domain, its `type=`, and its `name=` or attribute.
    pub(super) fn of(domain: &str, kind: &str, name: &str, help: &'static str) -> Self {
        Family { name: metric_name(domain, kind, name), help, samples: Vec::new() }
    }

    /// One that the reference does not have.
    pub(super) fn own(name: &str, help: &'static str) -> Self {
        Family { name: name.to_owned(), help, samples: Vec::new() }
    }

    /// Adds a value; `labels` are the MBean's other keys.
    pub(super) fn add(&mut self, labels: &[(&str, &str)], value: Value) {
        let labels = labels.iter().map(|(key, value)| (label_name(key), (*value).to_owned())).collect();
        self.samples.push((labels, value));
    }

    /// The only value, without labels.
    pub(super) fn with(mut self, value: Value) -> Self {
        self.add(&[], value);
        self
    }

    pub(super) fn with_gauge(self, value: impl TryInto<i64>) -> Self {
        self.with(Value::gauge(value))
    }
}

impl Value {
    pub(super) fn gauge(value: impl TryInto<i64>) -> Self {
        Value::Gauge(value.try_into().unwrap_or(i64::MAX) as f64)
    }

    fn metric_type(&self) -> MetricType {
        match self {
            Value::Counter(_) | Value::Seconds(_) => MetricType::Counter,
            Value::Gauge(_) => MetricType::Gauge,
            Value::Histogram(_) => MetricType::Histogram,
        }
    }

    fn encode(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        match self {
            Value::Counter(value) => encoder.encode_counter::<NoLabelSet, u64, u64>(value, None),
            Value::Seconds(value) => encoder.encode_counter::<NoLabelSet, f64, u64>(value, None),
            Value::Gauge(value) => encoder.encode_gauge(value),
            Value::Histogram(Snapshot { sum, count, buckets }) => {
                encoder.encode_histogram::<NoLabelSet>(*sum, *count, buckets, None)
            }
        }
    }
}

/// What a scrape found.
#[derive(Debug)]
pub(super) struct Families(pub(super) Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in &self.0 {
            let Some((_, first)) = family.samples.first() else { continue };
            let mut metric =
                encoder.encode_descriptor(&family.name, family.help, None, first.metric_type())?;
            for (labels, value) in &family.samples {
                if labels.is_empty() {
                    value.encode(&mut metric)?;
                } else {
                    value.encode(&mut metric.encode_family(labels)?)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::prometheus_text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn families_are_written_with_their_labels_escaped() {
        let mut of_topics = Family::of("kafka.server", "BrokerTopicMetrics", "BytesInPerSec", "Bytes.");
        of_topics.add(&[], Value::Counter(3));
        of_topics.add(&[("topic", "a\"b")], Value::Counter(2));
        let empty = Family::own("nothing", "Has no value.");
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Families(vec![of_topics, empty])));
        let mut text = String::new();
        encode(&mut text, &registry).expect("text");
        assert!(text.contains("# TYPE kafka_server_brokertopicmetrics_bytesin"), "{text}");
        assert!(text.contains("kafka_server_brokertopicmetrics_bytesin_total 3\n"), "{text}");
        assert!(
            text.contains("kafka_server_brokertopicmetrics_bytesin_total{topic=\"a\\\"b\"} 2\n"),
            "{text}"
        );
        assert!(!text.contains("nothing"), "{text}");
    }
}
