//! The command line's shape: one file for what each command takes. What the commands do is with the commands.
//!
//! Always: each command that talks to a cluster takes [`ClusterArgs`], and with it `--output`; what a word of the command line
//! means is decided while it is parsed, so that wrong usage is seen before anything is asked of a cluster.

pub(crate) mod cluster;
pub(crate) mod config;
pub(crate) mod connection;
pub(crate) mod consume;
mod front;
pub(crate) mod group;
pub(crate) mod log;
pub(crate) mod offsets;
pub(crate) mod partitions;
pub(crate) mod perf;
pub(crate) mod produce;
pub(crate) mod records;
pub(crate) mod serve;
pub(crate) mod topic;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

pub(crate) use cluster::{
    ClusterApiVersionsArgs, ClusterCommand, ClusterCommandArgs, ClusterDescribeArgs, ClusterElectLeadersArgs,
    ClusterFeaturesArgs,
};
pub(crate) use config::{ConfigCommand, ConfigGetArgs, ConfigListArgs, ConfigSetArgs, ResourceKind};
pub(crate) use connection::{ClusterArgs, OutputFormat};
pub(crate) use consume::ConsumeArgs;
pub(crate) use front::behind_the_command;
pub(crate) use group::{
    GroupCommand, GroupDeleteArgs, GroupDeleteOffsetsArgs, GroupDescribeArgs, GroupListArgs,
    GroupRemoveMembersArgs, GroupResetArgs,
};
pub(crate) use log::LogCommand;
pub(crate) use offsets::OffsetsArgs;
pub(crate) use perf::PerfCommand;
pub(crate) use produce::{ProduceArgs, RecordFormat};
pub(crate) use records::{RecordsCommand, RecordsDeleteArgs};
pub(crate) use serve::ServeArgs;
pub(crate) use topic::{
    TopicAlterArgs, TopicCommand, TopicCreateArgs, TopicDeleteArgs, TopicDescribeArgs, TopicListArgs,
    TopicProducersArgs,
};

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
    /// Look into a node's files, and move them between log directories
    #[command(subcommand)]
    Log(LogCommand),
    #[command(flatten)]
    Client(Box<ClientCommand>),
    /// Clusters that have a name
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Print a script that completes `moldau` in a shell
    Completions(CompletionsArgs),
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
    /// Show where partitions begin and end, and the offsets of times
    Offsets(OffsetsArgs),
    /// Delete records
    #[command(subcommand)]
    Records(RecordsCommand),
    /// List, describe, reset and delete consumer groups
    #[command(subcommand)]
    Group(GroupCommand),
    /// Show and change configs of topics, brokers and groups
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Measure how fast records are written and read
    #[command(subcommand)]
    Perf(PerfCommand),
    /// Show brokers, features and API versions; elect leaders
    Cluster(ClusterCommandArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// List the clusters of the configuration file
    List(ProfileListArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ProfileListArgs {
    /// The form of the result: table or json
    #[arg(short, long, value_enum, value_name = "FORM")]
    pub(crate) output: Option<OutputFormat>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// Splits `key=value` at the first `=`; the value may be empty.
pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
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

    /// The commands below one that take `--output` and have none below them, by their words.
    fn with_output(command: &clap::Command, words: &[&str], found: &mut Vec<Vec<String>>) {
        for below in command.get_subcommands() {
            let words = [words, &[below.get_name()]].concat();
            with_output(below, &words, found);
            let takes = below.get_arguments().any(|argument| argument.get_id() == "output");
            if takes && below.get_subcommands().next().is_none() {
                found.push(words.iter().map(|word| (*word).to_owned()).collect());
            }
        }
    }

    #[test]
    fn commands_with_json_had_no_place_on_its_page() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let page = std::fs::read_to_string(root.join("../../docs/json-output.md")).expect("the page");
        let mut commands = Vec::new();
        with_output(&Args::command(), &[], &mut commands);
        assert!(commands.len() > 25, "{commands:?}");
        for words in commands {
            let (line, name) = (format!("`moldau {}", words.join(" ")), words.join("-"));
            let shown = page.lines().any(|shown| shown.starts_with(&line));
            assert!(shown, "docs/json-output.md has no line that begins with {line}");
            assert!(page.contains(&format!("<!-- {name} -->")), "docs/json-output.md has no <!-- {name} -->");
            let snapshot = root.join(format!("tests/it/snapshots/{name}.snap"));
            assert!(snapshot.is_file(), "there is no {}", snapshot.display());
        }
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
