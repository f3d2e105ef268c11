//! Kafka's JSON form of the messages, as its tools print them.
//!
//! Names are in camel case, bytes are base64, ids are text; a tagged field with its default is left out. Reading is
//! strict: a field that is missing, unknown or not of the version is an error.

use bytes::Bytes;
use moldau_types::Uuid;
pub(crate) use serde_json::{Map, Value};

use crate::Message;

/// A message that has a JSON form.
pub trait JsonMessage: Message {
    /// The message in this version as JSON; fields that the version lacks are left out.
    fn to_json(&self, version: i16) -> Value;

    /// The message of this version from JSON.
    fn from_json(value: &Value, version: i16) -> Result<Self, JsonError>;
}

/// Why JSON is not the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// A value is not of the field's type, or out of its range.
    #[error("{value} is not {expected}")]
    Type {
        /// What the field holds.
        expected: &'static str,
        /// The value that stands there.
        value: String,
    },
    /// A field is missing.
    #[error("{message}: the field {field} is missing")]
    Missing {
        /// The struct's name.
        message: &'static str,
        /// The field's name.
        field: String,
    },
    /// A field that the struct does not have in the version.
    #[error("{message} has no field {field} in this version")]
    Unexpected {
        /// The struct's name.
        message: &'static str,
        /// The field's name.
        field: String,
    },
}

/// The fields of a struct, each to be taken once.
pub(crate) struct Object<'a> {
    message: &'static str,
    fields: Map<String, Value>,
    source: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    pub(crate) fn new(message: &'static str, value: &'a Value) -> Result<Object<'a>, JsonError> {
        let source = value.as_object().ok_or_else(|| mismatch("an object", value))?;
        Ok(Object { message, fields: source.clone(), source })
    }

    pub(crate) fn optional(&mut self, field: &str) -> Option<&'a Value> {
        self.fields.remove(field);
        self.source.get(field)
    }

    pub(crate) fn required(&mut self, field: &str) -> Result<&'a Value, JsonError> {
        let message = self.message;
        self.optional(field).ok_or_else(|| JsonError::Missing { message, field: field.to_owned() })
    }

    pub(crate) fn unexpected(&self, field: &str) -> JsonError {
        JsonError::Unexpected { message: self.message, field: field.to_owned() }
    }

    pub(crate) fn finish(self) -> Result<(), JsonError> {
        match self.fields.keys().next() {
            None => Ok(()),
            Some(field) => Err(self.unexpected(field)),
        }
    }
}

fn mismatch(expected: &'static str, value: &Value) -> JsonError {
    JsonError::Type { expected, value: value.to_string() }
}

pub(crate) fn bool(value: &Value) -> Result<bool, JsonError> {
    value.as_bool().ok_or_else(|| mismatch("a boolean", value))
}

pub(crate) fn integer<T: TryFrom<i64>>(value: &Value) -> Result<T, JsonError> {
    let integer = value.as_i64().and_then(|i| T::try_from(i).ok());
    integer.ok_or_else(|| mismatch("an integer of the field's size", value))
}

pub(crate) fn float(value: &Value) -> Result<f64, JsonError> {
    value.as_f64().ok_or_else(|| mismatch("a number", value))
}

pub(crate) fn string(value: &Value) -> Result<String, JsonError> {
    value.as_str().map(str::to_owned).ok_or_else(|| mismatch("a string", value))
}

pub(crate) fn uuid(value: &Value) -> Result<Uuid, JsonError> {
    let id = value.as_str().and_then(|text| text.parse().ok());
    id.ok_or_else(|| mismatch("an id in base64", value))
}

pub(crate) fn array<T>(
    value: &Value,
    element: impl FnMut(&Value) -> Result<T, JsonError>,
) -> Result<Vec<T>, JsonError> {
    let elements = value.as_array().ok_or_else(|| mismatch("an array", value))?;
    elements.iter().map(element).collect()
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) fn from_bytes(bytes: &[u8]) -> Value {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0, |g, &b| g << 8 | u32::from(b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let sextet = (group >> (18 - 6 * i)) & 63;
            text.push(if i <= chunk.len() { char::from(ALPHABET[sextet as usize]) } else { '=' });
        }
    }
    Value::from(text)
}

pub(crate) fn bytes(value: &Value) -> Result<Bytes, JsonError> {
    let text = value.as_str().ok_or_else(|| mismatch("bytes in base64", value))?;
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let digits = text.trim_end_matches('=').as_bytes();
    for chunk in digits.chunks(4) {
        let mut group = 0;
        for &digit in chunk {
            let sextet = ALPHABET.iter().position(|&a| a == digit);
            group = group << 6 | sextet.ok_or_else(|| mismatch("bytes in base64", value))? as u32;
        }
        let [_, group @ ..] = (group << (6 * (4 - chunk.len()))).to_be_bytes();
        out.extend_from_slice(&group[..chunk.len() * 6 / 8]);
    }
    Ok(Bytes::from(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_round_trips() {
        for (plain, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(from_bytes(plain.as_bytes()), Value::from(text));
            assert_eq!(bytes(&Value::from(text)), Ok(Bytes::from_static(plain.as_bytes())));
        }
        assert!(bytes(&Value::from("Zm9v!")).is_err());
    }
}
