//! Interceptors: who sees each record before it is given out, and each offset that was committed.

use super::{ConsumerRecord, Offsets};

/// Sees, and may change, what a consumer gives out.
///
/// Several are called in the order they were given to the builder; each sees what the one before made of the records.
///
/// ```
/// use moldau_client::ConsumerRecord;
/// use moldau_client::consumer::ConsumerInterceptor;
///
/// /// Leaves out tombstones.
/// struct NoTombstones;
///
/// impl ConsumerInterceptor for NoTombstones {
///     fn on_consume(&self, records: Vec<ConsumerRecord>) -> Vec<ConsumerRecord> {
///         records.into_iter().filter(|record| record.value.is_some()).collect()
///     }
/// }
/// ```
pub trait ConsumerInterceptor: Send + Sync {
    /// Records are about to be given out by a poll; what comes back is given out in their place. What is left out counts
    /// as read all the same. Not called for a poll without records.
    fn on_consume(&self, records: Vec<ConsumerRecord>) -> Vec<ConsumerRecord> {
        records
    }

    /// Offsets were committed, by a call or automatically. Called from within the consumer's own calls.
    fn on_commit(&self, offsets: &Offsets) {
        let _ = offsets;
    }

    /// The consumer is closed.
    fn close(&self) {}
}
