//! `moldau completions`: the script that completes our commands in a shell.

use clap::{Args as _, CommandFactory};

use crate::args::{Args, ClusterArgs, CompletionsArgs};
use crate::failure::Failure;
use crate::output::write;

pub(crate) fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    // They are taken before the command too.
    let mut command = ClusterArgs::augment_args(Args::command());
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "moldau", &mut script);
    write(&script)
}
