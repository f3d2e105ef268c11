//! Log lines to stderr, as text or as JSON; `MOLDAU_LOG` chooses which.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;
use crate::failure::Failure;

/// Starts logging; without `MOLDAU_LOG`, at `level`.
pub(crate) fn start(format: LogFormat, level: &str) -> Result<(), Failure> {
    let wanted = std::env::var("MOLDAU_LOG").ok().filter(|text| !text.is_empty());
    let filter = EnvFilter::try_new(wanted.as_deref().unwrap_or(level)).map_err(|error| {
        Failure::usage(format!(
            "MOLDAU_LOG={}: {error}; for example info, or moldau_log=debug,info",
            wanted.unwrap_or_default()
        ))
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
