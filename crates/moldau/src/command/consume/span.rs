//! From where to where each partition is read.

use std::collections::{BTreeMap, BTreeSet};

use moldau_client::{ClientError, Consumer, TopicPartition};

use crate::args::ConsumeArgs;
use crate::command::place::{Place, no_partition, offsets_of};
use crate::failure::Failure;

/// What is to be read.
pub(super) struct Span {
    /// Where each partition is no longer read; none for one that is read on and on.
    stops: BTreeMap<TopicPartition, i64>,
    /// Partitions come as the group shares them out, and each is read up to what is its end then.
    ends_as_they_come: bool,
    bounded: bool,
    total: Option<u64>,
}

impl Span {
    /// For a member of a group.
    pub(super) fn of_group(exit_at_end: bool) -> Self {
        Self { stops: BTreeMap::new(), ends_as_they_come: exit_at_end, bounded: exit_at_end, total: None }
    }

    /// Assigns the partitions by hand and seeks.
    pub(super) async fn assign(consumer: &mut Consumer, args: &ConsumeArgs) -> Result<Self, Failure> {
        let partitions = partitions(consumer, args).await?;
        consumer.assign(partitions.iter().cloned())?;
        let to = args.to.or(args.exit_at_end.then_some(Place::End));
        // The ends first: what comes in between is read only if it is asked for.
        let stops = match to {
            None => BTreeMap::new(),
            Some(to) => offsets_of(consumer, &partitions, to).await?,
        };
        let starts = offsets_of(consumer, &partitions, args.from.unwrap_or(Place::Beginning)).await?;
        for (partition, offset) in &starts {
            consumer.seek(partition, *offset)?;
        }
        let total = to.is_some().then(|| {
            stops
                .iter()
                .map(|(partition, stop)| (stop - starts.get(partition).copied().unwrap_or(0)).max(0) as u64)
                .sum()
        });
        Ok(Self { stops, ends_as_they_come: false, bounded: to.is_some(), total })
    }

    /// How many offsets there are in it, where it has an end.
    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    /// Whether a record is within it.
    pub(super) fn has(&self, partition: &TopicPartition, offset: i64) -> bool {
        self.ends_as_they_come || self.stops.get(partition).is_none_or(|stop| offset < *stop)
    }

    /// Whether all of it was read. Partitions that were are not asked for again.
    pub(super) async fn is_read(&mut self, consumer: &mut Consumer) -> Result<bool, ClientError> {
        if !self.bounded {
            return Ok(false);
        }
        let assigned = consumer.assignment();
        if self.ends_as_they_come {
            let new: Vec<TopicPartition> =
                assigned.iter().filter(|partition| !self.stops.contains_key(*partition)).cloned().collect();
            if !new.is_empty() {
                self.stops.extend(offsets_of(consumer, &new, Place::End).await?);
            }
        }
        let mut all_read = !assigned.is_empty();
        for partition in &assigned {
            let stop = self.stops.get(partition).copied().unwrap_or(0);
            if consumer.position(partition).await? < stop {
                all_read = false;
            } else if !self.ends_as_they_come {
                consumer.pause([partition])?;
            }
        }
        Ok(all_read)
    }
}

/// The partitions that are asked for, of topics that must be there.
async fn partitions(consumer: &Consumer, args: &ConsumeArgs) -> Result<Vec<TopicPartition>, Failure> {
    let wanted: BTreeSet<i32> = args.partition.iter().copied().collect();
    let mut partitions = Vec::new();
    for topic in &args.topics {
        let all: Vec<_> = consumer.partitions_for(topic).await?.topic_partitions().collect();
        if let Some(missing) = wanted.iter().find(|wanted| all.iter().all(|has| has.partition != **wanted)) {
            return Err(Failure::said_no(no_partition(topic, *missing, all.len())));
        }
        partitions.extend(all.into_iter().filter(|has| wanted.is_empty() || wanted.contains(&has.partition)));
    }
    Ok(partitions)
}
