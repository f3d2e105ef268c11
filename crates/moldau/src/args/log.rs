//! What `moldau log` takes.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::partitions::TopicPartitions;
use super::{ClusterArgs, OutputFormat};

#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Show what is in segments, indexes, transaction indexes, producer snapshots and checkpoints
    Dump(LogDumpArgs),
    /// Show the log directories of a cluster's brokers, and how large the replicas in them are
    Dirs(LogDirsArgs),
    /// Move replicas to another log directory of their broker
    Move(LogMoveArgs),
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
    /// The form of the result: table, which is the text of Kafka's dump tool, or json, an object a line [env: MOLDAU_OUTPUT]
    #[arg(short, long, value_enum, value_name = "FORM", hide_possible_values = true)]
    pub(crate) output: Option<OutputFormat>,
    /// How records are written [default: by the name of the file's directory]
    #[arg(long, value_enum)]
    pub(crate) kind: Option<crate::command::log::decode::Kind>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct LogDirsArgs {
    /// Also each replica of these topics
    #[arg(value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// Also each replica of all topics
    #[arg(long, conflicts_with = "topics")]
    pub(crate) replicas: bool,
    /// Only these brokers
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) broker: Vec<i32>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct LogMoveArgs {
    /// The topics, or some of their partitions
    #[arg(required = true, value_name = "TOPIC[:PARTITIONS]")]
    pub(crate) topics: Vec<TopicPartitions>,
    /// The broker
    #[arg(long, value_name = "ID")]
    pub(crate) broker: i32,
    /// The log directory, by the absolute path that `moldau log dirs` shows
    #[arg(long = "to", value_name = "DIR")]
    pub(crate) directory: String,
    /// Wait until it is done
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}
