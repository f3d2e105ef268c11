//! Groups of the streams protocol (KIP-1071).

use crate::key::{Is, Key, int};
use crate::keys::reasons::STREAMS;

pub(super) static KEYS: &[Key] = &[
    int("group.streams.session.timeout.ms", Is("45000"))
        .at_least(1)
        .inert(STREAMS, "Milliseconds without a heartbeat after which a member is out."),
    int("group.streams.min.session.timeout.ms", Is("45000"))
        .at_least(1)
        .inert(STREAMS, "Shortest session timeout a group may set."),
    int("group.streams.max.session.timeout.ms", Is("60000"))
        .at_least(1)
        .inert(STREAMS, "Longest session timeout a group may set."),
    int("group.streams.heartbeat.interval.ms", Is("5000"))
        .at_least(1)
        .inert(STREAMS, "Milliseconds between a member's heartbeats."),
    int("group.streams.min.heartbeat.interval.ms", Is("5000"))
        .at_least(1)
        .inert(STREAMS, "Shortest heartbeat interval a group may set."),
    int("group.streams.max.heartbeat.interval.ms", Is("15000"))
        .at_least(1)
        .inert(STREAMS, "Longest heartbeat interval a group may set."),
    int("group.streams.max.size", Is("2147483647")).at_least(1).inert(STREAMS, "Most members of a group."),
    int("group.streams.num.standby.replicas", Is("0"))
        .at_least(0)
        .inert(STREAMS, "Standby copies of each stateful task."),
    int("group.streams.max.standby.replicas", Is("2"))
        .at_least(0)
        .inert(STREAMS, "Most standby copies a group may set."),
    int("group.streams.initial.rebalance.delay.ms", Is("3000"))
        .at_least(0)
        .inert(STREAMS, "Milliseconds the first assignment of a group waits for more members."),
    int("group.streams.assignment.interval.ms", Is("1000"))
        .at_least(0)
        .cluster_wide()
        .inert(STREAMS, "Least milliseconds between two assignments of a group."),
    int("group.streams.min.assignment.interval.ms", Is("0"))
        .at_least(0)
        .inert(STREAMS, "Least assignment interval a group may set."),
    int("group.streams.max.assignment.interval.ms", Is("15000"))
        .at_least(0)
        .inert(STREAMS, "Greatest assignment interval a group may set."),
];
