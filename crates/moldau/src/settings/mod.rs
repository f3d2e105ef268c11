//! How the cluster is reached and the result is shown: the layers of the command line, the environment and the profiles.
//!
//! Always: the command line wins over the environment, that over the default profile; within one of them an address wins
//! over single keys, those over a `.properties` file, that over a profile. A key that no client has is an error, unless it
//! stands in a `.properties` file of Kafka's clients: there it is told once that it has no effect. A file that asks for TLS
//! or SASL is refused rather than connected to in the clear.

mod environment;
mod profiles;

use std::path::{Path, PathBuf};

use moldau_client::{Admin, CommonConfig, ConfigError, ConsumerConfig, ProducerConfig};
use moldau_config::properties;

pub(crate) use environment::Environment;
pub(crate) use profiles::Profiles;

use crate::args::connection::{ClusterArgs, OutputFormat};
use crate::failure::Failure;

const CLIENT_ID: &str = "moldau-cli";
const BOOTSTRAP: &str = "bootstrap.servers";

/// A client that a command makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Admin,
    Producer,
    Consumer,
}

impl Kind {
    fn knows(self, key: &str) -> bool {
        match self {
            Self::Admin => CommonConfig::keys().contains(&key),
            Self::Producer => ProducerConfig::keys().contains(&key),
            Self::Consumer => ConsumerConfig::keys().contains(&key),
        }
    }

    /// What a client says of a key that it does not have among its own.
    fn refuse(self, key: &str, value: &str) -> Result<(), ConfigError> {
        match self {
            Self::Admin => CommonConfig::default().set(key, value).map(|_| ()),
            Self::Producer => ProducerConfig::default().set(key, value).map(|_| ()),
            Self::Consumer => ConsumerConfig::default().set(key, value).map(|_| ()),
        }
    }
}

/// Where a client key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    Profile(String),
    File(PathBuf),
    Environment,
    CommandLine,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    key: String,
    value: String,
    origin: Origin,
}

/// What a command works with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Client keys; a later one wins.
    pairs: Vec<Setting>,
    /// The form of the result.
    pub(crate) output: OutputFormat,
    /// Whether the form was asked for, on the command line, in the environment or in a profile.
    pub(crate) output_asked: Option<OutputFormat>,
}

impl Settings {
    /// Puts the layers together for a command that makes these clients.
    pub(crate) fn resolve(args: &ClusterArgs, kinds: &[Kind]) -> Result<Self, Failure> {
        Self::of(args, &Environment::of_process()?, kinds)
    }

    fn of(args: &ClusterArgs, environment: &Environment, kinds: &[Kind]) -> Result<Self, Failure> {
        let mut settings = Self::default();
        let mut output = None;
        let profiles = Profiles::load(&environment.profiles_file)?;
        let name = environment.profile.as_deref().or(profiles.default_profile.as_deref());
        if let (Some(name), None) = (name, &args.profile) {
            output = settings.take_profile(&profiles, name)?;
        }
        if let Some(file) = &environment.command_config {
            settings.take_file(file)?;
        }
        settings.take(&environment.property, &Origin::Environment);
        settings.take_address(environment.bootstrap_server.as_deref(), &Origin::Environment);
        output = environment.output.or(output);
        if let Some(name) = &args.profile {
            output = settings.take_profile(&profiles, name)?.or(output);
        }
        if let Some(file) = &args.command_config {
            settings.take_file(file)?;
        }
        settings.take(&args.property, &Origin::CommandLine);
        settings.take_address(args.bootstrap_server.as_deref(), &Origin::CommandLine);
        settings.output_asked = args.output.or(output);
        settings.output = settings.output_asked.unwrap_or_default();
        settings.check(kinds)?;
        Ok(settings)
    }

    fn take(&mut self, pairs: &[(String, String)], origin: &Origin) {
        self.pairs.extend(pairs.iter().map(|(key, value)| Setting {
            key: key.clone(),
            value: value.clone(),
            origin: origin.clone(),
        }));
    }

    fn take_address(&mut self, address: Option<&str>, origin: &Origin) {
        if let Some(address) = address {
            self.take(&[(BOOTSTRAP.to_owned(), address.to_owned())], origin);
        }
    }

    fn take_file(&mut self, file: &Path) -> Result<(), Failure> {
        let pairs = properties::load(file)
            .map_err(|error| Failure::usage(format!("--command-config {}: {error}", file.display())))?;
        self.take(&pairs, &Origin::File(file.to_owned()));
        Ok(())
    }

    fn take_profile(&mut self, profiles: &Profiles, name: &str) -> Result<Option<OutputFormat>, Failure> {
        let profile = profiles.get(name)?;
        let origin = Origin::Profile(name.to_owned());
        if let Some(file) = &profile.command_config {
            self.take_file(&profiles.beside(file))?;
        }
        self.take(&profile.pairs()?, &origin);
        self.take_address(profile.bootstrap_server.as_deref(), &origin);
        Ok(profile.output)
    }

    /// Refuses what no client of the command can do, and tells what has no effect.
    fn check(&mut self, kinds: &[Kind]) -> Result<(), Failure> {
        let all = [Kind::Admin, Kind::Producer, Kind::Consumer];
        let mut idle: Vec<(PathBuf, Vec<String>)> = Vec::new();
        for setting in &self.pairs {
            let Setting { key, value, origin } = setting;
            if kinds.iter().any(|kind| kind.knows(key)) {
                continue;
            }
            if key == "security.protocol" {
                if value.trim().eq_ignore_ascii_case("PLAINTEXT") {
                    continue;
                }
                return Err(Failure::usage(format!(
                    "{key}={value}: this client has no TLS and no SASL yet; name a PLAINTEXT listener and leave the key out"
                )));
            }
            let shared = *origin != Origin::CommandLine;
            if shared && all.iter().any(|kind| kind.knows(key)) {
                // What another command's client knows is no mistake there.
                continue;
            }
            match kinds.first().copied().unwrap_or(Kind::Admin).refuse(key, value) {
                Ok(()) => {}
                Err(error @ ConfigError::Unknown { .. }) => match origin {
                    Origin::File(file) => match idle.iter_mut().find(|(other, _)| other == file) {
                        Some((_, keys)) => keys.push(key.clone()),
                        None => idle.push((file.clone(), vec![key.clone()])),
                    },
                    Origin::Profile(name) => {
                        return Err(Failure::usage(format!("profile {name}: {error}")));
                    }
                    Origin::Environment | Origin::CommandLine => return Err(error.into()),
                },
                Err(error) => return Err(error.into()),
            }
        }
        for (file, keys) in idle {
            tracing::warn!(
                "{}: no setting of this client, so without effect: {}",
                file.display(),
                keys.join(", ")
            );
        }
        self.pairs.retain(|setting| all.iter().any(|kind| kind.knows(&setting.key)));
        Ok(())
    }

    /// Whether a key was given in any layer.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.pairs.iter().any(|setting| setting.key == key)
    }

    /// Whether a key was given on the command line.
    pub(crate) fn on_command_line(&self, key: &str) -> bool {
        self.pairs.iter().any(|setting| setting.key == key && setting.origin == Origin::CommandLine)
    }

    fn set_all<E>(&self, kind: Kind, mut set: impl FnMut(&str, &str) -> Result<(), E>) -> Result<(), E> {
        self.pairs
            .iter()
            .filter(|setting| kind.knows(&setting.key))
            .try_for_each(|setting| set(&setting.key, &setting.value))
    }

    /// The settings of an admin client.
    pub(crate) fn common(&self) -> Result<CommonConfig, Failure> {
        let mut config = CommonConfig { client_id: CLIENT_ID.to_owned(), ..Default::default() };
        self.set_all(Kind::Admin, |key, value| config.set(key, value).map(|_| ()))?;
        Ok(config)
    }

    /// An admin client that has reached the cluster.
    pub(crate) async fn admin(&self) -> Result<Admin, Failure> {
        Ok(Admin::connect(self.common()?).await?)
    }

    /// The settings of a producer.
    pub(crate) fn producer(&self) -> Result<ProducerConfig, Failure> {
        let mut config = ProducerConfig { common: self.common()?, ..Default::default() };
        self.set_all(Kind::Producer, |key, value| config.set(key, value).map(|_| ()))?;
        Ok(config)
    }

    /// The settings of a consumer.
    pub(crate) fn consumer(&self) -> Result<ConsumerConfig, Failure> {
        let mut config = ConsumerConfig { common: self.common()?, ..Default::default() };
        self.set_all(Kind::Consumer, |key, value| config.set(key, value).map(|_| ()))?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests;
