//! What `moldau serve` takes.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{feature_level, key_value};

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
