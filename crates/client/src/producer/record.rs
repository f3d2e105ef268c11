//! What a producer takes and what it gives back.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

/// A header of a record: a name that may occur more than once, and a value that may be null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name.
    pub key: String,
    /// The value.
    pub value: Option<Bytes>,
}

impl Header {
    /// A header with a value.
    pub fn new(key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        Self { key: key.into(), value: Some(value.into()) }
    }
}

/// A record to be written.
///
/// ```
/// use moldau_client::ProducerRecord;
/// let record = ProducerRecord::to("flights").key("N14228").value(r#"{"dest":"IAH"}"#).header("source", "faa");
/// assert_eq!(record.key.as_deref(), Some(&b"N14228"[..]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerRecord {
    /// The topic.
    pub topic: String,
    /// The partition; without one the key decides, and without a key the producer.
    pub partition: Option<i32>,
    /// Milliseconds since 1970 (UTC); without one, the time of `send`.
    pub timestamp: Option<i64>,
    /// The key.
    pub key: Option<Bytes>,
    /// The value; none is a tombstone in a compacted topic.
    pub value: Option<Bytes>,
    /// The headers, in order.
    pub headers: Vec<Header>,
}

impl ProducerRecord {
    /// An empty record for a topic.
    pub fn to(topic: impl Into<String>) -> Self {
        Self { topic: topic.into(), ..Self::default() }
    }

    /// Sets the key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Bytes>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets the value.
    #[must_use]
    pub fn value(mut self, value: impl Into<Bytes>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// Sets the partition.
    #[must_use]
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Sets the timestamp, in milliseconds since 1970 (UTC).
    #[must_use]
    pub fn timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.headers.push(Header::new(key, value));
        self
    }

    /// An upper bound of the bytes this record takes in a batch, before compression.
    pub(crate) fn size_bound(&self) -> usize {
        const LENGTHS_AND_DELTAS: usize = 32;
        let headers: usize = self
            .headers
            .iter()
            .map(|header| 10 + header.key.len() + header.value.as_ref().map_or(0, Bytes::len))
            .sum();
        LENGTHS_AND_DELTAS
            + self.key.as_ref().map_or(0, Bytes::len)
            + self.value.as_ref().map_or(0, Bytes::len)
            + headers
    }
}

/// Where a record was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordMetadata {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offset; `None` where the broker did not say (`acks=0`, or a retry of what was written before).
    pub offset: Option<i64>,
    /// The record's timestamp: the producer's, or the broker's where the topic has `LogAppendTime`.
    pub timestamp: i64,
}

impl RecordMetadata {
    /// Where a record is, for the tests of what takes this.
    pub fn new(topic: impl Into<Arc<str>>, partition: i32, offset: Option<i64>, timestamp: i64) -> Self {
        Self { topic: topic.into(), partition, offset, timestamp }
    }
}

/// Milliseconds since 1970 (UTC).
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis() as i64
}
