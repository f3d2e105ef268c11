//! `moldau records`: deleting the records before a place.

use std::collections::BTreeMap;
use std::path::Path;

use moldau_client::{Admin, ClientError, ErrorCode, TopicPartition};
use serde::Deserialize;
use serde_json::json;

use super::place::{Place, offsets_of};
use super::selection::partitions;
use crate::args::{RecordsCommand, RecordsDeleteArgs};
use crate::failure::{Failure, explained};
use crate::output::{Table, show};
use crate::stderr::complain;

pub(crate) async fn run(command: RecordsCommand) -> Result<(), Failure> {
    match command {
        RecordsCommand::Delete(args) => delete(args).await,
    }
}

/// The file of Kafka's own tool.
#[derive(Deserialize)]
struct OffsetsFile {
    partitions: Vec<OffsetsFileEntry>,
    #[serde(default = "version_1")]
    version: u32,
}

#[derive(Deserialize)]
struct OffsetsFileEntry {
    topic: String,
    partition: i32,
    offset: i64,
}

fn version_1() -> u32 {
    1
}

fn read_file(file: &Path) -> Result<BTreeMap<TopicPartition, i64>, Failure> {
    let wrong = |why: String| Failure::usage(format!("{}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    parse_file(&text).map_err(wrong)
}

fn parse_file(text: &str) -> Result<BTreeMap<TopicPartition, i64>, String> {
    let file: OffsetsFile = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if file.version != 1 {
        return Err(format!("version {} is not known; there is 1", file.version));
    }
    let mut offsets = BTreeMap::new();
    for OffsetsFileEntry { topic, partition, offset } in file.partitions {
        if offset < -1 {
            return Err(format!("{topic}-{partition}: the offset {offset} is negative; -1 is the end"));
        }
        if offsets.insert(TopicPartition::new(topic.as_str(), partition), offset).is_some() {
            return Err(format!("{topic}-{partition} stands twice"));
        }
    }
    Ok(offsets)
}

/// A partition, and what becomes of it.
struct Deleted {
    partition: TopicPartition,
    /// What was the first record.
    before: i64,
    /// What is the first record then.
    after: Result<i64, ClientError>,
}

async fn delete(args: RecordsDeleteArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let from_file = args.from_file.as_deref().map(read_file).transpose()?;
    let admin = settings.admin().await?;
    let wanted = match (from_file, args.before) {
        (Some(offsets), _) => offsets,
        (None, Some(place)) => {
            let partitions = partitions(&admin, &args.topics).await?;
            offsets_of(&admin, &partitions, place).await?
        }
        (None, None) => return Err(Failure::usage("--before or --from-file must say up to where")),
    };
    let deleted = delete_before(&admin, &wanted, args.dry_run).await?;
    show(
        settings.output,
        || deleted.iter().map(|one| json_of(one, args.dry_run)).collect(),
        || {
            let mut table = Table::new(&["TOPIC", "PARTITION", "FIRST BEFORE", "FIRST AFTER", "DELETED"]);
            for one in &deleted {
                let after = one.after.as_ref().ok();
                let number =
                    |value: Option<i64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
                table.row(vec![
                    one.partition.topic.to_string(),
                    one.partition.partition.to_string(),
                    one.before.to_string(),
                    number(after.copied()),
                    number(after.map(|after| after - one.before)),
                ]);
            }
            table.text()
        },
    )?;
    if args.dry_run {
        complain("nothing was deleted; leave --dry-run out to do it");
    }
    let failures: Vec<ClientError> = deleted.into_iter().filter_map(|one| one.after.err()).collect();
    for error in &failures {
        let why = match error.code() {
            Some(ErrorCode::PolicyViolation) => {
                "the topic is compacted; records are deleted only where cleanup.policy has delete"
            }
            Some(ErrorCode::OffsetOutOfRange) => {
                "the partition ends before that offset; `moldau offsets` shows where"
            }
            _ => {
                complain(format_args!("error: {}", explained(error)));
                continue;
            }
        };
        complain(format_args!("error: {error}; {why}"));
    }
    if failures.is_empty() { Ok(()) } else { Err(Failure::Reported) }
}

async fn delete_before(
    admin: &Admin,
    wanted: &BTreeMap<TopicPartition, i64>,
    dry_run: bool,
) -> Result<Vec<Deleted>, Failure> {
    let names: std::collections::BTreeSet<&str> = wanted.keys().map(|partition| &*partition.topic).collect();
    let names: Vec<&str> = names.into_iter().collect();
    for topic in admin.describe_topics(&names).await? {
        topic?;
    }
    let partitions: Vec<TopicPartition> = wanted.keys().cloned().collect();
    let firsts = offsets_of(admin, &partitions, Place::Beginning).await?;
    let mut results = if dry_run {
        let ends = offsets_of(admin, &partitions, Place::End).await?;
        wanted
            .iter()
            .map(|(partition, to)| (partition.clone(), would_be(&firsts, &ends, partition, *to)))
            .collect()
    } else {
        admin.delete_records(wanted).await?
    };
    Ok(firsts
        .into_iter()
        .filter_map(|(partition, before)| {
            let after = results.remove(&partition)?;
            Some(Deleted { partition, before, after })
        })
        .collect())
}

/// What the broker would answer.
fn would_be(
    firsts: &BTreeMap<TopicPartition, i64>,
    ends: &BTreeMap<TopicPartition, i64>,
    partition: &TopicPartition,
    to: i64,
) -> Result<i64, ClientError> {
    let of = |offsets: &BTreeMap<TopicPartition, i64>| offsets.get(partition).copied().unwrap_or(0);
    let to = if to == -1 { of(ends) } else { to };
    if to > of(ends) {
        return Err(ClientError::server(partition.to_string(), ErrorCode::OffsetOutOfRange, None));
    }
    Ok(to.max(of(firsts)))
}

fn json_of(one: &Deleted, dry_run: bool) -> serde_json::Value {
    json!({
        "topic": &*one.partition.topic,
        "partition": one.partition.partition,
        "first_before": one.before,
        "first_after": one.after.as_ref().ok(),
        "dry_run": dry_run,
        "error": one.after.as_ref().err().and_then(ClientError::code).map(|code| code.name()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_kafkas_tool_is_read() {
        let text = r#"{"partitions": [{"topic": "foo", "partition": 1, "offset": 1}, {"topic": "foo", "partition": 0, "offset": -1}], "version": 1}"#;
        let read = parse_file(text).expect("sound");
        assert_eq!(read[&TopicPartition::new("foo", 1)], 1);
        assert_eq!(read[&TopicPartition::new("foo", 0)], -1);
        for bad in [
            "{}",
            r#"{"partitions": [], "version": 2}"#,
            r#"{"partitions": [{"topic": "t", "partition": 0, "offset": -2}]}"#,
            r#"{"partitions": [{"topic": "t", "partition": 0, "offset": 1}, {"topic": "t", "partition": 0, "offset": 2}]}"#,
        ] {
            assert!(parse_file(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_dry_run_says_what_the_broker_would() {
        let partition = TopicPartition::new("t", 0);
        let firsts = BTreeMap::from([(partition.clone(), 3)]);
        let ends = BTreeMap::from([(partition.clone(), 10)]);
        let would = |to| would_be(&firsts, &ends, &partition, to).ok();
        assert_eq!([would(-1), would(5), would(1), would(11)], [Some(10), Some(5), Some(3), None]);
    }
}
