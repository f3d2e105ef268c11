//! TLS.

use crate::key::{Is, Key, Null, boolean, class, list, password, string};
use crate::keys::reasons::TLS;
use crate::validator::Validator;

pub(super) static KEYS: &[Key] = &[
    boolean("ssl.allow.dn.changes", Is("false"))
        .low()
        .inert(TLS, "Whether a renewed key store may have another distinguished name."),
    boolean("ssl.allow.san.changes", Is("false"))
        .low()
        .inert(TLS, "Whether a renewed key store may have other alternative names."),
    list("ssl.cipher.suites", Is(""))
        .valid(Validator::AnyList { empty: true })
        .per_broker()
        .inert(TLS, "Cipher suites that are offered; all where empty."),
    string("ssl.client.auth", Is("none"))
        .one_of(&["required", "requested", "none"])
        .per_broker()
        .inert(TLS, "Whether a client must, may or need not show a certificate."),
    list("ssl.enabled.protocols", Is("TLSv1.2,TLSv1.3"))
        .valid(Validator::AnyList { empty: true })
        .per_broker()
        .inert(TLS, "TLS versions that are offered."),
    string("ssl.endpoint.identification.algorithm", Is("https"))
        .low()
        .per_broker()
        .inert(TLS, "How the other end's host name is checked against its certificate."),
    class("ssl.engine.factory.class", Null).low().per_broker().inert(TLS, "Class that makes TLS engines."),
    password("ssl.key.password", Null).per_broker().inert(TLS, "Password of the private key."),
    string("ssl.keymanager.algorithm", Is("SunX509"))
        .per_broker()
        .inert(TLS, "Java's key manager algorithm."),
    password("ssl.keystore.certificate.chain", Null)
        .per_broker()
        .inert(TLS, "Certificate chain as PEM text."),
    password("ssl.keystore.key", Null).per_broker().inert(TLS, "Private key as PEM text."),
    string("ssl.keystore.location", Null).per_broker().inert(TLS, "File of the key store."),
    password("ssl.keystore.password", Null).per_broker().inert(TLS, "Password of the key store."),
    string("ssl.keystore.type", Is("JKS")).per_broker().inert(TLS, "Format of the key store."),
    string("ssl.principal.mapping.rules", Is("DEFAULT"))
        .low()
        .inert(TLS, "Rules that make a user name of a certificate's distinguished name."),
    string("ssl.protocol", Is("TLSv1.3"))
        .per_broker()
        .inert(TLS, "Java's name of the TLS version to start from."),
    string("ssl.provider", Null).per_broker().inert(TLS, "Java's security provider for TLS."),
    string("ssl.secure.random.implementation", Null)
        .low()
        .per_broker()
        .inert(TLS, "Java's random generator for TLS."),
    string("ssl.trustmanager.algorithm", Is("PKIX"))
        .per_broker()
        .inert(TLS, "Java's trust manager algorithm."),
    password("ssl.truststore.certificates", Null)
        .per_broker()
        .inert(TLS, "Trusted certificates as PEM text."),
    string("ssl.truststore.location", Null).per_broker().inert(TLS, "File of the trust store."),
    password("ssl.truststore.password", Null).per_broker().inert(TLS, "Password of the trust store."),
    string("ssl.truststore.type", Is("JKS")).per_broker().inert(TLS, "Format of the trust store."),
];
