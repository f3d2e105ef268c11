//! Finds positions: the committed offset, or what `auto.offset.reset` or a seek says.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lookup::{at_coordinator, committed, list_offsets};
use super::record::{OffsetSpec, TopicPartition};
use super::state::{Need, Position};
use crate::config::{AutoOffsetReset, ConsumerConfig, IsolationLevel};
use crate::error::{ClientError, Result};
use crate::metadata::Core;
use crate::producer::now_ms;

/// Positions with the need that each was found for.
pub(super) type Found = Vec<(TopicPartition, Need, Position)>;

/// Finds the positions of all partitions in `needs`.
pub(super) async fn find(
    core: Arc<Core>,
    config: Arc<ConsumerConfig>,
    needs: BTreeMap<TopicPartition, Need>,
) -> Result<Found> {
    let mut found = Found::new();
    let mut look_up: BTreeMap<TopicPartition, OffsetSpec> = BTreeMap::new();
    let of_group: Vec<TopicPartition> = needs
        .iter()
        .filter(|(_, need)| **need == Need::Committed)
        .map(|(partition, _)| partition.clone())
        .collect();
    let mut offsets = BTreeMap::new();
    if let Some(group) = &config.group_id
        && !of_group.is_empty()
    {
        let stable = config.isolation_level == IsolationLevel::ReadCommitted;
        offsets =
            at_coordinator(&core, group, |connection| committed(connection, group, Some(&of_group), stable))
                .await?;
    }
    for (partition, need) in &needs {
        match (need, offsets.remove(partition)) {
            (Need::Committed, Some(offset)) => {
                let position = Position { offset: offset.offset, leader_epoch: offset.leader_epoch };
                found.push((partition.clone(), *need, position));
            }
            (Need::Seek(spec), _) => {
                look_up.insert(partition.clone(), *spec);
            }
            (Need::Committed | Need::Reset, _) => {
                look_up.insert(partition.clone(), reset(&config, partition)?);
            }
        }
    }
    if look_up.is_empty() {
        return Ok(found);
    }
    let answers = list_offsets(&core, &look_up, config.isolation_level).await?;
    let mut at_end: BTreeMap<TopicPartition, OffsetSpec> = BTreeMap::new();
    for (partition, answer) in answers {
        let need = needs[&partition];
        match answer {
            Some(at) => {
                found.push((partition, need, Position { offset: at.offset, leader_epoch: at.leader_epoch }));
            }
            // Nothing is as young as the time that was asked for.
            None => {
                at_end.insert(partition, OffsetSpec::Latest);
            }
        }
    }
    if !at_end.is_empty() {
        for (partition, answer) in list_offsets(&core, &at_end, config.isolation_level).await? {
            let need = needs[&partition];
            let offset = answer.map_or(0, |at| at.offset);
            found.push((partition, need, Position { offset, leader_epoch: None }));
        }
    }
    Ok(found)
}

fn reset(config: &ConsumerConfig, partition: &TopicPartition) -> Result<OffsetSpec> {
    match config.auto_offset_reset {
        AutoOffsetReset::Earliest => Ok(OffsetSpec::Earliest),
        AutoOffsetReset::Latest => Ok(OffsetSpec::Latest),
        AutoOffsetReset::ByDuration(back) => {
            Ok(OffsetSpec::Timestamp(now_ms() - back.as_millis().min(i64::MAX as u128) as i64))
        }
        AutoOffsetReset::None => Err(ClientError::Usage(format!(
            "{partition} has no usable committed offset and auto.offset.reset=none; seek, or set earliest or latest"
        ))),
    }
}
