//! Which topics are internal.

/// The topics that the system keeps for itself.
const INTERNAL: [&str; 3] = ["__consumer_offsets", "__transaction_state", "__share_group_state"];

/// Whether clients may not write to it.
pub(crate) fn is_internal_topic(name: &str) -> bool {
    INTERNAL.contains(&name)
}
