//! Values of keys: from text as Java's ConfigDef reads it, and back to the text that DescribeConfigs shows.
//!
//! What always holds: parsing what [`Value::to_text`] gave yields the value again (passwords apart, they are only
//! ever given out by [`Value::as_text`]). Which values a key allows is the matter of [`crate::validator`].

use crate::error::InvalidConfig;
use crate::key::{Key, ValueType};

/// A value of some key.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// Of a BOOLEAN.
    Boolean(bool),
    /// Of a SHORT, INT or LONG.
    Number(i64),
    /// Of a DOUBLE.
    Double(f64),
    /// Of a STRING or CLASS.
    Text(String),
    /// Of a LIST.
    List(Vec<String>),
    /// Of a PASSWORD; never printed.
    Password(String),
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Password(_) => f.write_str("[hidden]"),
            other => f.write_str(&other.to_text().unwrap_or_default()),
        }
    }
}

impl Value {
    /// Reads the text that a key was set to, and checks that the key allows it.
    pub fn of(key: &Key, text: &str) -> Result<Self, InvalidConfig> {
        let value = Self::parse(key.name, key.value_type, text)?;
        key.validator.check(key.name, &value)?;
        Ok(value)
    }

    /// The default of a key, where it has one. Defaults are known to be valid, by a test.
    pub fn default_of(key: &Key) -> Option<Self> {
        key.default.text().and_then(|text| Self::parse(key.name, key.value_type, text).ok())
    }

    fn parse(name: &str, value_type: ValueType, text: &str) -> Result<Self, InvalidConfig> {
        let refuse = |why: String| Err(InvalidConfig::value(name, text, &why));
        let no_number = || refuse(format!("Not a number of type {}", value_type.name()));
        let trimmed = text.trim_matches(|c| c <= ' ');
        let in_range = |min: i64, max: i64| match trimmed.parse::<i64>() {
            Ok(number) if (min..=max).contains(&number) => Ok(Self::Number(number)),
            _ => no_number(),
        };
        match value_type {
            ValueType::Boolean if trimmed.eq_ignore_ascii_case("true") => Ok(Self::Boolean(true)),
            ValueType::Boolean if trimmed.eq_ignore_ascii_case("false") => Ok(Self::Boolean(false)),
            ValueType::Boolean => refuse("Expected value to be either true or false".into()),
            ValueType::Short => in_range(i16::MIN.into(), i16::MAX.into()),
            ValueType::Int => in_range(i32::MIN.into(), i32::MAX.into()),
            ValueType::Long => in_range(i64::MIN, i64::MAX),
            ValueType::Double => parse_double(trimmed).map_or_else(no_number, |d| Ok(Self::Double(d))),
            ValueType::String | ValueType::Class => Ok(Self::Text(trimmed.to_owned())),
            ValueType::Password => Ok(Self::Password(trimmed.to_owned())),
            ValueType::List => Ok(Self::List(split_list(trimmed))),
        }
    }

    /// The text to show, none for a password.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::Boolean(on) => Some(on.to_string()),
            Self::Number(number) => Some(number.to_string()),
            Self::Double(double) => Some(double_text(*double)),
            Self::Text(text) => Some(text.clone()),
            Self::List(texts) => Some(texts.join(",")),
            Self::Password(_) => None,
        }
    }

    /// The text of a STRING, CLASS or PASSWORD.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Password(text) => Some(text),
            _ => None,
        }
    }

    /// The number of a SHORT, INT or LONG.
    pub fn as_number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The texts of a LIST.
    pub fn as_list(&self) -> Option<&[String]> {
        match self {
            Self::List(texts) => Some(texts),
            _ => None,
        }
    }
}

/// The parts between commas, without the white space around them; nothing where there is no text at all.
pub(crate) fn split_list(text: &str) -> Vec<String> {
    let text = text.trim();
    if text.is_empty() { Vec::new() } else { text.split(',').map(|part| part.trim().to_owned()).collect() }
}

/// Reads a decimal number as Java does: also with a type suffix, `NaN` and `Infinity` in just this spelling.
fn parse_double(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, "NaN" | "Infinity") {
        return text.parse().ok();
    }
    let digits = text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text);
    if digits.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) {
        digits.parse().ok()
    } else {
        None
    }
}

/// Writes a number as Java's `Double.toString` does.
fn double_text(double: f64) -> String {
    if double.is_nan() {
        return "NaN".into();
    }
    if double.is_infinite() {
        return if double > 0.0 { "Infinity" } else { "-Infinity" }.into();
    }
    let plain = |number: f64| {
        let text = number.to_string();
        if text.contains('.') { text } else { format!("{text}.0") }
    };
    if double == 0.0 || (1e-3..1e7).contains(&double.abs()) {
        return plain(double);
    }
    let scientific = format!("{double:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let point = if digits.contains('.') { "" } else { ".0" };
    format!("{digits}{point}E{exponent}")
}

#[cfg(test)]
mod tests;
