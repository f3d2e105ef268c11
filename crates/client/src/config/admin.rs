//! The admin client's settings.

use std::time::Duration;

use super::{CommonConfig, ConfigError, config_keys};

config_keys! {
    /// The settings of an admin client.
    pub struct AdminConfig: CommonConfig {
        /// How often a request is made again; `default.api.timeout.ms` is the limit that is meant to be used.
        "retries" => retries: u32 = i32::MAX as u32;
    }
}

impl AdminConfig {
    /// Refuses values that can't work.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.common.validate()
    }

    /// The settings that count for all clients, with the admin client's own `connections.max.idle.ms` (5 minutes) where
    /// nothing else was said.
    pub(crate) fn into_common(self) -> CommonConfig {
        let mut common = self.common;
        if common.connections_max_idle == CommonConfig::default().connections_max_idle
            && !common.explicit.contains("connections.max.idle.ms")
        {
            common.connections_max_idle = Some(Duration::from_secs(300));
        }
        common
    }
}

impl From<CommonConfig> for AdminConfig {
    fn from(common: CommonConfig) -> Self {
        Self { common, ..Self::default() }
    }
}
