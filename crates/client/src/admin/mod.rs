//! Administration: topics, configs, groups, records, the cluster.
//!
//! Always: a call about several things gives a result for each of them, in the order they were asked for.

mod attempts;
mod cluster;
mod configs;
mod features;
mod groups;
mod leaders;
mod log_dirs;
mod operations;
mod producers;
mod records;
mod topic_partitions;
mod topics;

use std::sync::Arc;
use std::time::Duration;

pub use cluster::ClusterDescription;
pub use configs::{
    AlterConfigOp, ConfigEntry, ConfigResource, ConfigSource, ConfigSynonym, ConfigType, ResourceType,
};
pub use features::{FeatureLevels, FeatureMetadata};
pub use groups::{GroupDescription, GroupFilter, GroupListing, MemberDescription, MembersToRemove};
pub use leaders::ElectionType;
pub use log_dirs::{LogDirDescription, ReplicaInfo, ReplicaLogDirInfo, TopicPartitionReplica};
pub use operations::AclOperation;
pub use producers::ProducerState;
pub use topic_partitions::{PartitionDescription, TopicDescription};
pub use topics::{CreatedConfig, CreatedTopic, NewTopic, TopicListing};

use crate::config::AdminConfig;
use crate::error::Result;
use crate::metadata::Core;
use crate::metrics::{Group, Metric};

/// Administers a cluster. Clones share the connections.
///
/// ```no_run
/// use moldau_client::admin::NewTopic;
/// use moldau_client::{Admin, CommonConfig};
///
/// # async fn example() -> moldau_client::Result<()> {
/// let admin = Admin::connect(CommonConfig::from_pairs([("bootstrap.servers", "127.0.0.1:9092")])?).await?;
/// for made in admin.create_topics(&[NewTopic::new("flights").partitions(6)], false).await? {
///     println!("made {}", made?.id);
/// }
/// for group in admin.list_groups().await? {
///     println!("{} is {:?}", group.id, group.state);
/// }
/// admin.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Admin {
    core: Arc<Core>,
}

impl Admin {
    /// A client; connections are made when they are needed.
    pub fn new(config: impl Into<AdminConfig>) -> Result<Self> {
        let config: AdminConfig = config.into();
        let retries = config.retries;
        Ok(Self { core: Core::new(config.into_common(), false)?.with_retries(retries) })
    }

    /// As [`Admin::new`], but fails at once when none of the bootstrap addresses answers.
    pub async fn connect(config: impl Into<AdminConfig>) -> Result<Self> {
        let admin = Self::new(config)?;
        admin.core.refresh().await?;
        Ok(admin)
    }

    /// What the client's connections counted, under Kafka's names (`admin-client-metrics`).
    pub fn metrics(&self) -> Vec<Metric> {
        let mut group = Group::new("admin-client-metrics");
        self.core.connection_metrics().read_into(&mut group);
        group.into_metrics()
    }

    /// Ends the connections.
    pub async fn close(self) {
        self.core.close().await;
    }

    fn timeout_ms(&self) -> i32 {
        let allowed: Duration = self.core.config().request_timeout;
        allowed.as_millis().min(i32::MAX as u128) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::assert_kafkas;

    #[tokio::test]
    async fn all_figures_of_an_admin_client_are_kafkas() {
        let admin = Admin::new(AdminConfig::default()).expect("a client");
        let metrics = admin.metrics();
        assert_kafkas(&metrics);
        assert!(metrics.iter().any(|metric| metric.name == "connection-count" && metric.value == 0.0));
    }
}
