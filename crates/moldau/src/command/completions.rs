//! `moldau completions`: the script that completes our commands in a shell.

use clap::CommandFactory;

use crate::args::{Args, CompletionsArgs};
use crate::failure::Failure;
use crate::output::write;

pub(crate) fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut command = Args::command();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "moldau", &mut script);
    write(&script)
}
