//! The partitions a consumer reads, where each stands, and what it still needs to know.
//!
//! Always: a partition is fetched from only when it has a position and is not paused; a position moves only past what was
//! given out, or by a seek.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::record::{ConsumerRecord, OffsetSpec, TopicPartition};
use crate::config::CommonConfig;

/// How a partition gets its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// The committed offset; without one, what `auto.offset.reset` says.
    Committed,
    /// What `auto.offset.reset` says.
    Reset,
    /// What a seek asked for.
    Seek(OffsetSpec),
}

/// Where reading goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The next offset.
    pub(super) offset: i64,
    /// The leader epoch of the last record, where it is known.
    pub(super) leader_epoch: Option<i32>,
}

/// One partition that is read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// Where it stands, or what it needs for that.
    pub(super) position: Result<Position, Need>,
    /// Whether it rests.
    pub(super) paused: bool,
    /// The replica to fetch from, when the leader named a nearer one, and until when that is good.
    pub(super) preferred_replica: Option<(i32, Instant)>,
    /// The end, as the last answer had it: the high watermark, or the last stable offset for `read_committed`.
    pub(super) end_offset: Option<i64>,
    /// The log start offset, as the last answer had it.
    pub(super) log_start_offset: Option<i64>,
    /// The leader epoch in which the position was found good.
    pub(super) checked_in: Option<i32>,
    /// Until when it is not fetched after an error that passes by itself, and how many of those came in a row.
    pub(super) resting: Option<(Instant, u32)>,
}

impl Reading {
    pub(super) fn new(need: Need) -> Self {
        Self {
            position: Err(need),
            paused: false,
            preferred_replica: None,
            end_offset: None,
            log_start_offset: None,
            checked_in: None,
            resting: None,
        }
    }

    /// Is not fetched for a while, which grows with each time in a row.
    pub(super) fn rest(&mut self, config: &CommonConfig) {
        let failures = self.resting.map_or(0, |(_, failures)| failures);
        self.resting = Some((Instant::now() + config.retry_pause(failures), failures.saturating_add(1)));
    }

    /// The replica to fetch from instead of the leader. A choice that is too old is dropped, so that the leader is asked anew.
    pub(super) fn replica(&mut self, now: Instant) -> Option<i32> {
        self.preferred_replica = self.preferred_replica.filter(|(_, until)| *until > now);
        self.preferred_replica.map(|(id, _)| id)
    }

    /// Until when it rests, if it does.
    pub(super) fn rests_until(&self, now: Instant) -> Option<Instant> {
        self.resting.map(|(until, _)| until).filter(|until| *until > now)
    }
    /// How many records the end is ahead of the position.
    pub(super) fn lag(&self) -> Option<i64> {
        Some((self.end_offset? - self.position.ok()?.offset).max(0))
    }

    /// How many records the position is ahead of the log's start.
    pub(super) fn lead(&self) -> Option<i64> {
        Some((self.position.ok()?.offset - self.log_start_offset?).max(0))
    }

    /// Whether the position was read under an older leader epoch and the leader of this one has not confirmed it.
    pub(super) fn is_doubtful(&self, leader_epoch: i32) -> bool {
        let read_epoch = self.position.ok().and_then(|position| position.leader_epoch);
        read_epoch.is_some_and(|read| read < leader_epoch) && self.checked_in != Some(leader_epoch)
    }
}

/// The partitions that are read.
#[derive(Debug, Default)]
pub(super) struct Readings {
    pub(super) partitions: BTreeMap<TopicPartition, Reading>,
}

impl Readings {
    /// Reads these from now on; what was read already goes on where it stands.
    pub(super) fn replace(&mut self, wanted: &[TopicPartition]) {
        let mut old = std::mem::take(&mut self.partitions);
        self.partitions = wanted
            .iter()
            .map(|partition| {
                let reading = old.remove(partition).unwrap_or_else(|| Reading::new(Need::Committed));
                (partition.clone(), reading)
            })
            .collect();
    }

    /// What each partition without a position needs.
    pub(super) fn needs(&self) -> BTreeMap<TopicPartition, Need> {
        self.partitions
            .iter()
            .filter_map(|(partition, reading)| reading.position.err().map(|need| (partition.clone(), need)))
            .collect()
    }

    /// Whether the record's partition is paused.
    pub(super) fn is_paused(&self, record: &ConsumerRecord) -> bool {
        self.partitions.get(&record.topic_partition()).is_some_and(|reading| reading.paused)
    }

    /// The positions that there are.
    pub(super) fn positions(&self) -> impl Iterator<Item = (&TopicPartition, Position)> {
        self.partitions.iter().filter_map(|(partition, reading)| Some((partition, reading.position.ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_position_is_in_doubt_until_the_leader_of_the_epoch_confirms_it() {
        let mut reading = Reading::new(Need::Committed);
        assert!(!reading.is_doubtful(5), "there is no position");
        reading.position = Ok(Position { offset: 7, leader_epoch: None });
        assert!(!reading.is_doubtful(5), "nothing to check by");
        reading.position = Ok(Position { offset: 7, leader_epoch: Some(4) });
        assert!(reading.is_doubtful(5));
        assert!(!reading.is_doubtful(4));
        reading.checked_in = Some(5);
        assert!(!reading.is_doubtful(5));
        assert!(reading.is_doubtful(6));
    }

    /// The bug: a nearer replica was kept until it failed, also when a leader would have named another by then.
    #[test]
    fn the_choice_of_a_replica_is_good_for_a_time() {
        let mut reading = Reading::new(Need::Reset);
        let now = Instant::now();
        let until = now + Duration::from_secs(5);
        reading.preferred_replica = Some((7, until));
        assert_eq!(reading.replica(now), Some(7));
        assert_eq!(reading.replica(until), None);
        assert_eq!(reading.replica(now), None, "it is dropped");
    }

    #[test]
    fn what_is_kept_goes_on_where_it_stands() {
        let (a, b) = (TopicPartition::new("t", 0), TopicPartition::new("t", 1));
        let mut readings = Readings::default();
        readings.replace(std::slice::from_ref(&a));
        readings.partitions.get_mut(&a).expect("read").position =
            Ok(Position { offset: 5, leader_epoch: None });
        readings.replace(&[a.clone(), b.clone()]);
        assert_eq!(readings.positions().count(), 1);
        assert_eq!(readings.needs().into_keys().collect::<Vec<_>>(), [b]);
    }
}
