//! A histogram with fixed bounds that any thread adds to without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the buckets of times, in milliseconds.
pub(super) const TIME_BOUNDS_MS: [f64; 16] = [
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 10_000.0,
    60_000.0,
];
/// Upper bounds of the buckets of sizes, in bytes.
pub(super) const SIZE_BOUNDS_BYTES: [f64; 16] = [
    64.0,
    128.0,
    256.0,
    512.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    2_097_152.0,
    4_194_304.0,
    8_388_608.0,
    16_777_216.0,
    67_108_864.0,
    104_857_600.0,
];

/// Counts of values by bucket, with their sum. The unit is that of the bounds.
pub(super) struct Histogram {
    bounds: &'static [f64; 16],
    /// One for each bound, and the last for what is above all of them.
    buckets: [AtomicU64; 17],
    /// In thousandths of the unit.
    sum: AtomicU64,
}

/// A histogram at one moment.
#[derive(Debug, PartialEq)]
pub(super) struct Snapshot {
    pub(super) sum: f64,
    pub(super) count: u64,
    /// Upper bounds with how many values fell into the bucket; the last bound is the greatest number.
    pub(super) buckets: Vec<(f64, u64)>,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [f64; 16]) -> Self {
        Histogram { bounds, buckets: Default::default(), sum: AtomicU64::new(0) }
    }

    pub(super) fn observe(&self, value: f64) {
        let at = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        self.buckets[at].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add((value * 1000.0) as u64, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let bounds = self.bounds.iter().copied().chain([f64::MAX]);
        Snapshot {
            sum: self.sum.load(Ordering::Relaxed) as f64 / 1000.0,
            count: counts.iter().sum(),
            buckets: bounds.zip(counts).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_is_in_its_bucket_and_none_is_lost_above_the_last() {
        let histogram = Histogram::new(&TIME_BOUNDS_MS);
        for value in [0.0, 0.1, 0.11, 60_000.0, 60_001.0] {
            histogram.observe(value);
        }
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.count, 5);
        assert_eq!(snapshot.buckets.len(), 17);
        assert_eq!((snapshot.buckets[0], snapshot.buckets[1].1), ((0.1, 2), 1));
        assert_eq!((snapshot.buckets[15].1, snapshot.buckets[16].1), (1, 1));
        assert!((snapshot.sum - 120_001.21).abs() < 0.01, "{}", snapshot.sum);
    }

    #[test]
    fn bounds_ascend() {
        for bounds in [TIME_BOUNDS_MS, SIZE_BOUNDS_BYTES] {
            assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
