//! `moldau produce`: records from stdin.
//!
//! Always: lines are read ahead by a bounded number only; the first line that is no record or is not written ends the
//! command, with its number, after what was sent before it is written. So does a signal, which is no error.

mod json;
mod lines;
mod record;
mod tally;

use std::collections::VecDeque;
use std::io::{self, IsTerminal};

use futures_util::FutureExt;
use moldau_client::{ClientError, Delivery, Producer, Topic};

use crate::args::ProduceArgs;
use crate::command::place::no_partition;
use crate::failure::{Failure, explained};
use crate::output::show;
use crate::progress::{Progress, Unit};
use crate::settings::{Kind, Settings};
use crate::signals::StopSignals;
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
    let producer = Producer::connect(config).await?;
    // Says at once when there is no such topic, rather than after the first line.
    let topic = producer.partitions_for(&args.topic).await?;
    if let Some(why) = missing(&topic, args.partition) {
        return Err(Failure::said_no(why));
    }
    let (tally, stopped) = write_all(&args, &producer, &topic).await;
    let closed = producer.close().await;
    let shown = match settings.output_asked {
        Some(output) => show(output, || tally.json(&args.topic), || tally.text()),
        None => Ok(()),
    };
    stopped?;
    closed?;
    shown?;
    if settings.output_asked.is_none() && io::stderr().is_terminal() {
        eprintln!("{} records written to {}", tally.records(), args.topic);
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
async fn write_all(args: &ProduceArgs, producer: &Producer, topic: &Topic) -> (Tally, Result<(), Failure>) {
    let mut unsettled = Unsettled::default();
    let mut number = 0;
    let stopped = match StopSignals::new() {
        Ok(mut signals) => {
            // Between two lines: the future of a record that is being taken is not dropped half-way.
            send_lines(args, producer, topic, &mut unsettled, &mut number, &mut signals).await
        }
        Err(why) => return (unsettled.tally, Err(why)),
    };
    // Whether a record was written is learnt from its delivery.
    let _ = producer.flush().await;
    unsettled.settle(0).await;
    let written = unsettled.tally.records();
    let result = match (unsettled.failed, stopped) {
        (Some((line, error)), _) => Err(failed(line, error, &others(written))),
        (None, Ok(())) => Ok(()),
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

async fn send_lines(
    args: &ProduceArgs,
    producer: &Producer,
    topic: &Topic,
    unsettled: &mut Unsettled,
    number: &mut u64,
    signals: &mut StopSignals,
) -> Result<(), Stop> {
    let progress = Progress::start(Unit::Bytes, lines::size(), false);
    let mut lines = lines::read(args.delimiter.clone());
    loop {
        let line = tokio::select! {
            biased;
            signal = signals.next() => {
                tracing::info!(signal, "no more lines are read");
                break;
            }
            line = lines.recv() => line,
        };
        let Some(line) = line else { break };
        *number += 1;
        let line = line.map_err(|error| Stop::Bad(format!("stdin could not be read: {error}")))?;
        progress.advance(line.taken);
        match record::record(args, line.bytes) {
            Ok(record) => {
                // The producer would look for it until `max.block.ms` is over.
                if let Some(why) = missing(topic, record.partition) {
                    return Err(Stop::Bad(why));
                }
                let delivery = producer.send(record).await.map_err(Stop::Refused)?;
                unsettled.push(*number, delivery);
            }
            Err(why) if args.skip_bad_lines => eprintln!("line {number} left out: {why}"),
            Err(why) => return Err(Stop::Bad(why)),
        }
        unsettled.settle(UNSETTLED_MAX).await;
        if unsettled.failed.is_some() {
            break;
        }
    }
    Ok(())
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
