//! Replication between brokers, and leadership.

use crate::key::{Is, Key, Null, boolean, int, long, string};
use crate::keys::reasons::{REMOTE, REPLICATION};

pub(super) static KEYS: &[Key] = &[
    int("num.replica.fetchers", Is("1"))
        .at_least(1)
        .high()
        .cluster_wide()
        .inert(REPLICATION, "Fetchers for each leader that this broker follows."),
    int("replica.fetch.backoff.ms", Is("1000"))
        .at_least(0)
        .inert(REPLICATION, "Milliseconds a follower waits after a failed fetch."),
    int("replica.fetch.max.bytes", Is("1048576"))
        .at_least(0)
        .inert(REPLICATION, "Bytes a follower asks for of each partition."),
    int("replica.fetch.min.bytes", Is("1")).high().inert(REPLICATION, "Bytes a follower's fetch waits for."),
    int("replica.fetch.response.max.bytes", Is("10485760"))
        .at_least(0)
        .inert(REPLICATION, "Bytes a follower asks for in one fetch."),
    int("replica.fetch.wait.max.ms", Is("500"))
        .high()
        .inert(REPLICATION, "Milliseconds a follower's fetch may wait."),
    long("replica.lag.time.max.ms", Is("30000"))
        .high()
        .inert(REPLICATION, "Milliseconds a follower may lag before it leaves the in-sync replicas."),
    string("replica.selector.class", Null)
        .inert(REPLICATION, "Class that chooses the replica a consumer reads from."),
    int("replica.socket.receive.buffer.bytes", Is("65536"))
        .high()
        .inert(REPLICATION, "Receive buffer of a follower's socket."),
    int("replica.socket.timeout.ms", Is("30000"))
        .high()
        .inert(REPLICATION, "Milliseconds a follower waits for its leader's answer."),
    boolean("follower.fetch.last.tiered.offset.enable", Is("false"))
        .cluster_wide()
        .inert(REMOTE, "Whether an empty follower starts at the end of what is tiered."),
    boolean("auto.leader.rebalance.enable", Is("true"))
        .high()
        .inert(REPLICATION, "Whether leadership returns to the preferred replicas by itself."),
    long("leader.imbalance.check.interval.seconds", Is("300"))
        .at_least(1)
        .high()
        .inert(REPLICATION, "Seconds between two looks for leaders that are not preferred."),
];
