//! Names of topics: which are internal, which are valid.

/// The topics that the system keeps for itself.
const INTERNAL: [&str; 3] = ["__consumer_offsets", "__transaction_state", "__share_group_state"];
/// The longest name a topic may have, in bytes.
const NAME_BYTES_MAX: usize = 249;

/// Whether clients may not write to it.
pub(crate) fn is_internal_topic(name: &str) -> bool {
    INTERNAL.contains(&name)
}

/// Whether a topic may have this name; if not, why.
pub(crate) fn validate_topic_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("the empty string is not allowed");
    }
    if matches!(name, "." | "..") {
        return Err("'.' or '..' is not allowed");
    }
    if name.len() > NAME_BYTES_MAX {
        return Err("the length is longer than the max allowed length 249");
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')) {
        return Err("it contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'");
    }
    Ok(())
}
