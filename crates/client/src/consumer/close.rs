//! The end of a consumer.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::Consumer;
use crate::error::{ClientError, Result};

/// How a consumer is closed (KIP-1092).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
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

impl CloseOptions {
    /// With so much time for commits and the leave.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Leaving the group, or not.
    pub fn leave(mut self, leave: Leave) -> Self {
        self.leave = leave;
        self
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
        let began = Instant::now();
        let result = match timeout(options.timeout, self.finish(options.leave)).await {
            Ok(result) => result,
            Err(_) => {
                let error = ClientError::TimedOut {
                    what: "closing the consumer".to_owned(),
                    after: options.timeout,
                    setting: "CloseOptions::timeout",
                };
                self.commits.give_up(&error, &self.interceptors);
                Err(error)
            }
        };
        self.interceptors.iter().for_each(|interceptor| interceptor.close());
        let left = options.timeout.saturating_sub(began.elapsed());
        let _ = timeout(left, self.fetcher.end_sessions()).await;
        let left = options.timeout.saturating_sub(began.elapsed());
        let _ = timeout(left, self.core.close()).await;
        result
    }

    async fn finish(&mut self, leave: Leave) -> Result<()> {
        self.finish_commits().await;
        let result = self.commit_automatically_now().await;
        let wanted = match self.membership {
            Some(_) => self.commit_what_listener_wants(&self.assignment()).await,
            None => Ok(()),
        };
        let result = result.and(wanted);
        if let Some(membership) = self.membership.take() {
            self.give_up(false);
            membership.leave_as("the consumer is closed", leave).await;
        }
        result
    }
}
