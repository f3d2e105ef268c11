//! `moldau perf`: the figures of Kafka's performance tools.
//!
//! A megabyte is 1,048,576 bytes here, as in those tools. Times of records are kept to the microsecond and within 1%.

pub(crate) mod chart;
mod client_metrics;
mod consume;
mod histogram;
mod latency;
mod payload;
mod produce;
mod report;

use crate::args::PerfCommand;
use crate::failure::Failure;

/// What figures call a megabyte.
const MB: f64 = 1024.0 * 1024.0;

pub(crate) async fn run(command: PerfCommand) -> Result<(), Failure> {
    match command {
        PerfCommand::Produce(args) => produce::run(args).await,
        PerfCommand::Consume(args) => consume::run(args).await,
        PerfCommand::Latency(args) => latency::run(args).await,
    }
}
