//! The node itself: its id, its roles, what it says of itself.

use crate::key::{Is, Key, Null, Required, boolean, int, list, long, string};
use crate::keys::reasons::{ONE_NODE, PROVIDERS, SHUTDOWN, START, THREADS, UNSTABLE};
use crate::validator::Validator;

pub(super) static KEYS: &[Key] = &[
    int("node.id", Required).at_least(0).high().effective("Id of this node, unique in the cluster."),
    int("broker.id", Is("-1"))
        .high()
        .effective("Older name of node.id; the two must agree when both are set."),
    list("process.roles", Required)
        .valid(Validator::ListOf { texts: &["broker", "controller"], empty: false })
        .high()
        .effective("What this node is: broker, controller, or both."),
    string("broker.rack", Null)
        .effective("Rack or zone of this broker, shown to clients and used to spread replicas."),
    int("broker.heartbeat.interval.ms", Is("2000"))
        .inert(ONE_NODE, "Milliseconds between a broker's heartbeats to the controller."),
    int("broker.session.timeout.ms", Is("9000")).inert(
        ONE_NODE,
        "Milliseconds without a heartbeat after which the controller takes a broker for dead.",
    ),
    int("initial.broker.registration.timeout.ms", Is("60000"))
        .inert(ONE_NODE, "Milliseconds a starting broker tries to register before it gives up."),
    long("server.max.startup.time.ms", Is("9223372036854775807"))
        .at_least(0)
        .internal()
        .inert(START, "Milliseconds a start may take before it is given up."),
    boolean("controlled.shutdown.enable", Is("true"))
        .inert(SHUTDOWN, "Whether a stopping broker first hands its leaderships over."),
    int("background.threads", Is("10"))
        .at_least(1)
        .high()
        .cluster_wide()
        .inert(THREADS, "Threads for background work."),
    int("num.io.threads", Is("8"))
        .at_least(1)
        .high()
        .cluster_wide()
        .inert(THREADS, "Threads that work on requests."),
    list("config.providers", Is(""))
        .valid(Validator::AnyList { empty: true })
        .low()
        .cluster_wide()
        .refused(PROVIDERS, "Classes that fill in ${...} placeholders of other values."),
    boolean("unstable.api.versions.enable", Is("false"))
        .high()
        .internal()
        .inert(UNSTABLE, "Whether API versions still in development are offered."),
    boolean("unstable.feature.versions.enable", Is("false"))
        .high()
        .internal()
        .inert(UNSTABLE, "Whether feature levels still in development are offered."),
];
