//! The command line's shape. What the commands do is with the commands.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// Apache Kafka's system as one binary.
#[derive(Debug, Parser)]
#[command(name = "moldau", version, about, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Args {
    /// The form of log lines, which go to stderr (MOLDAU_LOG chooses which, for example MOLDAU_LOG=debug)
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, env = "MOLDAU_LOG_FORMAT")]
    pub(crate) log_format: LogFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a node: broker and controller in one process
    Serve(ServeArgs),
    /// Look into a node's files
    Log(LogArgs),
    #[command(flatten)]
    Client(ClientCommand),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ServeArgs {
    /// A Kafka server.properties
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The data directory (log.dirs) [default: ./moldau-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The address of the one plaintext listener [default: 127.0.0.1:9092]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
    /// The address of /metrics, /healthz and /readyz, or `off` [default: 127.0.0.1:9644]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) http: Option<String>,
    /// Sets any broker key, over the file and the options above
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
    /// The metadata version that the first start finalizes, such as 4.3
    #[arg(long, value_name = "V")]
    pub(crate) release_version: Option<String>,
    /// A feature level that the first start finalizes, such as kraft.version=1
    #[arg(long, value_name = "NAME=LEVEL", value_parser = feature_level)]
    pub(crate) feature: Vec<(String, i16)>,
}

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
    /// How records are written [default: by the name of the file's directory]
    #[arg(long, value_enum)]
    pub(crate) kind: Option<crate::command::log::decode::Kind>,
}

/// What every command that talks to a cluster takes.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ClusterArgs {
    /// Addresses from which the cluster is found, separated by commas
    #[arg(
        short = 'b',
        long,
        value_name = "HOST:PORT",
        env = "MOLDAU_BOOTSTRAP_SERVER",
        default_value = "127.0.0.1:9092",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub(crate) bootstrap_server: Vec<String>,
    /// Sets a client key such as request.timeout.ms
    #[arg(short = 'X', long = "property", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) property: Vec<(String, String)>,
}

/// How results are shown.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub(crate) struct OutputArgs {
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = OutputFormat::Table, env = "MOLDAU_OUTPUT")]
    pub(crate) output: OutputFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Table,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Make, list, describe, change and delete topics
    #[command(subcommand)]
    Topic(TopicCommand),
    /// Write records from stdin, one a line
    Produce(ProduceArgs),
    /// Read records to stdout
    Consume(ConsumeArgs),
    /// List and describe consumer groups
    #[command(subcommand)]
    Group(GroupCommand),
    /// Show and change configs of topics, brokers and groups
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show the cluster, its brokers and features
    Cluster(ClusterCommandArgs),
}

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ClusterCommandArgs {
    /// The one there is may be left out
    #[command(subcommand)]
    pub(crate) command: Option<ClusterCommand>,
    #[command(flatten)]
    pub(crate) describe: ClusterDescribeArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Show the cluster, its brokers and features
    Describe(ClusterDescribeArgs),
}

impl ClusterCommandArgs {
    /// `moldau cluster` is `moldau cluster describe`.
    pub(crate) fn describe(self) -> ClusterDescribeArgs {
        match self.command {
            Some(ClusterCommand::Describe(args)) => args,
            None => self.describe,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ClusterDescribeArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TopicCommand {
    /// Make topics
    Create(TopicCreateArgs),
    /// List topics
    List(TopicListArgs),
    /// Show partitions, leaders, replicas and configs
    Describe(TopicDescribeArgs),
    /// Delete topics with all their records
    Delete(TopicDeleteArgs),
    /// Add partitions, set or unset configs
    Alter(TopicAlterArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TopicCreateArgs {
    /// The topics
    #[arg(required = true, value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// The number of partitions [default: the broker's num.partitions]
    #[arg(short, long, value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) partitions: Option<i32>,
    /// The number of replicas [default: the broker's default.replication.factor]
    #[arg(short, long, value_parser = clap::value_parser!(i16).range(1..))]
    pub(crate) replication_factor: Option<i16>,
    /// A config such as retention.ms=-1
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) config: Vec<(String, String)>,
    /// Do nothing about topics that exist
    #[arg(long)]
    pub(crate) if_not_exists: bool,
    /// Only ask whether it could be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TopicListArgs {
    /// Also the cluster's own topics
    #[arg(long)]
    pub(crate) internal: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TopicDescribeArgs {
    /// The topics [default: all]
    #[arg(value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TopicDeleteArgs {
    /// The topics
    #[arg(required = true, value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// Do nothing about topics that do not exist
    #[arg(long)]
    pub(crate) if_exists: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TopicAlterArgs {
    /// The topic
    pub(crate) topic: String,
    /// The new number of partitions, which can only grow
    #[arg(short, long, value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) partitions: Option<i32>,
    /// A config to set
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) config: Vec<(String, String)>,
    /// A config to unset
    #[arg(short, long, value_name = "KEY")]
    pub(crate) delete_config: Vec<String>,
    /// Only ask whether it could be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordFormat {
    /// The value (and what is asked for with it), a line a record
    Text,
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
    #[arg(short = 'K', long, value_name = "TEXT", conflicts_with = "key")]
    pub(crate) key_separator: Option<String>,
    /// A header of all records
    #[arg(short = 'H', long = "header", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) headers: Vec<(String, String)>,
    /// The partition of all records [default: chosen by key]
    #[arg(short, long, value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) partition: Option<i32>,
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
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ConsumeArgs {
    /// The topics; several only with --group
    #[arg(required = true, value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// Where to start: beginning, end, an offset, -N for N before the end, or a time such as 2013-01-01T05:15:00Z or @MS
    #[arg(short = 'o', long = "from", value_name = "WHERE", allow_hyphen_values = true, conflicts_with = "group", value_parser = crate::command::consume::start)]
    pub(crate) from: Option<crate::command::consume::Start>,
    /// The partitions [default: all]
    #[arg(short, long, value_delimiter = ',', conflicts_with = "group")]
    pub(crate) partition: Vec<i32>,
    /// Share the partitions within this group and commit offsets; without committed offsets, from the beginning
    #[arg(short, long)]
    pub(crate) group: Option<String>,
    /// End after this many records
    #[arg(short = 'n', long = "count", value_name = "COUNT")]
    pub(crate) count: Option<u64>,
    /// End at what is the end now
    #[arg(short = 'e', long)]
    pub(crate) exit_at_end: bool,
    /// End when nothing came for this many seconds
    #[arg(short, long, value_name = "SECONDS", value_parser = crate::time::seconds)]
    pub(crate) timeout: Option<std::time::Duration>,
    /// text, json, or a template: %k key, %s value, %h headers, %T timestamp, %t topic, %p partition, %o offset, %K and %S
    /// sizes, \n, \t, \xNN
    #[arg(short, long, default_value = "text", value_parser = crate::command::template::Format::parse)]
    pub(crate) format: crate::command::template::Format,
    /// With text: print the key, and this between key and value
    #[arg(short = 'K', long, value_name = "TEXT")]
    pub(crate) key_separator: Option<String>,
    /// With text: print the headers before the value
    #[arg(long)]
    pub(crate) headers: bool,
    /// What is printed for a null key or value
    #[arg(long, value_name = "MARKER", default_value = "")]
    pub(crate) null: String,
    /// Only records of committed transactions
    #[arg(long)]
    pub(crate) read_committed: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// List groups
    List(GroupListArgs),
    /// Show offsets, lag and members of groups
    Describe(GroupDescribeArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct GroupListArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct GroupDescribeArgs {
    /// The groups
    #[arg(required = true, value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// Show the members rather than the offsets
    #[arg(short, long)]
    pub(crate) members: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show configs with their sources
    Get(ConfigGetArgs),
    /// Set and unset configs
    Set(ConfigSetArgs),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResourceKind {
    Topic,
    Broker,
    BrokerLogger,
    ClientMetrics,
    Group,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ConfigGetArgs {
    /// What has the configs
    #[arg(value_enum)]
    pub(crate) kind: ResourceKind,
    /// Its name; for brokers an id, or `default` for what counts for all of them
    pub(crate) name: String,
    /// Only these keys
    #[arg(value_name = "KEY")]
    pub(crate) keys: Vec<String>,
    /// Also what is at its default
    #[arg(short, long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ConfigSetArgs {
    /// What has the configs
    #[arg(value_enum)]
    pub(crate) kind: ResourceKind,
    /// Its name; for brokers an id, or `default` for what counts for all of them
    pub(crate) name: String,
    /// What to set
    #[arg(value_name = "KEY=VALUE", value_parser = key_value, required_unless_present = "delete")]
    pub(crate) set: Vec<(String, String)>,
    /// A key to unset
    #[arg(short, long, value_name = "KEY")]
    pub(crate) delete: Vec<String>,
    /// Only ask whether it could be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// Splits `key=value` at the first `=`; the value may be empty.
fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("must be KEY=VALUE".to_owned()),
    }
}

fn feature_level(text: &str) -> Result<(String, i16), String> {
    let (name, level) =
        key_value(text).map_err(|_| "must be NAME=LEVEL, such as kraft.version=1".to_owned())?;
    let level = level.parse().map_err(|_| "the level must be a number".to_owned())?;
    Ok((name, level))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn key_value_splits_at_the_first_equals_sign() {
        assert_eq!(key_value("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(key_value("a="), Ok(("a".to_owned(), String::new())));
        assert!(key_value("a").is_err() && key_value("=b").is_err());
    }

    #[test]
    fn wrong_usage_is_exit_code_2() {
        for line in [
            &["moldau", "topic", "create"][..],
            &["moldau", "consume", "t", "--from", "nowhere"],
            &["moldau", "serve", "--feature", "kraft.version=x"],
            &["moldau", "produce", "t", "--partition", "-1"],
        ] {
            assert_eq!(Args::try_parse_from(line).expect_err("wrong usage").exit_code(), 2, "{line:?}");
        }
        assert_eq!(Args::try_parse_from(["moldau", "--version"]).expect_err("shown").exit_code(), 0);
    }
}
