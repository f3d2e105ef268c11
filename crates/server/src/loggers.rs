//! The levels of this process's loggers, which can be changed while it runs (the BROKER_LOGGER config resource).

/// Something whose log levels can be read and set. The binary that set up logging provides it.
pub trait Loggers: Send + Sync + 'static {
    /// The loggers and their levels, by name; levels are Kafka's: FATAL, ERROR, WARN, INFO, DEBUG, TRACE.
    fn levels(&self) -> Vec<(String, String)>;

    /// Sets a logger's level; `None` goes back to that of the root. Says what is wrong with an unknown level.
    fn set_level(&self, logger: &str, level: Option<&str>) -> Result<(), String>;
}
