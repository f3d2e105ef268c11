//! Metrics and telemetry.

use crate::key::{Is, Key, int, list, long, string};
use crate::keys::reasons::{METRICS, REPORTERS, TELEMETRY};
use crate::validator::Validator;

pub(super) static KEYS: &[Key] = &[
    list("metric.reporters", Is("org.apache.kafka.common.metrics.JmxReporter"))
        .valid(Validator::AnyList { empty: true })
        .low()
        .cluster_wide()
        .refused(REPORTERS, "Classes that report metrics."),
    list("kafka.metrics.reporters", Is(""))
        .valid(Validator::AnyList { empty: true })
        .low()
        .refused(REPORTERS, "Classes that report the older kind of metrics."),
    int("kafka.metrics.polling.interval.secs", Is("10"))
        .at_least(1)
        .low()
        .inert(METRICS, "Seconds between two reports of those."),
    int("metrics.num.samples", Is("2")).at_least(1).low().inert(METRICS, "Samples kept for a metric."),
    long("metrics.sample.window.ms", Is("30000"))
        .at_least(1)
        .low()
        .inert(METRICS, "Milliseconds of each sample."),
    string("metrics.recording.level", Is("INFO"))
        .low()
        .inert(METRICS, "Finest level of metrics that is recorded."),
    int("telemetry.max.bytes", Is("1048576"))
        .at_least(1)
        .low()
        .inert(TELEMETRY, "Largest push of metrics a client may send."),
];
