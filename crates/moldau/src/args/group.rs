//! What `moldau group` takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args as ClapArgs, Subcommand};

use super::ClusterArgs;
use super::partitions::TopicPartitions;
use crate::pattern::Pattern;

#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// List groups
    List(GroupListArgs),
    /// Show offsets, lag, members and states of groups
    Describe(GroupDescribeArgs),
    /// Move committed offsets of groups without members; only shows what it would do until --execute
    Reset(GroupResetArgs),
    /// Delete groups without members, with their committed offsets
    Delete(GroupDeleteArgs),
    /// Delete committed offsets of topics that no member reads
    DeleteOffsets(GroupDeleteOffsetsArgs),
    /// Remove members of a group of the classic protocol; those that live join again
    RemoveMembers(GroupRemoveMembersArgs),
}

/// The states of groups of all types.
const STATES: [&str; 8] = [
    "Stable",
    "Empty",
    "PreparingRebalance",
    "CompletingRebalance",
    "Assigning",
    "Reconciling",
    "NotReady",
    "Dead",
];

const TYPES: [&str; 4] = ["classic", "consumer", "share", "streams"];

fn state(text: &str) -> Result<String, String> {
    one_of(&STATES, text)
}

fn kind(text: &str) -> Result<String, String> {
    one_of(&TYPES, text)
}

/// Names are compared as people write them, also `preparing-rebalance`.
fn one_of(names: &[&str], text: &str) -> Result<String, String> {
    let plain = |text: &str| {
        let chars = text.chars().filter(char::is_ascii_alphanumeric);
        chars.map(|char| char.to_ascii_lowercase()).collect::<String>()
    };
    let found = names.iter().find(|name| plain(name) == plain(text));
    found.map(|name| (*name).to_owned()).ok_or_else(|| format!("must be one of {}", names.join(", ")))
}

#[derive(Debug, ClapArgs)]
pub(crate) struct GroupListArgs {
    /// Only groups whose whole id matches this regular expression
    #[arg(long, value_name = "REGEX")]
    pub(crate) matching: Option<Pattern>,
    /// Only groups in these states, such as Stable or Empty
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = state)]
    pub(crate) state: Vec<String>,
    /// Only groups of these types: classic, consumer, share, streams
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = kind)]
    pub(crate) kind: Vec<String>,
    /// Only groups of this embedded protocol, such as consumer or connect
    #[arg(long, value_name = "PROTOCOL")]
    pub(crate) protocol: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// Which groups.
#[derive(Clone, Debug, ClapArgs)]
#[command(group = ArgGroup::new("which").required(true).args(["groups", "all", "matching"]))]
pub(crate) struct GroupsArgs {
    /// The groups
    #[arg(value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// All groups
    #[arg(long)]
    pub(crate) all: bool,
    /// All groups whose whole id matches this regular expression
    #[arg(long, value_name = "REGEX")]
    pub(crate) matching: Option<Pattern>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct GroupDescribeArgs {
    #[command(flatten)]
    pub(crate) groups: GroupsArgs,
    /// Show the members rather than the offsets
    #[arg(short, long, conflicts_with = "state")]
    pub(crate) members: bool,
    /// Show the state rather than the offsets
    #[arg(short, long)]
    pub(crate) state: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, ClapArgs)]
#[command(
    group = ArgGroup::new("spec").required(true).args([
        "to_earliest", "to_latest", "to_current", "to_offset", "shift_by", "to_datetime", "by_duration", "from_file",
    ]),
    group = ArgGroup::new("scope").required(true).multiple(false).args(["topic", "all_topics", "from_file"])
)]
pub(crate) struct GroupResetArgs {
    #[command(flatten)]
    pub(crate) groups: GroupsArgs,
    /// A topic, or some of its partitions
    #[arg(long, value_name = "TOPIC[:PARTITIONS]")]
    pub(crate) topic: Vec<TopicPartitions>,
    /// All topics of which the group has committed offsets
    #[arg(long)]
    pub(crate) all_topics: bool,
    /// To the first record there is
    #[arg(long)]
    pub(crate) to_earliest: bool,
    /// To the end
    #[arg(long)]
    pub(crate) to_latest: bool,
    /// To where it is; to the end where nothing is committed
    #[arg(long)]
    pub(crate) to_current: bool,
    /// To this offset
    #[arg(long, value_name = "OFFSET", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) to_offset: Option<i64>,
    /// Forward by so many offsets, or back by -N
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) shift_by: Option<i64>,
    /// To the first record that is not older, such as 2013-01-01T05:15:00Z
    #[arg(long, value_name = "TIME", value_parser = crate::time::parse)]
    pub(crate) to_datetime: Option<i64>,
    /// To the first record that is not older than this, such as PT1H30M or 7d
    #[arg(long, value_name = "DURATION", value_parser = crate::time::duration)]
    pub(crate) by_duration: Option<Duration>,
    /// To what a CSV file says: topic,partition,offset for one group, or group,topic,partition,offset
    #[arg(long, value_name = "FILE")]
    pub(crate) from_file: Option<PathBuf>,
    /// Do it, rather than only show what would be done
    #[arg(long)]
    pub(crate) execute: bool,
    /// Print the result as CSV, which --from-file reads
    #[arg(long, conflicts_with = "output")]
    pub(crate) export: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct GroupDeleteArgs {
    #[command(flatten)]
    pub(crate) groups: GroupsArgs,
    /// Only say which groups would be deleted
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct GroupDeleteOffsetsArgs {
    /// The group
    pub(crate) group: String,
    /// The topics, or some of their partitions
    #[arg(required = true, value_name = "TOPIC[:PARTITIONS]")]
    pub(crate) topics: Vec<TopicPartitions>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, ClapArgs)]
#[command(group = ArgGroup::new("members").required(true).args(["instance", "all_members"]))]
pub(crate) struct GroupRemoveMembersArgs {
    /// The group
    pub(crate) group: String,
    /// The instance id of a static member
    #[arg(long, value_name = "ID")]
    pub(crate) instance: Vec<String>,
    /// All members
    #[arg(long)]
    pub(crate) all_members: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_or_type_that_is_none_gave_an_empty_list_and_is_refused() {
        assert_eq!(state("preparing-rebalance"), Ok("PreparingRebalance".to_owned()));
        assert_eq!(kind("Classic"), Ok("classic".to_owned()));
        assert!(state("bogus").is_err_and(|why| why.contains("Stable, Empty, PreparingRebalance")));
        assert_eq!(kind("bogus"), Err("must be one of classic, consumer, share, streams".to_owned()));
        assert!(state("").is_err());
    }
}
