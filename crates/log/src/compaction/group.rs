//! Which neighbouring segments become one.

/// A segment's measures, as grouping needs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentSize {
    pub(crate) base_offset: i64,
    pub(crate) log_bytes: u64,
    pub(crate) offset_index_bytes: u64,
    pub(crate) time_index_bytes: u64,
}

/// Lengths of the runs of `segments` whose data before compaction would fit one segment and its indexes. `end_offset`
/// is behind the last one's offsets.
pub(crate) fn group(
    segments: &[SegmentSize],
    max_log_bytes: u64,
    max_index_bytes: u64,
    end_offset: i64,
) -> Vec<usize> {
    let mut groups = Vec::new();
    let mut rest = segments;
    while let Some(first) = rest.first() {
        let mut sum = *first;
        let mut count = 1;
        while let Some(next) = rest.get(count) {
            let last_offset = rest.get(count + 1).map_or(end_offset, |after| after.base_offset) - 1;
            sum.log_bytes += next.log_bytes;
            sum.offset_index_bytes += next.offset_index_bytes;
            sum.time_index_bytes += next.time_index_bytes;
            if sum.log_bytes > max_log_bytes
                || sum.offset_index_bytes > max_index_bytes
                || sum.time_index_bytes > max_index_bytes
                || last_offset - first.base_offset > i64::from(i32::MAX)
            {
                break;
            }
            count += 1;
        }
        groups.push(count);
        rest = &rest[count..];
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(list: &[(i64, u64)]) -> Vec<SegmentSize> {
        list.iter()
            .map(|&(base_offset, log_bytes)| SegmentSize {
                base_offset,
                log_bytes,
                offset_index_bytes: log_bytes / 10,
                time_index_bytes: 12,
            })
            .collect()
    }

    #[test]
    fn neighbours_join_while_they_fit() {
        assert_eq!(group(&[], 100, 100, 0), [0usize; 0]);
        assert_eq!(
            group(&sizes(&[(0, 40), (10, 40), (20, 40), (30, 0), (40, 100)]), 100, 100, 50),
            [2, 2, 1]
        );
        assert_eq!(group(&sizes(&[(0, 500), (10, 1)]), 100, 1000, 50), [1, 1], "one too large stays alone");
        assert_eq!(group(&sizes(&[(0, 40), (10, 40)]), 1000, 7, 50), [1, 1], "the index bounds too");
        let far = i64::from(i32::MAX);
        assert_eq!(group(&sizes(&[(0, 1), (far, 1), (far + 2, 1)]), 100, 100, far + 3), [1, 2]);
    }
}
