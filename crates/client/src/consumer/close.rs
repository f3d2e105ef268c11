//! The end of a consumer.

use std::time::Duration;

use super::Consumer;
use crate::error::{ClientError, Result};

/// How a consumer is closed (KIP-1092).
#[derive(Clone, Copy, Debug)]
pub struct CloseOptions {
    /// How long commits and the leave may take, 30 seconds unless said otherwise.
    pub timeout: Duration,
    /// Whether the group is left.
    pub leave: Leave,
}

impl Default for CloseOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), leave: Leave::default() }
    }
}

/// Whether a consumer that is closed leaves its group at once, or stays a member until its session ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leave {
    /// A static member stays, any other leaves.
    #[default]
    ByKind,
    /// It leaves.
    Always,
    /// It stays.
    Never,
}

impl Consumer {
    /// Finishes what was to be committed in the background, commits if `enable.auto.commit` is on, leaves the group and ends.
    pub async fn close(self) -> Result<()> {
        self.close_with(CloseOptions::default()).await
    }

    /// As [`Consumer::close`], with more to say about it.
    pub async fn close_with(mut self, options: CloseOptions) -> Result<()> {
        let result = match tokio::time::timeout(options.timeout, self.finish(options.leave)).await {
            Ok(result) => result,
            Err(_) => Err(ClientError::TimedOut {
                what: "closing the consumer".to_owned(),
                after: options.timeout,
                setting: "CloseOptions::timeout",
            }),
        };
        self.interceptors.iter().for_each(|interceptor| interceptor.close());
        self.fetcher.end_sessions().await;
        self.core.close().await;
        result
    }

    async fn finish(&mut self, leave: Leave) -> Result<()> {
        self.finish_commits().await;
        let result = self.commit_automatically_now().await;
        if let Some(membership) = self.membership.take() {
            self.give_up(false);
            membership.leave_as("the consumer is closed", leave).await;
        }
        result
    }
}
