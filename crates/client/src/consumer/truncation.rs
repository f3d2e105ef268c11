//! Whether a position still exists in the log of a new leader (KIP-320).
//!
//! Always: a position that was read under an older leader epoch is checked once with each new leader before anything is
//! fetched from it; a position without a leader epoch can't be checked and is taken as it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use moldau_protocol::messages::OffsetForLeaderEpochRequest;
use moldau_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use moldau_types::ErrorCode;

use super::record::TopicPartition;
use super::state::{Position, Readings};
use crate::error::{ClientError, Result};
use crate::metadata::{Cluster, Core};
use crate::net::Lane;

/// A position to check, at this leader in this leader epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Doubt {
    pub(super) position: Position,
    /// The leader epoch of the last record read.
    pub(super) read_epoch: i32,
    pub(super) leader: i32,
    pub(super) leader_epoch: i32,
}

/// Where a leader's log ends that leader epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EpochEnd {
    pub(super) leader_epoch: i32,
    /// −1 when the leader knows nothing of that epoch or one before.
    pub(super) end_offset: i64,
}

/// Checked positions, with what each leader said or why it said nothing.
pub(super) type Checked = Vec<(TopicPartition, Doubt, Result<EpochEnd>)>;

/// What becomes of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is good.
    Valid,
    /// The log was cut at this offset, before the position.
    Diverged(Position),
    /// Nothing that was read is in the log.
    Unknown,
}

/// Judges a position by where the leader's log ends its epoch.
pub(super) fn judge(position: Position, end: EpochEnd) -> Verdict {
    if end.end_offset < 0 || end.leader_epoch < 0 {
        Verdict::Unknown
    } else if end.end_offset < position.offset {
        Verdict::Diverged(Position { offset: end.end_offset, leader_epoch: Some(end.leader_epoch) })
    } else {
        Verdict::Valid
    }
}

/// The positions that a new leader has to be asked about.
pub(super) fn doubts(readings: &Readings, cluster: &Cluster) -> BTreeMap<TopicPartition, Doubt> {
    let doubt = |partition: &TopicPartition, position: Position| {
        let (leader, leader_epoch) = cluster.leader(&partition.topic, partition.partition)?;
        let reading = readings.partitions.get(partition)?;
        let doubtful = reading.is_doubtful(leader_epoch);
        let read_epoch = position.leader_epoch?;
        doubtful.then_some(Doubt { position, read_epoch, leader: leader.id, leader_epoch })
    };
    let doubts = readings
        .positions()
        .filter_map(|(partition, position)| Some((partition.clone(), doubt(partition, position)?)));
    doubts.collect()
}

/// Asks the leaders.
pub(super) async fn check(core: Arc<Core>, doubts: BTreeMap<TopicPartition, Doubt>) -> Checked {
    let mut by_leader: BTreeMap<i32, Vec<(TopicPartition, Doubt)>> = BTreeMap::new();
    for (partition, doubt) in doubts {
        by_leader.entry(doubt.leader).or_default().push((partition, doubt));
    }
    let asks = by_leader.into_iter().map(|(leader, doubts)| {
        let core = &core;
        async move {
            let answers = ask(core, leader, &doubts).await;
            let answer = |(partition, doubt): (TopicPartition, Doubt)| {
                let end = match &answers {
                    Ok(answers) => {
                        answers.get(&partition).cloned().unwrap_or_else(|| Err(unanswered(&partition)))
                    }
                    Err(error) => Err(error.clone()),
                };
                (partition, doubt, end)
            };
            doubts.into_iter().map(answer).collect::<Vec<_>>()
        }
    });
    join_all(asks).await.into_iter().flatten().collect()
}

fn unanswered(partition: &TopicPartition) -> ClientError {
    let why = "the answer does not speak of it".to_owned();
    ClientError::server(format!("leader epoch of {partition}"), ErrorCode::UnknownServerError, Some(why))
}

async fn ask(
    core: &Core,
    leader: i32,
    doubts: &[(TopicPartition, Doubt)],
) -> Result<BTreeMap<TopicPartition, Result<EpochEnd>>> {
    // Consumers have no replica id.
    let mut request = OffsetForLeaderEpochRequest { replica_id: -1, ..Default::default() };
    for (partition, doubt) in doubts {
        let entry = OffsetForLeaderPartition {
            partition: partition.partition,
            current_leader_epoch: doubt.leader_epoch,
            leader_epoch: doubt.read_epoch,
        };
        match request.topics.last_mut() {
            Some(last) if *last.topic == *partition.topic => last.partitions.push(entry),
            _ => request
                .topics
                .push(OffsetForLeaderTopic { topic: partition.topic.to_string(), partitions: vec![entry] }),
        }
    }
    let mut answers = BTreeMap::new();
    for topic in core.node(leader, Lane::Main).await?.request(&request).await?.topics {
        for answer in topic.partitions {
            let partition = TopicPartition::new(topic.topic.as_str(), answer.partition);
            let result =
                ClientError::check(answer.error_code, || format!("leader epoch of {partition}"), None)
                    .map(|()| EpochEnd { leader_epoch: answer.leader_epoch, end_offset: answer.end_offset });
            answers.insert(partition, result);
        }
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_behind_the_end_of_its_epoch_was_cut_off() {
        let position = Position { offset: 100, leader_epoch: Some(3) };
        let end = |leader_epoch, end_offset| EpochEnd { leader_epoch, end_offset };
        assert_eq!(judge(position, end(3, 100)), Verdict::Valid);
        assert_eq!(judge(position, end(3, 500)), Verdict::Valid);
        let cut = Position { offset: 80, leader_epoch: Some(2) };
        assert_eq!(judge(position, end(2, 80)), Verdict::Diverged(cut));
        assert_eq!(judge(position, end(-1, -1)), Verdict::Unknown);
    }
}
