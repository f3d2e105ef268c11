//! Interceptors: who sees each record before it is sent, and what became of it.

use super::record::{ProducerRecord, RecordMetadata};
use crate::error::Result;

/// Sees, and may change, what a producer sends.
///
/// Several are called in the order they were given to the builder; each sees what the one before made of a record. A panic
/// in one is logged, and the record goes on as it was.
///
/// ```
/// use moldau_client::ProducerRecord;
/// use moldau_client::producer::ProducerInterceptor;
///
/// /// Says in each record where it came from.
/// struct Source(&'static str);
///
/// impl ProducerInterceptor for Source {
///     fn on_send(&self, record: ProducerRecord) -> ProducerRecord {
///         record.header("source", self.0)
///     }
/// }
///
/// let record = Source("faa").on_send(ProducerRecord::to("flights"));
/// assert_eq!(record.headers[0].value.as_deref(), Some(&b"faa"[..]));
/// ```
pub trait ProducerInterceptor: Send + Sync {
    /// A record is about to be sent; what comes back is sent in its place. Called by `send`, before a partition is
    /// chosen.
    fn on_send(&self, record: ProducerRecord) -> ProducerRecord {
        record
    }

    /// A record was written, or failed, or could not even be handed over. Called on the producer's own task in most
    /// cases, so it must not take long.
    fn on_acknowledgement(&self, result: &Result<RecordMetadata>) {
        let _ = result;
    }

    /// The producer is closed, by [`Producer::close`](super::Producer::close).
    fn close(&self) {}
}
