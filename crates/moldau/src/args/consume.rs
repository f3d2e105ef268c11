//! What `moldau consume` takes.

use clap::Args as ClapArgs;

use super::ClusterArgs;
use crate::command::consume::{Condition, Format, condition};
use crate::command::place::{Place, place};
use crate::pattern::Pattern;

#[derive(Debug, ClapArgs)]
pub(crate) struct ConsumeArgs {
    /// The topics
    #[arg(value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// All topics whose whole name matches this regular expression, as they are now; with --group also those to come
    #[arg(long, value_name = "REGEX", conflicts_with = "topics", visible_alias = "include")]
    pub(crate) matching: Option<Pattern>,
    /// Where to start: beginning, end, an offset, -N for N before the end, or a time such as 2013-01-01T05:15:00Z or @MS
    #[arg(long, value_name = "WHERE", allow_hyphen_values = true, conflicts_with = "group", value_parser = place)]
    pub(crate) from: Option<Place>,
    /// Where to stop, before the record there: as --from; `end` is what is the end now
    #[arg(long, value_name = "WHERE", allow_hyphen_values = true, conflicts_with_all = ["group", "exit_at_end"], value_parser = place)]
    pub(crate) to: Option<Place>,
    /// The partitions [default: all]
    #[arg(short, long, value_delimiter = ',', conflicts_with = "group")]
    pub(crate) partition: Vec<i32>,
    /// Share the partitions within this group and commit offsets; without committed offsets, from the beginning
    #[arg(short, long)]
    pub(crate) group: Option<String>,
    /// Only records that fulfil this: FIELD=TEXT, FIELD!=TEXT, FIELD~REGEX, FIELD!~REGEX, FIELD (it is there) or !FIELD, where
    /// FIELD is key, value or header.NAME; with several, all of them
    #[arg(long, value_name = "CONDITION", value_parser = condition)]
    pub(crate) filter: Vec<Condition>,
    /// End after this many records
    #[arg(short = 'n', long, value_name = "COUNT")]
    pub(crate) count: Option<u64>,
    /// End at what is the end now
    #[arg(short = 'e', long)]
    pub(crate) exit_at_end: bool,
    /// End when nothing came for this many seconds
    #[arg(short, long, value_name = "SECONDS", value_parser = crate::time::seconds)]
    pub(crate) timeout: Option<std::time::Duration>,
    /// text, hex, json, or a template: %k key, %s value, %h headers, %T timestamp, %t topic, %p partition, %o offset, %K and %S
    /// sizes, %{NAME} as documented, \n, \t, \xNN [default: text]
    #[arg(short, long, value_parser = Format::parse)]
    pub(crate) format: Option<Format>,
    /// With text and hex: print the key, and this between key and value
    #[arg(short = 'K', long, value_name = "TEXT", value_parser = crate::text::unescaped)]
    pub(crate) key_separator: Option<String>,
    /// With text and hex: print the headers and a tab before the value
    #[arg(long)]
    pub(crate) headers: bool,
    /// With text and hex: what stands behind each record [default: \n]
    #[arg(short = 'D', long, value_name = "TEXT", value_parser = crate::text::unescaped)]
    pub(crate) delimiter: Option<String>,
    /// What is printed for a null key or value
    #[arg(long, value_name = "MARKER", default_value = "")]
    pub(crate) null: String,
    /// Records of the cluster's own topics as JSON of their schemas
    #[arg(long)]
    pub(crate) decode: bool,
    /// Only records of committed transactions
    #[arg(long)]
    pub(crate) read_committed: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}
