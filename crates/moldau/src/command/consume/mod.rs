//! `moldau consume`: records to stdout.
//!
//! Always: what is committed was printed or filtered out; a partition that is to be read up to a place is not read beyond it.

mod filter;
mod number;
mod print;
mod span;
mod template;

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use moldau_client::{AutoOffsetReset, Consumer, ConsumerRecord, IsolationLevel, TopicPartition};
use tokio::time::Instant;

pub(crate) use filter::{Condition, condition};
pub(crate) use print::Format;
use print::Printer;
use span::Span;

use crate::args::{ConsumeArgs, OutputFormat};
use crate::command::log::decode::decode_consumed;
use crate::command::topic::names_matching;
use crate::failure::Failure;
use crate::output::unwritten;
use crate::progress::{Progress, Unit};
use crate::settings::{Kind, Settings};
use crate::signals::StopSignals;

const POLL: Duration = Duration::from_millis(200);

pub(crate) async fn run(mut args: ConsumeArgs) -> Result<(), Failure> {
    if args.topics.is_empty() && args.matching.is_none() {
        return Err(Failure::usage(
            "no topic to read; name topics, as in `moldau consume flights`, or give --include REGEX (also: --matching)",
        ));
    }
    let settings = Settings::resolve(&args.cluster, &[Kind::Consumer])?;
    let mut config = settings.consumer()?;
    let on_command_line = settings.on_command_line("group.id");
    args.group = member_of(&args, config.group_id.take(), on_command_line)?;
    config.group_id = args.group.clone();
    if !settings.has("auto.offset.reset") {
        config.auto_offset_reset = AutoOffsetReset::Earliest;
    }
    if args.read_committed {
        config.isolation_level = IsolationLevel::ReadCommitted;
    }
    let commits = config.auto_commit;
    // Records that are not printed must not be committed either.
    config.auto_commit = false;
    config.allow_auto_create_topics = false;
    if let (Some(count), true) = (args.count, args.filter.is_empty()) {
        config.max_poll_records = config.max_poll_records.min(count.max(1).try_into().unwrap_or(usize::MAX));
    }
    if args.format.is_none() && settings.output_asked == Some(OutputFormat::Json) {
        args.format = Some(Format::Json);
    }
    if let (Some(pattern), None) = (&args.matching, &args.group) {
        let admin = settings.admin().await?;
        args.topics = names_matching(&admin, pattern, false, false).await?;
        admin.close().await;
    }
    let mut consumer = Consumer::connect(config).await?;
    let span = match &args.group {
        Some(_) => {
            match &args.matching {
                Some(pattern) => consumer.subscribe_pattern(pattern.text())?,
                None => consumer.subscribe(args.topics.iter().map(String::as_str))?,
            }
            Span::of_group(args.exit_at_end)
        }
        None => Span::assign(&mut consumer, &args).await?,
    };
    let mut stop = StopSignals::new()?;
    let result = Reading::new(&args, span, commits)?.read(&mut consumer, &mut stop).await;
    let closed = stop.unless_again(consumer.close(), "the group learns later that its member has gone").await;
    result?;
    Ok(closed??)
}

/// The group that is joined: that of `--group`, else that of `group.id`. Who says where to read stands in no group, and may
/// not name one on the command line.
fn member_of(
    args: &ConsumeArgs,
    configured: Option<String>,
    on_command_line: bool,
) -> Result<Option<String>, Failure> {
    let reads_alone = args.from.is_some() || args.to.is_some() || !args.partition.is_empty();
    match (&args.group, configured) {
        (Some(group), _) => Ok(Some(group.clone())),
        (None, Some(_)) if reads_alone && on_command_line => Err(Failure::usage(
            "--from, --to and --partition can't be used with a group, which group.id names; leave one out",
        )),
        (None, Some(_)) if reads_alone => Ok(None),
        (None, configured) => Ok(configured),
    }
}

/// The work, as far as it is.
struct Reading<'a> {
    args: &'a ConsumeArgs,
    span: Span,
    printer: Printer,
    out: BufWriter<io::Stdout>,
    progress: Progress,
    printed: u64,
    /// Whether a member commits what was printed.
    commits: bool,
}

impl<'a> Reading<'a> {
    fn new(args: &'a ConsumeArgs, span: Span, commits: bool) -> Result<Self, Failure> {
        let printer = Printer {
            format: args.format.clone().unwrap_or_default(),
            key_separator: args.key_separator.clone(),
            headers: args.headers,
            delimiter: args.delimiter.clone(),
            null: args.null.clone(),
        };
        let counted = args.count.filter(|_| args.filter.is_empty());
        let total = counted.into_iter().chain(span.total()).min();
        Ok(Self {
            args,
            span,
            printer,
            out: BufWriter::with_capacity(64 * 1024, io::stdout()),
            progress: Progress::start(Unit::Records, total, true),
            printed: 0,
            commits,
        })
    }

    fn is_enough(&self) -> bool {
        self.args.count.is_some_and(|count| self.printed >= count)
    }

    /// Reads and prints until one of the ends that were asked for, or a signal; a member then leaves its group.
    async fn read(mut self, consumer: &mut Consumer, stop: &mut StopSignals) -> Result<(), Failure> {
        let mut quiet_since = Instant::now();
        loop {
            if self.is_enough() {
                return Ok(());
            }
            let polled = async {
                if self.span.is_read(consumer).await? {
                    return Ok(None);
                }
                consumer.poll(POLL).await.map(Some)
            };
            let records = tokio::select! {
                biased;
                _ = stop.next() => return Ok(()),
                polled = polled => match polled? {
                    Some(records) => records,
                    None => return self.too_few(),
                },
            };
            if self.args.group.is_some() && consumer.member_id().is_none() {
                // Joining takes its time; only then is it quiet because nothing comes.
                quiet_since = Instant::now();
            }
            if records.is_empty() {
                if self.args.timeout.is_some_and(|timeout| quiet_since.elapsed() >= timeout) {
                    return self.too_few();
                }
                continue;
            }
            quiet_since = Instant::now();
            let taken = self.take(&records)?;
            if self.commits && self.args.group.is_some() {
                let commit = consumer.commit_offsets(taken);
                stop.unless_again(commit, "what was printed last may be committed or not").await??;
                if stop.is_asked() {
                    return Ok(());
                }
            }
        }
    }

    /// Prints what is asked for of these; the offsets behind what was taken up.
    fn take(
        &mut self,
        records: &[ConsumerRecord],
    ) -> Result<BTreeMap<TopicPartition, moldau_client::OffsetAndMetadata>, Failure> {
        let mut taken = BTreeMap::new();
        for record in records {
            let decoded = self.args.decode.then(|| decoded(record)).flatten();
            let record = decoded.as_ref().unwrap_or(record);
            if self.is_enough() {
                break;
            }
            let partition = TopicPartition::new(record.topic.clone(), record.partition);
            if !self.span.has(&partition, record.offset) {
                continue;
            }
            self.progress.advance(1);
            if self.args.filter.iter().all(|condition| condition.holds(record)) {
                if let Err(error) = self.printer.print(record, &mut self.out) {
                    return Err(match error.kind() {
                        io::ErrorKind::InvalidData => {
                            self.out.flush().map_err(unwritten)?;
                            Failure::said_no(format!("record {partition}@{}: {error}", record.offset))
                        }
                        _ => unwritten(error),
                    });
                }
                self.printed += 1;
            }
            taken.insert(partition, (record.offset + 1).into());
        }
        self.out.flush().map_err(unwritten)?;
        if !self.args.filter.is_empty() {
            let printed = self.printed;
            self.progress.say(|| format!("({printed} printed)"));
        }
        Ok(taken)
    }

    fn too_few(&self) -> Result<(), Failure> {
        match self.args.count {
            Some(count) if self.printed < count => {
                Err(Failure::said_no(format!("only {} of {count} records were there", self.printed)))
            }
            _ => Ok(()),
        }
    }
}

/// A record of one of the cluster's own topics with key and value as JSON; a null value stays null.
fn decoded(record: &ConsumerRecord) -> Option<ConsumerRecord> {
    let text = decode_consumed(&record.topic, record.key.as_deref(), record.value.as_deref())?;
    let value = record.value.as_ref().and(text.payload);
    let value = value.map(Into::into);
    let mut decoded = record.clone();
    decoded.key = text.key.map(Into::into);
    decoded.value = value;
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, ClientCommand, Command};

    fn group(
        line: &[&str],
        configured: Option<&str>,
        on_command_line: bool,
    ) -> Result<Option<String>, Failure> {
        let line = ["moldau", "consume", "t"].iter().chain(line);
        let Command::Client(client) = Args::try_parse_from(line).expect("good usage").command else {
            panic!("a client's")
        };
        let ClientCommand::Consume(args) = *client else { panic!("consume") };
        member_of(&args, configured.map(str::to_owned), on_command_line)
    }

    #[test]
    fn the_group_of_a_clients_file_was_left_out_and_is_joined() {
        let joined = |line: &[&str], configured| group(line, configured, false).expect("good usage");
        assert_eq!(joined(&[], Some("boards")), Some("boards".to_owned()));
        assert_eq!(joined(&["-g", "others"], Some("boards")), Some("others".to_owned()));
        assert_eq!(joined(&[], None), None);
        for alone in [&["--from", "-1"][..], &["--to", "end"], &["-p", "0"]] {
            assert_eq!(joined(alone, Some("boards")), None, "{alone:?}");
            assert!(group(alone, Some("boards"), true).is_err(), "{alone:?}");
        }
    }
}
