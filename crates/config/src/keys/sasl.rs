//! SASL logins.

use crate::key::{Is, Key, Null, class, double, int, list, long, password, short, string};
use crate::keys::reasons::SASL;
use crate::validator::Validator;

pub(super) static KEYS: &[Key] = &[
    list("sasl.enabled.mechanisms", Is("GSSAPI"))
        .valid(Validator::AnyList { empty: true })
        .per_broker()
        .inert(SASL, "Mechanisms that clients may log in with."),
    string("sasl.mechanism.inter.broker.protocol", Is("GSSAPI"))
        .per_broker()
        .inert(SASL, "Mechanism that brokers log in to each other with."),
    string("sasl.mechanism.controller.protocol", Is("GSSAPI"))
        .high()
        .inert(SASL, "Mechanism that is used towards controllers."),
    password("sasl.jaas.config", Null).per_broker().inert(SASL, "Login module and its options."),
    class("sasl.server.callback.handler.class", Null).inert(SASL, "Class that checks logins."),
    int("sasl.server.max.receive.size", Is("524288"))
        .inert(SASL, "Largest frame before a login is complete."),
    class("sasl.client.callback.handler.class", Null)
        .inert(SASL, "Class that answers for this node's own logins."),
    class("sasl.login.callback.handler.class", Null)
        .inert(SASL, "Class that gives this node its credentials."),
    class("sasl.login.class", Null).inert(SASL, "Class that performs this node's own login."),
    int("sasl.login.connect.timeout.ms", Null)
        .low()
        .inert(SASL, "Milliseconds to connect to an identity provider."),
    int("sasl.login.read.timeout.ms", Null)
        .low()
        .inert(SASL, "Milliseconds to wait for an identity provider's answer."),
    short("sasl.login.refresh.buffer.seconds", Is("300"))
        .per_broker()
        .inert(SASL, "Seconds before a credential's end at which it must be refreshed."),
    short("sasl.login.refresh.min.period.seconds", Is("60"))
        .per_broker()
        .inert(SASL, "Least seconds between two refreshes."),
    double("sasl.login.refresh.window.factor", Is("0.8"))
        .per_broker()
        .inert(SASL, "Share of a credential's life after which it is refreshed."),
    double("sasl.login.refresh.window.jitter", Is("0.05"))
        .per_broker()
        .inert(SASL, "Random share added to that."),
    long("sasl.login.retry.backoff.ms", Is("100"))
        .low()
        .inert(SASL, "First milliseconds before a login is tried again."),
    long("sasl.login.retry.backoff.max.ms", Is("10000"))
        .low()
        .inert(SASL, "Most milliseconds before a login is tried again."),
    string("sasl.kerberos.kinit.cmd", Is("/usr/bin/kinit")).per_broker().inert(SASL, "Path of kinit."),
    long("sasl.kerberos.min.time.before.relogin", Is("60000"))
        .per_broker()
        .inert(SASL, "Least milliseconds between two Kerberos logins."),
    list("sasl.kerberos.principal.to.local.rules", Is("DEFAULT"))
        .valid(Validator::AnyList { empty: true })
        .per_broker()
        .inert(SASL, "Rules that make a user name of a Kerberos principal."),
    string("sasl.kerberos.service.name", Null)
        .per_broker()
        .inert(SASL, "Kerberos service name of the brokers."),
    double("sasl.kerberos.ticket.renew.jitter", Is("0.05"))
        .per_broker()
        .inert(SASL, "Random share added to the time of renewal."),
    double("sasl.kerberos.ticket.renew.window.factor", Is("0.8"))
        .per_broker()
        .inert(SASL, "Share of a ticket's life after which it is renewed."),
];
