//! Log directories, segments, flushing and retention.

use crate::key::{Is, Key, Null, boolean, int, list, long, string};
use crate::keys::reasons::{REMOTE, REPLICATION};
use crate::validator::Validator;

pub(super) static KEYS: &[Key] = &[
    list("log.dir", Is("/tmp/kafka-logs")).valid(Validator::AnyList { empty: false }).high().effective("The one data directory; `log.dirs` goes before it."),
    list("log.dirs", Null).valid(Validator::AnyList { empty: false }).high().effective("Data directories, separated by commas."),
    list("cordoned.log.dirs", Is("")).valid(Validator::AnyList { empty: true }).per_broker().effective("Data directories that get no new partitions; `*` is all."),
    long("log.dir.failure.timeout.ms", Is("30000")).at_least(1).low().inert(REPLICATION, "Milliseconds a broker may fail to report a failed directory that leads partitions before it stops."),
    int("log.segment.bytes", Is("1073741824")).at_least(1048576).high().cluster_wide().effective("Size at which a new segment is begun."),
    long("log.roll.ms", Null).high().cluster_wide().synonyms(&["log.roll.ms", "log.roll.hours"]).effective("Milliseconds after which a new segment is begun; log.roll.hours where not set."),
    int("log.roll.hours", Is("168")).at_least(1).high().synonyms(&["log.roll.ms", "log.roll.hours"]).effective("Hours after which a new segment is begun."),
    long("log.roll.jitter.ms", Null).high().cluster_wide().synonyms(&["log.roll.jitter.ms", "log.roll.jitter.hours"]).effective("Random milliseconds taken off log.roll.ms, so that segments do not all roll at once."),
    int("log.roll.jitter.hours", Is("0")).at_least(0).high().synonyms(&["log.roll.jitter.ms", "log.roll.jitter.hours"]).effective("Random hours taken off log.roll.hours."),
    long("log.retention.ms", Null).high().cluster_wide().synonyms(&["log.retention.ms", "log.retention.minutes", "log.retention.hours"]).effective("Milliseconds a record is kept; goes before the minutes and the hours; -1 is for ever."),
    int("log.retention.minutes", Null).high().synonyms(&["log.retention.ms", "log.retention.minutes", "log.retention.hours"]).effective("Minutes a record is kept; goes before the hours."),
    int("log.retention.hours", Is("168")).high().synonyms(&["log.retention.ms", "log.retention.minutes", "log.retention.hours"]).effective("Hours a record is kept."),
    long("log.retention.bytes", Is("-1")).high().cluster_wide().effective("Bytes a partition may grow to before its oldest segments go; -1 is no limit."),
    long("log.retention.check.interval.ms", Is("300000")).at_least(1).effective("Milliseconds between two looks for segments to delete."),
    list("log.cleanup.policy", Is("delete")).valid(Validator::ListOf { texts: &["compact", "delete"], empty: true }).cluster_wide().effective("What becomes of old records: delete, compact, both, or neither."),
    int("log.index.size.max.bytes", Is("10485760")).at_least(4).cluster_wide().effective("Most bytes of an offset or time index."),
    int("log.index.interval.bytes", Is("4096")).at_least(0).cluster_wide().effective("Bytes of records between two index entries."),
    boolean("log.preallocate", Is("false")).cluster_wide().effective("Whether a new segment takes its whole size on disk at once."),
    long("log.segment.delete.delay.ms", Is("60000")).at_least(0).high().cluster_wide().effective("Milliseconds between taking a file out of the log and deleting it."),
    long("log.flush.interval.messages", Is("9223372036854775807")).at_least(1).high().cluster_wide().effective("Records after which a partition is synced to disk."),
    long("log.flush.interval.ms", Null).high().cluster_wide().synonyms(&["log.flush.interval.ms", "log.flush.scheduler.interval.ms"]).effective("Milliseconds after which a partition is synced to disk; log.flush.scheduler.interval.ms where not set."),
    long("log.flush.scheduler.interval.ms", Is("9223372036854775807")).high().effective("Milliseconds between two looks for partitions to sync."),
    int("log.flush.offset.checkpoint.interval.ms", Is("60000")).at_least(0).high().effective("Milliseconds between two writings of the recovery points."),
    int("log.flush.start.offset.checkpoint.interval.ms", Is("60000")).at_least(0).high().effective("Milliseconds between two writings of the log start offsets."),
    long("log.initial.task.delay.ms", Is("30000")).at_least(0).low().internal().effective("Milliseconds from the start to the first run of each background task of the log whose interval is longer."),
    string("log.message.timestamp.type", Is("CreateTime")).one_of(&["CreateTime", "LogAppendTime"]).cluster_wide().effective("Whether a record keeps its producer's time or gets the time of its append."),
    long("log.message.timestamp.before.max.ms", Is("9223372036854775807")).at_least(0).cluster_wide().effective("Milliseconds a record's time may lie behind the broker's."),
    long("log.message.timestamp.after.max.ms", Is("3600000")).at_least(0).cluster_wide().effective("Milliseconds a record's time may lie ahead of the broker's."),
    long("log.local.retention.ms", Is("-2")).at_least(-2).cluster_wide().inert(REMOTE, "Milliseconds a tiered segment stays on this disk too; -2 is as long as retention says."),
    long("log.local.retention.bytes", Is("-2")).at_least(-2).cluster_wide().inert(REMOTE, "Bytes of a tiered partition that stay on this disk too; -2 is as much as retention says."),
    int("num.recovery.threads.per.data.dir", Is("2")).at_least(1).high().cluster_wide().effective("Partitions of one data directory that are recovered side by side."),
    int("num.replica.alter.log.dirs.threads", Null).high().effective("Replicas that are moved between data directories side by side; one for each directory where not set."),
    int("producer.id.expiration.ms", Is("86400000")).at_least(1).low().cluster_wide().effective("Milliseconds after its last write at which a producer id's state is forgotten."),
    int("producer.id.expiration.check.interval.ms", Is("600000")).at_least(1).low().internal().effective("Milliseconds between two looks for expired producer ids."),
    long("replica.high.watermark.checkpoint.interval.ms", Is("5000")).high().effective("Milliseconds between two writings of the high watermarks."),
];
