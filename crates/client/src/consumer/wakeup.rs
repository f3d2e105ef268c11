//! Waking a consumer up from another task.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::error::{ClientError, Result};

#[derive(Debug, Default)]
struct Shared {
    wanted: AtomicBool,
    notify: Notify,
}

/// Ends the poll that a consumer is in, or else its next one, with [`ClientError::Woken`]; nothing is lost by that.
///
/// ```no_run
/// # async fn example(mut consumer: moldau_client::Consumer) -> moldau_client::Result<()> {
/// use moldau_client::ClientError;
///
/// let wakeup = consumer.wakeup();
/// tokio::spawn(async move {
///     tokio::time::sleep(std::time::Duration::from_secs(10)).await;
///     wakeup.wake();
/// });
/// loop {
///     match consumer.next().await {
///         Ok(record) => println!("{}", record.offset),
///         Err(ClientError::Woken) => break,
///         Err(error) => return Err(error),
///     }
/// }
/// consumer.close().await
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Wakeup(Arc<Shared>);

impl Wakeup {
    /// Wakes the consumer. Several calls before it wakes are one.
    pub fn wake(&self) {
        self.0.wanted.store(true, Ordering::Release);
        self.0.notify.notify_one();
    }

    /// An error if it is to wake; the wish is fulfilled by that.
    pub(super) fn check(&self) -> Result<()> {
        if self.0.wanted.swap(false, Ordering::AcqRel) { Err(ClientError::Woken) } else { Ok(()) }
    }

    pub(super) async fn woken(&self) {
        self.0.notify.notified().await;
    }
}
