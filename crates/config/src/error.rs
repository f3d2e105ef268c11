//! The one error of this crate that is about a value: it says which key, which value, and what would be allowed.

/// A value that is refused. Its message is what a client sees, in the words in which Kafka's tools expect it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidConfig {
    /// Key, value and what is allowed.
    pub message: String,
}

impl InvalidConfig {
    /// An error of these words.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// `value` is nothing that `name` could be.
    pub fn value(name: &str, value: &str, why: &str) -> Self {
        Self { message: format!("Invalid value {value} for configuration {name}: {why}") }
    }
}
