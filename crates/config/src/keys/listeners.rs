//! Where the node listens and what it tells clients to connect to.

use crate::key::{Is, Key, Null, Required, list, string};
use crate::keys::reasons::{EARLY_START, REPLICATION, SECURITY_PROTOCOL};
use crate::validator::Validator;

pub(super) static KEYS: &[Key] = &[
    list("listeners", Is("PLAINTEXT://:9092")).valid(Validator::AnyList { empty: false }).high().per_broker().effective("Addresses to listen on, each NAME://host:port; an empty host is every interface, port 0 any free port. A change needs a restart."),
    list("advertised.listeners", Null).valid(Validator::AnyList { empty: false }).high().effective("Addresses that clients are told to use; those of `listeners` where not set."),
    string("listener.security.protocol.map", Is("SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT")).low().per_broker().effective("Security protocol of each listener name, as NAME:PROTOCOL pairs; only PLAINTEXT is served yet. A change needs a restart."),
    string("inter.broker.listener.name", Null).inert(REPLICATION, "Listener that brokers use among themselves."),
    string("security.inter.broker.protocol", Is("PLAINTEXT")).one_of(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]).refused(SECURITY_PROTOCOL, "Security protocol between brokers, where no listener name is given for it."),
    list("controller.listener.names", Required).valid(Validator::AnyList { empty: false }).high().effective("Listeners that belong to the controller; brokers use the first to reach it."),
    list("early.start.listeners", Null).valid(Validator::AnyList { empty: true }).high().inert(EARLY_START, "Listeners that open before authorization is ready."),
];
