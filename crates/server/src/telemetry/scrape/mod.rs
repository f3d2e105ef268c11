//! Everything that a node tells at a scrape.

mod broker;
mod cleaner;
mod controller;
mod network;
mod partitions;
mod process;

use std::sync::Arc;

use moldau_quorum::MetadataQuorum;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::registry::Registry;

use super::labels::{Families, Family};
use crate::broker::Broker;

/// The node's metrics in Prometheus' text format.
pub(super) fn scrape<Q: MetadataQuorum>(
    broker: &Arc<Broker>,
    quorum: &Q,
    stopping: bool,
) -> Result<String, std::fmt::Error> {
    let mut families: Vec<Family> = Vec::new();
    families.extend(broker::families(broker, stopping));
    families.extend(network::families(broker));
    families.extend(partitions::families(broker));
    families.extend(controller::families(broker, &quorum.status()));
    families.extend(process::families(broker.telemetry.started));
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(families)));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}
