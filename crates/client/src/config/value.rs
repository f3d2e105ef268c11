//! Reading and writing the text of one setting, and the errors of it.

use std::time::Duration;

use strsim::levenshtein;

/// A setting that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No setting has this key.
    #[error("unknown setting {key}{}", did_you_mean(nearest))]
    Unknown {
        /// The key as it was given.
        key: String,
        /// The known key that looks most like it.
        nearest: Option<String>,
    },
    /// The value can't be used.
    #[error("{key}={value}: {why}")]
    Invalid {
        /// The key.
        key: String,
        /// The value as it was given.
        value: String,
        /// What a value must be.
        why: String,
    },
    /// The key is Kafka's, and this client can't do what the value asks for.
    #[error("{key}={value} is not supported: {why}")]
    Unsupported {
        /// The key.
        key: String,
        /// The value as it was given.
        value: String,
        /// What is not there, and what to do instead.
        why: String,
    },
    /// A `.properties` file can't be read.
    #[error("{place}: {why}")]
    Properties {
        /// The file or the line.
        place: String,
        /// What is wrong with it.
        why: String,
    },
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|key| format!("; did you mean {key}?")).unwrap_or_default()
}

/// A type that a setting can have.
pub trait ConfigValue: Sized {
    /// Reads the text of a setting; the error says what a value must be.
    fn parse(text: &str) -> Result<Self, String>;
    /// The text that [`ConfigValue::parse`] reads back.
    fn text(&self) -> String;
}

macro_rules! numbers {
    ($($type:ty: $what:literal),*) => {$(
        impl ConfigValue for $type {
            fn parse(text: &str) -> Result<Self, String> {
                text.trim().parse().map_err(|_| concat!("must be ", $what).to_owned())
            }
            fn text(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

numbers!(i32: "a whole number", u32: "a whole number, not negative", usize: "a whole number, not negative");

impl ConfigValue for bool {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("must be true or false".to_owned()),
        }
    }
    fn text(&self) -> String {
        self.to_string()
    }
}

impl ConfigValue for Duration {
    fn parse(text: &str) -> Result<Self, String> {
        let ms: u64 =
            text.trim().parse().map_err(|_| "must be a number of milliseconds, not negative".to_owned())?;
        Ok(Duration::from_millis(ms.min(i64::MAX as u64)))
    }
    fn text(&self) -> String {
        self.as_millis().to_string()
    }
}

/// A time that has no end where the text is negative.
impl ConfigValue for Option<Duration> {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().parse::<i64>() {
            Ok(ms) => Ok(u64::try_from(ms).ok().map(Duration::from_millis)),
            Err(_) => Err("must be a number of milliseconds, or -1 for no limit".to_owned()),
        }
    }
    fn text(&self) -> String {
        self.map_or_else(|| "-1".to_owned(), |time| time.text())
    }
}

impl ConfigValue for String {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
    fn text(&self) -> String {
        self.clone()
    }
}

impl ConfigValue for Option<String> {
    fn parse(text: &str) -> Result<Self, String> {
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }
    fn text(&self) -> String {
        self.clone().unwrap_or_default()
    }
}

impl ConfigValue for Vec<String> {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
    }
    fn text(&self) -> String {
        self.join(",")
    }
}

/// The known key that looks most like `key`, when one is near enough to be meant.
pub(crate) fn nearest<'a>(key: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let wanted = normalized(key);
    let limit = (wanted.len() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (levenshtein(&wanted, &normalized(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

fn normalized(key: &str) -> String {
    key.replace(['_', '-'], ".").to_ascii_lowercase()
}
