//! Who may do what: authorization, principals, delegation tokens.

use crate::key::{Is, Key, Null, class, int, long, password, string};
use crate::keys::reasons::{AUTHORIZER, PLUGIN, PRINCIPAL, SASL, TOKENS};

pub(super) static KEYS: &[Key] = &[
    string("authorizer.class.name", Is("")).low().refused(AUTHORIZER, "Class that decides who may do what."),
    class(
        "principal.builder.class",
        Is("org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder"),
    )
    .per_broker()
    .refused(PRINCIPAL, "Class that makes a principal of a connection."),
    string("security.providers", Null).low().refused(PLUGIN, "Classes that add security algorithms to Java."),
    long("connections.max.reauth.ms", Is("0"))
        .inert(SASL, "Milliseconds after which a SASL connection must log in again; 0 is never."),
    int("connection.failed.authentication.delay.ms", Is("100"))
        .at_least(0)
        .low()
        .inert(SASL, "Milliseconds before a connection that failed to log in is closed."),
    password("delegation.token.secret.key", Null)
        .inert(TOKENS, "Secret that delegation tokens are made with."),
    long("delegation.token.expiry.time.ms", Is("86400000"))
        .at_least(1)
        .inert(TOKENS, "Milliseconds a token lives until it is renewed."),
    long("delegation.token.max.lifetime.ms", Is("604800000"))
        .at_least(1)
        .inert(TOKENS, "Milliseconds a token lives at most."),
    long("delegation.token.expiry.check.interval.ms", Is("3600000"))
        .at_least(1)
        .low()
        .inert(TOKENS, "Milliseconds between two looks for expired tokens."),
];
