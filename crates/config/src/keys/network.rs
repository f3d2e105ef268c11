//! Sockets, connections and requests, with the limits on each.

use crate::key::{Is, Key, int, long, string};
use crate::keys::reasons::{ONE_NODE, PURGATORY, QUEUE, THREADS};

pub(super) static KEYS: &[Key] = &[
    int("num.network.threads", Is("3"))
        .at_least(1)
        .high()
        .cluster_wide()
        .inert(THREADS, "Threads that read and write sockets, for each listener."),
    int("queued.max.requests", Is("500"))
        .at_least(1)
        .high()
        .inert(QUEUE, "Requests that may wait before sockets are no longer read."),
    long("queued.max.request.bytes", Is("-1")).effective(
        "Bytes of requests that may be in memory at once before sockets are no longer read; -1 is no limit.",
    ),
    int("socket.send.buffer.bytes", Is("102400"))
        .high()
        .effective("Send buffer of a socket (SO_SNDBUF); -1 leaves it to the system."),
    int("socket.receive.buffer.bytes", Is("102400"))
        .high()
        .effective("Receive buffer of a socket (SO_RCVBUF); -1 leaves it to the system."),
    int("socket.listen.backlog.size", Is("50"))
        .at_least(1)
        .effective("Connections that may wait to be accepted, for each listener."),
    int("socket.request.max.bytes", Is("104857600"))
        .at_least(1)
        .high()
        .effective("Largest request in bytes; a connection that sends a larger one is closed."),
    long("socket.connection.setup.timeout.ms", Is("10000"))
        .inert(ONE_NODE, "First milliseconds an outgoing connection may take to be made."),
    long("socket.connection.setup.timeout.max.ms", Is("30000")).inert(
        ONE_NODE,
        "Most milliseconds an outgoing connection may take to be made, after repeated failures.",
    ),
    int("max.connections", Is("2147483647"))
        .at_least(0)
        .cluster_wide()
        .effective("Connections to this broker at once; also per listener with its prefix."),
    int("max.connections.per.ip", Is("2147483647"))
        .at_least(0)
        .cluster_wide()
        .effective("Connections at once from one address."),
    string("max.connections.per.ip.overrides", Is(""))
        .cluster_wide()
        .effective("Other limits for single hosts or addresses, as host:count pairs."),
    int("max.connection.creation.rate", Is("2147483647"))
        .at_least(0)
        .cluster_wide()
        .effective("New connections a second; more wait. Also per listener with its prefix."),
    long("connections.max.idle.ms", Is("600000"))
        .effective("Milliseconds after which a quiet connection is closed; negative is never."),
    int("request.timeout.ms", Is("30000"))
        .high()
        .inert(ONE_NODE, "Milliseconds this node waits for another node's answer."),
    int("fetch.max.bytes", Is("57671680"))
        .at_least(1024)
        .effective("Most bytes in one answer to a fetch, whatever the client asks."),
    int("max.incremental.fetch.session.cache.slots", Is("1000"))
        .at_least(0)
        .effective("Incremental fetch sessions that are remembered."),
    int("max.request.partition.size.limit", Is("2000"))
        .at_least(1)
        .effective("Most partitions in one answer to DescribeTopicPartitions."),
    int("fetch.purgatory.purge.interval.requests", Is("1000"))
        .inert(PURGATORY, "Waiting fetches between two clean-ups of finished ones."),
    int("producer.purgatory.purge.interval.requests", Is("1000"))
        .inert(PURGATORY, "Waiting produce requests between two clean-ups of finished ones."),
    int("delete.records.purgatory.purge.interval.requests", Is("1"))
        .inert(PURGATORY, "Waiting DeleteRecords requests between two clean-ups of finished ones."),
];
