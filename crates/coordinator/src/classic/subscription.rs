//! The topics in a consumer's JoinGroup metadata.
//!
//! Only the part that every version of the consumer protocol begins with is read: a version and the topics. Other protocols'
//! metadata is opaque, and metadata that does not parse just leaves the subscription unknown.

use moldau_protocol::Reader;

/// The topics of a subscription, `None` when the bytes are no subscription.
pub(crate) fn subscribed_topics(metadata: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader::new(metadata);
    let version = reader.i16().ok()?;
    if version < 0 {
        return None;
    }
    let count = reader.i32().ok()?;
    let mut topics = Vec::new();
    for _ in 0..count.max(0) {
        let length = usize::try_from(reader.i16().ok()?).ok()?;
        let bytes = reader.take(length).ok()?;
        topics.push(std::str::from_utf8(bytes).ok()?.to_owned());
    }
    Some(topics)
}
