//! Sends the same raw requests, each API in each version, valid and invalid, to two servers and compares the answers field by
//! field.
//!
//! ```text
//! moldau-differential compare --reference HOST:PORT,HOST:PORT --server HOST:PORT,HOST:PORT   both run, both fresh
//! moldau-differential record  --reference HOST:PORT,HOST:PORT                                keeps the reference's answers
//! ```
//!
//! The second address is that of the controller's listener. The servers have `node.id=1` and `auto.create.topics.enable=false`, and one replica
//! of the topics of committed offsets and transactions. What differs on purpose is in `intended.tsv`; a difference that is not there, and an
//! entry there that no longer differs, are failures.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use moldau_differential::{Answer, answers_of, compare, recorded, write_recorded};

#[derive(Debug, Parser)]
#[command(about = "The same raw requests to two servers, answers compared field by field")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

/// Where a server's clients and its controller's clients connect.
#[derive(Clone, Debug)]
struct Addresses {
    clients: String,
    controller: String,
}

impl FromStr for Addresses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (clients, controller) =
            text.split_once(',').ok_or("the address for clients, a comma, the controller's address")?;
        Ok(Addresses { clients: clients.to_owned(), controller: controller.to_owned() })
    }
}

impl Addresses {
    fn answers(&self) -> Result<Vec<Answer>> {
        answers_of(&self.clients, &self.controller)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compares two servers that run
    Compare {
        /// Apache Kafka; without it what was recorded from it
        #[arg(long, value_name = "HOST:PORT,HOST:PORT")]
        reference: Option<Addresses>,
        /// The server that must answer alike
        #[arg(long, value_name = "HOST:PORT,HOST:PORT")]
        server: Addresses,
    },
    /// Writes what Apache Kafka answers to a file
    Record {
        /// Apache Kafka
        #[arg(long, value_name = "HOST:PORT,HOST:PORT")]
        reference: Addresses,
        /// The file
        #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/recorded.jsonl"))]
        file: PathBuf,
    },
}

fn main() -> Result<()> {
    match Args::parse().command {
        Command::Record { reference, file } => write_recorded(&file, &reference.answers()?),
        Command::Compare { reference, server } => {
            let expected = match reference {
                Some(reference) => reference.answers()?,
                None => recorded()?,
            };
            let report = compare(&expected, &server.answers()?)?;
            print!("{report}");
            if report.failed() {
                bail!("the servers answer differently");
            }
            Ok(())
        }
    }
}
