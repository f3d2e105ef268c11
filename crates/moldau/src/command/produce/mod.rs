//! `moldau produce`: records from stdin.
//!
//! Always: lines are read ahead by a bounded number only; the first failed delivery ends the command, with the number of
//! the line.

mod lines;
mod record;
mod tally;

use std::collections::VecDeque;
use std::io::{self, IsTerminal};

use futures_util::FutureExt;
use moldau_client::{Acks, ClientError, Delivery, Producer};

use crate::args::ProduceArgs;
use crate::failure::Failure;
use crate::output::show;
use crate::progress::{Progress, Unit};
use crate::settings::{Kind, Settings};
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
    if config.acks != Acks::All && !settings.has("enable.idempotence") {
        config.idempotence = false;
    }
    let producer = Producer::connect(config).await?;
    // Says at once when there is no such topic, rather than after the first line.
    producer.partitions_for(&args.topic).await?;
    let tally = write_all(&args, &producer).await?;
    producer.close().await?;
    match settings.output_asked {
        Some(output) => show(output, || tally.json(&args.topic), || tally.text())?,
        None if io::stderr().is_terminal() => {
            eprintln!("{} records written to {}", tally.records(), args.topic);
        }
        None => {}
    }
    Ok(())
}

async fn write_all(args: &ProduceArgs, producer: &Producer) -> Result<Tally, Failure> {
    let size = lines::size();
    let progress = Progress::start(Unit::Bytes, size, false);
    let mut lines = lines::read(args.delimiter.clone());
    let mut unsettled = Unsettled::default();
    let mut number = 0u64;
    while let Some(line) = lines.recv().await {
        number += 1;
        let line = line.map_err(|error| Failure::said_no(format!("stdin: {error}")))?;
        progress.advance(line.taken);
        match record::record(args, line.bytes) {
            Ok(record) => {
                let delivery = producer.send(record).await.map_err(|error| failed(number, error))?;
                unsettled.push(number, delivery);
            }
            Err(why) if args.skip_bad_lines => eprintln!("line {number} left out: {why}"),
            Err(why) => return Err(Failure::said_no(format!("line {number}: {why}"))),
        }
        unsettled.settle(UNSETTLED_MAX).await?;
    }
    // Whether a record was written is learnt from its delivery.
    let _ = producer.flush().await;
    unsettled.settle(0).await?;
    Ok(unsettled.tally)
}

fn failed(line: u64, error: ClientError) -> Failure {
    match Failure::from(error) {
        Failure::SaidNo(message) => Failure::SaidNo(format!("line {line}: {message}")),
        other => other,
    }
}

/// Deliveries in the order of their lines.
#[derive(Default)]
struct Unsettled {
    deliveries: VecDeque<(u64, Delivery)>,
    tally: Tally,
}

impl Unsettled {
    fn push(&mut self, line: u64, delivery: Delivery) {
        self.deliveries.push_back((line, delivery));
    }

    /// Takes up the deliveries that are done, and waits for the first ones until at most `kept` are left.
    async fn settle(&mut self, kept: usize) -> Result<(), Failure> {
        loop {
            let waits = self.deliveries.len() > kept;
            let Some((line, delivery)) = self.deliveries.front_mut() else { return Ok(()) };
            let result = match (&mut *delivery).now_or_never() {
                Some(result) => result,
                None if waits => delivery.await,
                None => return Ok(()),
            };
            self.tally.add(&result.map_err(|error| failed(*line, error))?);
            self.deliveries.pop_front();
        }
    }
}
