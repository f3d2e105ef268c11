//! The environment's part of the settings: one variable for each option of `ClusterArgs`.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::args::connection::OutputFormat;
use crate::args::key_value;
use crate::failure::Failure;

/// What the environment says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// `MOLDAU_BOOTSTRAP_SERVER`
    pub(crate) bootstrap_server: Option<String>,
    /// `MOLDAU_PROFILE`
    pub(crate) profile: Option<String>,
    /// `MOLDAU_COMMAND_CONFIG`
    pub(crate) command_config: Option<PathBuf>,
    /// `MOLDAU_PROPERTY`: `KEY=VALUE`, one a line
    pub(crate) property: Vec<(String, String)>,
    /// `MOLDAU_OUTPUT`
    pub(crate) output: Option<OutputFormat>,
    /// Where the profiles are.
    pub(crate) profiles_file: ProfilesFile,
}

/// Where the profiles are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ProfilesFile {
    /// `MOLDAU_CONFIG`, and then it must be there.
    Named(PathBuf),
    /// `moldau/config.toml` in the user's configuration directory, if it is there.
    InHome(PathBuf),
    /// There is no such directory.
    #[default]
    Nowhere,
}

impl Environment {
    /// Of this process.
    pub(crate) fn of_process() -> Result<Self, Failure> {
        Self::of(|name| std::env::var(name).ok())
    }

    /// A variable that is empty counts as not set.
    pub(crate) fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let wrong = |name: &str, value: &str, why: &str| Failure::usage(format!("{name}={value}: {why}"));
        let property = variable("MOLDAU_PROPERTY")
            .unwrap_or_default()
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| key_value(line).map_err(|why| wrong("MOLDAU_PROPERTY", line, &why)))
            .collect::<Result<_, _>>()?;
        let output = variable("MOLDAU_OUTPUT")
            .map(|text| {
                OutputFormat::from_str(&text, true)
                    .map_err(|_| wrong("MOLDAU_OUTPUT", &text, "must be table or json"))
            })
            .transpose()?;
        let in_home = || {
            let base = variable("XDG_CONFIG_HOME")
                .map(PathBuf::from)
                .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".config")))?;
            Some(base.join("moldau/config.toml"))
        };
        Ok(Self {
            bootstrap_server: variable("MOLDAU_BOOTSTRAP_SERVER"),
            profile: variable("MOLDAU_PROFILE"),
            command_config: variable("MOLDAU_COMMAND_CONFIG").map(PathBuf::from),
            property,
            output,
            profiles_file: match variable("MOLDAU_CONFIG") {
                Some(file) => ProfilesFile::Named(file.into()),
                None => in_home().map_or(ProfilesFile::Nowhere, ProfilesFile::InHome),
            },
        })
    }
}
