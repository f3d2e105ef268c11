//! What the controller takes from its node's own configuration.

use moldau_config::value::Value;
use moldau_config::{Settings, keys};
use moldau_types::BrokerId;

/// What the controller takes from its node's own configuration.
#[derive(Clone, Debug)]
pub struct ControllerSettings {
    /// This controller's node.
    pub node_id: BrokerId,
    /// The cluster's id: a broker of another cluster is turned away.
    pub cluster_id: String,
    /// Partitions of a topic whose creation says −1.
    pub num_partitions: i32,
    /// Replicas of a topic whose creation says −1.
    pub default_replication_factor: i16,
    /// Topics may be deleted.
    pub delete_topic_enable: bool,
    /// A broker that was not heard of for this long is fenced.
    pub broker_session_timeout_ms: i64,
    /// The node's static configs: what topics fall back to.
    pub node: Settings,
}

impl ControllerSettings {
    /// Settings out of the node's configuration; of its layers only the static one matters, the dynamic ones are in the
    /// image.
    pub fn new(node_id: BrokerId, cluster_id: impl Into<String>, node: &Settings) -> ControllerSettings {
        let node = node.with_dynamic(Default::default(), Default::default());
        let value = |name: &str| keys::find_broker(name).and_then(|key| node.value(key));
        let number = |name: &str, fallback: i64| value(name).and_then(|v| v.as_number()).unwrap_or(fallback);
        ControllerSettings {
            node_id,
            cluster_id: cluster_id.into(),
            num_partitions: i32::try_from(number("num.partitions", 1)).unwrap_or(1),
            default_replication_factor: i16::try_from(number("default.replication.factor", 1)).unwrap_or(1),
            delete_topic_enable: value("delete.topic.enable") != Some(Value::Boolean(false)),
            broker_session_timeout_ms: number("broker.session.timeout.ms", 9000),
            node,
        }
    }
}
