//! The one binary: `moldau serve` and the command line.
//!
//! Always: results go to stdout, everything else to stderr; the exit code is 0 when it was done, 1 when the cluster or the
//! data said no, 2 for wrong usage. A closed pipe ends the program quietly.

// Both panic where nobody reads any more; `output` and `stderr` don't.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod command;
mod failure;
mod logging;
mod output;
mod pattern;
mod progress;
mod serve;
mod settings;
mod signals;
mod stderr;
mod text;
mod time;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command, LogCommand, LogFormat, ServeArgs};
use failure::Failure;

fn main() -> ExitCode {
    let Args { log_format, command } = Args::parse_from(args::behind_the_command(std::env::args_os()));
    let done = match command {
        Command::Serve(serve) => return run_node(&serve, log_format),
        Command::Log(LogCommand::Dump(dump)) => {
            logging::start(log_format, "warn").and_then(|_| command::log::dump::dump(dump))
        }
        Command::Log(log) => with_cluster(log_format, command::log::run(log)),
        Command::Profile(args) => command::profile::run(&args),
        Command::Completions(args) => command::completions::run(&args),
        Command::Client(client) => with_cluster(log_format, command::run(*client)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Runs a node. Each line of a JSON log is JSON, that of a failure and of a panic too.
fn run_node(serve: &ServeArgs, log_format: LogFormat) -> ExitCode {
    let levels = match logging::start(log_format, "info") {
        Ok(levels) => levels,
        Err(failure) => return failure.report(),
    };
    logging::log_panics();
    match (serve::run(serve, levels), log_format) {
        (Ok(()), _) => ExitCode::SUCCESS,
        (Err(failure), LogFormat::Text) => failure.report(),
        (Err(failure), LogFormat::Json) => failure.log(),
    }
}

/// Runs what talks to a cluster.
fn with_cluster(
    log_format: LogFormat,
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    logging::start(log_format, "warn")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::said_no(format!("no runtime: {error}")))?;
    let result = runtime.block_on(work);
    // A thread may still wait for a line on stdin; nothing it reads is wanted any more.
    runtime.shutdown_background();
    result
}
