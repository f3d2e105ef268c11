//! A record from a JSON object, as `consume --format json` prints it.
//!
//! Always: a field that means nothing is refused, and so is a record without a value, which would be a tombstone; what
//! says where a record was read from is taken and ignored.

use std::fmt;

use bytes::Bytes;
use moldau_client::{Header, ProducerRecord};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::text::from_hex;

/// The fields that a record can have.
const FIELDS: &str = "key, key_hex, value, value_hex, headers, timestamp and partition";
/// What tells of the record that was read, and nothing of the one to be written.
const IGNORED: [&str; 4] = ["topic", "offset", "timestamp_type", "leader_epoch"];

/// The record of a line, of no topic yet.
pub(super) fn record(line: &[u8]) -> Result<ProducerRecord, String> {
    let mut fields = fields(line)?;
    IGNORED.iter().for_each(|name| drop(fields.remove(*name)));
    let partition = number(&mut fields, "partition", "a partition's number")?;
    let timestamp = number(&mut fields, "timestamp", "milliseconds since 1970")?;
    let key = bytes(&mut fields, "key")?.flatten();
    let value = bytes(&mut fields, "value")?;
    let headers = headers(&mut fields)?;
    none_left(&fields, FIELDS)?;
    let value =
        value.ok_or("it has neither value nor value_hex; a null value is written as `\"value\": null`")?;
    Ok(ProducerRecord { topic: String::new(), partition, timestamp, key, value, headers })
}

fn fields(line: &[u8]) -> Result<Map<String, Value>, String> {
    let wrong = |error: serde_json::Error| match error.column() {
        0 => "this is not JSON".to_owned(),
        column => format!("this is not JSON; the first mistake is at column {column}"),
    };
    if line.trim_ascii_start().first() != Some(&b'{') {
        return object(serde_json::from_slice(line).map_err(wrong)?, "a record");
    }
    let mut fields = Map::new();
    for (name, value) in serde_json::from_slice::<Pairs>(line).map_err(wrong)?.0 {
        if fields.contains_key(&name) {
            return Err(format!("it has two fields `{name}`"));
        }
        fields.insert(name, value);
    }
    Ok(fields)
}

/// The fields of an object as they stand there, also twice.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

fn object(value: Value, what: &str) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(fields) => Ok(fields),
        other => Err(format!("{other} is no JSON object, as {what} is")),
    }
}

fn none_left(fields: &Map<String, Value>, known: &str) -> Result<(), String> {
    match fields.keys().next() {
        None => Ok(()),
        Some(name) => Err(format!("`{name}` is no field; there are {known}")),
    }
}

/// A number that may be null or not there.
fn number<N: TryFrom<i64>>(
    fields: &mut Map<String, Value>,
    name: &str,
    what: &str,
) -> Result<Option<N>, String> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64().and_then(|number| N::try_from(number).ok()) {
            Some(number) => Ok(Some(number)),
            None => Err(format!("{name} must be {what}, not {value}")),
        },
    }
}

/// What stands in the field `name` or, as hex, in `name_hex`; none where neither is there. What is no string is its JSON.
fn bytes(fields: &mut Map<String, Value>, name: &str) -> Result<Option<Option<Bytes>>, String> {
    let name_hex = format!("{name}_hex");
    match (fields.remove(name), fields.remove(&name_hex)) {
        (Some(_), Some(_)) => Err(format!("it has {name} and {name_hex}; leave one of them out")),
        (None, None) => Ok(None),
        (Some(Value::Null), None) | (None, Some(Value::Null)) => Ok(Some(None)),
        (Some(Value::String(text)), None) => Ok(Some(Some(text.into()))),
        (Some(other), None) => Ok(Some(Some(other.to_string().into()))),
        (None, Some(hex)) => match hex.as_str().and_then(from_hex) {
            Some(bytes) => Ok(Some(Some(bytes.into()))),
            None => Err(format!("{name_hex} must be hex, not {hex}")),
        },
    }
}

fn headers(fields: &mut Map<String, Value>) -> Result<Vec<Header>, String> {
    match fields.remove("headers") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(headers)) => headers.into_iter().map(header).collect(),
        Some(other) => Err(format!("headers must be an array, not {other}")),
    }
}

fn header(value: Value) -> Result<Header, String> {
    let mut fields = object(value, "a header")?;
    let header = Header {
        key: match fields.remove("key") {
            Some(Value::String(key)) => key,
            _ => return Err("a header must have a key, which is a string".to_owned()),
        },
        value: bytes(&mut fields, "value")
            .and_then(|value| value.ok_or_else(|| "there is neither value nor value_hex".to_owned()))
            .map_err(|why| format!("a header: {why}"))?,
    };
    none_left(&fields, "key, value and value_hex in a header")?;
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> String {
        record(line.as_bytes()).expect_err(line)
    }

    #[test]
    fn a_misspelt_field_wrote_a_tombstone_and_is_refused() {
        assert!(refused(r#"{"value":"a","kye":"k"}"#).starts_with("`kye` is no field; there are key, "));
        assert!(refused(r#"{"valeu":"a"}"#).starts_with("`valeu` is no field; there are key, "));
        assert!(refused("{}").starts_with("it has neither value nor value_hex"));
        assert_eq!(record(br#"{"value":null}"#), Ok(ProducerRecord::default()));
    }

    #[test]
    fn what_consume_prints_is_taken_and_ignored_where_it_says_where_a_record_was() {
        let line = r#"{"topic":"x","partition":3,"offset":1,"timestamp":5,"timestamp_type":"CreateTime","leader_epoch":2,"key_hex":"ff","value":"v","headers":[{"key":"h","value":null},{"key":"b","value_hex":"00"}]}"#;
        let wanted = ProducerRecord {
            partition: Some(3),
            timestamp: Some(5),
            key: Some(vec![0xff].into()),
            headers: vec![Header { key: "h".to_owned(), value: None }, Header::new("b", vec![0])],
            ..ProducerRecord::default().value("v")
        };
        assert_eq!(record(line.as_bytes()), Ok(wanted));
    }

    #[test]
    fn keys_and_values_that_are_no_strings_are_their_json() {
        let got = record(br#"{"key":{"a":1},"value":12}"#).expect("a record");
        assert_eq!((got.key.as_deref(), got.value.as_deref()), (Some(&br#"{"a":1}"#[..]), Some(&b"12"[..])));
    }

    #[test]
    fn refusals_say_what_is_wrong_in_plain_words() {
        for (line, wanted) in [
            ("no json", "this is not JSON; the first mistake is at column 2"),
            ("", "this is not JSON"),
            (r#"{"value":"a""#, "this is not JSON; the first mistake is at column 12"),
            (r#"{"value":"a","value":"b"}"#, "it has two fields `value`"),
            ("12", "12 is no JSON object, as a record is"),
            (r#"{"value":"a","value_hex":"00"}"#, "it has value and value_hex; leave one of them out"),
            (r#"{"value":"a","key":"a","key_hex":"00"}"#, "it has key and key_hex; leave one of them out"),
            (r#"{"value_hex":"xy"}"#, "value_hex must be hex, not \"xy\""),
            (r#"{"value":"a","timestamp":"now"}"#, "timestamp must be milliseconds since 1970, not \"now\""),
            (
                r#"{"value":"a","partition":9999999999}"#,
                "partition must be a partition's number, not 9999999999",
            ),
            (r#"{"value":"a","headers":{}}"#, "headers must be an array, not {}"),
            (r#"{"value":"a","headers":[{"value":"x"}]}"#, "a header must have a key, which is a string"),
            (r#"{"value":"a","headers":[{"key":"x"}]}"#, "a header: there is neither value nor value_hex"),
        ] {
            assert_eq!(refused(line), wanted, "{line}");
        }
    }
}
