//! Which partition of `__consumer_offsets` holds a group.
//!
//! Every broker and every client of the log's dump must agree on it, so it is Java's `String.hashCode` over UTF-16.

/// Java's `String.hashCode`.
fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

/// The partition of `__consumer_offsets` whose leader coordinates `group_id`. `partitions` must be positive.
pub fn partition_for(group_id: &str, partitions: i32) -> i32 {
    // The smallest integer has no positive counterpart; it counts as zero.
    java_hash(group_id).checked_abs().unwrap_or(0) % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_land_where_java_puts_them() {
        assert_eq!(java_hash(""), 0);
        assert_eq!(java_hash("classic-group"), -1_592_783_484);
        assert_eq!(java_hash("polygenelubricants"), i32::MIN);
        assert_eq!(partition_for("polygenelubricants", 50), 0);
        assert_eq!(partition_for("anything", 1), 0);
        assert_eq!(java_hash("é€😀"), 16_752_006);
    }
}
