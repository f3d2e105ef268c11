//! The clusters that have a name: `config.toml`.
//!
//! ```toml
//! default_profile = "local"
//!
//! [profiles.local]
//! bootstrap_server = "127.0.0.1:9092"
//! output = "json"
//! command_config = "client.properties"      # beside this file
//! properties = { "request.timeout.ms" = 5000 }
//! ```

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::environment::ProfilesFile;
use crate::args::connection::OutputFormat;
use crate::failure::Failure;

/// The file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profiles {
    /// The profile that counts when none is named.
    pub(crate) default_profile: Option<String>,
    #[serde(default)]
    pub(crate) profiles: BTreeMap<String, Profile>,
    #[serde(skip)]
    pub(crate) file: PathBuf,
}

/// One cluster.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) bootstrap_server: Option<String>,
    pub(crate) command_config: Option<PathBuf>,
    pub(crate) output: Option<OutputFormat>,
    #[serde(default)]
    properties: toml::Table,
}

impl Profiles {
    /// Reads the file; there are none where there is no file and nobody named one.
    pub(crate) fn load(file: &ProfilesFile) -> Result<Self, Failure> {
        let (file, variable) = match file {
            ProfilesFile::Named(file) => (file, "MOLDAU_CONFIG="),
            ProfilesFile::InHome(file) => (file, ""),
            ProfilesFile::Nowhere => return Ok(Self::default()),
        };
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && variable.is_empty() => String::new(),
            Err(error) => return Err(Failure::usage(format!("{variable}{}: {error}", file.display()))),
        };
        let profiles: Self =
            toml::from_str(&text).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
        Ok(Self { file: file.clone(), ..profiles })
    }

    pub(crate) fn get(&self, name: &str) -> Result<&Profile, Failure> {
        self.profiles.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            let known = if known.is_empty() {
                "there is none".to_owned()
            } else {
                format!("there are: {}", known.join(", "))
            };
            let file = self.file.display();
            Failure::usage(format!("no profile {name} in {file}; {known}"))
        })
    }

    /// A path of the file is meant beside the file.
    pub(crate) fn beside(&self, path: &Path) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }
}

impl Profile {
    /// The client keys.
    pub(crate) fn pairs(&self) -> Result<Vec<(String, String)>, Failure> {
        self.properties
            .iter()
            .map(|(key, value)| {
                let text = match value {
                    toml::Value::String(text) => text.clone(),
                    toml::Value::Integer(number) => number.to_string(),
                    toml::Value::Float(number) => number.to_string(),
                    toml::Value::Boolean(yes) => yes.to_string(),
                    _ => {
                        return Err(Failure::usage(format!(
                            "property {key}: must be a text, a number or true or false; a key with dots stands in quotes"
                        )));
                    }
                };
                Ok((key.clone(), text))
            })
            .collect()
    }
}
