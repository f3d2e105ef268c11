//! The form in which `moldau consume` prints a record: text, hex, JSON or a template.
//!
//! Always: bytes that are no UTF-8 come out as they are in text and templates; in JSON they are hex, under another name.

use std::io::{self, Write};

use moldau_client::ConsumerRecord;
use moldau_client::TimestampType;
use serde::Serialize;

use super::template::{Field, Form, Piece, pieces};
use crate::text::{header_escaped, to_hex};

/// A form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Text,
    Hex,
    Json,
    Template(Vec<Piece>),
}

impl Format {
    /// Reads `text`, `hex`, `json` or a template.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "hex" => Ok(Self::Hex),
            "json" => Ok(Self::Json),
            template if template.contains(['%', '\\']) => pieces(template).map(Self::Template),
            _ => Err("must be text, hex, json, or a template such as '%k=%s\\n'".to_owned()),
        }
    }
}

/// Prints records in one form.
#[derive(Debug)]
pub(crate) struct Printer {
    pub(crate) format: Format,
    pub(crate) key_separator: Option<String>,
    pub(crate) headers: bool,
    pub(crate) delimiter: Option<String>,
    pub(crate) null: String,
}

impl Printer {
    /// Prints one record. `InvalidData` is an error of the record.
    pub(crate) fn print(&self, record: &ConsumerRecord, out: &mut impl Write) -> io::Result<()> {
        match &self.format {
            Format::Text => self.print_line(record, Form::Raw, out),
            Format::Hex => self.print_line(record, Form::Hex, out),
            Format::Json => {
                serde_json::to_writer(&mut *out, &JsonRecord::of(record))?;
                out.write_all(b"\n")
            }
            Format::Template(pieces) => {
                pieces.iter().try_for_each(|piece| self.print_piece(piece, record, out))
            }
        }
    }

    fn print_line(&self, record: &ConsumerRecord, form: Form, out: &mut impl Write) -> io::Result<()> {
        if self.headers {
            self.print_headers(record, form, out)?;
            out.write_all(b"\t")?;
        }
        if let Some(separator) = &self.key_separator {
            self.print_bytes(record.key.as_deref(), form, out)?;
            out.write_all(separator.as_bytes())?;
        }
        self.print_bytes(record.value.as_deref(), form, out)?;
        out.write_all(self.delimiter.as_deref().unwrap_or("\n").as_bytes())
    }

    fn print_bytes(&self, bytes: Option<&[u8]>, form: Form, out: &mut impl Write) -> io::Result<()> {
        match (bytes, form) {
            (bytes, Form::Size) => write!(out, "{}", bytes.map_or(-1, |bytes| bytes.len() as i64)),
            (None, _) => out.write_all(self.null.as_bytes()),
            (Some(bytes), Form::Raw) => out.write_all(bytes),
            (Some(bytes), Form::Hex) => out.write_all(to_hex(bytes).as_bytes()),
            (Some(bytes), Form::Number(number)) => {
                let text = number.text(bytes);
                let text = text.map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?;
                out.write_all(text.as_bytes())
            }
        }
    }

    fn print_piece(&self, piece: &Piece, record: &ConsumerRecord, out: &mut impl Write) -> io::Result<()> {
        match piece {
            Piece::Literal(bytes) => out.write_all(bytes),
            Piece::Bytes(field, form) => {
                let bytes = match field {
                    Field::Key => record.key.as_deref(),
                    Field::Value => record.value.as_deref(),
                    Field::Header(name) => {
                        let last = record.headers.iter().rev().find(|header| header.key == *name);
                        last.and_then(|header| header.value.as_deref())
                    }
                };
                self.print_bytes(bytes, *form, out)
            }
            Piece::Headers(form) => self.print_headers(record, *form, out),
            Piece::Timestamp => write!(out, "{}", record.timestamp),
            Piece::TimestampIso => out.write_all(crate::time::to_iso(record.timestamp).as_bytes()),
            Piece::TimestampType => out.write_all(type_of(record).as_bytes()),
            Piece::Topic => out.write_all(record.topic.as_bytes()),
            Piece::Partition => write!(out, "{}", record.partition),
            Piece::Offset => write!(out, "{}", record.offset),
            Piece::LeaderEpoch => match record.leader_epoch {
                Some(leader_epoch) => write!(out, "{leader_epoch}"),
                None => out.write_all(self.null.as_bytes()),
            },
        }
    }

    /// Headers as `produce --headers` reads them.
    fn print_headers(&self, record: &ConsumerRecord, form: Form, out: &mut impl Write) -> io::Result<()> {
        for (at, header) in record.headers.iter().enumerate() {
            if at > 0 {
                out.write_all(b",")?;
            }
            out.write_all(&header_escaped(header.key.as_bytes()))?;
            out.write_all(b"=")?;
            match (&header.value, form) {
                (None, _) => out.write_all(&header_escaped(self.null.as_bytes()))?,
                (Some(value), Form::Raw) => match value.split_first() {
                    // What only looks like the marker is no null.
                    Some((first, rest)) if value == self.null.as_bytes() => {
                        write!(out, "\\x{first:02x}")?;
                        out.write_all(&header_escaped(rest))?;
                    }
                    _ => out.write_all(&header_escaped(value))?,
                },
                (value, _) => self.print_bytes(value.as_deref(), form, out)?,
            }
        }
        Ok(())
    }
}

fn type_of(record: &ConsumerRecord) -> &'static str {
    match record.timestamp_type {
        TimestampType::CreateTime => "CreateTime",
        TimestampType::LogAppendTime => "LogAppendTime",
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
        Some(Err(_)) => hex(to_hex(bytes.unwrap_or_default())),
    }
}

impl<'a> JsonRecord<'a> {
    fn of(record: &'a ConsumerRecord) -> Self {
        Self {
            topic: &record.topic,
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            timestamp_type: type_of(record),
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
        let mut record = ConsumerRecord::new("flights", 3, 17);
        record.timestamp = 1_357_017_300_000;
        record.key = Some("N14228".into());
        record.headers = vec![Header::new("source", "faa"), Header { key: "none".to_owned(), value: None }];
        record
    }

    fn printed(format: &str, record: &ConsumerRecord) -> String {
        let printer = Printer {
            format: Format::parse(format).expect("a format"),
            key_separator: Some("=".to_owned()),
            headers: true,
            delimiter: None,
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
    fn headers_were_printed_so_that_they_could_not_be_read_back() {
        let mut record = record();
        record.headers =
            vec![Header::new("h", "a,b"), Header::new("x=y", "1=2\t\n\\"), Header::new("n", "NULL")];
        assert_eq!(printed("%{headers}", &record), r"h=a\,b,x\=y=1\=2\t\n\\,n=\x4eULL");
    }

    #[test]
    fn hex_is_text_of_each_byte() {
        assert_eq!(printed("hex", &record()), "source=666161,none=NULL\t4e3134323238=NULL\n");
    }

    #[test]
    fn named_pieces_have_forms() {
        let mut record = record();
        record.value = Some(vec![0, 0, 1, 0].into());
        assert_eq!(
            printed(
                "%{key.hex} %{key.size} %{value.int} %{header.source}|%{header.other} %{leader_epoch}",
                &record
            ),
            "4e3134323238 6 256 faa|NULL NULL"
        );
        assert_eq!(
            printed("%{timestamp.iso} %{timestamp.type} %{headers.hex}", &record),
            "2013-01-01T05:15:00Z CreateTime source=666161,none=NULL"
        );
        let printer = Printer {
            format: Format::parse("%{key.long}").expect("a format"),
            key_separator: None,
            headers: false,
            delimiter: None,
            null: String::new(),
        };
        let error = printer.print(&record, &mut Vec::new()).expect_err("six bytes are no long");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn bytes_that_are_no_text_are_hex_in_json() {
        let mut record = record();
        record.value = Some(vec![0xff, 0x00].into());
        assert!(printed("json", &record).contains(r#""value_hex":"ff00""#));
    }

    #[test]
    fn what_means_nothing_in_a_template_is_refused() {
        for bad in ["%q", "%", r"\q", r"\x1", "xml", "%{keys}", "%{key.xml}", "%{header.}", "%{}"] {
            assert!(Format::parse(bad).is_err(), "{bad}");
        }
    }
}
