//! What `moldau log` takes.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

#[derive(Debug, ClapArgs)]
pub(crate) struct LogArgs {
    #[command(subcommand)]
    pub(crate) command: LogCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Show what is in segments, indexes, transaction indexes, producer snapshots and checkpoints
    Dump(LogDumpArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct LogDumpArgs {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Also show each record, with its key, value and headers
    #[arg(long)]
    pub(crate) records: bool,
    /// Also decompress and check each record, without showing keys and values
    #[arg(long)]
    pub(crate) deep: bool,
    /// With --records: only key and value of each record, without its offset, time and sizes
    #[arg(long, requires = "records")]
    pub(crate) skip_record_metadata: bool,
    /// Read no batches of a log that end beyond so many bytes
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_bytes: Option<u64>,
    /// How records are written [default: by the name of the file's directory]
    #[arg(long, value_enum)]
    pub(crate) kind: Option<crate::command::log::decode::Kind>,
}
