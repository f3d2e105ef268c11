//! `moldau consume`: records to stdout.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use moldau_client::{AutoOffsetReset, ClientError, Consumer, IsolationLevel, OffsetSpec, TopicPartition};
use tokio::time::Instant;

use super::template::Printer;
use crate::args::ConsumeArgs;
use crate::failure::Failure;
use crate::signals::StopSignals;

/// Where to start reading a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Beginning,
    End,
    Offset(i64),
    /// This many records before the end.
    BeforeEnd(i64),
    Time(i64),
}

/// Reads `--from`.
pub(crate) fn start(text: &str) -> Result<Start, String> {
    let number = |text: &str| {
        text.parse::<u32>().map(i64::from).ok().or_else(|| text.parse().ok().filter(|n| *n >= 0))
    };
    match text {
        "beginning" | "start" | "earliest" => return Ok(Start::Beginning),
        "end" | "latest" => return Ok(Start::End),
        _ => {}
    }
    if let Some(ms) = text.strip_prefix('@') {
        return crate::time::parse(ms).map(Start::Time);
    }
    if let Some(back) = text.strip_prefix('-').and_then(number) {
        return Ok(Start::BeforeEnd(back));
    }
    if let Some(offset) = number(text) {
        return Ok(Start::Offset(offset));
    }
    crate::time::iso(text).map(Start::Time).ok_or_else(|| {
        "must be beginning, end, an offset, -N, or a time such as 2013-01-01T05:15:00Z or @MS".to_owned()
    })
}

pub(crate) async fn run(args: ConsumeArgs) -> Result<(), Failure> {
    let mut config = args.cluster.consumer()?;
    config.group_id = args.group.clone().or(config.group_id);
    if !args.cluster.property.iter().any(|(key, _)| key == "auto.offset.reset") {
        config.auto_offset_reset = AutoOffsetReset::Earliest;
    }
    if args.read_committed {
        config.isolation_level = IsolationLevel::ReadCommitted;
    }
    // Records that are not printed must not be committed either.
    config.auto_commit = false;
    config.allow_auto_create_topics = false;
    if let Some(count) = args.count {
        config.max_poll_records = config.max_poll_records.min(count.max(1).try_into().unwrap_or(usize::MAX));
    }
    let mut consumer = Consumer::connect(config).await?;
    let result = match &args.group {
        Some(_) => {
            consumer.subscribe(args.topics.iter().map(String::as_str))?;
            read(&mut consumer, &args, BTreeMap::new()).await
        }
        None => {
            let ends = assign(&mut consumer, &args).await?;
            read(&mut consumer, &args, ends).await
        }
    };
    let closed = consumer.close().await;
    result?;
    Ok(closed?)
}

/// Assigns the partitions by hand and seeks; gives the ends, where they are needed.
async fn assign(
    consumer: &mut Consumer,
    args: &ConsumeArgs,
) -> Result<BTreeMap<TopicPartition, i64>, Failure> {
    let [topic] = &args.topics[..] else {
        return Err(Failure::usage("several topics are read only with --group"));
    };
    let all = consumer.partitions_for(topic).await?;
    let wanted: BTreeSet<i32> = args.partition.iter().copied().collect();
    if let Some(missing) = wanted.iter().find(|wanted| all.iter().all(|has| has.partition != **wanted)) {
        return Err(Failure::said_no(format!(
            "topic {topic} has no partition {missing}; it has {}, from 0",
            all.len()
        )));
    }
    let partitions: Vec<TopicPartition> =
        all.into_iter().filter(|has| wanted.is_empty() || wanted.contains(&has.partition)).collect();
    consumer.assign(partitions.iter().cloned())?;
    let from = args.from.unwrap_or(Start::Beginning);
    let mut ends = BTreeMap::new();
    if args.exit_at_end || matches!(from, Start::BeforeEnd(_)) {
        ends = offsets(consumer, &partitions, OffsetSpec::Latest).await?;
    }
    let beginnings = match from {
        Start::BeforeEnd(_) => offsets(consumer, &partitions, OffsetSpec::Earliest).await?,
        _ => BTreeMap::new(),
    };
    for partition in &partitions {
        match from {
            Start::Beginning => consumer.seek_to(partition, OffsetSpec::Earliest)?,
            Start::End => consumer.seek_to(partition, OffsetSpec::Latest)?,
            Start::Offset(offset) => consumer.seek(partition, offset)?,
            Start::Time(ms) => consumer.seek_to(partition, OffsetSpec::Timestamp(ms))?,
            Start::BeforeEnd(back) => {
                let of =
                    |offsets: &BTreeMap<TopicPartition, i64>| offsets.get(partition).copied().unwrap_or(0);
                consumer.seek(partition, (of(&ends) - back).max(of(&beginnings)))?;
            }
        }
    }
    Ok(if args.exit_at_end { ends } else { BTreeMap::new() })
}

async fn offsets(
    consumer: &Consumer,
    partitions: &[TopicPartition],
    spec: OffsetSpec,
) -> Result<BTreeMap<TopicPartition, i64>, ClientError> {
    let found = consumer.offsets(partitions.iter().map(|partition| (partition.clone(), spec))).await?;
    Ok(found
        .into_iter()
        .map(|(partition, found)| (partition, found.map_or(0, |found| found.offset)))
        .collect())
}

/// Reads and prints until one of the ends that were asked for, or a signal; a member then leaves its group.
async fn read(
    consumer: &mut Consumer,
    args: &ConsumeArgs,
    mut ends: BTreeMap<TopicPartition, i64>,
) -> Result<(), Failure> {
    const POLL: Duration = Duration::from_millis(200);
    let printer = Printer {
        format: args.format.clone(),
        key_separator: args.key_separator.clone(),
        headers: args.headers,
        null: args.null.clone(),
    };
    let mut out = BufWriter::with_capacity(64 * 1024, io::stdout());
    let mut printed = 0u64;
    let mut quiet_since = Instant::now();
    let mut stop = StopSignals::new()?;
    loop {
        if args.count.is_some_and(|count| printed >= count) {
            return Ok(());
        }
        if args.exit_at_end && at_end(consumer, &mut ends).await? {
            return too_few(args, printed);
        }
        let records = tokio::select! {
            records = consumer.poll(POLL) => records?,
            _ = stop.next() => return Ok(()),
        };
        if args.group.is_some() && consumer.member_id().is_none() {
            // Joining takes its time; only then is it quiet because nothing comes.
            quiet_since = Instant::now();
        }
        if records.is_empty() {
            if args.timeout.is_some_and(|timeout| quiet_since.elapsed() >= timeout) {
                return too_few(args, printed);
            }
            continue;
        }
        quiet_since = Instant::now();
        let mut last = BTreeMap::new();
        for record in &records {
            if args.count.is_some_and(|count| printed >= count) {
                break;
            }
            printer.print(record, &mut out)?;
            printed += 1;
            last.insert(
                TopicPartition::new(record.topic.clone(), record.partition),
                (record.offset + 1).into(),
            );
        }
        out.flush()?;
        if args.group.is_some() {
            consumer.commit_offsets(last).await?;
        }
    }
}

fn too_few(args: &ConsumeArgs, printed: u64) -> Result<(), Failure> {
    match args.count {
        Some(count) if printed < count => {
            Err(Failure::said_no(format!("only {printed} of {count} records were there")))
        }
        _ => Ok(()),
    }
}

/// Whether all partitions stand at the ends that were there when they were first read.
async fn at_end(
    consumer: &mut Consumer,
    ends: &mut BTreeMap<TopicPartition, i64>,
) -> Result<bool, ClientError> {
    let assigned = consumer.assignment();
    let new: Vec<TopicPartition> =
        assigned.iter().filter(|partition| !ends.contains_key(*partition)).cloned().collect();
    if !new.is_empty() {
        ends.extend(offsets(consumer, &new, OffsetSpec::Latest).await?);
    }
    for partition in &assigned {
        if consumer.position(partition).await? < ends.get(partition).copied().unwrap_or(0) {
            return Ok(false);
        }
    }
    Ok(!assigned.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_to_start_are_read() {
        for (text, wanted) in [
            ("beginning", Start::Beginning),
            ("latest", Start::End),
            ("17", Start::Offset(17)),
            ("-5", Start::BeforeEnd(5)),
            ("@1357017300000", Start::Time(1_357_017_300_000)),
            ("2013-01-01T05:15:00Z", Start::Time(1_357_017_300_000)),
        ] {
            assert_eq!(start(text), Ok(wanted), "{text}");
        }
        assert!(start("nowhere").is_err() && start("--5").is_err() && start("").is_err());
    }
}
