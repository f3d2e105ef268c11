//! What every command that talks to a cluster takes. How it is put together is in `settings`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use serde::Deserialize;

use super::key_value;

/// The cluster, how to reach it, and the form of the result.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "The cluster and the result")]
pub(crate) struct ClusterArgs {
    /// Addresses from which the cluster is found, separated by commas [env: MOLDAU_BOOTSTRAP_SERVER] [default:
    /// 127.0.0.1:9092]
    #[arg(short = 'b', long, value_name = "HOST:PORT")]
    pub(crate) bootstrap_server: Option<String>,
    /// A cluster of the configuration file, ~/.config/moldau/config.toml [env: MOLDAU_PROFILE]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The .properties file of a Kafka client [env: MOLDAU_COMMAND_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) command_config: Option<PathBuf>,
    /// Sets a client key such as request.timeout.ms [env: MOLDAU_PROPERTY, one a line]
    #[arg(short = 'X', long = "property", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) property: Vec<(String, String)>,
    /// The form of the result: table or json [env: MOLDAU_OUTPUT] [default: table]
    #[arg(short, long, value_enum, value_name = "FORM", hide_possible_values = true)]
    pub(crate) output: Option<OutputFormat>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OutputFormat {
    #[default]
    Table,
    Json,
}
