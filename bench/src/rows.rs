//! What is measured: the rows of the table.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use moldau_protocol::records::Compression;

use crate::driver::{Produce, batch, consume, create_topic, delete_topic, latency, open_idle, produce};
use crate::floor::Floor;
use crate::machine;
use crate::report::Figures;
use crate::servers::Server;

const MB: u64 = 1_000_000;
const GB: u64 = 1000 * MB;
const PARTITIONS: i32 = 6;
/// Open connections of the row about idle ones.
const IDLE: usize = 10_000;

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    /// How it is asked for.
    pub(crate) name: &'static str,
    /// What is done.
    pub(crate) what: &'static str,
    /// The same in a few words, for the chart.
    pub(crate) short: &'static str,
    /// What its main figure counts.
    pub(crate) unit: &'static str,
    pub(crate) floor: Option<Floor>,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Produce { batch: usize, record: usize, codec: Compression, total: u64, connections: usize },
    Consume { total: u64 },
    Latency { rate: f64, seconds: f64 },
    Idle,
}

const CPU: &str = "CPU s/GB";

/// All rows, in the order of the table.
pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "produce-1mb",
        what: "produce, 1 MB batches",
        short: "produce, 1 MB batches",
        unit: CPU,
        floor: Some(Floor::Produce { frame: MB, total: 2 * GB }),
        work: Work::Produce {
            batch: 1_000_000,
            record: 1024,
            codec: Compression::None,
            total: 2 * GB,
            connections: 2,
        },
    },
    Row {
        name: "produce-16kb",
        what: "produce, 16 KB batches of 100-byte records",
        short: "produce, 16 KB batches",
        unit: CPU,
        floor: Some(Floor::Produce { frame: 16_000, total: GB }),
        work: Work::Produce {
            batch: 16_000,
            record: 100,
            codec: Compression::None,
            total: GB,
            connections: 2,
        },
    },
    Row {
        name: "produce-1kb",
        what: "produce, 1 KB batches, 5 in flight, 4 connections",
        short: "produce, 1 KB batches",
        unit: CPU,
        floor: Some(Floor::Produce { frame: 1000, total: 200 * MB }),
        work: Work::Produce {
            batch: 1000,
            record: 100,
            codec: Compression::None,
            total: 200 * MB,
            connections: 4,
        },
    },
    Row {
        name: "produce-lz4",
        what: "produce, 1 MB batches, lz4, per uncompressed GB",
        short: "produce, lz4",
        unit: CPU,
        floor: None,
        work: Work::Produce {
            batch: 1_000_000,
            record: 1024,
            codec: Compression::Lz4,
            total: 2 * GB,
            connections: 2,
        },
    },
    Row {
        name: "produce-zstd",
        what: "produce, 1 MB batches, zstd, per uncompressed GB (floor: decompression alone)",
        short: "produce, zstd",
        unit: CPU,
        floor: Some(Floor::Zstd { total: 2 * GB }),
        work: Work::Produce {
            batch: 1_000_000,
            record: 1024,
            codec: Compression::Zstd,
            total: 2 * GB,
            connections: 2,
        },
    },
    Row {
        name: "consume",
        what: "consume, 1 MB fetches",
        short: "consume",
        unit: CPU,
        floor: Some(Floor::Consume { frame: MB, total: 2 * GB }),
        work: Work::Consume { total: 2 * GB },
    },
    Row {
        name: "latency",
        what: "produce to fetch, 1,000 batches of 4 KB a second",
        short: "produce to fetch",
        unit: "ms",
        floor: None,
        work: Work::Latency { rate: 1000.0, seconds: 10.0 },
    },
    Row {
        name: "idle",
        what: "resident memory of each of 10,000 idle connections",
        short: "an idle connection",
        unit: "KB",
        floor: None,
        work: Work::Idle,
    },
];

/// The rows of these names, or all.
pub(crate) fn chosen(names: &[String]) -> Result<Vec<&'static Row>> {
    if names.is_empty() {
        return Ok(ROWS.iter().collect());
    }
    let named = |name: &String| {
        ROWS.iter().find(|row| row.name == name).with_context(|| {
            let all: Vec<_> = ROWS.iter().map(|row| row.name).collect();
            format!("there is no row {name}; there are {}", all.join(", "))
        })
    };
    names.iter().map(named).collect()
}

impl Row {
    /// One turn of a server at this row's work, on a topic of its own that is deleted afterwards.
    pub(crate) fn measure(&self, server: &Server, turn: usize, scale: f64) -> Result<Figures> {
        if matches!(self.work, Work::Idle) {
            // One that has worked gives connections memory that it holds already, and they would seem to cost nothing.
            return match server.fresh()? {
                Some(fresh) => idle(&fresh, scale),
                None => idle(server, scale),
            };
        }
        let topic = format!("bench-{}-{turn}", self.name);
        create_topic(&server.address, &topic, PARTITIONS)?;
        let figures = self.work_on(server, &topic, scale);
        delete_topic(&server.address, &topic)?;
        figures.with_context(|| format!("{} at {}", self.name, server.name))
    }

    fn work_on(&self, server: &Server, topic: &str, scale: f64) -> Result<Figures> {
        let address = &server.address;
        match self.work {
            Work::Produce { batch: bytes, record, codec, total, connections } => {
                let batch = batch(bytes, record, codec)?;
                let total = scaled(total, scale);
                let how =
                    Produce { address, topic, partitions: PARTITIONS, connections, in_flight: 5, total };
                cpu_per_gb(server, || produce(&how, &batch))
            }
            Work::Consume { total } => {
                let batch = batch(1_000_000, 1024, Compression::None)?;
                let total = scaled(total, scale);
                let how =
                    Produce { address, topic, partitions: PARTITIONS, connections: 2, in_flight: 5, total };
                produce(&how, &batch)?;
                cpu_per_gb(server, || consume(address, topic, PARTITIONS, 2))
            }
            Work::Latency { rate, seconds } => {
                let batch = batch(4000, 1024, Compression::None)?;
                let time = Duration::from_secs_f64(seconds * scale);
                settle();
                let times = latency(address, topic, PARTITIONS, rate, time, &batch)?;
                Ok(Figures {
                    main: times.percentile_ms(0.99),
                    more: vec![
                        ("p50", times.percentile_ms(0.5)),
                        ("p99.9", times.percentile_ms(0.999)),
                        ("longest", times.percentile_ms(1.0)),
                    ],
                })
            }
            Work::Idle => bail!("idle connections need no topic"),
        }
    }
}

fn scaled(total: u64, scale: f64) -> u64 {
    (total as f64 * scale) as u64
}

/// What was written before is on the disk, so that nobody pays for it in another's turn.
fn settle() {
    rustix::fs::sync();
}

fn cpu_per_gb(server: &Server, work: impl FnOnce() -> Result<u64>) -> Result<Figures> {
    settle();
    let before = machine::cpu_time(server.pid)?;
    let start = std::time::Instant::now();
    let bytes = work()? as f64;
    let seconds = start.elapsed().as_secs_f64();
    let used = machine::cpu_time(server.pid)? - before;
    Ok(Figures { main: used.as_secs_f64() / (bytes / 1e9), more: vec![("MB/s", bytes / 1e6 / seconds)] })
}

fn idle(server: &Server, scale: f64) -> Result<Figures> {
    let count = ((IDLE as f64 * scale) as usize).max(1);
    // What the first ones make the server take is not theirs.
    let _first = open_idle(&server.address, IDLE / 100)?;
    let before = machine::resident_bytes(server.pid)?;
    let open = open_idle(&server.address, count)?;
    let after = machine::resident_bytes(server.pid)?;
    let each = after.saturating_sub(before) as f64 / 1024.0 / open.len() as f64;
    Ok(Figures::of(each))
}
