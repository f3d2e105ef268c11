//! A record from a line: text, hex or JSON, with what the options say of all records.

use bytes::Bytes;
use moldau_client::{Header, ProducerRecord};

use super::json;
use crate::args::{ProduceArgs, RecordFormat};
use crate::text::{from_hex, header_escaped, header_pieces, header_unescaped};

/// The record of a line.
pub(super) fn record(args: &ProduceArgs, line: Vec<u8>) -> Result<ProducerRecord, String> {
    let mut record = match args.format {
        RecordFormat::Text | RecordFormat::Hex => text_record(args, line.into())?,
        RecordFormat::Json => json::record(&line)?,
    };
    record.topic = args.topic.clone();
    // The partition that a record was read from says nothing of where it should go, unless that is asked for.
    record.partition = args.partition.or(record.partition.filter(|_| args.keep_partitions));
    record.timestamp = args.timestamp.or(record.timestamp);
    if let Some(key) = &args.key {
        record.key = nullable(args, Bytes::from(key.clone()));
    }
    for (key, value) in &args.header {
        record.headers.push(Header { key: key.clone(), value: nullable(args, Bytes::from(value.clone())) });
    }
    Ok(record)
}

fn nullable(args: &ProduceArgs, bytes: Bytes) -> Option<Bytes> {
    (args.null.as_deref().map(str::as_bytes) != Some(&bytes[..])).then_some(bytes)
}

fn text_record(args: &ProduceArgs, line: Bytes) -> Result<ProducerRecord, String> {
    let mut record = ProducerRecord::default();
    let mut rest = line;
    if args.headers {
        let (headers, after) = split(&rest, b"\t")
            .ok_or("no tab behind the headers; leave --headers out for records without headers")?;
        record.headers = headers_of(args, &headers)?;
        rest = after;
    }
    match &args.key_separator {
        None => record.value = decoded(args, rest)?,
        Some(separator) => {
            let (key, value) = split(&rest, separator.as_bytes())
                .ok_or("no key separator; leave --key-separator out for records without keys")?;
            record.key = decoded(args, key)?;
            record.value = decoded(args, value)?;
        }
    }
    Ok(record)
}

/// Splits at the first place of the separator.
fn split(bytes: &Bytes, separator: &[u8]) -> Option<(Bytes, Bytes)> {
    let at = bytes.windows(separator.len().max(1)).position(|window| window == separator)?;
    Some((bytes.slice(..at), bytes.slice(at + separator.len()..)))
}

/// Reads `a=1,b=2`, with escapes as `consume --headers` prints them; nothing at all is no header.
fn headers_of(args: &ProduceArgs, text: &[u8]) -> Result<Vec<Header>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let marker = args.null.as_ref().map(|null| header_escaped(null.as_bytes()));
    header_pieces(text, b',')
        .into_iter()
        .map(|header| {
            let wrong = |why: &str| format!("`{}` is no header; {why}", String::from_utf8_lossy(header));
            let key = header_pieces(header, b'=')[0];
            let value = header.get(key.len() + 1..).ok_or_else(|| {
                wrong("a header is NAME=VALUE, and a comma within one is written with a backslash: \\,")
            })?;
            let key = header_unescaped(key).map_err(|why| wrong(&why))?;
            let key = String::from_utf8(key).map_err(|_| wrong("its name is no UTF-8"))?;
            if marker.as_deref() == Some(value) {
                return Ok(Header { key, value: None });
            }
            let value = header_unescaped(value).map_err(|why| wrong(&why))?;
            Ok(Header { key, value: Some(bytes_of(args, value.into())?) })
        })
        .collect()
}

/// The bytes that a piece of a line stands for.
fn decoded(args: &ProduceArgs, bytes: Bytes) -> Result<Option<Bytes>, String> {
    nullable(args, bytes).map(|bytes| bytes_of(args, bytes)).transpose()
}

fn bytes_of(args: &ProduceArgs, bytes: Bytes) -> Result<Bytes, String> {
    match args.format {
        RecordFormat::Hex => {
            let text = String::from_utf8_lossy(&bytes);
            from_hex(&text).map(Bytes::from).ok_or_else(|| format!("`{text}` is not hex"))
        }
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, ClientCommand, Command};

    fn args(more: &[&str]) -> ProduceArgs {
        let line = ["moldau", "produce", "flights"].iter().chain(more);
        match Args::try_parse_from(line).expect("good usage").command {
            Command::Client(client) => match *client {
                ClientCommand::Produce(args) => args,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    fn made(more: &[&str], line: &str) -> ProducerRecord {
        record(&args(more), line.as_bytes().to_vec()).expect("a record")
    }

    #[test]
    fn a_line_is_a_value() {
        assert_eq!(made(&[], "EWR-IAH"), ProducerRecord::to("flights").value("EWR-IAH"));
        assert_eq!(made(&[], ""), ProducerRecord::to("flights").value(""));
    }

    #[test]
    fn the_separator_splits_key_and_value_at_its_first_place() {
        assert_eq!(made(&["-K", "::"], "a::b::c"), ProducerRecord::to("flights").key("a").value("b::c"));
        assert!(record(&args(&["-K", ":"]), b"no key".to_vec()).is_err());
    }

    #[test]
    fn the_marker_is_null() {
        let got = made(&["-K", ":", "--null", "NULL"], "NULL:NULL");
        assert_eq!((got.key, got.value), (None, None));
    }

    #[test]
    fn options_count_for_all_records() {
        let got =
            made(&["-k", "a", "-H", "h=1", "--partition", "2", "--timestamp", "1970-01-01T00:00:01Z"], "v");
        let wanted =
            ProducerRecord::to("flights").key("a").value("v").header("h", "1").partition(2).timestamp(1000);
        assert_eq!(got, wanted);
    }

    #[test]
    fn headers_stand_before_a_tab_as_consume_prints_them() {
        let got = made(&["--headers", "-K", ":", "--null", "NULL"], "a=1,b=NULL,a=x=y\tk:v");
        let headers =
            [Header::new("a", "1"), Header { key: "b".to_owned(), value: None }, Header::new("a", "x=y")];
        assert_eq!((got.key.as_deref(), got.value.as_deref()), (Some(&b"k"[..]), Some(&b"v"[..])));
        assert_eq!(got.headers, headers);
        assert_eq!(made(&["--headers"], "\tv"), ProducerRecord::to("flights").value("v"));
        let escaped = made(&["--headers"], "a\\==1\\,2\\t\\\\\tv");
        assert_eq!(escaped.headers, [Header::new("a=", "1,2\t\\")]);
        for bad in ["a=1", "a\tv", "a=1,2\tv", "a=\\q\tv"] {
            assert!(record(&args(&["--headers"]), bad.as_bytes().to_vec()).is_err(), "{bad}");
        }
    }

    #[test]
    fn hex_is_hex_on_both_sides_of_the_separator() {
        assert_eq!(
            made(&["-f", "hex", "-K", ":"], "6b:ff00"),
            ProducerRecord::to("flights").key("k").value(vec![255, 0])
        );
        assert!(record(&args(&["-f", "hex"]), b"xy".to_vec()).is_err());
    }

    #[test]
    fn partitions_of_json_are_kept_when_asked_for() {
        let line = r#"{"partition":3,"value":"v"}"#;
        assert_eq!(made(&["-f", "json", "--keep-partitions"], line).partition, Some(3));
        assert_eq!(made(&["-f", "json"], line).partition, None);
    }

    #[test]
    fn json_lines_are_what_consume_prints() {
        let line = r#"{"topic":"x","partition":3,"offset":1,"timestamp":5,"timestamp_type":"CreateTime","key":"k","value_hex":"ff00","headers":[{"key":"h","value":null}]}"#;
        let got = made(&["--format", "json"], line);
        assert_eq!(got.partition, None);
        assert_eq!(got.timestamp, Some(5));
        assert_eq!(got.value.as_deref(), Some(&[0xff, 0][..]));
        assert_eq!(got.headers, [Header { key: "h".to_owned(), value: None }]);
        assert_eq!(
            made(&["--format", "json"], r#"{"value":{"a":1}}"#).value.as_deref(),
            Some(&br#"{"a":1}"#[..])
        );
    }
}
