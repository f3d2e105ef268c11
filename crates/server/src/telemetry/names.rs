//! From the reference's MBeans to names that Prometheus takes.
//!
//! `kafka.server:type=BrokerTopicMetrics,name=BytesInPerSec,topic=t` becomes `kafka_server_brokertopicmetrics_bytesin_total`
//! with the label `topic`: domain, type and name (or attribute) in lower case, joined by `_`, what is no letter or digit as `_`;
//! a meter (`…PerSec`) is the counter of what it metered. It is the rule that the usual configurations of Prometheus'
//! JMX exporter follow, so that dashboards made for them find their metrics.

/// The name of an MBean's metric: `domain`, `kind` (its `type=`) and `name` (its `name=`, or the attribute). A counter's `_total`
/// is not in it: the encoder appends it.
pub(super) fn metric_name(domain: &str, kind: &str, name: &str) -> String {
    let name = name.strip_suffix("PerSec").or_else(|| name.strip_suffix("-total")).unwrap_or(name);
    let joined = [domain, kind, name].map(str::to_ascii_lowercase).join("_");
    joined.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// The name of a label: the MBean's key in lower case.
pub(super) fn label_name(key: &str) -> String {
    key.to_ascii_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_jmx_exporters_usual_rules() {
        for (domain, kind, name, expected) in [
            (
                "kafka.server",
                "BrokerTopicMetrics",
                "BytesInPerSec",
                "kafka_server_brokertopicmetrics_bytesin",
            ),
            (
                "kafka.server",
                "ReplicaManager",
                "UnderReplicatedPartitions",
                "kafka_server_replicamanager_underreplicatedpartitions",
            ),
            (
                "kafka.server",
                "socket-server-metrics",
                "connection-creation-total",
                "kafka_server_socket_server_metrics_connection_creation",
            ),
            ("kafka.log", "Log", "Size", "kafka_log_log_size"),
            ("kafka.network", "RequestMetrics", "TotalTimeMs", "kafka_network_requestmetrics_totaltimems"),
        ] {
            assert_eq!(metric_name(domain, kind, name), expected);
        }
        assert_eq!(label_name("networkProcessor"), "networkprocessor");
    }
}
