//! Durations by their frequency, in a fixed room.
//!
//! Always: a percentile is at most 1/128 above what was recorded; the largest and the sum are exact. Durations beyond 19 hours
//! count as that.

use std::time::Duration;

/// Each power of two is divided so finely.
const DIVISIONS_LOG2: u32 = 7;
const DIVISIONS: usize = 1 << DIVISIONS_LOG2;
/// In microseconds.
const VALUE_MAX: u64 = (1 << 36) - 1;
const BUCKETS: usize = (36 - DIVISIONS_LOG2 as usize + 1) * DIVISIONS;

/// Durations, in microseconds.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    sum: u128,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, sum: 0, max: 0 }
    }
}

impl Histogram {
    pub(super) fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).min(VALUE_MAX);
        self.buckets[bucket(micros)] += 1;
        self.count += 1;
        self.sum += u128::from(micros);
        self.max = self.max.max(micros);
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The mean, in milliseconds.
    pub(super) fn average_ms(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 / 1000.0 }
    }

    /// The largest, in milliseconds.
    pub(super) fn max_ms(&self) -> f64 {
        self.max as f64 / 1000.0
    }

    /// The duration that this share (0 to 1) of all does not exceed, in milliseconds.
    pub(super) fn percentile_ms(&self, share: f64) -> f64 {
        let rank = ((self.count as f64 * share).ceil() as u64).clamp(1, self.count.max(1));
        let mut below = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            below += count;
            if below >= rank {
                return top(at).min(self.max) as f64 / 1000.0;
            }
        }
        0.0
    }
}

fn bucket(micros: u64) -> usize {
    let magnitude = (u64::BITS - micros.leading_zeros()).saturating_sub(DIVISIONS_LOG2 + 1);
    let within = (micros >> magnitude) as usize;
    // Below twice DIVISIONS each value is its own bucket; above, each power of two takes the upper half.
    magnitude as usize * DIVISIONS + within
}

/// The largest value of a bucket.
fn top(at: usize) -> u64 {
    let magnitude = (at / DIVISIONS).saturating_sub(1);
    let within = at - magnitude * DIVISIONS;
    ((within as u64 + 1) << magnitude) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_in_a_bucket_that_is_hardly_larger() {
        let mut value = 0u64;
        while value <= VALUE_MAX {
            let top = top(bucket(value));
            assert!(top >= value && top <= value + value / 128, "{value}: {top}");
            value = value + value / 50 + 1;
        }
        assert!(bucket(VALUE_MAX) < BUCKETS);
    }

    #[test]
    fn percentiles_of_known_durations() {
        let mut histogram = Histogram::default();
        assert_eq!(
            (histogram.percentile_ms(0.5), histogram.average_ms(), histogram.max_ms()),
            (0.0, 0.0, 0.0)
        );
        for ms in 1..=1000 {
            histogram.record(Duration::from_millis(ms));
        }
        assert_eq!(histogram.count(), 1000);
        assert_eq!(histogram.average_ms(), 500.5);
        assert_eq!(histogram.max_ms(), 1000.0);
        for (share, wanted) in [(0.5, 500.0), (0.95, 950.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            let found = histogram.percentile_ms(share);
            assert!(found >= wanted && found <= wanted * 1.01, "{share}: {found}");
        }
    }

    #[test]
    fn one_duration_is_all_its_percentiles() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_micros(12_345));
        assert_eq!(histogram.percentile_ms(0.5), 12.345);
        assert_eq!(histogram.percentile_ms(0.999), 12.345);
        histogram.record(Duration::MAX);
        assert_eq!(histogram.max_ms(), VALUE_MAX as f64 / 1000.0);
    }
}
