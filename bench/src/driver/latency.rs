//! From when a batch is due to be sent until a waiting fetch has it, at a fixed rate.
//!
//! What always holds: batches are sent when they are due, whatever became of those before, so that a pause of the server
//! is felt by every batch that falls into it. One thread sends for all partitions; it sleeps until shortly before a
//! batch is due and then yields until it is, since a timer alone may be late by as much as is to be measured.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;

use super::batch::Batch;
use super::connection::{Connection, frame, log_ends};
use super::{consume, produce};

/// Before a batch is due, this long is not slept through.
const AWAKE_BEFORE: Duration = Duration::from_micros(120);

/// Sorted times.
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    /// The time that this part of the batches did not exceed, in milliseconds.
    pub(crate) fn percentile_ms(&self, part: f64) -> f64 {
        let at = ((self.0.len() as f64 * part).ceil() as usize).clamp(1, self.0.len().max(1)) - 1;
        self.0.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }
}

/// Sends `rate` batches a second for `time`, over all partitions in turn.
pub(crate) fn latency(
    address: &str,
    topic: &str,
    partitions: i32,
    rate: f64,
    time: Duration,
    batch: &Batch,
) -> Result<Latencies> {
    let count = (rate * time.as_secs_f64()) as usize;
    let begin = Instant::now() + Duration::from_millis(200);
    let due = |number: usize| begin + Duration::from_secs_f64(number as f64 / rate);
    let failed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..partitions as usize)
            .map(|partition| {
                let failed = &failed;
                scope.spawn(move || {
                    let mine = (partition..count).step_by(partitions as usize).map(due).collect::<Vec<_>>();
                    let read = read_one(address, topic, partition as i32, &mine, batch.records, failed);
                    if read.is_err() {
                        failed.store(true, Ordering::Relaxed);
                    }
                    read
                })
            })
            .collect();
        let sent = send_all(address, topic, partitions, count, &due, batch, &failed);
        if sent.is_err() {
            failed.store(true, Ordering::Relaxed);
        }
        let mut times = Vec::with_capacity(count);
        for reader in readers {
            times.extend(reader.join().map_err(|_| anyhow!("a driver's thread panicked"))??);
        }
        sent?;
        times.sort_unstable();
        Ok(Latencies(times))
    })
}

fn send_all(
    address: &str,
    topic: &str,
    partitions: i32,
    count: usize,
    due: &dyn Fn(usize) -> Instant,
    batch: &Batch,
    failed: &AtomicBool,
) -> Result<()> {
    let bytes = Bytes::copy_from_slice(&batch.bytes);
    let mut writers = Vec::new();
    let mut readers = Vec::new();
    for partition in 0..partitions {
        let writer = Connection::open(address)?;
        readers.push(writer.reader()?);
        writers.push((writer, frame(produce::VERSION, &produce::request(topic, partition, &bytes))?));
    }
    std::thread::scope(|scope| {
        let answers: Vec<_> = readers
            .into_iter()
            .enumerate()
            .map(|(partition, mut reader)| {
                let mine = (partition..count).step_by(partitions as usize).count();
                scope.spawn(move || (0..mine).try_for_each(|_| produce::acknowledged(&mut reader)))
            })
            .collect();
        for number in 0..count {
            if failed.load(Ordering::Relaxed) {
                break;
            }
            wait_until(due(number));
            let (writer, frame) = &mut writers[number % partitions as usize];
            writer.send(frame)?;
        }
        answers
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| anyhow!("a driver's thread panicked"))?)
    })
}

fn wait_until(due: Instant) {
    let left = due.saturating_duration_since(Instant::now());
    if left > AWAKE_BEFORE {
        std::thread::sleep(left - AWAKE_BEFORE);
    }
    while Instant::now() < due {
        std::thread::yield_now();
    }
}

/// Waits for each of a partition's batches, which are due at these times.
fn read_one(
    address: &str,
    topic: &str,
    partition: i32,
    due: &[Instant],
    records: usize,
    failed: &AtomicBool,
) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(address)?;
    let first = log_ends(&mut connection, topic, partition..partition + 1)?
        .pop()
        .context("no offset")?
        .map_err(|code| anyhow!("the log end of partition {partition}: error {code}"))?;
    let mut times = Vec::with_capacity(due.len());
    while times.len() < due.len() && !failed.load(Ordering::Relaxed) {
        let offset = first + (times.len() * records) as i64;
        let request = consume::request(topic, partition, offset, 1 << 20, 500);
        let (_, next) = consume::fetch(&mut connection, &request)?;
        let now = Instant::now();
        while times.len() < due.len() && first + (times.len() * records) as i64 != next {
            times.push(now.saturating_duration_since(due[times.len()]));
        }
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let times = Latencies((1..=1000).map(Duration::from_millis).collect());
        assert_eq!(times.percentile_ms(0.5), 500.0);
        assert_eq!(times.percentile_ms(0.999), 999.0);
        assert_eq!(times.percentile_ms(1.0), 1000.0);
        assert!(Latencies(Vec::new()).percentile_ms(0.5).is_nan());
    }
}
