//! Tiered storage.

use crate::key::{Is, Key, Null, boolean, double, int, long, string};
use crate::keys::reasons::{REMOTE, TIERED};
use crate::validator::Validator;

pub(super) static KEYS: &[Key] = &[
    boolean("remote.log.storage.system.enable", Is("false"))
        .refused(TIERED, "Whether old segments may go to remote storage."),
    string("remote.log.storage.manager.class.name", Null)
        .valid(Validator::NotBlank)
        .inert(REMOTE, "Class that stores segments remotely."),
    string("remote.log.storage.manager.class.path", Null).inert(REMOTE, "Where that class is loaded from."),
    string("remote.log.storage.manager.impl.prefix", Is("rsm.config."))
        .valid(Validator::NotBlank)
        .inert(REMOTE, "Prefix of the keys passed to the remote storage class."),
    string(
        "remote.log.metadata.manager.class.name",
        Is("org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager"),
    )
    .valid(Validator::NotBlank)
    .inert(REMOTE, "Class that keeps the remote segments' metadata."),
    string("remote.log.metadata.manager.class.path", Null).inert(REMOTE, "Where that class is loaded from."),
    string("remote.log.metadata.manager.impl.prefix", Is("rlmm.config."))
        .valid(Validator::NotBlank)
        .inert(REMOTE, "Prefix of the keys passed to the remote metadata class."),
    string("remote.log.metadata.manager.listener.name", Null)
        .valid(Validator::NotBlank)
        .inert(REMOTE, "Listener that the remote metadata class connects to."),
    int("remote.log.metadata.custom.metadata.max.bytes", Is("128"))
        .at_least(0)
        .low()
        .inert(REMOTE, "Most bytes of a storage's own metadata for a segment."),
    long("remote.log.index.file.cache.total.size.bytes", Is("1073741824"))
        .at_least(1)
        .low()
        .cluster_wide()
        .inert(REMOTE, "Bytes of remote indexes kept on this disk."),
    long("remote.log.index.file.cache.ttl.ms", Is("900000"))
        .at_least(-1)
        .low()
        .internal()
        .inert(REMOTE, "Milliseconds a remote index stays on this disk unused; -1 is for ever."),
    int("remote.log.manager.thread.pool.size", Is("2"))
        .at_least(1)
        .inert(REMOTE, "Threads of the remote log manager that no other pool has."),
    int("remote.log.manager.copier.thread.pool.size", Is("10"))
        .at_least(1)
        .cluster_wide()
        .inert(REMOTE, "Threads that copy segments away."),
    int("remote.log.manager.expiration.thread.pool.size", Is("10"))
        .at_least(1)
        .cluster_wide()
        .inert(REMOTE, "Threads that delete expired remote segments."),
    int("remote.log.manager.follower.thread.pool.size", Is("2"))
        .at_least(1)
        .cluster_wide()
        .inert(REMOTE, "Threads that follow what leaders have tiered."),
    long("remote.log.manager.task.interval.ms", Is("30000"))
        .at_least(1)
        .low()
        .inert(REMOTE, "Milliseconds between two rounds of copying and deleting."),
    long("remote.log.manager.task.retry.backoff.ms", Is("500"))
        .at_least(1)
        .low()
        .internal()
        .inert(REMOTE, "First milliseconds before a failed round is tried again."),
    long("remote.log.manager.task.retry.backoff.max.ms", Is("30000"))
        .at_least(1)
        .low()
        .internal()
        .inert(REMOTE, "Most milliseconds before a failed round is tried again."),
    double("remote.log.manager.task.retry.jitter", Is("0.2"))
        .between(0.0, 0.5)
        .low()
        .internal()
        .inert(REMOTE, "Random share added to those waits."),
    long("remote.log.manager.copy.max.bytes.per.second", Is("9223372036854775807"))
        .at_least(1)
        .cluster_wide()
        .inert(REMOTE, "Most bytes a second that are copied away."),
    int("remote.log.manager.copy.quota.window.num", Is("11"))
        .at_least(1)
        .inert(REMOTE, "Samples kept for that limit."),
    int("remote.log.manager.copy.quota.window.size.seconds", Is("1"))
        .at_least(1)
        .inert(REMOTE, "Seconds of each of those samples."),
    long("remote.log.manager.fetch.max.bytes.per.second", Is("9223372036854775807"))
        .at_least(1)
        .cluster_wide()
        .inert(REMOTE, "Most bytes a second that are read back."),
    int("remote.log.manager.fetch.quota.window.num", Is("11"))
        .at_least(1)
        .inert(REMOTE, "Samples kept for that limit."),
    int("remote.log.manager.fetch.quota.window.size.seconds", Is("1"))
        .at_least(1)
        .inert(REMOTE, "Seconds of each of those samples."),
    int("remote.log.reader.threads", Is("10"))
        .at_least(1)
        .cluster_wide()
        .inert(REMOTE, "Threads that read remote segments."),
    int("remote.log.reader.max.pending.tasks", Is("100"))
        .at_least(1)
        .inert(REMOTE, "Remote reads that may wait."),
    int("remote.fetch.max.wait.ms", Is("500"))
        .at_least(1)
        .cluster_wide()
        .inert(REMOTE, "Milliseconds a fetch may wait for remote storage."),
    long("remote.list.offsets.request.timeout.ms", Is("30000"))
        .at_least(1)
        .cluster_wide()
        .inert(REMOTE, "Milliseconds a search for an offset in remote storage may take."),
];
