//! What `moldau config` takes.

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
