//! What `moldau config` takes.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::{ClusterArgs, key_value};

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
    /// Its name; for brokers an id, or `default` for what counts for all of them [default: all topics, brokers or groups]
    pub(crate) name: Option<String>,
    /// Only these keys
    #[arg(value_name = "KEY")]
    pub(crate) keys: Vec<String>,
    /// Also what is at its default
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Also what each key does
    #[arg(long)]
    pub(crate) docs: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ConfigSetArgs {
    /// What has the configs
    #[arg(value_enum)]
    pub(crate) kind: ResourceKind,
    /// Its name; for brokers an id, or `default` for what counts for all of them
    pub(crate) name: String,
    /// What to set
    #[arg(value_name = "KEY=VALUE", value_parser = key_value, required_unless_present_any = ["delete", "append", "subtract", "from_file"])]
    pub(crate) set: Vec<(String, String)>,
    /// A key to unset
    #[arg(short, long, value_name = "KEY")]
    pub(crate) delete: Vec<String>,
    /// What to add to a list
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) append: Vec<(String, String)>,
    /// What to take from a list
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) subtract: Vec<(String, String)>,
    /// A .properties file with what to set; KEY=VALUE wins over it
    #[arg(long, value_name = "FILE")]
    pub(crate) from_file: Option<PathBuf>,
    /// Only ask whether it could be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}
