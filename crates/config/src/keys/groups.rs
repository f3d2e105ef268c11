//! Groups of the classic protocol, and their coordinator.

use crate::key::{Is, Key, int, list};
use crate::keys::reasons::{CONSUMER, COORDINATOR_WRITES, THREADS};
use crate::validator::Validator;

pub(super) static KEYS: &[Key] = &[
    int("group.min.session.timeout.ms", Is("6000"))
        .effective("Shortest session timeout a member may ask for."),
    int("group.max.session.timeout.ms", Is("1800000"))
        .effective("Longest session timeout a member may ask for."),
    int("group.initial.rebalance.delay.ms", Is("3000"))
        .effective("Milliseconds the first rebalance of an empty group waits for more members."),
    int("group.max.size", Is("2147483647")).at_least(1).effective("Most members of a classic group."),
    list("group.coordinator.rebalance.protocols", Is("classic,consumer,streams"))
        .valid(Validator::ListOf { texts: &["consumer", "classic", "share", "streams"], empty: false })
        .inert(CONSUMER, "Group protocols that are answered, of those that are built in; classic always is."),
    int("group.coordinator.threads", Is("4"))
        .at_least(1)
        .high()
        .inert(THREADS, "Threads of the group coordinator."),
    int("group.coordinator.background.threads", Is("2"))
        .at_least(1)
        .high()
        .inert(THREADS, "Threads for the group coordinator's heavier work."),
    int("group.coordinator.append.linger.ms", Is("-1")).at_least(-1).inert(
        COORDINATOR_WRITES,
        "Milliseconds the coordinator gathers records before it writes; -1 adapts by itself.",
    ),
    int("group.coordinator.cached.buffer.max.bytes", Is("1048588"))
        .at_least(524288)
        .cluster_wide()
        .inert(COORDINATOR_WRITES, "Largest write buffer that the coordinator keeps for reuse."),
];
