//! Groups of the consumer protocol (KIP-848).

use crate::key::{Is, Key, int, list, string};
use crate::keys::reasons::CONSUMER;
use crate::validator::Validator;

pub(super) static KEYS: &[Key] = &[
    int("group.consumer.session.timeout.ms", Is("45000"))
        .at_least(1)
        .inert(CONSUMER, "Milliseconds without a heartbeat after which a member is out."),
    int("group.consumer.min.session.timeout.ms", Is("45000"))
        .at_least(1)
        .inert(CONSUMER, "Shortest session timeout a group may set."),
    int("group.consumer.max.session.timeout.ms", Is("60000"))
        .at_least(1)
        .inert(CONSUMER, "Longest session timeout a group may set."),
    int("group.consumer.heartbeat.interval.ms", Is("5000"))
        .at_least(1)
        .inert(CONSUMER, "Milliseconds between a member's heartbeats."),
    int("group.consumer.min.heartbeat.interval.ms", Is("5000"))
        .at_least(1)
        .inert(CONSUMER, "Shortest heartbeat interval a group may set."),
    int("group.consumer.max.heartbeat.interval.ms", Is("15000"))
        .at_least(1)
        .inert(CONSUMER, "Longest heartbeat interval a group may set."),
    int("group.consumer.max.size", Is("2147483647")).at_least(1).inert(CONSUMER, "Most members of a group."),
    list("group.consumer.assignors", Is("uniform,range"))
        .valid(Validator::AnyList { empty: false })
        .inert(CONSUMER, "Assignors that members may choose from; the first is the default."),
    string("group.consumer.migration.policy", Is("bidirectional"))
        .valid(Validator::OneOfAnyCase(&["DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"]))
        .inert(
            CONSUMER,
            "Which changes between the classic and the consumer protocol a group may make while it lives.",
        ),
    int("group.consumer.regex.refresh.interval.ms", Is("600000"))
        .at_least(10000)
        .internal()
        .inert(CONSUMER, "Milliseconds between two resolutions of a regular expression subscription."),
    int("group.consumer.assignment.interval.ms", Is("1000"))
        .at_least(0)
        .cluster_wide()
        .inert(CONSUMER, "Least milliseconds between two assignments of a group."),
    int("group.consumer.min.assignment.interval.ms", Is("0"))
        .at_least(0)
        .inert(CONSUMER, "Least assignment interval a group may set."),
    int("group.consumer.max.assignment.interval.ms", Is("15000"))
        .at_least(0)
        .inert(CONSUMER, "Greatest assignment interval a group may set."),
];
