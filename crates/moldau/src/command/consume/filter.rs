//! Which records are printed: conditions on key, value and headers.
//!
//! A condition is `FIELD=TEXT`, `FIELD!=TEXT`, `FIELD~REGEX`, `FIELD!~REGEX`, `FIELD` (it is there) or `!FIELD` (it is null or
//! not there), and a field is `key`, `value` or `header.NAME`. A header may stand several times in a record: a condition holds
//! when it does for one of them, and its negation when it does for none.

use moldau_client::ConsumerRecord;
use regex::bytes::Regex;

/// One condition.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    field: Field,
    test: Test,
    negated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Field {
    Key,
    Value,
    Header(String),
}

#[derive(Clone, Debug)]
enum Test {
    IsThere,
    Is(Vec<u8>),
    Matches(Regex),
}

/// Reads a condition.
pub(crate) fn condition(text: &str) -> Result<Condition, String> {
    // A name's own `!` at the front is the negation of its being there.
    let operator = text.char_indices().skip(1).find(|(_, char)| matches!(char, '=' | '~' | '!'));
    let Some((at, _)) = operator else {
        let (name, negated) = text.strip_prefix('!').map_or((text, false), |name| (name, true));
        return Ok(Condition { field: field(name)?, test: Test::IsThere, negated });
    };
    let (name, rest) = text.split_at(at);
    let (negated, rest) = rest.strip_prefix('!').map_or((false, rest), |rest| (true, rest));
    let test = if let Some(wanted) = rest.strip_prefix('=') {
        Test::Is(wanted.as_bytes().to_vec())
    } else if let Some(regex) = rest.strip_prefix('~') {
        Test::Matches(Regex::new(regex).map_err(|error| format!("no regular expression: {error}"))?)
    } else {
        return Err(format!("after {name} there must be =, !=, ~ or !~"));
    };
    Ok(Condition { field: field(name)?, test, negated })
}

fn field(name: &str) -> Result<Field, String> {
    match name {
        "key" => Ok(Field::Key),
        "value" => Ok(Field::Value),
        name => match name.strip_prefix("header.") {
            Some(header) if !header.is_empty() => Ok(Field::Header(header.to_owned())),
            _ => Err(format!("{name} is no field; there are key, value and header.NAME")),
        },
    }
}

impl Condition {
    /// Whether a record fulfils it.
    pub(crate) fn holds(&self, record: &ConsumerRecord) -> bool {
        let holds = match &self.field {
            Field::Key => self.test.holds(record.key.as_deref()),
            Field::Value => self.test.holds(record.value.as_deref()),
            Field::Header(name) => record
                .headers
                .iter()
                .any(|header| header.key == *name && self.test.holds(header.value.as_deref())),
        };
        holds != self.negated
    }
}

impl Test {
    /// Null is not there, is no text and matches nothing.
    fn holds(&self, bytes: Option<&[u8]>) -> bool {
        bytes.is_some_and(|bytes| match self {
            Self::IsThere => true,
            Self::Is(wanted) => bytes == wanted,
            Self::Matches(regex) => regex.is_match(bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use moldau_client::Header;

    use super::*;

    fn record() -> ConsumerRecord {
        let mut record = ConsumerRecord::new("flights", 0, 0);
        record.key = Some("N14228".into());
        record.headers = vec![
            Header::new("source", "faa"),
            Header::new("source", "icao"),
            Header { key: "empty".to_owned(), value: None },
        ];
        record
    }

    #[test]
    fn conditions_hold_or_not() {
        for (text, wanted) in [
            ("key", true),
            ("!key", false),
            ("value", false),
            ("!value", true),
            ("key=N14228", true),
            ("key=N1", false),
            ("key!=N1", true),
            ("key~^N1", true),
            ("key!~8$", false),
            ("value~.*", false),
            ("value!=x", true),
            ("header.source=icao", true),
            ("header.source!=icao", false),
            ("header.source~^f", true),
            ("header.none", false),
            ("header.empty", false),
            ("!header.empty", true),
            ("key=a=b", false),
        ] {
            assert_eq!(condition(text).expect(text).holds(&record()), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for text in ["", "keys=1", "header.", "header.=x", "key!x", "key~(", "!"] {
            assert!(condition(text).is_err(), "{text}");
        }
    }
}
