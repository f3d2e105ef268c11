//! Keys of a topic. Each falls back to the broker keys named as its synonyms.

use crate::key::{Is, Key, Null, boolean, double, int, list, long, string};
use crate::keys::reasons::{LZ4_LEVEL, REMOTE, REPLICATION, TIERED};
use crate::validator::Validator;

pub(super) static KEYS: &[Key] = &[
    int("segment.bytes", Is("1073741824"))
        .at_least(1048576)
        .synonyms(&["log.segment.bytes"])
        .effective("Size at which a new segment is begun."),
    long("segment.ms", Is("604800000"))
        .at_least(1)
        .synonyms(&["log.roll.ms", "log.roll.hours"])
        .effective("Milliseconds after which a new segment is begun."),
    long("segment.jitter.ms", Is("0"))
        .at_least(0)
        .synonyms(&["log.roll.jitter.ms", "log.roll.jitter.hours"])
        .effective("Random milliseconds taken off segment.ms, so that segments do not all roll at once."),
    int("segment.index.bytes", Is("10485760"))
        .at_least(4)
        .synonyms(&["log.index.size.max.bytes"])
        .effective("Most bytes of an offset or time index."),
    long("flush.messages", Is("9223372036854775807"))
        .at_least(1)
        .synonyms(&["log.flush.interval.messages"])
        .effective("Records after which a partition is synced to disk."),
    long("flush.ms", Is("9223372036854775807"))
        .at_least(0)
        .synonyms(&["log.flush.interval.ms", "log.flush.scheduler.interval.ms"])
        .effective("Milliseconds after which a partition is synced to disk."),
    long("retention.bytes", Is("-1"))
        .synonyms(&["log.retention.bytes"])
        .effective("Bytes a partition may grow to before its oldest segments go; -1 is no limit."),
    long("retention.ms", Is("604800000"))
        .at_least(-1)
        .synonyms(&["log.retention.ms", "log.retention.minutes", "log.retention.hours"])
        .effective("Milliseconds a record is kept; -1 is for ever."),
    int("max.message.bytes", Is("1048588"))
        .at_least(0)
        .synonyms(&["message.max.bytes"])
        .effective("Largest record batch, compressed as it is."),
    int("index.interval.bytes", Is("4096"))
        .at_least(0)
        .synonyms(&["log.index.interval.bytes"])
        .effective("Bytes of records between two index entries."),
    long("delete.retention.ms", Is("86400000"))
        .at_least(0)
        .synonyms(&["log.cleaner.delete.retention.ms"])
        .effective("Milliseconds a tombstone is kept in a compacted log."),
    long("min.compaction.lag.ms", Is("0"))
        .at_least(0)
        .synonyms(&["log.cleaner.min.compaction.lag.ms"])
        .effective("Milliseconds a record stays before it may be compacted away."),
    long("max.compaction.lag.ms", Is("9223372036854775807"))
        .at_least(1)
        .synonyms(&["log.cleaner.max.compaction.lag.ms"])
        .effective("Milliseconds after which a record must be considered for compaction."),
    long("file.delete.delay.ms", Is("60000"))
        .at_least(0)
        .synonyms(&["log.segment.delete.delay.ms"])
        .effective("Milliseconds between taking a file out of the log and deleting it."),
    double("min.cleanable.dirty.ratio", Is("0.5"))
        .between(0.0, 1.0)
        .synonyms(&["log.cleaner.min.cleanable.ratio"])
        .effective("Share of a log that must be uncompacted before it is compacted again."),
    list("cleanup.policy", Is("delete"))
        .valid(Validator::ListOf { texts: &["compact", "delete"], empty: true })
        .synonyms(&["log.cleanup.policy"])
        .effective("What becomes of old records: delete, compact, both, or neither."),
    boolean("unclean.leader.election.enable", Is("false"))
        .synonyms(&["unclean.leader.election.enable"])
        .inert(REPLICATION, "Whether a replica that is not in sync may become leader, losing records."),
    int("min.insync.replicas", Is("1"))
        .at_least(1)
        .synonyms(&["min.insync.replicas"])
        .effective("In-sync replicas that acks=all needs, or all replicas where a partition has fewer; with less the write is refused."),
    string("compression.type", Is("producer"))
        .one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"])
        .synonyms(&["compression.type"])
        .effective("Compression of the topic's batches: `producer` keeps what was sent."),
    int("compression.gzip.level", Is("-1"))
        .valid(Validator::GzipLevel)
        .synonyms(&["compression.gzip.level"])
        .effective("Level where the broker itself compresses with gzip."),
    int("compression.lz4.level", Is("9"))
        .between(1.0, 17.0)
        .synonyms(&["compression.lz4.level"])
        .inert(LZ4_LEVEL, "Level where the broker itself compresses with lz4."),
    int("compression.zstd.level", Is("3"))
        .between(-131072.0, 22.0)
        .synonyms(&["compression.zstd.level"])
        .effective("Level where the broker itself compresses with zstd."),
    boolean("preallocate", Is("false"))
        .synonyms(&["log.preallocate"])
        .effective("Whether a new segment takes its whole size on disk at once."),
    string("message.timestamp.type", Is("CreateTime"))
        .one_of(&["CreateTime", "LogAppendTime"])
        .synonyms(&["log.message.timestamp.type"])
        .effective("Whether a record keeps its producer's time or gets the time of its append."),
    long("message.timestamp.before.max.ms", Is("9223372036854775807"))
        .at_least(0)
        .synonyms(&["log.message.timestamp.before.max.ms"])
        .effective("Milliseconds a record's time may lie behind the broker's."),
    long("message.timestamp.after.max.ms", Is("3600000"))
        .at_least(0)
        .synonyms(&["log.message.timestamp.after.max.ms"])
        .effective("Milliseconds a record's time may lie ahead of the broker's."),
    list("leader.replication.throttled.replicas", Is(""))
        .valid(Validator::ThrottledReplicas)
        .inert(REPLICATION, "Leaders that count for the replication quota, as partition:broker; `*` is all."),
    list("follower.replication.throttled.replicas", Is("")).valid(Validator::ThrottledReplicas).inert(
        REPLICATION,
        "Followers that count for the replication quota, as partition:broker; `*` is all.",
    ),
    boolean("remote.storage.enable", Is("false"))
        .refused(TIERED, "Whether old segments of the topic go to remote storage."),
    long("local.retention.ms", Is("-2")).at_least(-2).synonyms(&["log.local.retention.ms"]).inert(
        REMOTE,
        "Milliseconds a tiered segment stays on the broker's disk too; -2 is as long as retention.ms.",
    ),
    long("local.retention.bytes", Is("-2")).at_least(-2).synonyms(&["log.local.retention.bytes"]).inert(
        REMOTE,
        "Bytes of a tiered partition that stay on the broker's disk too; -2 is as much as retention.bytes.",
    ),
    boolean("remote.log.copy.disable", Is("false"))
        .inert(REMOTE, "Whether a tiered topic stops copying and expires only what is remote."),
    boolean("remote.log.delete.on.disable", Is("false"))
        .inert(REMOTE, "Whether the remote records are deleted when tiering is turned off."),
    int("internal.segment.bytes", Null)
        .internal()
        .effective("Segment size without a lower limit, for tests; goes before segment.bytes."),
];
