//! The consumer's calls about offsets: where it stands, where it goes on, and what the partitions and the group have.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::lookup::{at_coordinator, committed, list_offsets};
use super::state::{Need, Position};
use super::{Consumer, FoundOffset, OffsetAndMetadata, OffsetSpec, Offsets, TopicPartition};
use crate::error::{ClientError, Result};
use crate::metadata::Topic;

impl Consumer {
    /// Goes on reading a partition at this offset.
    pub fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<()> {
        if offset < 0 {
            return Err(ClientError::Usage(format!("offset {offset} of {partition} is negative")));
        }
        let reading = self.reading(partition)?;
        reading.position = Ok(Position { offset, leader_epoch: None });
        reading.resting = None;
        self.drop_unread(partition);
        Ok(())
    }

    /// Goes on reading a partition at an offset that is looked up with the next poll. Where no record is as young as a
    /// timestamp, that is the end.
    pub fn seek_to(&mut self, partition: &TopicPartition, spec: OffsetSpec) -> Result<()> {
        self.reading(partition)?.position = Err(Need::Seek(spec));
        self.drop_unread(partition);
        Ok(())
    }

    /// Goes on reading a partition at a committed offset; its leader epoch, where it has one, tells whether the log was cut
    /// before it (KIP-320).
    pub fn seek_to_committed(&mut self, partition: &TopicPartition, to: &OffsetAndMetadata) -> Result<()> {
        self.seek(partition, to.offset)?;
        self.reading(partition)?.position = Ok(Position { offset: to.offset, leader_epoch: to.leader_epoch });
        Ok(())
    }

    /// Goes on reading at the log start offsets of these partitions, of all that are read if none is named.
    pub fn seek_to_beginning<'a>(
        &mut self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
    ) -> Result<()> {
        self.seek_all(partitions, OffsetSpec::Earliest)
    }

    /// Goes on reading at the ends of these partitions, of all that are read if none is named.
    pub fn seek_to_end<'a>(
        &mut self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
    ) -> Result<()> {
        self.seek_all(partitions, OffsetSpec::Latest)
    }

    fn seek_all<'a>(
        &mut self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
        spec: OffsetSpec,
    ) -> Result<()> {
        let mut named: Vec<TopicPartition> = partitions.into_iter().cloned().collect();
        if named.is_empty() {
            named = self.assignment();
        }
        named.iter().try_for_each(|partition| self.seek_to(partition, spec))
    }

    /// How many records a partition's end is ahead of its position, as the last answer had it; `None` before the first.
    pub fn current_lag(&self, partition: &TopicPartition) -> Option<i64> {
        let reading = self.readings.partitions.get(partition)?;
        let position = self.unread_position(partition).map_or(reading.position.ok()?.offset, |at| at.offset);
        Some((reading.end_offset? - position).max(0))
    }

    /// The offset of the next record of a partition; looked up if it is not known yet.
    pub async fn position(&mut self, partition: &TopicPartition) -> Result<i64> {
        let deadline = Instant::now() + self.config.common.default_api_timeout;
        loop {
            if let Ok(position) = self.reading(partition)?.position {
                return Ok(self.unread_position(partition).unwrap_or(position).offset);
            }
            if Instant::now() >= deadline {
                return Err(ClientError::TimedOut {
                    what: format!("the position of {partition}"),
                    after: self.config.common.default_api_timeout,
                    setting: "default.api.timeout.ms",
                });
            }
            self.progress_of_finding(deadline).await?;
        }
    }

    /// A topic with its partitions and who leads them; [`ClientError::Server`] if there is no such topic.
    pub async fn partitions_for(&self, topic: &str) -> Result<Arc<Topic>> {
        let allowed = self.config.common.default_api_timeout;
        self.core.topic(topic, allowed, "default.api.timeout.ms").await
    }

    /// All topics of the cluster by name, internal ones too, with their partitions.
    pub async fn list_topics(&self) -> Result<BTreeMap<String, Arc<Topic>>> {
        let cluster = self.core.read_all_topics().await?;
        Ok(cluster.topics.iter().map(|(name, topic)| (name.to_string(), topic.clone())).collect())
    }

    /// Looks offsets up; a partition without a record at or after a timestamp gets `None`.
    pub async fn offsets(
        &self,
        wanted: impl IntoIterator<Item = (TopicPartition, OffsetSpec)>,
    ) -> Result<BTreeMap<TopicPartition, Option<FoundOffset>>> {
        list_offsets(&self.core, &wanted.into_iter().collect(), self.config.isolation_level).await
    }

    /// The log start offsets of these partitions.
    pub async fn beginning_offsets(
        &self,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Result<BTreeMap<TopicPartition, i64>> {
        self.ends(partitions, OffsetSpec::Earliest).await
    }

    /// The ends of these partitions: the high watermark, or the last stable offset with
    /// `isolation.level=read_committed`.
    pub async fn end_offsets(
        &self,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Result<BTreeMap<TopicPartition, i64>> {
        self.ends(partitions, OffsetSpec::Latest).await
    }

    async fn ends(
        &self,
        partitions: impl IntoIterator<Item = TopicPartition>,
        spec: OffsetSpec,
    ) -> Result<BTreeMap<TopicPartition, i64>> {
        let found = self.offsets(partitions.into_iter().map(|partition| (partition, spec))).await?;
        Ok(found.into_iter().filter_map(|(partition, found)| Some((partition, found?.offset))).collect())
    }

    /// The first offset of each partition whose record is not older than a timestamp (milliseconds since 1970, UTC);
    /// `None` where there is none.
    pub async fn offsets_for_times(
        &self,
        times: impl IntoIterator<Item = (TopicPartition, i64)>,
    ) -> Result<BTreeMap<TopicPartition, Option<FoundOffset>>> {
        let times: Vec<_> = times.into_iter().collect();
        if let Some((partition, time)) = times.iter().find(|(_, time)| *time < 0) {
            return Err(ClientError::Usage(format!("the time {time} for {partition} is negative")));
        }
        self.offsets(times.into_iter().map(|(partition, time)| (partition, OffsetSpec::Timestamp(time))))
            .await
    }

    /// The group's committed offsets of these partitions; those without one are left out.
    pub async fn committed(&self, partitions: &[TopicPartition]) -> Result<Offsets> {
        let group = self.group()?;
        let began = Instant::now();
        let read = |connection| committed(connection, group, Some(partitions), true);
        let offsets = at_coordinator(&self.core, group, read).await;
        self.metrics.committed_time.add_since(began);
        offsets
    }
}
