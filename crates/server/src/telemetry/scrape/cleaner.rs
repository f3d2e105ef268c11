//! Compaction: what the cleaners saw when they last looked, and what they have given up on.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use super::super::labels::{Family, Value};
use crate::broker::{Broker, wall_clock_ms};

/// What compaction has given up on in a log directory.
#[derive(Default)]
struct GivenUp {
    logs: usize,
    bytes: u64,
}

pub(super) fn families(broker: &Broker) -> Vec<Family> {
    let of = |name, help| Family::of("kafka.log", "LogCleanerManager", name, help);
    let mut logs = of("uncleanable-partitions-count", "Logs that compaction has given up on.");
    let mut bytes = of("uncleanable-bytes", "Their bytes that are not compacted.");
    let now_ms = wall_clock_ms();
    let given_up = given_up(broker, now_ms);
    for dir in broker.logs.dirs() {
        let path = dir.path.display().to_string();
        let (count, dirty) = given_up.get(&path).map_or((0, 0), |given_up| (given_up.logs, given_up.bytes));
        let labels: [(&str, &str); 1] = [("logDirectory", &path)];
        logs.add(&labels, Value::gauge(count));
        bytes.add(&labels, Value::gauge(dirty));
    }
    let saw = broker.logs.cleaners_saw();
    let started_ms = broker.telemetry.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    // Before the first time, since the start.
    let since_ms = now_ms - saw.at_ms.unwrap_or(i64::try_from(started_ms).unwrap_or(now_ms));
    vec![
        logs,
        bytes,
        of("max-dirty-percent", "The dirty part of the dirtiest log, when it was last looked for.")
            .with_gauge((saw.largest_dirty_ratio * 100.0) as i64),
        of("time-since-last-run-ms", "Milliseconds since a log to compact was last looked for.")
            .with_gauge(since_ms.max(0)),
    ]
}

fn given_up(broker: &Broker, now_ms: i64) -> BTreeMap<String, GivenUp> {
    let mut given_up: BTreeMap<String, GivenUp> = BTreeMap::new();
    for (topic, partition) in broker.logs.uncleanable() {
        if let Some(log) = broker.logs.get(&topic, partition) {
            let of_dir = given_up.entry(log.directory().path().display().to_string()).or_default();
            of_dir.logs += 1;
            of_dir.bytes += broker.logs.dirty_bytes(&log, now_ms).unwrap_or(0);
        }
    }
    given_up
}
