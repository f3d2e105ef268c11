//! What `moldau produce` takes.

use clap::{Args as ClapArgs, ValueEnum};

use super::{ClusterArgs, key_value};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordFormat {
    /// The value, with --key-separator the key before it
    Text,
    /// As text, but keys and values are hex
    Hex,
    /// A JSON object a line: topic, partition, offset, timestamp, key, value, headers
    Json,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ProduceArgs {
    /// The topic
    pub(crate) topic: String,
    /// The form of the lines; JSON is what `consume --format json` prints
    #[arg(short, long, value_enum, default_value_t = RecordFormat::Text)]
    pub(crate) format: RecordFormat,
    /// The key of all records
    #[arg(short, long)]
    pub(crate) key: Option<String>,
    /// What stands between key and value in each line
    #[arg(short = 'K', long, value_name = "TEXT", conflicts_with = "key", value_parser = crate::text::unescaped)]
    pub(crate) key_separator: Option<String>,
    /// A header of all records
    #[arg(short = 'H', long = "header", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) header: Vec<(String, String)>,
    /// Each line begins with headers and a tab, as `consume --headers` prints them: a=1,b=2
    #[arg(long)]
    pub(crate) headers: bool,
    /// What ends a record on stdin [default: the end of the line]
    #[arg(short = 'D', long, value_name = "TEXT", value_parser = crate::text::unescaped)]
    pub(crate) delimiter: Option<String>,
    /// The partition of all records [default: chosen by key]
    #[arg(short, long, value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) partition: Option<i32>,
    /// With JSON: the partitions that stand in the lines
    #[arg(long, conflicts_with = "partition")]
    pub(crate) keep_partitions: bool,
    /// The time of all records: milliseconds since 1970, or such as 2013-01-01T05:15:00Z [default: now]
    #[arg(short, long, value_name = "TIME", value_parser = crate::time::parse)]
    pub(crate) timestamp: Option<i64>,
    /// How batches are compressed: none, gzip, snappy, lz4 or zstd
    #[arg(short = 'z', long, value_name = "CODEC")]
    pub(crate) compression: Option<String>,
    /// When a record counts as written: all, 1 or 0
    #[arg(short, long)]
    pub(crate) acks: Option<String>,
    /// Text that stands for a null key or value
    #[arg(long, value_name = "MARKER")]
    pub(crate) null: Option<String>,
    /// Tell of lines that are no records, and go on
    #[arg(long)]
    pub(crate) skip_bad_lines: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}
