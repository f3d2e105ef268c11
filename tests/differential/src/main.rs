//! Sends the same raw requests, each API in each version, valid and invalid, to two servers and compares the answers field by
//! field.
//!
//! ```text
//! moldau-differential compare --reference HOST:PORT --server HOST:PORT   both run, both fresh
//! moldau-differential record  --reference HOST:PORT                      keeps the reference's answers
//! ```
//!
//! The servers have `node.id=1` and `auto.create.topics.enable=false`. What differs on purpose is in `intended.tsv`; a difference that is
//! not there, and an entry there that no longer differs, are failures.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use moldau_differential::{answers_of, compare, recorded, write_recorded};

#[derive(Debug, Parser)]
#[command(about = "The same raw requests to two servers, answers compared field by field")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compares two servers that run
    Compare {
        /// Apache Kafka; without it what was recorded from it
        #[arg(long, value_name = "HOST:PORT")]
        reference: Option<String>,
        /// The server that must answer alike
        #[arg(long, value_name = "HOST:PORT")]
        server: String,
    },
    /// Writes what Apache Kafka answers to a file
    Record {
        /// Apache Kafka
        #[arg(long, value_name = "HOST:PORT")]
        reference: String,
        /// The file
        #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/recorded.jsonl"))]
        file: PathBuf,
    },
}

fn main() -> Result<()> {
    match Args::parse().command {
        Command::Record { reference, file } => write_recorded(&file, &answers_of(&reference)?),
        Command::Compare { reference, server } => {
            let expected = match reference {
                Some(reference) => answers_of(&reference)?,
                None => recorded()?,
            };
            let report = compare(&expected, &answers_of(&server)?)?;
            print!("{report}");
            if report.failed() {
                bail!("the servers answer differently");
            }
            Ok(())
        }
    }
}
