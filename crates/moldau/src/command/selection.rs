//! The partitions that a command is about.

use std::collections::BTreeSet;

use moldau_client::{Admin, TopicPartition};

use crate::args::partitions::TopicPartitions;
use crate::failure::Failure;

/// The partitions of these topics, in order; a topic or a partition that is not there is a failure.
pub(crate) async fn partitions(
    admin: &Admin,
    selected: &[TopicPartitions],
) -> Result<Vec<TopicPartition>, Failure> {
    let names: Vec<&str> = selected.iter().map(|one| one.topic.as_str()).collect();
    let mut all = BTreeSet::new();
    for (one, topic) in selected.iter().zip(admin.describe_topics(&names).await?) {
        let topic = topic?;
        let there: BTreeSet<i32> = topic.partitions.iter().map(|partition| partition.index).collect();
        let wanted = match &one.partitions {
            None => there,
            Some(wanted) => {
                if let Some(missing) = wanted.iter().find(|wanted| !there.contains(wanted)) {
                    return Err(Failure::said_no(format!(
                        "topic {} has no partition {missing}; it has {}, from 0",
                        one.topic,
                        there.len()
                    )));
                }
                wanted.iter().copied().collect()
            }
        };
        all.extend(wanted.into_iter().map(|index| TopicPartition::new(topic.name.clone(), index)));
    }
    Ok(all.into_iter().collect())
}
