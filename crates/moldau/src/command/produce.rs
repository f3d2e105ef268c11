//! `moldau produce`: records from the lines of stdin.
//!
//! Always: lines are read ahead by a bounded number only; the first failed delivery ends the command, with the number of
//! the line.

use std::collections::VecDeque;
use std::io::{self, BufRead, IsTerminal};

use bytes::Bytes;
use futures_util::FutureExt;
use moldau_client::{Acks, ClientError, Delivery, Header, Producer, ProducerRecord};
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::args::{ProduceArgs, RecordFormat};
use crate::failure::Failure;

/// Lines that are read ahead.
const LINES_AHEAD: usize = 4096;
/// Deliveries that are awaited behind the reading.
const UNSETTLED_MAX: usize = 100_000;

pub(crate) async fn run(args: ProduceArgs) -> Result<(), Failure> {
    let mut config = args.cluster.producer()?;
    if let Some(codec) = &args.compression {
        config.set("compression.type", codec)?;
    }
    if let Some(acks) = &args.acks {
        config.set("acks", acks)?;
        if config.acks != Acks::All
            && !args.cluster.property.iter().any(|(key, _)| key == "enable.idempotence")
        {
            config.idempotence = false;
        }
    }
    let producer = Producer::connect(config).await?;
    // Says at once when there is no such topic, rather than after the first line.
    producer.partitions_for(&args.topic).await?;
    let mut lines = read_lines();
    let mut unsettled: VecDeque<(u64, Delivery)> = VecDeque::new();
    let mut number = 0u64;
    while let Some(line) = lines.recv().await {
        number += 1;
        let line = line.map_err(|error| Failure::said_no(format!("stdin: {error}")))?;
        let record = record(&args, line).map_err(|why| Failure::said_no(format!("line {number}: {why}")))?;
        let delivery = producer.send(record).await.map_err(|error| failed(number, error))?;
        unsettled.push_back((number, delivery));
        settle(&mut unsettled, UNSETTLED_MAX).await?;
    }
    let _ = producer.flush().await;
    settle(&mut unsettled, 0).await?;
    producer.close().await?;
    if io::stderr().is_terminal() {
        eprintln!("{number} records written to {}", args.topic);
    }
    Ok(())
}

fn failed(line: u64, error: ClientError) -> Failure {
    match Failure::from(error) {
        Failure::SaidNo(message) => Failure::SaidNo(format!("line {line}: {message}")),
        other => other,
    }
}

/// Takes up the deliveries that are done, and waits for the first ones until at most `kept` are left.
async fn settle(unsettled: &mut VecDeque<(u64, Delivery)>, kept: usize) -> Result<(), Failure> {
    while let Some((line, delivery)) = unsettled.front_mut() {
        let line = *line;
        let result = match delivery.now_or_never() {
            Some(result) => result,
            None if unsettled.len() <= kept => return Ok(()),
            None => match unsettled.front_mut() {
                Some((_, delivery)) => delivery.await,
                None => return Ok(()),
            },
        };
        result.map_err(|error| failed(line, error))?;
        unsettled.pop_front();
    }
    Ok(())
}

/// Reads stdin on a thread of its own, without the line ends.
fn read_lines() -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel(LINES_AHEAD);
    std::thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let read = stdin.read_until(b'\n', &mut line);
            let sent = match read {
                Ok(0) => return,
                Ok(_) => {
                    if line.last() == Some(&b'\n') {
                        line.pop();
                        if line.last() == Some(&b'\r') {
                            line.pop();
                        }
                    }
                    sender.blocking_send(Ok(line))
                }
                Err(error) => {
                    let _ = sender.blocking_send(Err(error));
                    return;
                }
            };
            if sent.is_err() {
                return;
            }
        }
    });
    receiver
}

fn record(args: &ProduceArgs, line: Vec<u8>) -> Result<ProducerRecord, String> {
    let mut record = match args.format {
        RecordFormat::Text => text_record(args, line.into())?,
        RecordFormat::Json => json_record(&line)?,
    };
    record.topic = args.topic.clone();
    record.partition = args.partition.or(record.partition);
    record.timestamp = args.timestamp.or(record.timestamp);
    if let Some(key) = &args.key {
        record.key = nullable(args, Bytes::from(key.clone()));
    }
    for (key, value) in &args.headers {
        record.headers.push(Header { key: key.clone(), value: nullable(args, Bytes::from(value.clone())) });
    }
    Ok(record)
}

fn nullable(args: &ProduceArgs, bytes: Bytes) -> Option<Bytes> {
    (args.null.as_deref().map(str::as_bytes) != Some(&bytes[..])).then_some(bytes)
}

fn text_record(args: &ProduceArgs, line: Bytes) -> Result<ProducerRecord, String> {
    let mut record = ProducerRecord::default();
    match args.key_separator.as_deref().map(str::as_bytes) {
        None => record.value = nullable(args, line),
        Some(separator) => {
            let at = line
                .windows(separator.len().max(1))
                .position(|window| window == separator)
                .ok_or("no key separator; leave --key-separator out for records without keys")?;
            record.key = nullable(args, line.slice(..at));
            record.value = nullable(args, line.slice(at + separator.len()..));
        }
    }
    Ok(record)
}

#[derive(Deserialize)]
struct JsonLine {
    key: Option<String>,
    key_hex: Option<String>,
    value: Option<serde_json::Value>,
    value_hex: Option<String>,
    timestamp: Option<i64>,
    #[serde(default)]
    headers: Vec<JsonHeader>,
}

#[derive(Deserialize)]
struct JsonHeader {
    key: String,
    value: Option<String>,
    value_hex: Option<String>,
}

fn json_record(line: &[u8]) -> Result<ProducerRecord, String> {
    let line: JsonLine = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let value = match line.value {
        None | Some(serde_json::Value::Null) => None,
        Some(serde_json::Value::String(text)) => Some(text),
        Some(other) => Some(other.to_string()),
    };
    Ok(ProducerRecord {
        topic: String::new(),
        // The partition that a record was read from says nothing of where it should go.
        partition: None,
        timestamp: line.timestamp,
        key: text_or_hex(line.key, line.key_hex)?,
        value: text_or_hex(value, line.value_hex)?,
        headers: line
            .headers
            .into_iter()
            .map(|header| Ok(Header { key: header.key, value: text_or_hex(header.value, header.value_hex)? }))
            .collect::<Result<_, String>>()?,
    })
}

fn text_or_hex(text: Option<String>, hex: Option<String>) -> Result<Option<Bytes>, String> {
    match (text, hex) {
        (Some(text), _) => Ok(Some(text.into())),
        (None, None) => Ok(None),
        (None, Some(hex)) => {
            let digit = |byte: u8| (byte as char).to_digit(16);
            let bytes: Option<Vec<u8>> = hex
                .as_bytes()
                .chunks(2)
                .map(|pair| Some((digit(pair[0])? * 16 + digit(*pair.get(1)?)?) as u8))
                .collect();
            bytes.map(|bytes| Some(bytes.into())).ok_or_else(|| format!("`{hex}` is not hex"))
        }
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
            Command::Client(ClientCommand::Produce(args)) => args,
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
