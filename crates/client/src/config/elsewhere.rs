//! Keys of Kafka's clients whose work is done elsewhere here, or not at all: a file that was written for a Java client
//! can be used, as long as it asks for nothing that is not there.
//!
//! Always: a value that would promise safety which is not there is refused; what has no meaning without it is taken
//! and does nothing, as in Kafka.

use super::ConfigError;

/// Refused unless the value is one of these, and why.
pub(super) const ONLY: &[(&str, &[&str], &str)] = &[
    ("security.protocol", &["PLAINTEXT"], "this client has no TLS and no SASL yet"),
    ("transactional.id", &[""], "this client has no transactions yet"),
    ("transaction.two.phase.commit.enable", &["false"], "this client has no transactions yet"),
    ("group.protocol", &["classic"], "this client has the classic group protocol only"),
    ("group.remote.assignor", &[""], "this client has the classic group protocol only"),
    ("client.dns.lookup", &["use_all_dns_ips"], "all addresses of a name are tried, always"),
    ("config.providers", &[""], "values stand for themselves here; put the value in"),
    ("interceptor.classes", &[""], "Java classes can't be loaded; give interceptors to the builder"),
    (
        "metric.reporters",
        &["", "org.apache.kafka.common.metrics.JmxReporter"],
        "Java classes can't be loaded; read metrics() of the client",
    ),
    ("share.acknowledgement.mode", &[], "there is no share consumer yet; leave it out"),
    ("share.acquire.mode", &[], "there is no share consumer yet; leave it out"),
    ("bootstrap.controllers", &[""], "this client speaks to brokers; use bootstrap.servers"),
];

/// Taken with any value, and without effect for the reason that comes with them.
pub(super) const WITHOUT_EFFECT: &[(&str, &[&str])] = &[
    ("nothing is pushed: there is no client telemetry (KIP-714)", &["enable.metrics.push"]),
    ("all figures are always taken", &["metrics.recording.level"]),
    ("there are no transactions", &["transaction.timeout.ms"]),
    (
        "a broker that can't wait for open transactions is asked without that",
        &["internal.throw.on.fetch.stable.offset.unsupported"],
    ),
    ("there are no Java security providers", &["security.providers"]),
    (
        "as in Kafka, they count with TLS or SASL only, and `security.protocol` is PLAINTEXT",
        &[
            "sasl.client.callback.handler.class",
            "sasl.jaas.config",
            "sasl.kerberos.kinit.cmd",
            "sasl.kerberos.min.time.before.relogin",
            "sasl.kerberos.service.name",
            "sasl.kerberos.ticket.renew.jitter",
            "sasl.kerberos.ticket.renew.window.factor",
            "sasl.login.callback.handler.class",
            "sasl.login.class",
            "sasl.login.connect.timeout.ms",
            "sasl.login.read.timeout.ms",
            "sasl.login.refresh.buffer.seconds",
            "sasl.login.refresh.min.period.seconds",
            "sasl.login.refresh.window.factor",
            "sasl.login.refresh.window.jitter",
            "sasl.login.retry.backoff.max.ms",
            "sasl.login.retry.backoff.ms",
            "sasl.mechanism",
            "ssl.cipher.suites",
            "ssl.enabled.protocols",
            "ssl.endpoint.identification.algorithm",
            "ssl.engine.factory.class",
            "ssl.key.password",
            "ssl.keymanager.algorithm",
            "ssl.keystore.certificate.chain",
            "ssl.keystore.key",
            "ssl.keystore.location",
            "ssl.keystore.password",
            "ssl.keystore.type",
            "ssl.protocol",
            "ssl.provider",
            "ssl.secure.random.implementation",
            "ssl.trustmanager.algorithm",
            "ssl.truststore.certificates",
            "ssl.truststore.location",
            "ssl.truststore.password",
            "ssl.truststore.type",
        ],
    ),
];

/// What begins the keys of a mechanism of SASL; they go with the others of SASL.
const OAUTH: &str = "sasl.oauthbearer.";

/// Whether the key is one of these; an error for a value that can't be had.
pub(crate) fn accept(key: &str, value: &str) -> Result<bool, ConfigError> {
    if let Some((_, allowed, why)) = ONLY.iter().find(|(name, ..)| *name == key) {
        if allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(value.trim())) {
            return Ok(true);
        }
        let (key, value, why) = (key.to_owned(), value.to_owned(), (*why).to_owned());
        return Err(ConfigError::Unsupported { key, value, why });
    }
    match why_without_effect(key) {
        Some(why) => {
            tracing::debug!(key, why, "the setting has no effect");
            Ok(true)
        }
        None => Ok(false),
    }
}

/// Why a key that is taken has no effect.
pub(super) fn why_without_effect(key: &str) -> Option<&'static str> {
    let like = if key.starts_with(OAUTH) { "sasl.mechanism" } else { key };
    WITHOUT_EFFECT.iter().find(|(_, keys)| keys.contains(&like)).map(|(why, _)| *why)
}
