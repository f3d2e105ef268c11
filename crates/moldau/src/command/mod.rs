//! The commands, one file each.

pub(crate) mod cluster;
pub(crate) mod config;
pub(crate) mod consume;
pub(crate) mod group;
pub(crate) mod log;
pub(crate) mod produce;
pub(crate) mod template;
pub(crate) mod topic;

use moldau_client::{Admin, CommonConfig, ConsumerConfig, ProducerConfig};

use crate::args::{ClientCommand, ClusterArgs};
use crate::failure::Failure;

/// Runs a command that talks to a cluster.
pub(crate) async fn run(command: ClientCommand) -> Result<(), Failure> {
    match command {
        ClientCommand::Topic(command) => topic::run(command).await,
        ClientCommand::Produce(args) => produce::run(args).await,
        ClientCommand::Consume(args) => consume::run(args).await,
        ClientCommand::Group(command) => group::run(command).await,
        ClientCommand::Config(command) => config::run(command).await,
        ClientCommand::Cluster(args) => cluster::run(args.describe()).await,
    }
}

const CLIENT_ID: &str = "moldau-cli";

impl ClusterArgs {
    fn common(&self) -> CommonConfig {
        CommonConfig {
            bootstrap_servers: self.bootstrap_server.clone(),
            client_id: CLIENT_ID.to_owned(),
            ..Default::default()
        }
    }

    async fn admin(&self) -> Result<Admin, Failure> {
        let mut config = self.common();
        for (key, value) in &self.property {
            config.set(key, value)?;
        }
        Ok(Admin::connect(config).await?)
    }

    fn producer(&self) -> Result<ProducerConfig, Failure> {
        let mut config = ProducerConfig { common: self.common(), ..Default::default() };
        for (key, value) in &self.property {
            config.set(key, value)?;
        }
        Ok(config)
    }

    fn consumer(&self) -> Result<ConsumerConfig, Failure> {
        let mut config = ConsumerConfig { common: self.common(), ..Default::default() };
        for (key, value) in &self.property {
            config.set(key, value)?;
        }
        Ok(config)
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
                eprintln!("error: {error}");
                failed = true;
            }
        }
    }
    if failed { Err(Failure::Reported) } else { Ok(good) }
}
