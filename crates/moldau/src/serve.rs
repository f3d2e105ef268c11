//! `moldau serve`: the settings from the command line and the file, handed to the node.
//!
//! Always: `--set` wins over `--listen` and `--http`, these over `--data`, that over `--config`. A key that is given wins over its
//! synonyms of the weaker kinds, so that `--data` is where the data goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use moldau_config::{BrokerConfig, Loaded, Warning, nearest_broker_key, properties};
use moldau_server::{Node, NodeOptions};

use crate::args::ServeArgs;
use crate::failure::Failure;
use crate::logging::Levels;
use crate::signals::StopSignals;

/// The broker's keys with their values.
type Settings = BTreeMap<String, String>;

/// The listener that `--listen` sets.
const PLAINTEXT: &str = "PLAINTEXT";

/// Starts a node and runs it until it is told to stop.
pub(crate) fn run(args: &ServeArgs, loggers: Arc<Levels>) -> Result<(), Failure> {
    let from_file = match &args.config {
        None => Vec::new(),
        Some(file) => properties::load(file)
            .map_err(|error| Failure::usage(format!("--config {}: {error}", file.display())))?,
    };
    let configs = BrokerConfig::load(merge(args, from_file)?).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(|error| format!("\n  {error}")).collect();
        Failure::usage(format!("the node can't start with these configs:{}", lines.concat()))
    })?;
    check_names(args, &configs)?;
    let options = NodeOptions {
        configs,
        release_version: args.release_version.clone(),
        features: args.feature.clone(),
        loggers,
    };
    options.check_first_start().map_err(|error| Failure::usage(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::said_no(format!("no runtime: {error}")))?;
    let ended = runtime.block_on(async {
        let mut stop = StopSignals::new()?;
        let node = tokio::select! {
            node = Node::start(options) => node.map_err(|error| Failure::said_no(error.to_string()))?,
            signal = stop.next() => {
                tracing::info!("{signal}: ended before the node was there; the next start recovers the logs");
                return Ok(());
            }
        };
        let signal = stop.next().await;
        tracing::info!("{signal}: stopping");
        let stopped = stop.unless_again(node.stop(), "the next start recovers the logs").await?;
        stopped.map_err(|error| Failure::said_no(error.to_string()))?;
        tracing::info!("stopped");
        Ok(())
    });
    // A recovery that is under way is not waited for: it begins again at the next start.
    runtime.shutdown_background();
    ended
}

/// Puts the layers together.
fn merge(args: &ServeArgs, from_file: Vec<(String, String)>) -> Result<Settings, Failure> {
    let mut settings: Settings = from_file.into_iter().collect();
    if let Some(data) = &args.data {
        let Some(data) = data.to_str() else {
            return Err(Failure::usage(format!("--data {}: the path must be UTF-8", data.display())));
        };
        settings.remove("log.dir");
        settings.insert("log.dirs".to_owned(), data.to_owned());
    }
    if let Some(listen) = &args.listen {
        check_address("--listen", listen)?;
        listen_on(listen, &mut settings);
    }
    if let Some(http) = &args.http {
        let listener = if http == "off" {
            ""
        } else {
            check_address("--http", http)?;
            http
        };
        settings.insert("moldau.http.listener".to_owned(), listener.to_owned());
    }
    settings.extend(args.set.iter().cloned());
    Ok(settings)
}

/// Refuses a key of the command line that is not known. One of a file is only warned of, as Kafka does: files hold keys of
/// plugins, too.
fn check_names(args: &ServeArgs, configs: &Loaded) -> Result<(), Failure> {
    let unknown = configs.warnings.iter().find_map(|warning| match warning {
        Warning::Unknown { name } => args.set.iter().find(|(key, _)| key == name),
        Warning::Inert { .. } => None,
    });
    let Some((key, _)) = unknown else { return Ok(()) };
    let advice = match nearest_broker_key(key) {
        Some(meant) => format!("did you mean {meant}?"),
        None => "docs/configuration.md has all keys".to_owned(),
    };
    // The value may be a secret.
    Err(Failure::usage(format!("--set {key}: there is no such key; {advice}")))
}

fn check_address(option: &str, address: &str) -> Result<(), Failure> {
    let good = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if good {
        Ok(())
    } else {
        Err(Failure::usage(format!("{option} {address}: must be HOST:PORT, such as 127.0.0.1:9092")))
    }
}

/// Makes `address` the one plaintext listener of clients; listeners of controllers stay.
fn listen_on(address: &str, settings: &mut Settings) {
    let controllers: Vec<String> = names(settings.get("controller.listener.names"));
    let mut listeners = vec![format!("{PLAINTEXT}://{address}")];
    for listener in names(settings.get("listeners")) {
        let name = listener.split("://").next().unwrap_or_default();
        if controllers.iter().any(|controller| controller.eq_ignore_ascii_case(name)) {
            listeners.push(listener);
        }
    }
    settings.insert("listeners".to_owned(), listeners.join(","));
    // What the file advertises are the listeners it had.
    for stale in ["advertised.listeners", "inter.broker.listener.name"] {
        if let Some(value) = settings.remove(stale) {
            tracing::warn!("{stale}={value} is left out because of --listen; use --set to keep it");
        }
    }
}

fn names(list: Option<&String>) -> Vec<String> {
    list.into_iter()
        .flat_map(|list| list.split(','))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Command};

    fn merged(line: &[&str], file: &[(&str, &str)]) -> Settings {
        let line = ["moldau", "serve"].iter().chain(line);
        let Command::Serve(args) = Args::try_parse_from(line).expect("good usage").command else {
            panic!("serve")
        };
        let file = file.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        merge(&args, file).expect("good settings")
    }

    #[test]
    fn later_kinds_win_over_earlier_ones_whatever_their_order() {
        let file = [("log.dirs", "/file"), ("listeners", "PLAINTEXT://file:1"), ("num.partitions", "3")];
        let settings = merged(&["--set", "log.dirs=/set", "--listen", "h:2", "--data", "/data"], &file);
        assert_eq!(settings["log.dirs"], "/set");
        assert_eq!(settings["listeners"], "PLAINTEXT://h:2");
        assert_eq!(settings["num.partitions"], "3");
        assert_eq!(merged(&["--data", "/data"], &file)["log.dirs"], "/data");
        assert_eq!(
            merged(&["--listen", "h:2", "--set", "listeners=PLAINTEXT://s:3"], &file)["listeners"],
            "PLAINTEXT://s:3"
        );
    }

    #[test]
    fn a_misspelt_key_of_the_command_line_was_only_warned_of_and_is_refused() {
        let checked = |set: &str, file: &[(&str, &str)]| {
            let line = ["moldau", "serve", "--set", set];
            let Command::Serve(args) = Args::try_parse_from(line).expect("good usage").command else {
                panic!("serve")
            };
            let configs = BrokerConfig::load(merged(&["--set", set], file)).expect("good configs");
            check_names(&args, &configs).map_err(|failure| match failure {
                Failure::Usage(why) => why,
                other => panic!("{other:?}"),
            })
        };
        let refused = checked("num.partitons=3", &[]).expect_err("misspelt");
        assert_eq!(refused, "--set num.partitons: there is no such key; did you mean num.partitions?");
        assert!(checked("my.own=x", &[]).is_err());
        for good in
            ["num.partitions=3", "moldau.http.listener=h:1", "listener.name.plaintext.ssl.key.password="]
        {
            assert_eq!(checked(good, &[("my.own", "x")]), Ok(()), "{good}");
        }
    }

    #[test]
    fn the_value_of_a_misspelt_key_was_printed_though_it_may_be_a_secret() {
        let line = ["moldau", "serve", "--set", "ssl.keystore.pasword=hidden"];
        let Command::Serve(args) = Args::try_parse_from(line).expect("good usage").command else {
            panic!("serve")
        };
        let configs = BrokerConfig::load(merged(&line[2..], &[])).expect("good configs");
        let refused = format!("{:?}", check_names(&args, &configs));
        assert!(refused.contains("ssl.keystore.pasword") && !refused.contains("hidden"), "{refused}");
    }

    #[test]
    fn http_sets_its_listener_or_turns_it_off() {
        let file = [("moldau.http.listener", "0.0.0.0:1")];
        assert_eq!(merged(&["--http", "h:2"], &file)["moldau.http.listener"], "h:2");
        assert_eq!(merged(&["--http", "off"], &file)["moldau.http.listener"], "");
        assert_eq!(merged(&[], &file)["moldau.http.listener"], "0.0.0.0:1");
    }

    #[test]
    fn data_wins_over_both_names_of_the_file() {
        let settings = merged(&["--data", "/data"], &[("log.dir", "/old")]);
        assert_eq!(settings.get("log.dir"), None);
        assert_eq!(settings["log.dirs"], "/data");
    }

    #[test]
    fn listen_keeps_the_controllers_listener_and_drops_what_was_advertised() {
        let file = [
            ("listeners", "PLAINTEXT://:9092, SSL://:9094, CONTROLLER://:9093"),
            ("controller.listener.names", "CONTROLLER"),
            ("advertised.listeners", "PLAINTEXT://example:9092"),
        ];
        let settings = merged(&["--listen", "127.0.0.1:19092"], &file);
        assert_eq!(settings["listeners"], "PLAINTEXT://127.0.0.1:19092,CONTROLLER://:9093");
        assert_eq!(settings.get("advertised.listeners"), None);
    }
}
