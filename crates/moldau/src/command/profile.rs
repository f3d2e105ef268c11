//! `moldau profile`: the clusters of the configuration file.

use serde_json::json;

use crate::args::{ProfileCommand, ProfileListArgs};
use crate::failure::Failure;
use crate::output::{Table, show};
use crate::settings::{Environment, Profiles};

pub(crate) fn run(command: &ProfileCommand) -> Result<(), Failure> {
    match command {
        ProfileCommand::List(args) => list(args),
    }
}

fn list(args: &ProfileListArgs) -> Result<(), Failure> {
    let environment = Environment::of_process()?;
    let profiles = Profiles::load(&environment.profiles_file)?;
    let output = args.output.or(environment.output).unwrap_or_default();
    let is_default = |name: &str| profiles.default_profile.as_deref() == Some(name);
    show(
        output,
        || {
            profiles
                .profiles
                .iter()
                .map(|(name, profile)| {
                    json!({
                        "profile": name,
                        "default": is_default(name),
                        "bootstrap_server": profile.bootstrap_server,
                        "command_config": profile.command_config.as_ref().map(|path| path.display().to_string()),
                    })
                })
                .collect()
        },
        || {
            let mut table = Table::new(&["PROFILE", "DEFAULT", "BOOTSTRAP SERVER"]);
            for (name, profile) in &profiles.profiles {
                let default = if is_default(name) { "yes" } else { "-" };
                let address = profile.bootstrap_server.clone().unwrap_or_else(|| "-".to_owned());
                table.row(vec![name.clone(), default.to_owned(), address]);
            }
            table.text()
        },
    )
}
