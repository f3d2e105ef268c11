//! The records of a consumer one by one, as a `Stream`.
//!
//! Always: a record that was not given out does not count as read: dropping a stream, at any time, loses none, and a
//! commit goes no further than what was given out.

use std::time::Duration;

use futures_util::Stream;

use super::membership::Membership;
use super::{Consumer, ConsumerRecord};
use crate::error::Result;

/// How long one poll of a stream waits; another one follows.
const POLL: Duration = Duration::from_secs(1);

impl Consumer {
    /// The next record, however long it takes. It counts as a poll, and what is held of partitions that were lost is dropped.
    /// Cancelling this loses nothing.
    pub async fn next(&mut self) -> Result<ConsumerRecord> {
        loop {
            if !self.unread.is_empty() && self.membership.as_mut().is_some_and(Membership::note_poll) {
                self.rebalance().await?;
            }
            let next = self.unread.iter().position(|record| !self.readings.is_paused(record));
            if let Some(record) = next.and_then(|next| self.unread.remove(next)) {
                return Ok(record);
            }
            let polled = self.poll(POLL).await?;
            self.unread.extend(polled);
        }
    }

    /// The records as a stream, which never ends by itself. It has to be polled as often as [`Consumer::poll`]:
    /// a consumer that does nothing for `max.poll.interval.ms` loses its partitions.
    ///
    /// ```no_run
    /// use futures_util::StreamExt;
    /// use moldau_client::{Consumer, ConsumerConfig};
    ///
    /// # async fn example() -> moldau_client::Result<()> {
    /// let config = ConsumerConfig::default().with("group.id", "boards")?;
    /// let mut consumer = Consumer::connect(config).await?;
    /// consumer.subscribe(["flights"])?;
    /// let mut records = std::pin::pin!(consumer.stream().take(10));
    /// while let Some(record) = records.next().await {
    ///     println!("{:?}", record?.value);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream(&mut self) -> impl Stream<Item = Result<ConsumerRecord>> + Send + '_ {
        futures_util::stream::unfold(self, |consumer| async move { Some((consumer.next().await, consumer)) })
    }
}
