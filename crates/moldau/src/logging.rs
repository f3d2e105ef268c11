//! Log lines to stderr, as text or as JSON; `MOLDAU_LOG` chooses which, and a node's can be changed while it runs.
//!
//! Always: the levels a running node shows are those that count. They are named as Kafka names them (FATAL, ERROR, WARN,
//! INFO, DEBUG, TRACE); the loggers are `root` and the crates of this program.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

use moldau_server::Loggers;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::args::LogFormat;
use crate::failure::Failure;

/// The logger that counts where no other is set.
const ROOT: &str = "root";

/// The other loggers: targets of this program's log lines.
const LOGGERS: [&str; 9] = [
    "moldau",
    "moldau_client",
    "moldau_config",
    "moldau_controller",
    "moldau_coordinator",
    "moldau_coordinator_runtime",
    "moldau_log",
    "moldau_quorum",
    "moldau_server",
];

/// What is told of other crates where `MOLDAU_LOG` does not name them: not openraft's own story of each election.
const BUILT_IN: &str = "openraft=warn";

/// The levels of this process's loggers.
pub(crate) struct Levels {
    handle: Option<reload::Handle<EnvFilter, Registry>>,
    /// The built-in directives, and what `MOLDAU_LOG` said or the default.
    start: String,
    /// What was set since, by logger.
    set: Mutex<BTreeMap<String, String>>,
}

/// Starts logging; without `MOLDAU_LOG`, at `level`.
pub(crate) fn start(format: LogFormat, level: &str) -> Result<Arc<Levels>, Failure> {
    let wanted = std::env::var("MOLDAU_LOG").ok().filter(|text| !text.is_empty());
    let wanted = wanted.unwrap_or_else(|| level.to_owned());
    let start = over_built_in(&wanted);
    let filter = EnvFilter::try_new(&start).map_err(|error| {
        Failure::usage(format!("MOLDAU_LOG={wanted}: {error}; for example info, or moldau_log=debug,info"))
    })?;
    let (filter, handle) = reload::Layer::new(filter);
    // That a line can't be written has nowhere to be told, and telling it on stderr would panic.
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).log_internal_errors(false);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).init();
    Ok(Arc::new(Levels { handle: Some(handle), start, set: Mutex::default() }))
}

/// Has panics logged, as errors, rather than written to stderr as text.
pub(crate) fn log_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !tracing::enabled!(tracing::Level::ERROR) {
            return before(panic);
        }
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("without a name");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let why = panic.payload_as_str().unwrap_or("a value that is no text");
        let backtrace = std::backtrace::Backtrace::capture();
        if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
            tracing::error!(thread, place, %backtrace, "panic: {why}");
        } else {
            tracing::error!(thread, place, "panic: {why}");
        }
    }));
}

/// These directives over the built-in ones: a later directive for the same target counts.
fn over_built_in(wanted: &str) -> String {
    format!("{BUILT_IN},{wanted}")
}

impl Levels {
    /// What counts: the start's directives, and those that were set since, which go before them.
    fn directives(&self, set: &BTreeMap<String, String>) -> String {
        let directive = |(logger, level): (&String, &String)| {
            if logger == ROOT { level.clone() } else { format!("{logger}={level}") }
        };
        std::iter::once(self.start.clone()).chain(set.iter().map(directive)).collect::<Vec<_>>().join(",")
    }

    /// The level of a logger among these directives; the last one for it counts.
    fn level_of(directives: &str, logger: &str) -> Option<String> {
        directives.split(',').map(str::trim).rev().find_map(|directive| match directive.split_once('=') {
            Some((target, level)) => (target == logger).then(|| level.to_ascii_uppercase()),
            None if LOGGERS.contains(&directive) => (directive == logger).then(|| "TRACE".to_owned()),
            None => (logger == ROOT && !directive.is_empty()).then(|| directive.to_ascii_uppercase()),
        })
    }
}

impl Loggers for Levels {
    fn levels(&self) -> Vec<(String, String)> {
        let directives = self.directives(&self.set.lock().unwrap_or_else(PoisonError::into_inner));
        let root = Self::level_of(&directives, ROOT).unwrap_or_else(|| "ERROR".to_owned());
        std::iter::once((ROOT.to_owned(), root.clone()))
            .chain(LOGGERS.iter().map(|logger| {
                let level = Self::level_of(&directives, logger).unwrap_or_else(|| root.clone());
                ((*logger).to_owned(), level)
            }))
            .collect()
    }

    fn set_level(&self, logger: &str, level: Option<&str>) -> Result<(), String> {
        if logger != ROOT && !LOGGERS.contains(&logger) {
            return Err(format!("Logger {logger} does not exist!"));
        }
        let level = match level {
            None => None,
            // There is nothing above ERROR here, so what Kafka calls FATAL shows errors.
            Some("FATAL") => Some("error"),
            Some(level @ ("ERROR" | "WARN" | "INFO" | "DEBUG" | "TRACE")) => Some(level),
            Some(other) => return Err(format!("Unknown log level {other}")),
        };
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        match level {
            Some(level) => set.insert(logger.to_owned(), level.to_ascii_lowercase()),
            None => set.remove(logger),
        };
        let filter = EnvFilter::try_new(self.directives(&set)).map_err(|error| error.to_string())?;
        match &self.handle {
            Some(handle) => handle.reload(filter).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a layer of JSON lines was given, for each line.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_was_plain_text_in_a_json_log() {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer =
            tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(move || writer.clone());
        let seen = tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            log_panics();
            let seen = std::panic::catch_unwind(|| panic!("no such thing"));
            drop(std::panic::take_hook());
            seen
        });
        assert!(seen.is_err());
        let text = lines.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let line: serde_json::Value = serde_json::from_slice(&text).expect("one line of JSON");
        assert_eq!((&line["level"], &line["message"]), (&"ERROR".into(), &"panic: no such thing".into()));
        assert!(line["place"].as_str().is_some_and(|place| place.contains("logging.rs")), "{line}");
    }

    fn level(levels: &Levels, logger: &str) -> String {
        let found = levels.levels().into_iter().find(|(name, _)| name == logger);
        found.map(|(_, level)| level).expect("a logger")
    }

    #[test]
    fn levels_are_set_and_go_back() {
        let levels =
            Levels { handle: None, start: "moldau_log=debug,info".to_owned(), set: Mutex::default() };
        assert_eq!(
            (level(&levels, "root"), level(&levels, "moldau_log")),
            ("INFO".to_owned(), "DEBUG".to_owned())
        );
        levels.set_level("moldau_log", Some("TRACE")).expect("set");
        levels.set_level("root", Some("WARN")).expect("set");
        assert_eq!(level(&levels, "moldau_log"), "TRACE");
        assert_eq!(level(&levels, "moldau_server"), "WARN");
        levels.set_level("moldau_log", None).expect("unset");
        assert_eq!(level(&levels, "moldau_log"), "DEBUG");
    }

    /// Which lines are shown: openraft's INFO and DEBUG, ours.
    fn shown(wanted: &str) -> [bool; 4] {
        let filter = EnvFilter::try_new(over_built_in(wanted)).expect("directives");
        tracing::subscriber::with_default(tracing_subscriber::registry().with(filter), || {
            [
                tracing::enabled!(target: "openraft::core", tracing::Level::INFO),
                tracing::enabled!(target: "openraft::core", tracing::Level::DEBUG),
                tracing::enabled!(target: "moldau_log", tracing::Level::INFO),
                tracing::enabled!(target: "moldau_log", tracing::Level::DEBUG),
            ]
        })
    }

    #[test]
    fn a_level_that_is_given_leaves_openraft_quiet_unless_it_is_named() {
        assert_eq!(shown("info"), [false, false, true, false]);
        assert_eq!(shown("debug"), [false, false, true, true]);
        assert_eq!(shown("moldau_log=debug,info"), [false, false, true, true]);
        assert_eq!(shown("openraft=info,warn"), [true, false, false, false]);
        assert_eq!(shown("openraft=debug,info"), [true, true, true, false]);
    }

    #[test]
    fn unknown_loggers_and_levels_are_refused() {
        let levels = Levels { handle: None, start: "info".to_owned(), set: Mutex::default() };
        assert!(levels.set_level("kafka.nothing", Some("INFO")).is_err());
        assert!(levels.set_level("root", Some("LOUD")).is_err());
        assert_eq!(level(&levels, "root"), "INFO");
    }
}
