//! How often an administrative request is made.

use tokio::time::Instant;

use super::Admin;
use crate::error::{ClientError, Result};

impl Admin {
    /// Makes attempts until one succeeds or fails for good, or until `default.api.timeout.ms` or `retries` is used up.
    /// That nothing listens is told at once.
    pub(super) async fn retried<T, F>(&self, attempt: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let deadline = Instant::now() + self.core.config().default_api_timeout;
        let mut made = 0;
        loop {
            match attempt().await {
                Err(error) if is_passing(&error) => self.core.pause_or(error, &mut made, deadline).await?,
                other => return other,
            }
        }
    }
}

fn is_passing(error: &ClientError) -> bool {
    let nobody = matches!(error, ClientError::Connect { .. } | ClientError::NoBroker { .. });
    error.is_retriable() && !nobody
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use moldau_types::ErrorCode;

    use super::*;
    use crate::config::AdminConfig;

    fn error(code: ErrorCode) -> ClientError {
        ClientError::server("a thing", code, None)
    }

    #[tokio::test]
    async fn what_passes_by_itself_is_tried_again_and_the_rest_is_not() {
        let admin = Admin::new(AdminConfig::default()).expect("a client");
        let made = Cell::new(0);
        let result =
            admin
                .retried(|| {
                    made.set(made.get() + 1);
                    let made = made.get();
                    async move {
                        if made < 3 { Err(error(ErrorCode::CoordinatorLoadInProgress)) } else { Ok(made) }
                    }
                })
                .await;
        assert_eq!(result.expect("it passes"), 3);
        made.set(0);
        let result: Result<()> = admin
            .retried(|| {
                made.set(made.get() + 1);
                async { Err(error(ErrorCode::InvalidRequest)) }
            })
            .await;
        assert_eq!((result.expect_err("it stays").code(), made.get()), (Some(ErrorCode::InvalidRequest), 1));
    }

    #[tokio::test]
    async fn attempts_end_with_retries_and_with_the_time() {
        for (key, value, made_at_least) in [("retries", "2", 3), ("default.api.timeout.ms", "50", 2)] {
            let pauses =
                [("retry.backoff.ms", "1"), ("retry.backoff.max.ms", "1"), ("request.timeout.ms", "10")];
            let config = AdminConfig::from_pairs(pauses.into_iter().chain([(key, value)])).expect("good");
            let admin = Admin::new(config).expect("a client");
            let made = Cell::new(0);
            let result: Result<()> = admin
                .retried(|| {
                    made.set(made.get() + 1);
                    async { Err(error(ErrorCode::CoordinatorLoadInProgress)) }
                })
                .await;
            result.expect_err("it never passes");
            assert!(
                made.get() >= made_at_least && (key != "retries" || made.get() == made_at_least),
                "{key}"
            );
        }
    }
}
