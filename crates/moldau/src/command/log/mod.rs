//! `moldau log`: the files of a log, and the directories they are in.

pub(crate) mod decode;
mod dirs;
pub(crate) mod dump;
mod moves;

use crate::args::LogCommand;
use crate::failure::Failure;

/// Runs what talks to a cluster.
pub(crate) async fn run(command: LogCommand) -> Result<(), Failure> {
    match command {
        LogCommand::Dump(args) => dump::dump(args),
        LogCommand::Dirs(args) => dirs::dirs(args).await,
        LogCommand::Move(args) => moves::run(args).await,
    }
}
