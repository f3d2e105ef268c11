//! `moldau group reset`: moving the committed offsets of groups that have no members.
//!
//! Always: nothing is committed without `--execute`; what is shown without it is what would be committed. The offsets of a group
//! are all moved or none.

mod csv;
mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use moldau_client::{Admin, ErrorCode, OffsetAndMetadata, TopicPartition};
use serde_json::json;

use super::describe::{describe_any, describe_existing};
use crate::args::GroupResetArgs;
use crate::args::partitions::TopicPartitions;
use crate::command::place::{OffsetLookup, Place, offsets_of};
use crate::command::selection::partitions;
use crate::failure::Failure;
use crate::output::{Table, say, show};
use crate::stderr::complain;
use plan::{Known, Spec};

/// Where a group stands in a partition, and where it is to stand.
struct Move {
    group: String,
    partition: TopicPartition,
    committed: Option<i64>,
    new: i64,
}

/// Where to.
enum Target {
    Spec(Spec),
    File(Vec<csv::Line>),
}

pub(super) async fn run(args: GroupResetArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64;
    let target = target(&args, now)?;
    let admin = settings.admin().await?;
    let ids = args.groups.ids(&admin).await?;
    let mut moves = Vec::new();
    let mut failed = false;
    for id in &ids {
        match reset(&admin, &args, &target, id, ids.len() == 1).await {
            Ok(of_group) => moves.extend(of_group),
            Err(Failure::SaidNo(why)) => {
                complain(format_args!("error: {why}"));
                failed = true;
            }
            Err(other) => return Err(other),
        }
    }
    if let (Target::File(_), true) = (&target, moves.is_empty() && !failed && !ids.is_empty()) {
        return Err(Failure::said_no(format!("the file has no line for any of the {} groups", ids.len())));
    }
    if args.export {
        for one in &moves {
            let group = (ids.len() > 1).then_some(one.group.as_str());
            say(&csv::line(group, &one.partition, one.new))?;
        }
    } else if !moves.is_empty() || !failed {
        show(settings.output, || json_of(&moves, args.execute), || text_of(&moves))?;
    }
    if !args.execute && !moves.is_empty() {
        complain("nothing was changed; --execute does it");
    }
    if failed { Err(Failure::Reported) } else { Ok(()) }
}

fn target(args: &GroupResetArgs, now: i64) -> Result<Target, Failure> {
    if let Some(file) = &args.from_file {
        return read(file).map(Target::File);
    }
    let spec = if args.to_earliest {
        Spec::Earliest
    } else if args.to_latest {
        Spec::Latest
    } else if let Some(offset) = args.to_offset {
        Spec::Offset(offset)
    } else if let Some(by) = args.shift_by {
        Spec::ShiftBy(by)
    } else if let Some(ms) = args.to_datetime {
        Spec::Time(ms)
    } else if let Some(duration) = args.by_duration {
        Spec::Time(now.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)).max(0))
    } else {
        Spec::Current
    };
    Ok(Target::Spec(spec))
}

fn read(file: &Path) -> Result<Vec<csv::Line>, Failure> {
    let wrong = |why: String| Failure::usage(format!("--from-file {}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    csv::parse(&text).map_err(wrong)
}

/// Moves the offsets of one group, or only says to where.
async fn reset(
    admin: &Admin,
    args: &GroupResetArgs,
    target: &Target,
    id: &str,
    alone: bool,
) -> Result<Vec<Move>, Failure> {
    let state = match describe_any(admin, id).await {
        Ok(group) => group.state,
        // A group may begin with the offsets that it gets here.
        Err(error) if error.code() == Some(ErrorCode::GroupIdNotFound) && !args.all_topics => {
            "Dead".to_owned()
        }
        Err(error) => return Err(error.into()),
    };
    if !matches!(state.as_str(), "Empty" | "Dead") {
        return Err(Failure::said_no(format!(
            "group {id} is {state}; its offsets can be reset when it has no members, so stop its consumers first"
        )));
    }
    let committed = admin.group_offsets(id).await?;
    let moves = match target {
        Target::File(lines) => {
            let named = alone || !args.groups.groups.is_empty();
            of_file(admin, id, lines, &committed, (alone, named)).await?
        }
        Target::Spec(spec) => {
            let partitions = if args.all_topics {
                // What is not there at all is no group either.
                describe_existing(admin, id).await?;
                let topics: BTreeSet<&str> = committed.keys().map(|partition| &*partition.topic).collect();
                let all: Vec<TopicPartitions> = topics
                    .into_iter()
                    .map(|topic| TopicPartitions { topic: topic.to_owned(), partitions: None })
                    .collect();
                let there = partitions(admin, &all).await?;
                there.into_iter().filter(|partition| committed.contains_key(partition)).collect()
            } else {
                partitions(admin, &args.topic).await?
            };
            let wanted = partitions.into_iter().map(|partition| (partition, *spec)).collect();
            of_specs(admin, id, wanted, &committed).await?
        }
    };
    if args.execute && !moves.is_empty() {
        let offsets: BTreeMap<TopicPartition, OffsetAndMetadata> =
            moves.iter().map(|one| (one.partition.clone(), one.new.into())).collect();
        admin.alter_group_offsets(id, &offsets).await?;
    }
    Ok(moves)
}

/// Where each partition is to stand, all looked up together.
async fn of_specs(
    admin: &Admin,
    id: &str,
    wanted: Vec<(TopicPartition, Spec)>,
    committed: &BTreeMap<TopicPartition, OffsetAndMetadata>,
) -> Result<Vec<Move>, Failure> {
    let partitions: BTreeSet<&TopicPartition> = wanted.iter().map(|(partition, _)| partition).collect();
    let partitions: Vec<TopicPartition> = partitions.into_iter().cloned().collect();
    let beginnings = offsets_of(admin, &partitions, Place::Beginning).await?;
    let ends = offsets_of(admin, &partitions, Place::End).await?;
    // One time is asked for at most.
    let time = wanted.iter().find_map(|(_, spec)| match spec {
        Spec::Time(ms) => Some(moldau_client::OffsetSpec::Timestamp(*ms)),
        _ => None,
    });
    let at_times = match time {
        Some(time) => admin.look_up(&partitions, time).await?,
        None => BTreeMap::new(),
    };
    wanted
        .into_iter()
        .map(|(partition, spec)| {
            let known = Known {
                beginning: beginnings.get(&partition).copied().unwrap_or(0),
                end: ends.get(&partition).copied().unwrap_or(0),
                committed: committed.get(&partition).map(|committed| committed.offset),
                at_time: at_times.get(&partition).copied().flatten().map(|found| found.offset),
            };
            let new = plan::place(spec, known)
                .map_err(|why| Failure::said_no(format!("group {id}, {partition}: {why}")))?;
            Ok(Move { group: id.to_owned(), committed: known.committed, new, partition })
        })
        .collect()
}

/// What a file says of a group, within what there is. A group that is `named` must stand in it.
async fn of_file(
    admin: &Admin,
    id: &str,
    lines: &[csv::Line],
    committed: &BTreeMap<TopicPartition, OffsetAndMetadata>,
    (alone, named): (bool, bool),
) -> Result<Vec<Move>, Failure> {
    if !alone && lines.iter().any(|line| line.group.is_none()) {
        return Err(Failure::usage(
            "with several groups each line of the file must be group,topic,partition,offset",
        ));
    }
    let of_group: Vec<&csv::Line> = csv::of_group(lines, id).collect();
    if of_group.is_empty() && named {
        return Err(Failure::said_no(csv::has_none(lines, id)));
    }
    let all: Vec<TopicPartitions> = of_group
        .iter()
        .map(|line| TopicPartitions {
            topic: line.partition.topic.to_string(),
            partitions: Some(vec![line.partition.partition]),
        })
        .collect();
    partitions(admin, &all).await?;
    let wanted = of_group.iter().map(|line| (line.partition.clone(), Spec::Offset(line.offset))).collect();
    of_specs(admin, id, wanted, committed).await
}

fn json_of(moves: &[Move], executed: bool) -> serde_json::Value {
    moves
        .iter()
        .map(|one| {
            json!({
                "group": one.group,
                "topic": &*one.partition.topic,
                "partition": one.partition.partition,
                "committed": one.committed,
                "new": one.new,
                "executed": executed,
            })
        })
        .collect()
}

fn text_of(moves: &[Move]) -> String {
    let number = |value: Option<i64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let mut table = Table::new(&["GROUP", "TOPIC", "PARTITION", "COMMITTED", "NEW"]);
    for one in moves {
        table.row(vec![
            one.group.clone(),
            one.partition.topic.to_string(),
            one.partition.partition.to_string(),
            number(one.committed),
            one.new.to_string(),
        ]);
    }
    table.text()
}
