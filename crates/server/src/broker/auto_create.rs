//! Topics that come into being because someone uses them: `auto.create.topics.enable`, and the internal topics.

use moldau_protocol::messages::CreateTopicsRequest;
use moldau_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};

use super::{Broker, is_internal_topic};
use crate::dispatch::RequestContext;

const OFFSETS_TOPIC: &str = "__consumer_offsets";

impl Broker {
    /// `auto.create.topics.enable`
    pub(crate) fn creates_topics(&self) -> bool {
        self.configs.load().broker.topics.auto_create_topics_enable
    }

    /// Makes topics with their default settings. What cannot be made is logged; the caller looks at the image
    /// afterwards. Of the internal topics only those that this node can serve are made.
    pub(crate) async fn create_topics_automatically(&self, names: &[&str], _context: &RequestContext) {
        let topics: Vec<CreatableTopic> = names.iter().filter_map(|name| self.creatable(name)).collect();
        if topics.is_empty() {
            return;
        }
        let request = CreateTopicsRequest { topics, timeout_ms: 30_000, validate_only: false };
        let submitted = self
            .controller()
            .submit(move |controller, context| controller.create_topics(context, &request))
            .await;
        match submitted {
            Ok(response) => {
                for topic in response.topics.iter().filter(|topic| topic.error_code != 0) {
                    let error = moldau_types::ErrorCode::from_code(topic.error_code);
                    let message = topic.error_message.as_deref().unwrap_or_default();
                    tracing::debug!(topic = %topic.name, error = error.name(), message, "not made automatically");
                }
            }
            Err(error) => tracing::warn!(error = error.name(), "topics could not be made automatically"),
        }
    }

    fn creatable(&self, name: &str) -> Option<CreatableTopic> {
        if name != OFFSETS_TOPIC {
            let defaults = CreatableTopic {
                name: name.to_owned(),
                num_partitions: -1,
                replication_factor: -1,
                ..CreatableTopic::default()
            };
            return (!is_internal_topic(name)).then_some(defaults);
        }
        let config = self.groups.config();
        let config_entry = |(name, value)| CreatableTopicConfig { name, value: Some(value) };
        // One node is enough for groups: COORDINATOR_NOT_AVAILABLE must pass by itself.
        let brokers = self.image().cluster.brokers().filter(|broker| broker.is_active()).count();
        let most = i16::try_from(brokers).unwrap_or(i16::MAX).max(1);
        Some(CreatableTopic {
            name: name.to_owned(),
            num_partitions: config.offsets_topic_num_partitions,
            replication_factor: config.offsets_topic_replication_factor.min(most),
            configs: config.offsets_topic_configs().into_iter().map(config_entry).collect(),
            ..CreatableTopic::default()
        })
    }
}
