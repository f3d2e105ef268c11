//! The histogram that openraft counts its batch sizes in, in the place of the crate of this name, which fills 26 MB of
//! lookup tables at its first use: more than all else that an idle node holds, and most of its start. It has what
//! openraft calls, with the meaning it has there; see `docs/decisions/0003-histogram-of-the-quorum.md`.
//!
//! Buckets are logarithmic with four to a power of two: values below 8 are exact, larger ones are known to a quarter
//! of their magnitude. Nothing is allocated before the first value.

use std::fmt;
use std::marker::PhantomData;

/// Buckets for all of u64: four for the values below 4, then four to each power of two.
const BUCKETS: usize = 4 + 62 * 4;

/// Counts of values by logarithmic buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram<T = ()> {
    /// Empty, or [`BUCKETS`] counts.
    counts: Vec<u64>,
    total: u64,
    slots: PhantomData<T>,
}

impl<T> Default for Histogram<T> {
    fn default() -> Self {
        Histogram { counts: Vec::new(), total: 0, slots: PhantomData }
    }
}

impl<T> Histogram<T> {
    /// Without values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a value.
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// Counts a value `count` times.
    pub fn record_n(&mut self, value: u64, count: u64) {
        self.counts.resize(BUCKETS, 0);
        let slot = &mut self.counts[bucket_of(value)];
        *slot = slot.saturating_add(count);
        self.total = self.total.saturating_add(count);
    }

    /// How many values were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The value that this part of all values does not exceed, 0 without values: the upper bound of its bucket. `part`
    /// is from 0 to 1.
    pub fn percentile(&self, part: f64) -> u64 {
        let wanted = ((self.total as f64 * part).ceil() as u64).max(1);
        let mut seen = 0u64;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen = seen.saturating_add(*count);
            if seen >= wanted {
                return upper_bound(bucket);
            }
        }
        0
    }

    /// The usual percentiles at once.
    pub fn percentile_stats(&self) -> PercentileStats {
        PercentileStats {
            samples: self.total,
            p0_1: self.percentile(0.001),
            p1: self.percentile(0.01),
            p5: self.percentile(0.05),
            p10: self.percentile(0.1),
            p50: self.percentile(0.5),
            p90: self.percentile(0.9),
            p99: self.percentile(0.99),
            p99_9: self.percentile(0.999),
        }
    }
}

fn bucket_of(value: u64) -> usize {
    if value < 4 {
        return value as usize;
    }
    let magnitude = value.ilog2();
    let quarter = (value >> (magnitude - 2)) & 3;
    (magnitude as usize - 1) * 4 + quarter as usize
}

fn upper_bound(bucket: usize) -> u64 {
    if bucket < 4 {
        return bucket as u64;
    }
    let (magnitude, quarter) = (bucket / 4 + 1, bucket as u64 % 4);
    let step = 1u64 << (magnitude - 2);
    (step * (4 + quarter)).saturating_add(step - 1)
}

/// Percentiles of a [`Histogram`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PercentileStats {
    /// How many values were counted.
    pub samples: u64,
    /// 0.1 % of the values do not exceed it.
    pub p0_1: u64,
    /// 1 % of the values do not exceed it.
    pub p1: u64,
    /// 5 % of the values do not exceed it.
    pub p5: u64,
    /// 10 % of the values do not exceed it.
    pub p10: u64,
    /// Half of the values do not exceed it.
    pub p50: u64,
    /// 90 % of the values do not exceed it.
    pub p90: u64,
    /// 99 % of the values do not exceed it.
    pub p99: u64,
    /// 99.9 % of the values do not exceed it.
    pub p99_9: u64,
}

impl fmt::Display for PercentileStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { samples, p50, p90, p99, p99_9, .. } = self;
        write!(f, "{samples} samples, p50 {p50}, p90 {p90}, p99 {p99}, p99.9 {p99_9}")
    }
}

/// Several histograms to be shown, each by its percentiles on a line.
#[derive(Clone, Debug, Default)]
pub struct AsciiChart {
    rows: Vec<(String, Histogram)>,
}

impl AsciiChart {
    /// Without rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more row.
    #[must_use]
    #[allow(clippy::should_implement_trait)]
    pub fn add(mut self, name: impl Into<String>, histogram: Histogram) -> Self {
        self.rows.push((name.into(), histogram));
        self
    }
}

impl fmt::Display for AsciiChart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows
            .iter()
            .try_for_each(|(name, histogram)| writeln!(f, "{name}: {}", histogram.percentile_stats()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_in_the_bucket_that_ends_at_or_above_it() {
        let powers = (0..64).flat_map(|power| [(1u64 << power) - 1, 1 << power, (1 << power) + 1]);
        for value in powers.chain(0..5000).chain([u64::MAX]) {
            let bucket = bucket_of(value);
            assert!(bucket < BUCKETS);
            assert!(upper_bound(bucket) >= value, "{value}");
            assert!(bucket == 0 || upper_bound(bucket - 1) < value, "{value}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_counted_values() {
        let mut histogram = Histogram::<()>::new();
        assert_eq!(histogram.percentile(0.5), 0);
        histogram.record_n(1, 50);
        histogram.record_n(6, 49);
        histogram.record(1000);
        let stats = histogram.percentile_stats();
        assert_eq!((stats.samples, stats.p1, stats.p50, stats.p99), (100, 1, 1, 6));
        assert_eq!(stats.p99_9, 1023);
    }
}
