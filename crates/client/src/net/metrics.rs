//! What a client's connections count, under the names that Kafka gives them in each client's own group.
//!
//! Always: written once a request and once an answer, never once a record.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::CommonConfig;
use crate::metrics::{Group, Sensor};

/// Figures of all connections of one client.
pub(crate) struct ConnectionMetrics {
    open: AtomicUsize,
    opened: Sensor,
    closed: Sensor,
    /// Bytes of each request, with its length field.
    requests: Sensor,
    /// Bytes of each answer, with its length field.
    responses: Sensor,
    /// One for each request and each answer.
    transfers: Sensor,
}

impl ConnectionMetrics {
    pub(crate) fn new(config: &CommonConfig) -> Self {
        let sensor = || Sensor::new(config);
        Self {
            open: AtomicUsize::new(0),
            opened: sensor(),
            closed: sensor(),
            requests: sensor(),
            responses: sensor(),
            transfers: sensor(),
        }
    }

    pub(super) fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.opened.note(1.0);
    }

    pub(super) fn closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.closed.note(1.0);
    }

    /// A request of so many bytes goes out.
    pub(super) fn requested(&self, bytes: usize) {
        self.requests.note(bytes as f64);
        self.transfers.note(1.0);
    }

    /// An answer of so many bytes came in.
    pub(super) fn answered(&self, bytes: usize) {
        self.responses.note(bytes as f64);
        self.transfers.note(1.0);
    }

    /// Adds the figures to a client's group.
    pub(crate) fn read_into(&self, group: &mut Group) {
        group.value("connection-count", self.open.load(Ordering::Relaxed) as f64);
        group.rate(["connection-creation-rate", "connection-creation-total"], &self.opened);
        group.rate(["connection-close-rate", "connection-close-total"], &self.closed);
        group.rate(["network-io-rate", "network-io-total"], &self.transfers);
        group.counted(["request-rate", "request-total"], &self.requests);
        group.average(["request-size-avg", "request-size-max"], &self.requests);
        group.rate(["outgoing-byte-rate", "outgoing-byte-total"], &self.requests);
        group.counted(["response-rate", "response-total"], &self.responses);
        group.rate(["incoming-byte-rate", "incoming-byte-total"], &self.responses);
    }
}
