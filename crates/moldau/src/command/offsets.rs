//! `moldau offsets`: where partitions begin and end, and the offsets of times.

use std::collections::BTreeMap;

use moldau_client::{IsolationLevel, OffsetSpec, TopicPartition};
use serde_json::json;

use super::selection::partitions;
use crate::args::OffsetsArgs;
use crate::args::partitions::TopicPartitions;
use crate::failure::Failure;
use crate::output::{Table, show};

/// What an offset is looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At(OffsetSpec);

/// Reads `--at`.
pub(crate) fn at(text: &str) -> Result<At, String> {
    let spec = match text {
        "beginning" | "earliest" => OffsetSpec::Earliest,
        "end" | "latest" => OffsetSpec::Latest,
        "max-timestamp" => OffsetSpec::MaxTimestamp,
        text => match text.strip_prefix('@') {
            Some(ms) => OffsetSpec::Timestamp(crate::time::parse(ms)?),
            None => OffsetSpec::Timestamp(crate::time::iso(text).ok_or_else(|| {
                "must be beginning, end, max-timestamp, or a time such as 2013-01-01T05:15:00Z or @MS"
                    .to_owned()
            })?),
        },
    };
    Ok(At(spec))
}

pub(crate) async fn run(args: OffsetsArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let selected = if args.topics.is_empty() {
        let matches = |name: &str| args.matching.as_ref().is_none_or(|pattern| pattern.matches(name));
        let topics = admin.list_topics(args.internal).await?.into_iter();
        topics
            .filter(|topic| matches(&topic.name))
            .map(|topic| TopicPartitions { topic: topic.name.to_string(), partitions: None })
            .collect()
    } else {
        args.topics.clone()
    };
    let partitions = partitions(&admin, &selected).await?;
    let isolation =
        if args.read_committed { IsolationLevel::ReadCommitted } else { IsolationLevel::ReadUncommitted };
    let look_up = async |spec: OffsetSpec| {
        admin.list_offsets(partitions.iter().map(|partition| (partition.clone(), spec)), isolation).await
    };
    match args.at {
        None => {
            let offsets = |found: BTreeMap<TopicPartition, Option<moldau_client::FoundOffset>>| {
                found.into_iter().map(|(partition, found)| (partition, found.map_or(0, |found| found.offset)))
            };
            let beginnings: BTreeMap<_, i64> = offsets(look_up(OffsetSpec::Earliest).await?).collect();
            let ends: BTreeMap<_, i64> = offsets(look_up(OffsetSpec::Latest).await?).collect();
            let rows: Vec<(&TopicPartition, i64, i64)> = ends
                .iter()
                .map(|(partition, end)| (partition, beginnings.get(partition).copied().unwrap_or(0), *end))
                .collect();
            show(settings.output, || spans_json(&rows), || spans_text(&rows))
        }
        Some(At(spec)) => {
            let found = look_up(spec).await?;
            show(settings.output, || found_json(&found), || found_text(&found))
        }
    }
}

fn spans_json(rows: &[(&TopicPartition, i64, i64)]) -> serde_json::Value {
    rows.iter()
        .map(|(partition, beginning, end)| {
            json!({
                "topic": &*partition.topic,
                "partition": partition.partition,
                "beginning": beginning,
                "end": end,
            })
        })
        .collect()
}

fn spans_text(rows: &[(&TopicPartition, i64, i64)]) -> String {
    let mut table = Table::new(&["TOPIC", "PARTITION", "BEGINNING", "END", "BETWEEN"]);
    for (partition, beginning, end) in rows {
        table.row(vec![
            partition.topic.to_string(),
            partition.partition.to_string(),
            beginning.to_string(),
            end.to_string(),
            (end - beginning).to_string(),
        ]);
    }
    table.text()
}

type Found = BTreeMap<TopicPartition, Option<moldau_client::FoundOffset>>;

fn found_json(found: &Found) -> serde_json::Value {
    found
        .iter()
        .map(|(partition, found)| {
            json!({
                "topic": &*partition.topic,
                "partition": partition.partition,
                "offset": found.map(|found| found.offset),
                "timestamp": found.and_then(|found| found.timestamp),
                "leader_epoch": found.and_then(|found| found.leader_epoch),
            })
        })
        .collect()
}

fn found_text(found: &Found) -> String {
    let mut table = Table::new(&["TOPIC", "PARTITION", "OFFSET", "TIME"]);
    for (partition, found) in found {
        let time =
            found.and_then(|found| found.timestamp).map_or_else(|| "-".to_owned(), crate::time::to_iso);
        table.row(vec![
            partition.topic.to_string(),
            partition.partition.to_string(),
            found.map_or_else(|| "-".to_owned(), |found| found.offset.to_string()),
            time,
        ]);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_times_are_read() {
        assert_eq!(at("latest"), Ok(At(OffsetSpec::Latest)));
        assert_eq!(at("beginning"), Ok(At(OffsetSpec::Earliest)));
        assert_eq!(at("@5"), Ok(At(OffsetSpec::Timestamp(5))));
        assert_eq!(at("1970-01-01T00:00:01Z"), Ok(At(OffsetSpec::Timestamp(1000))));
        // A bare number would be an offset elsewhere, and is no time.
        assert!(at("17").is_err() && at("").is_err() && at("soon").is_err());
    }
}
