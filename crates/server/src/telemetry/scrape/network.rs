//! Requests and connections.

use super::super::labels::{Family, Value};
use super::super::requests::PARTS;
use crate::broker::Broker;

pub(super) fn families(broker: &Broker) -> Vec<Family> {
    let mut families = requests(broker);
    families.extend(connections(broker));
    families
}

fn requests(broker: &Broker) -> Vec<Family> {
    let of = |name, help| Family::of("kafka.network", "RequestMetrics", name, help);
    let mut count = of("RequestsPerSec", "Requests, by API and version.");
    let mut errors = of("ErrorsPerSec", "Error codes in answers, NONE included, by API and error.");
    let mut times: Vec<Family> = PARTS.iter().map(|(name, help)| of(name, help)).collect();
    let mut bytes = of("RequestBytes", "Bytes of requests, by API.");
    for api in broker.telemetry.requests.snapshot() {
        for (version, requests) in &api.by_version {
            let labels = [("request", api.name), ("version", &version.to_string())];
            count.add(&labels, Value::Counter(*requests));
        }
        for (error, answered) in api.errors {
            errors.add(&[("request", api.name), ("error", error)], Value::Counter(answered));
        }
        for (family, time) in times.iter_mut().zip(api.times) {
            family.add(&[("request", api.name)], Value::Histogram(time));
        }
        bytes.add(&[("request", api.name)], Value::Histogram(api.request_bytes));
    }
    times.extend([count, errors, bytes]);
    times
}

fn connections(broker: &Broker) -> Vec<Family> {
    let of = |name, help| Family::of("kafka.server", "socket-server-metrics", name, help);
    let mut open = of("connection-count", "Open connections, by listener.");
    let mut made = of("connection-creation-total", "Connections that were accepted, by listener.");
    let mut closed = of("connection-close-total", "Connections that ended, by listener.");
    let counts = broker.connections.counts();
    for (listener, count) in &counts.by_listener {
        let labels: [(&str, &str); 1] = [("listener", listener)];
        open.add(&labels, Value::gauge(count.open));
        made.add(&labels, Value::Counter(count.accepted));
        closed.add(&labels, Value::Counter(count.accepted.saturating_sub(count.open as u64)));
    }
    let idle = Family::of(
        "kafka.network",
        "SocketServer",
        "ExpiredConnectionsKilledCount",
        "Connections that were closed because nobody used them.",
    );
    vec![open, made, closed, idle.with_gauge(i64::try_from(counts.expired).unwrap_or(i64::MAX))]
}
