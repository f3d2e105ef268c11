//! `moldau produce`: records from stdin.
//!
//! Always: only so many bytes of lines are read ahead; the first line that is no record or is not written ends the
//! command, with its number, after what was sent before it is written. So does a signal, which is no error, and a second one
//! at once, which is.

mod json;
mod lines;
mod record;
mod tally;

use std::collections::VecDeque;
use std::io::{self, IsTerminal};

use futures_util::FutureExt;
use moldau_client::{ClientError, Delivery, Producer, Topic};
use tokio::sync::mpsc;

use crate::args::ProduceArgs;
use crate::command::place::no_partition;
use crate::failure::{Failure, explained};
use crate::output::show;
use crate::progress::{Progress, Unit};
use crate::settings::{Kind, Settings};
use crate::signals::StopSignals;
use crate::stderr::complain;
use lines::Line;
use tally::Tally;

/// Deliveries that are awaited behind the reading.
const UNSETTLED_MAX: usize = 100_000;

pub(crate) async fn run(args: ProduceArgs) -> Result<(), Failure> {
    let settings = Settings::resolve(&args.cluster, &[Kind::Producer])?;
    let mut config = settings.producer()?;
    if let Some(codec) = &args.compression {
        config.set("compression.type", codec)?;
    }
    if let Some(acks) = &args.acks {
        config.set("acks", acks)?;
    }
    let longest = lines::longest(&args, config.max_request_size);
    let producer = Producer::connect(config).await?;
    // Says at once when there is no such topic, rather than after the first line.
    let topic = producer.partitions_for(&args.topic).await?;
    if let Some(why) = missing(&topic, args.partition) {
        return Err(Failure::said_no(why));
    }
    let (tally, stopped) = write_all(&args, producer, &topic, longest).await;
    let shown = match settings.output_asked {
        Some(output) => show(output, || tally.json(&args.topic), || tally.text()),
        None => Ok(()),
    };
    stopped?;
    shown?;
    if settings.output_asked.is_none() && io::stderr().is_terminal() {
        complain(format_args!("{} records written to {}", tally.records(), args.topic));
    }
    Ok(())
}

/// What is wrong with a partition that the topic did not have when the command began.
fn missing(topic: &Topic, partition: Option<i32>) -> Option<String> {
    let partition = partition.filter(|partition| topic.partition(*partition).is_none())?;
    Some(no_partition(&topic.name, partition, topic.partitions.len()))
}

/// Writes until the end of stdin or the first line that can't be written, and waits for all that was sent; what was written,
/// and why it ended early.
async fn write_all(
    args: &ProduceArgs,
    producer: Producer,
    topic: &Topic,
    longest: usize,
) -> (Tally, Result<(), Failure>) {
    let mut signals = match StopSignals::new() {
        Ok(signals) => signals,
        Err(why) => return (Tally::default(), Err(why)),
    };
    let progress = Progress::start(Unit::Bytes, lines::size(), false);
    let lines = lines::read(args.delimiter.clone(), longest);
    let unsettled = Unsettled::default();
    let mut sending = Sending { args, producer: &producer, topic, lines, progress, unsettled, number: 0 };
    let stopped = sending.run(&mut signals).await;
    let Sending { number, mut unsettled, lines, progress, .. } = sending;
    drop((lines, progress));
    let settled = async {
        // Whether a record was written is learnt from its delivery.
        let _ = producer.flush().await;
        unsettled.settle(0).await;
        producer.close().await
    };
    let closed = match signals.unless_again(settled, "what was sent may be written or not").await {
        Ok(closed) => closed,
        Err(again) => return (unsettled.tally, Err(again)),
    };
    let written = unsettled.tally.records();
    let result = match (unsettled.failed, stopped) {
        (Some((line, error)), _) => Err(failed(line, error, &others(written))),
        (None, Ok(())) => closed.map_err(Failure::from),
        (None, Err(Stop::Refused(error))) => Err(failed(number, error, &before(written))),
        (None, Err(Stop::Bad(why))) => {
            Err(Failure::said_no(format!("line {number}: {why}; {}", before(written))))
        }
    };
    (unsettled.tally, result)
}

/// Why no more lines are read.
enum Stop {
    /// The line can't be read, or is no record.
    Bad(String),
    /// The producer does not take the record.
    Refused(ClientError),
}

/// The work, as far as it is.
struct Sending<'a> {
    args: &'a ProduceArgs,
    producer: &'a Producer,
    topic: &'a Topic,
    lines: mpsc::Receiver<Result<Line, String>>,
    progress: Progress,
    unsettled: Unsettled,
    /// Of the last line that was read.
    number: u64,
}

impl Sending<'_> {
    /// Sends line by line until their end, or until a signal.
    async fn run(&mut self, signals: &mut StopSignals) -> Result<(), Stop> {
        loop {
            // A record that waits for room in the producer is given up; what was taken is kept.
            let more = tokio::select! {
                biased;
                signal = signals.next() => {
                    tracing::info!(signal, "no more lines are read");
                    return Ok(());
                }
                more = self.send_line() => more?,
            };
            if !more {
                return Ok(());
            }
        }
    }

    /// Sends the next line; whether there may be another. May be dropped while it waits.
    async fn send_line(&mut self) -> Result<bool, Stop> {
        let Some(line) = self.lines.recv().await else { return Ok(false) };
        self.number += 1;
        let line = line.map_err(Stop::Bad)?;
        self.progress.advance(line.taken);
        match record::record(self.args, line.bytes) {
            Ok(record) => {
                // The producer would look for it until `max.block.ms` is over.
                if let Some(why) = missing(self.topic, record.partition) {
                    return Err(Stop::Bad(why));
                }
                let delivery = self.producer.send(record).await.map_err(Stop::Refused)?;
                self.unsettled.push(self.number, delivery);
            }
            Err(why) if self.args.skip_bad_lines => {
                complain(format_args!("line {} left out: {why}", self.number));
            }
            Err(why) => return Err(Stop::Bad(why)),
        }
        self.unsettled.settle(UNSETTLED_MAX).await;
        Ok(self.unsettled.failed.is_none())
    }
}

/// What became of the lines before the one that ended it.
fn before(written: u64) -> String {
    match written {
        0 => "no record was written".to_owned(),
        1 => "the record before it was written".to_owned(),
        _ => format!("the {written} records before it were written"),
    }
}

/// What became of the other lines that were sent.
fn others(written: u64) -> String {
    match written {
        0 => "no record was written".to_owned(),
        1 => "1 other record was written".to_owned(),
        _ => format!("{written} other records were written"),
    }
}

fn failed(line: u64, error: ClientError, written: &str) -> Failure {
    let message = match &error {
        // The record is wrong, such as one that is too large, and not the command.
        ClientError::Usage(message) => message.clone(),
        error => explained(error),
    };
    Failure::said_no(format!("line {line}: {message}; {written}"))
}

/// Deliveries in the order of their lines.
#[derive(Default)]
struct Unsettled {
    deliveries: VecDeque<(u64, Delivery)>,
    tally: Tally,
    /// The first line that was not written, and why.
    failed: Option<(u64, ClientError)>,
}

impl Unsettled {
    fn push(&mut self, line: u64, delivery: Delivery) {
        self.deliveries.push_back((line, delivery));
    }

    /// Takes up the deliveries that are done, and waits for the first ones until at most `kept` are left.
    async fn settle(&mut self, kept: usize) {
        loop {
            let waits = self.deliveries.len() > kept;
            let Some((line, delivery)) = self.deliveries.front_mut() else { return };
            let result = match (&mut *delivery).now_or_never() {
                Some(result) => result,
                None if waits => delivery.await,
                None => return,
            };
            match result {
                Ok(written) => self.tally.add(&written),
                Err(error) if self.failed.is_none() => self.failed = Some((*line, error)),
                Err(_) => {}
            }
            self.deliveries.pop_front();
        }
    }
}
