//! The log cleaner: compaction of topics with that policy.

use crate::key::{Is, Key, boolean, double, int, long};

pub(super) static KEYS: &[Key] = &[
    boolean("log.cleaner.enable", Is("true")).effective("Whether compacted topics are compacted at all."),
    int("log.cleaner.threads", Is("1"))
        .at_least(0)
        .cluster_wide()
        .effective("Partitions that are compacted side by side."),
    double("log.cleaner.io.max.bytes.per.second", Is("1.7976931348623157E308"))
        .cluster_wide()
        .effective("Most bytes a second that compaction reads and writes together."),
    long("log.cleaner.dedupe.buffer.size", Is("134217728"))
        .cluster_wide()
        .effective("Most bytes for the map of keys, over all cleaner threads."),
    int("log.cleaner.io.buffer.size", Is("524288"))
        .at_least(0)
        .cluster_wide()
        .effective("Bytes of the read and write buffers, over all cleaner threads."),
    double("log.cleaner.io.buffer.load.factor", Is("0.9"))
        .cluster_wide()
        .effective("How full the map of keys may get."),
    long("log.cleaner.backoff.ms", Is("15000"))
        .at_least(0)
        .cluster_wide()
        .effective("Milliseconds to wait when there was nothing to compact."),
    double("log.cleaner.min.cleanable.ratio", Is("0.5"))
        .between(0.0, 1.0)
        .cluster_wide()
        .effective("Share of a log that must be uncompacted before it is compacted again."),
    long("log.cleaner.delete.retention.ms", Is("86400000"))
        .at_least(0)
        .cluster_wide()
        .effective("Milliseconds a tombstone is kept in a compacted log."),
    long("log.cleaner.min.compaction.lag.ms", Is("0"))
        .at_least(0)
        .cluster_wide()
        .effective("Milliseconds a record stays before it may be compacted away."),
    long("log.cleaner.max.compaction.lag.ms", Is("9223372036854775807"))
        .at_least(1)
        .cluster_wide()
        .effective("Milliseconds after which a record must be considered for compaction."),
];
