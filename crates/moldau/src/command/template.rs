//! The form in which `moldau consume` prints a record: text, JSON or a template.
//!
//! Always: bytes that are no UTF-8 come out as they are in text and templates; in JSON they are hex, under another name.

use std::io::{self, Write};

use moldau_client::ConsumerRecord;
use moldau_client::TimestampType;
use serde::Serialize;

/// A form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
    Template(Vec<Piece>),
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Literal(Vec<u8>),
    Key,
    KeySize,
    Value,
    ValueSize,
    Headers,
    Timestamp,
    Topic,
    Partition,
    Offset,
}

impl Format {
    /// Reads `text`, `json` or a template.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            template if template.contains(['%', '\\']) => pieces(template).map(Self::Template),
            _ => Err("must be text, json, or a template such as '%k=%s\\n'".to_owned()),
        }
    }
}

fn pieces(template: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut literal = Vec::new();
    let mut rest = template.chars();
    while let Some(next) = rest.next() {
        let piece = match next {
            '%' => match rest.next() {
                Some('k') => Piece::Key,
                Some('K') => Piece::KeySize,
                Some('s') => Piece::Value,
                Some('S') => Piece::ValueSize,
                Some('h') => Piece::Headers,
                Some('T') => Piece::Timestamp,
                Some('t') => Piece::Topic,
                Some('p') => Piece::Partition,
                Some('o') => Piece::Offset,
                Some('%') => {
                    literal.push(b'%');
                    continue;
                }
                other => {
                    return Err(format!(
                        "%{} means nothing; there are %k %s %h %T %t %p %o %K %S and %%",
                        other.map(String::from).unwrap_or_default()
                    ));
                }
            },
            '\\' => {
                match rest.next() {
                    Some('n') => literal.push(b'\n'),
                    Some('r') => literal.push(b'\r'),
                    Some('t') => literal.push(b'\t'),
                    Some('\\') => literal.push(b'\\'),
                    Some('x') => {
                        let hex: String = rest.by_ref().take(2).collect();
                        let byte = two_digits(&hex)
                            .ok_or_else(|| format!("\\x{hex} is not \\x and two hex digits"))?;
                        literal.push(byte);
                    }
                    other => {
                        return Err(format!(
                            "\\{} means nothing; there are \\n \\r \\t \\\\ and \\xNN",
                            other.map(String::from).unwrap_or_default()
                        ));
                    }
                }
                continue;
            }
            other => {
                literal.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
        };
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        pieces.push(piece);
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

fn two_digits(hex: &str) -> Option<u8> {
    (hex.len() == 2).then(|| u8::from_str_radix(hex, 16).ok())?
}

/// Prints records in one form.
#[derive(Debug)]
pub(crate) struct Printer {
    pub(crate) format: Format,
    pub(crate) key_separator: Option<String>,
    pub(crate) headers: bool,
    pub(crate) null: String,
}

impl Printer {
    fn bytes<'a>(&'a self, bytes: Option<&'a [u8]>) -> &'a [u8] {
        bytes.unwrap_or(self.null.as_bytes())
    }

    /// Prints one record.
    pub(crate) fn print(&self, record: &ConsumerRecord, out: &mut impl Write) -> io::Result<()> {
        match &self.format {
            Format::Text => {
                if self.headers {
                    self.print_headers(record, out)?;
                    out.write_all(b"\t")?;
                }
                if let Some(separator) = &self.key_separator {
                    out.write_all(self.bytes(record.key.as_deref()))?;
                    out.write_all(separator.as_bytes())?;
                }
                out.write_all(self.bytes(record.value.as_deref()))?;
                out.write_all(b"\n")
            }
            Format::Json => {
                serde_json::to_writer(&mut *out, &JsonRecord::of(record))?;
                out.write_all(b"\n")
            }
            Format::Template(pieces) => {
                pieces.iter().try_for_each(|piece| self.print_piece(piece, record, out))
            }
        }
    }

    fn print_piece(&self, piece: &Piece, record: &ConsumerRecord, out: &mut impl Write) -> io::Result<()> {
        let size = |bytes: &Option<bytes::Bytes>| bytes.as_ref().map_or(-1, |bytes| bytes.len() as i64);
        match piece {
            Piece::Literal(bytes) => out.write_all(bytes),
            Piece::Key => out.write_all(self.bytes(record.key.as_deref())),
            Piece::Value => out.write_all(self.bytes(record.value.as_deref())),
            Piece::KeySize => write!(out, "{}", size(&record.key)),
            Piece::ValueSize => write!(out, "{}", size(&record.value)),
            Piece::Headers => self.print_headers(record, out),
            Piece::Timestamp => write!(out, "{}", record.timestamp),
            Piece::Topic => out.write_all(record.topic.as_bytes()),
            Piece::Partition => write!(out, "{}", record.partition),
            Piece::Offset => write!(out, "{}", record.offset),
        }
    }

    fn print_headers(&self, record: &ConsumerRecord, out: &mut impl Write) -> io::Result<()> {
        for (at, header) in record.headers.iter().enumerate() {
            if at > 0 {
                out.write_all(b",")?;
            }
            write!(out, "{}=", header.key)?;
            out.write_all(self.bytes(header.value.as_deref()))?;
        }
        Ok(())
    }
}

/// A record as `--format json` prints it: bytes as text, or as hex under a name with `_hex` when they are no UTF-8.
#[derive(Serialize)]
struct JsonRecord<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp: i64,
    timestamp_type: &'static str,
    #[serde(flatten)]
    key: JsonKey<'a>,
    #[serde(flatten)]
    value: JsonValue<'a>,
    headers: Vec<JsonHeader<'a>>,
}

#[derive(Serialize)]
enum JsonKey<'a> {
    #[serde(rename = "key")]
    Text(Option<&'a str>),
    #[serde(rename = "key_hex")]
    Hex(String),
}

#[derive(Serialize)]
enum JsonValue<'a> {
    #[serde(rename = "value")]
    Text(Option<&'a str>),
    #[serde(rename = "value_hex")]
    Hex(String),
}

#[derive(Serialize)]
struct JsonHeader<'a> {
    key: &'a str,
    #[serde(flatten)]
    value: JsonValue<'a>,
}

fn text_or_hex<'a, T>(bytes: Option<&'a [u8]>, text: fn(Option<&'a str>) -> T, hex: fn(String) -> T) -> T {
    match bytes.map(std::str::from_utf8) {
        None => text(None),
        Some(Ok(utf8)) => text(Some(utf8)),
        Some(Err(_)) => hex(bytes.unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect()),
    }
}

impl<'a> JsonRecord<'a> {
    fn of(record: &'a ConsumerRecord) -> Self {
        Self {
            topic: &record.topic,
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            timestamp_type: match record.timestamp_type {
                TimestampType::CreateTime => "CreateTime",
                TimestampType::LogAppendTime => "LogAppendTime",
            },
            key: text_or_hex(record.key.as_deref(), JsonKey::Text, JsonKey::Hex),
            value: text_or_hex(record.value.as_deref(), JsonValue::Text, JsonValue::Hex),
            headers: record
                .headers
                .iter()
                .map(|header| JsonHeader {
                    key: &header.key,
                    value: text_or_hex(header.value.as_deref(), JsonValue::Text, JsonValue::Hex),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use moldau_client::Header;

    use super::*;

    fn record() -> ConsumerRecord {
        ConsumerRecord {
            topic: "flights".into(),
            partition: 3,
            offset: 17,
            timestamp: 1_357_017_300_000,
            timestamp_type: TimestampType::CreateTime,
            leader_epoch: None,
            key: Some("N14228".into()),
            value: None,
            headers: vec![Header::new("source", "faa"), Header { key: "none".to_owned(), value: None }],
        }
    }

    fn printed(format: &str, record: &ConsumerRecord) -> String {
        let printer = Printer {
            format: Format::parse(format).expect("a format"),
            key_separator: Some("=".to_owned()),
            headers: true,
            null: "NULL".to_owned(),
        };
        let mut out = Vec::new();
        printer.print(record, &mut out).expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn text_json_and_template() {
        assert_eq!(printed("text", &record()), "source=faa,none=NULL\tN14228=NULL\n");
        assert_eq!(
            printed(r"%t[%p]@%o %T %k:%K %s:%S%% %h\x21\n", &record()),
            "flights[3]@17 1357017300000 N14228:6 NULL:-1% source=faa,none=NULL!\n"
        );
        assert_eq!(
            printed("json", &record()),
            concat!(
                r#"{"topic":"flights","partition":3,"offset":17,"timestamp":1357017300000,"timestamp_type":"CreateTime","#,
                r#""key":"N14228","value":null,"headers":[{"key":"source","value":"faa"},{"key":"none","value":null}]}"#,
                "\n"
            )
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_hex_in_json() {
        let mut record = record();
        record.value = Some(vec![0xff, 0x00].into());
        assert!(printed("json", &record).contains(r#""value_hex":"ff00""#));
    }

    #[test]
    fn what_means_nothing_in_a_template_is_refused() {
        for bad in ["%q", "%", r"\q", r"\x1", "xml"] {
            assert!(Format::parse(bad).is_err(), "{bad}");
        }
    }
}
