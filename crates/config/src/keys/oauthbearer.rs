//! SASL OAUTHBEARER.

use crate::key::{Is, Key, Null, boolean, class, int, list, long, password, string};
use crate::keys::reasons::SASL;
use crate::validator::Validator;

pub(super) static KEYS: &[Key] = &[
    string("sasl.oauthbearer.assertion.algorithm", Is("RS256"))
        .valid(Validator::OneOfAnyCase(&["ES256", "RS256"]))
        .inert(SASL, "Algorithm that signs a client assertion."),
    string("sasl.oauthbearer.assertion.claim.aud", Null).inert(SASL, "Audience claim of a client assertion."),
    int("sasl.oauthbearer.assertion.claim.exp.seconds", Is("300"))
        .between(0.0, 86400.0)
        .low()
        .inert(SASL, "Seconds a client assertion is valid."),
    string("sasl.oauthbearer.assertion.claim.iss", Null).inert(SASL, "Issuer claim of a client assertion."),
    boolean("sasl.oauthbearer.assertion.claim.jti.include", Is("false"))
        .inert(SASL, "Whether a client assertion has an id."),
    int("sasl.oauthbearer.assertion.claim.nbf.seconds", Is("60"))
        .between(0.0, 3600.0)
        .low()
        .inert(SASL, "Seconds a client assertion is valid into the past."),
    string("sasl.oauthbearer.assertion.claim.sub", Null).inert(SASL, "Subject claim of a client assertion."),
    string("sasl.oauthbearer.assertion.file", Null).inert(SASL, "File with a ready-made client assertion."),
    string("sasl.oauthbearer.assertion.private.key.file", Null)
        .inert(SASL, "File of the key that signs client assertions."),
    password("sasl.oauthbearer.assertion.private.key.passphrase", Null)
        .inert(SASL, "Passphrase of that key."),
    string("sasl.oauthbearer.assertion.template.file", Null)
        .inert(SASL, "File with more headers and claims of a client assertion."),
    string("sasl.oauthbearer.client.credentials.client.id", Null)
        .inert(SASL, "Client id at the identity provider."),
    password("sasl.oauthbearer.client.credentials.client.secret", Null)
        .inert(SASL, "Client secret at the identity provider."),
    int("sasl.oauthbearer.clock.skew.seconds", Is("30"))
        .low()
        .inert(SASL, "Seconds by which the identity provider's clock may differ."),
    list("sasl.oauthbearer.expected.audience", Is(""))
        .valid(Validator::AnyList { empty: true })
        .high()
        .inert(SASL, "Audiences a token may be for."),
    string("sasl.oauthbearer.expected.issuer", Null).high().inert(SASL, "Issuer a token must be from."),
    string("sasl.oauthbearer.jwks.endpoint.url", Null).inert(SASL, "Where the identity provider's keys are."),
    long("sasl.oauthbearer.jwks.endpoint.refresh.ms", Is("3600000"))
        .low()
        .inert(SASL, "Milliseconds after which those keys are read again."),
    long("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Is("100"))
        .low()
        .inert(SASL, "First milliseconds before a failed reading of the keys is tried again."),
    long("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Is("10000"))
        .low()
        .inert(SASL, "Most milliseconds before a failed reading of the keys is tried again."),
    class(
        "sasl.oauthbearer.jwt.retriever.class",
        Is("org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever"),
    )
    .inert(SASL, "Class that fetches tokens."),
    class(
        "sasl.oauthbearer.jwt.validator.class",
        Is("org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator"),
    )
    .inert(SASL, "Class that checks tokens."),
    string("sasl.oauthbearer.scope", Null).inert(SASL, "Scope asked for with a token."),
    string("sasl.oauthbearer.scope.claim.name", Is("scope")).low().inert(SASL, "Name of the scope claim."),
    string("sasl.oauthbearer.sub.claim.name", Is("sub")).low().inert(SASL, "Name of the subject claim."),
    string("sasl.oauthbearer.token.endpoint.url", Null).inert(SASL, "Where tokens are fetched."),
];
