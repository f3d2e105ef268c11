//! How topics come and go, and what they start with.

use crate::key::{Is, Key, Null, boolean, class, int, long, string};
use crate::keys::reasons::{LZ4_LEVEL, POLICY, REPLICATION};
use crate::validator::Validator;

pub(super) static KEYS: &[Key] = &[
    boolean("auto.create.topics.enable", Is("true"))
        .high()
        .effective("Whether a topic that is asked for and missing is created."),
    int("num.partitions", Is("1"))
        .at_least(1)
        .effective("Partitions of a topic whose creation does not say."),
    int("default.replication.factor", Is("1")).effective("Replicas of a topic whose creation does not say."),
    boolean("delete.topic.enable", Is("true")).high().effective("Whether topics may be deleted."),
    class("create.topic.policy.class.name", Null).low().refused(POLICY, "Class that may refuse new topics."),
    class("alter.config.policy.class.name", Null)
        .low()
        .refused(POLICY, "Class that may refuse changes of configs."),
    int("min.insync.replicas", Is("1"))
        .at_least(1)
        .high()
        .cluster_wide()
        .effective("In-sync replicas that acks=all needs, or all replicas where a partition has fewer; with less the write is refused."),
    int("message.max.bytes", Is("1048588"))
        .at_least(0)
        .high()
        .cluster_wide()
        .effective("Largest record batch, compressed as it is; a topic's max.message.bytes goes before it."),
    string("compression.type", Is("producer"))
        .one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"])
        .high()
        .cluster_wide()
        .effective("Compression of a topic's batches: `producer` keeps what was sent."),
    int("compression.gzip.level", Is("-1"))
        .valid(Validator::GzipLevel)
        .cluster_wide()
        .effective("Level where the broker itself compresses with gzip."),
    int("compression.lz4.level", Is("9"))
        .between(1.0, 17.0)
        .cluster_wide()
        .inert(LZ4_LEVEL, "Level where the broker itself compresses with lz4."),
    int("compression.zstd.level", Is("3"))
        .between(-131072.0, 22.0)
        .cluster_wide()
        .effective("Level where the broker itself compresses with zstd."),
    boolean("unclean.leader.election.enable", Is("false"))
        .high()
        .cluster_wide()
        .inert(REPLICATION, "Whether a replica that is not in sync may become leader, losing records."),
    long("unclean.leader.election.interval.ms", Is("300000"))
        .at_least(1)
        .internal()
        .inert(REPLICATION, "Milliseconds between two looks for partitions that need an unclean election."),
];
