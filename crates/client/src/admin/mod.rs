//! Administration: topics, configs, groups, records, the cluster.
//!
//! Always: a call about several things gives a result for each of them, in the order they were asked for.

mod cluster;
mod configs;
mod groups;
mod records;
mod topics;

use std::sync::Arc;
use std::time::Duration;

pub use cluster::ClusterDescription;
pub use configs::{
    AlterConfigOp, ConfigEntry, ConfigResource, ConfigSource, ConfigSynonym, ConfigType, ResourceType,
};
pub use groups::{GroupDescription, GroupListing, MemberDescription};
pub use topics::{NewTopic, TopicListing};

use crate::config::CommonConfig;
use crate::error::Result;
use crate::metadata::Core;

/// Administers a cluster. Clones share the connections.
#[derive(Clone)]
pub struct Admin {
    core: Arc<Core>,
}

impl Admin {
    /// A client; connections are made when they are needed.
    pub fn new(config: CommonConfig) -> Result<Self> {
        Ok(Self { core: Core::new(config, false)? })
    }

    /// As [`Admin::new`], but fails at once when none of the bootstrap addresses answers.
    pub async fn connect(config: CommonConfig) -> Result<Self> {
        let admin = Self::new(config)?;
        admin.core.refresh().await?;
        Ok(admin)
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
