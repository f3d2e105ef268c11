//! The commands, one file each.

pub(crate) mod cluster;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod consume;
pub(crate) mod group;
pub(crate) mod log;
pub(crate) mod offsets;
pub(crate) mod perf;
pub(crate) mod place;
pub(crate) mod produce;
pub(crate) mod profile;
pub(crate) mod records;
mod selection;
pub(crate) mod topic;

use crate::args::{ClientCommand, ClusterArgs};
use crate::failure::{Failure, explained};
use crate::settings::{Kind, Settings};
use crate::stderr::complain;

/// Runs a command that talks to a cluster.
pub(crate) async fn run(command: ClientCommand) -> Result<(), Failure> {
    match command {
        ClientCommand::Topic(command) => topic::run(command).await,
        ClientCommand::Produce(args) => produce::run(args).await,
        ClientCommand::Consume(args) => consume::run(args).await,
        ClientCommand::Offsets(args) => offsets::run(args).await,
        ClientCommand::Records(command) => records::run(command).await,
        ClientCommand::Group(command) => group::run(command).await,
        ClientCommand::Config(command) => config::run(command).await,
        ClientCommand::Perf(command) => perf::run(command).await,
        ClientCommand::Cluster(args) => cluster::run(args).await,
    }
}

impl ClusterArgs {
    /// The settings of a command that only administers.
    fn administers(&self) -> Result<Settings, Failure> {
        Settings::resolve(self, &[Kind::Admin])
    }
}

/// Reports the failures among several results on stderr; an error if there was one.
fn report_all<T>(results: Vec<Result<T, moldau_client::ClientError>>) -> Result<Vec<T>, Failure> {
    let mut good = Vec::new();
    let mut failed = false;
    for result in results {
        match result {
            Ok(value) => good.push(value),
            Err(error) => {
                complain(format_args!("error: {}", explained(&error)));
                failed = true;
            }
        }
    }
    if failed { Err(Failure::Reported) } else { Ok(good) }
}
