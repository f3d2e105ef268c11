//! When each broker was last heard of. Soft state: a new controller starts without it.

use std::collections::BTreeMap;

use moldau_types::{BrokerId, Offset};

/// What is remembered of one broker.
#[derive(Clone, Copy, Debug)]
struct Seen {
    last_contact_ms: i64,
    /// It has sent a heartbeat or registered to this controller: its session is real.
    has_session: bool,
    /// Up to where it has read the metadata log.
    metadata_offset: Offset,
    /// It may stop once every active broker has read up to here.
    controlled_shutdown_offset: Option<Offset>,
}

/// When each broker was last heard of, and how far it has read the metadata log.
#[derive(Debug, Default)]
pub(crate) struct BrokerLiveness {
    brokers: BTreeMap<BrokerId, Seen>,
}

impl BrokerLiveness {
    /// The broker is not fenced and has not been heard of by this controller: its time runs from now.
    pub(crate) fn expect(&mut self, broker: BrokerId, now_ms: i64) {
        self.brokers.insert(
            broker,
            Seen {
                last_contact_ms: now_ms,
                has_session: false,
                metadata_offset: Offset(-1),
                controlled_shutdown_offset: None,
            },
        );
    }

    /// The broker registered anew.
    pub(crate) fn registered(&mut self, broker: BrokerId, now_ms: i64) {
        self.expect(broker, now_ms);
    }

    /// A heartbeat came.
    pub(crate) fn touch(&mut self, broker: BrokerId, metadata_offset: Offset, now_ms: i64) {
        if !self.brokers.contains_key(&broker) {
            self.expect(broker, now_ms);
        }
        if let Some(seen) = self.brokers.get_mut(&broker) {
            seen.last_contact_ms = now_ms;
            seen.has_session = true;
            seen.metadata_offset = metadata_offset;
        }
    }

    /// Whether the broker was heard of within the session timeout.
    pub(crate) fn has_session(&self, broker: BrokerId, now_ms: i64, timeout_ms: i64) -> bool {
        self.brokers
            .get(&broker)
            .is_some_and(|seen| seen.has_session && now_ms - seen.last_contact_ms < timeout_ms)
    }

    /// Whether the broker's time is over.
    pub(crate) fn is_expired(&self, broker: BrokerId, now_ms: i64, timeout_ms: i64) -> bool {
        self.brokers.get(&broker).is_none_or(|seen| now_ms - seen.last_contact_ms >= timeout_ms)
    }

    /// When the broker's time is over, if nothing is heard of it.
    pub(crate) fn deadline_ms(&self, broker: BrokerId, timeout_ms: i64) -> Option<i64> {
        self.brokers.get(&broker).map(|seen| seen.last_contact_ms + timeout_ms)
    }

    pub(crate) fn forget(&mut self, broker: BrokerId) {
        self.brokers.remove(&broker);
    }

    pub(crate) fn set_controlled_shutdown_offset(&mut self, broker: BrokerId, offset: Offset) {
        if let Some(seen) = self.brokers.get_mut(&broker) {
            seen.controlled_shutdown_offset = Some(offset);
        }
    }

    pub(crate) fn controlled_shutdown_offset(&self, broker: BrokerId) -> Option<Offset> {
        self.brokers.get(&broker)?.controlled_shutdown_offset
    }

    /// How far the broker has read the metadata log, as it last said.
    pub(crate) fn metadata_offset(&self, broker: BrokerId) -> Option<Offset> {
        self.brokers.get(&broker).map(|seen| seen.metadata_offset)
    }
}
