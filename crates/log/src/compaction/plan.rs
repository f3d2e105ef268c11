//! How much of a log is dirty, and whether it is time to compact it.

use moldau_types::Offset;

use crate::config::LogConfig;

/// What a compaction of a log would go over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cleanable {
    /// Where the part begins that was not compacted yet.
    pub first_dirty: Offset,
    /// Where the part begins that must not be compacted yet: a segment's base offset, which may lie before the dirty part.
    pub first_uncleanable: Offset,
    /// Bytes of segments before the dirty part.
    pub clean_bytes: u64,
    /// Bytes of segments of the dirty part.
    pub dirty_bytes: u64,
    /// The oldest dirty record is older than `max.compaction.lag.ms`.
    pub overdue: bool,
    /// The checkpoint lay outside the log; compaction begins at the log start.
    pub checkpoint_invalid: bool,
}

impl Cleanable {
    /// Part of the bytes up to the uncleanable part that is dirty.
    pub fn dirty_ratio(&self) -> f64 {
        match self.clean_bytes + self.dirty_bytes {
            0 => 0.0,
            all => self.dirty_bytes as f64 / all as f64,
        }
    }

    /// Whether a compaction is worth it, by the topic's `min.cleanable.dirty.ratio` and `max.compaction.lag.ms`.
    pub fn is_due(&self, config: &LogConfig) -> bool {
        (self.overdue && self.dirty_bytes > 0) || self.dirty_ratio() > config.min_cleanable_dirty_ratio
    }
}

/// A segment, as the plan needs it, oldest first; the last one is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentAge {
    pub(crate) base_offset: i64,
    pub(crate) bytes: u64,
    /// Largest timestamp, or what stands for it.
    pub(crate) largest_timestamp: i64,
    /// Timestamp of the first batch, −1 without one.
    pub(crate) first_timestamp: i64,
}

/// Makes the plan. `bounds` are the log start offset, the last stable offset and the log end offset.
pub(crate) fn plan(
    segments: &[SegmentAge],
    bounds: (i64, i64, i64),
    checkpoint: Option<i64>,
    config: &LogConfig,
    now_ms: i64,
) -> Cleanable {
    let (log_start, last_stable, log_end) = bounds;
    let checkpoint_invalid = checkpoint.is_some_and(|offset| !(log_start..=log_end).contains(&offset));
    let first_dirty = checkpoint.filter(|_| !checkpoint_invalid).unwrap_or(log_start);
    let active = segments.len().saturating_sub(1);
    let containing = |offset: i64| segments.partition_point(|s| s.base_offset <= offset).saturating_sub(1);
    let dirty_from = containing(first_dirty);
    // What lies in the same segment as the first uncleanable offset cannot be compacted either.
    let mut end = containing(last_stable).min(active);
    if config.min_compaction_lag_ms > 0 {
        let youngest = now_ms.saturating_sub(config.min_compaction_lag_ms);
        if let Some(young) = (dirty_from..end).find(|&i| segments[i].largest_timestamp > youngest) {
            end = young;
        }
    }
    let first_uncleanable = segments.get(end).map_or(log_end, |s| s.base_offset);
    let bytes = |range: std::ops::Range<usize>| -> u64 {
        segments.get(range).unwrap_or_default().iter().map(|s| s.bytes).sum()
    };
    let oldest_wanted = now_ms.saturating_sub(config.max_compaction_lag_ms.max(0));
    let overdue = segments
        .get(dirty_from..active)
        .unwrap_or_default()
        .iter()
        .any(|s| s.first_timestamp > 0 && s.first_timestamp < oldest_wanted);
    // A segment that was compacted in part only counts as dirty as a whole.
    Cleanable {
        first_dirty: Offset(first_dirty),
        first_uncleanable: Offset(first_uncleanable),
        clean_bytes: bytes(0..dirty_from.min(end)),
        dirty_bytes: if first_uncleanable > first_dirty { bytes(dirty_from..end) } else { 0 },
        overdue,
        checkpoint_invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments() -> Vec<SegmentAge> {
        (0..5)
            .map(|i| SegmentAge {
                base_offset: i * 10,
                bytes: 100,
                largest_timestamp: i * 1000 + 999,
                first_timestamp: i * 1000 + 1,
            })
            .collect()
    }

    fn planned(checkpoint: Option<i64>, config: &LogConfig) -> Cleanable {
        plan(&segments(), (0, 50, 50), checkpoint, config, 10_000)
    }

    #[test]
    fn everything_before_the_active_segment_is_dirty_at_first() {
        let config = LogConfig::default();
        let plan = planned(None, &config);
        assert_eq!((plan.first_dirty, plan.first_uncleanable), (Offset(0), Offset(40)));
        assert_eq!((plan.clean_bytes, plan.dirty_bytes, plan.overdue), (0, 400, false));
        assert!(plan.is_due(&config));
    }

    #[test]
    fn the_ratio_counts_whole_segments() {
        let config = LogConfig { min_cleanable_dirty_ratio: 0.25, ..LogConfig::default() };
        let plan = planned(Some(30), &config);
        assert_eq!((plan.clean_bytes, plan.dirty_bytes, plan.dirty_ratio()), (300, 100, 0.25));
        assert!(!plan.is_due(&config), "it must be above the limit");
        assert!(plan.is_due(&LogConfig { min_cleanable_dirty_ratio: 0.24, ..config }));
        assert!(!planned(Some(40), &config).is_due(&config));
    }

    #[test]
    fn the_last_stable_offset_and_the_lag_hold_it_back() {
        let config = LogConfig::default();
        let held = plan(&segments(), (0, 25, 50), None, &config, 10_000);
        assert_eq!(held.first_uncleanable, Offset(20));
        let lag = LogConfig { min_compaction_lag_ms: 8_000, ..config };
        assert_eq!(planned(None, &lag).first_uncleanable, Offset(20));
        let all_young = LogConfig { min_compaction_lag_ms: 100_000, ..lag };
        let plan = planned(None, &all_young);
        assert_eq!((plan.dirty_bytes, plan.is_due(&all_young)), (0, false));
    }

    #[test]
    fn old_dirty_records_make_it_due() {
        let config = LogConfig {
            max_compaction_lag_ms: 6_000,
            min_cleanable_dirty_ratio: 1.0,
            ..LogConfig::default()
        };
        assert!(planned(Some(30), &config).is_due(&config));
        let config = LogConfig { max_compaction_lag_ms: 8_000, ..config };
        assert!(!planned(Some(30), &config).is_due(&config));
    }

    #[test]
    fn a_checkpoint_outside_the_log_is_not_believed() {
        for checkpoint in [-5, 51] {
            let plan = planned(Some(checkpoint), &LogConfig::default());
            assert!(plan.checkpoint_invalid);
            assert_eq!(plan.first_dirty, Offset(0));
        }
    }
}
