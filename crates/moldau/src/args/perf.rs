//! What `moldau perf` takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};

use super::ClusterArgs;
use crate::command::perf::chart::Plot;

#[derive(Debug, Subcommand)]
pub(crate) enum PerfCommand {
    /// Measure how fast records are written, and how long each takes
    Produce(PerfProduceArgs),
    /// Measure how fast records are read
    Consume(PerfConsumeArgs),
    /// Measure how long a record takes from one end to the other
    Latency(PerfLatencyArgs),
}

/// How a measurement is shown while it runs and in the end.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ReportArgs {
    /// How often the live line and the rows of --intervals are written
    #[arg(long, value_name = "SECONDS", value_parser = crate::time::seconds, default_value = "5")]
    pub(crate) interval: Duration,
    /// Also a row for each interval
    #[arg(long)]
    pub(crate) intervals: bool,
    /// Also a chart in the terminal (with JSON on stderr), or as SVG with --plot=FILE.svg
    #[arg(long, value_name = "FILE.svg", num_args = 0..=1, require_equals = true, default_missing_value = "", value_parser = Plot::parse)]
    pub(crate) plot: Option<Plot>,
    /// Also what the client has counted and measured, under Kafka's names
    #[arg(long)]
    pub(crate) print_metrics: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PerfProduceArgs {
    /// The topic
    pub(crate) topic: String,
    /// How many records are written
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) records: u64,
    /// The bytes of each value, which are random letters
    #[arg(long, value_name = "BYTES", default_value_t = 100, value_parser = size)]
    pub(crate) record_size: usize,
    /// Values are drawn from the lines of this file
    #[arg(long, value_name = "FILE", conflicts_with = "record_size")]
    pub(crate) payload_file: Option<PathBuf>,
    /// What stands between the values of --payload-file [default: \n]
    #[arg(long, value_name = "TEXT", requires = "payload_file", value_parser = crate::text::unescaped)]
    pub(crate) payload_delimiter: Option<String>,
    /// Values are the numbers 0, 1, 2, …
    #[arg(long, conflicts_with_all = ["record_size", "payload_file"])]
    pub(crate) payload_monotonic: bool,
    /// No more records a second than this [default: as many as it takes]
    #[arg(long, value_name = "RECORDS", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// So many records at the beginning are also left out of a second result
    #[arg(long, value_name = "COUNT")]
    pub(crate) warmup: Option<u64>,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PerfConsumeArgs {
    /// The topics
    #[arg(required = true, value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// How many records are read
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) records: u64,
    /// The group that is joined [default: a new one]
    #[arg(short, long)]
    pub(crate) group: Option<String>,
    /// From the end, where the group has no committed offsets, rather than from the beginning
    #[arg(long)]
    pub(crate) from_end: bool,
    /// End when nothing came for this many seconds
    #[arg(short, long, value_name = "SECONDS", value_parser = crate::time::seconds, default_value = "10")]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PerfLatencyArgs {
    /// The topic, in which nobody else should write; it is made with one partition when it is not there
    pub(crate) topic: String,
    /// How many records are sent, one after the other
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) records: u64,
    /// The bytes of each value
    #[arg(long, value_name = "BYTES", default_value_t = 100, value_parser = size)]
    pub(crate) record_size: usize,
    /// The bytes of each key [default: no key]
    #[arg(long, value_name = "BYTES", value_parser = size)]
    pub(crate) key_size: Option<usize>,
    /// The number of headers of each record
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) headers: usize,
    /// The bytes of each header's name
    #[arg(long, value_name = "BYTES", default_value_t = 8, value_parser = size)]
    pub(crate) header_key_size: usize,
    /// The bytes of each header's value
    #[arg(long, value_name = "BYTES", default_value_t = 8, value_parser = size)]
    pub(crate) header_size: usize,
    /// When a record counts as written: all or 1
    #[arg(short, long, default_value = "all", value_parser = ["all", "-1", "1"])]
    pub(crate) acks: String,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// No record is larger than this.
const SIZE_MAX: usize = 256 * 1024 * 1024;

fn size(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|size| *size <= SIZE_MAX)
        .ok_or_else(|| format!("must be a number of bytes, at most {SIZE_MAX}"))
}

fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| rate.is_finite() && *rate > 0.0)
        .ok_or_else(|| "must be a number of records a second, more than 0".to_owned())
}
