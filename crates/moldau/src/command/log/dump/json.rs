//! What is in a file as JSON: an object a line, each with the `file` and its `kind`.
//!
//! Always: bytes that are no UTF-8 are hex under a name with `_hex`, as `consume` prints them; a record of an internal topic has its
//! key and value as JSON.

use std::io::{self, Write};
use std::path::Path;

use moldau_log::dump::{
    DumpItem, DumpReport, DumpedBatch, DumpedProducer, DumpedRecord, ReadOptions, read_file,
};
use moldau_protocol::records::{BatchHeader, Compression};
use serde_json::{Map, Value, json};

use super::super::decode::{self, Kind};
use crate::args::log::LogDumpArgs;
use crate::text::to_hex;

/// Prints what is in a file.
pub(super) fn dump(
    args: &LogDumpArgs,
    path: &Path,
    name: &str,
    kind: Kind,
    shown: &dyn Fn(u64),
    out: &mut dyn Write,
) -> io::Result<DumpReport> {
    let options = ReadOptions { records: args.records || args.deep, max_bytes: args.max_bytes };
    read_file(path, options, &mut |item| {
        let size = item.batch_size();
        let (item_kind, fields) = match item {
            DumpItem::LogStart(base_offset) => ("log", json!({ "base_offset": base_offset })),
            DumpItem::SnapshotEnd { end_offset, leader_epoch } => {
                ("checkpoint", json!({ "end_offset": end_offset, "leader_epoch": leader_epoch }))
            }
            DumpItem::Batch(batch) => ("batch", batch_json(&batch)),
            DumpItem::Record(record) => ("record", record_json(args, kind, &record)),
            DumpItem::UnreadableRecords(why) => ("unreadable_records", json!({ "error": why })),
            DumpItem::TrailingBytes(bytes) => ("trailing_bytes", json!({ "size_bytes": bytes })),
            DumpItem::EmptyIndex => ("empty_index", json!({})),
            DumpItem::Offset { offset, position } => {
                ("offset", json!({ "offset": offset, "position": position }))
            }
            DumpItem::Time { timestamp, offset } => {
                ("time", json!({ "timestamp": timestamp, "offset": offset }))
            }
            DumpItem::Aborted { producer_id, first_offset, last_offset, last_stable_offset } => (
                "aborted_transaction",
                json!({
                    "producer_id": producer_id,
                    "first_offset": first_offset,
                    "last_offset": last_offset,
                    "last_stable_offset": last_stable_offset,
                }),
            ),
            DumpItem::Producer(producer) => ("producer", producer_json(&producer)),
        };
        let mut line = Map::new();
        line.insert("file".to_owned(), name.into());
        line.insert("kind".to_owned(), item_kind.into());
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")?;
        size.into_iter().for_each(shown);
        Ok(())
    })
}

fn batch_json(batch: &DumpedBatch<'_>) -> Value {
    let Some(header) = batch.header else {
        return json!({
            "base_offset": batch.base_offset,
            "position": batch.position,
            "size_bytes": batch.size,
            "max_timestamp": batch.max_timestamp,
            "magic": batch.magic,
        });
    };
    json!({
        "base_offset": header.base_offset,
        "last_offset": header.last_offset(),
        "count": header.record_count,
        "base_sequence": header.base_sequence,
        "last_sequence": header.last_sequence(),
        "producer_id": header.producer_id,
        "producer_epoch": header.producer_epoch,
        "leader_epoch": header.partition_leader_epoch,
        "transactional": header.is_transactional(),
        "control": header.is_control(),
        "delete_horizon": header.delete_horizon_ms(),
        "position": batch.position,
        "size_bytes": batch.size,
        "max_timestamp": header.max_timestamp,
        "timestamp_type": header.timestamp_type().name(),
        "magic": header.magic,
        "compression": codec_name(header),
        "crc": header.crc,
        "valid": batch.valid,
    })
}

fn producer_json(producer: &DumpedProducer) -> Value {
    json!({
        "producer_id": producer.producer_id,
        "producer_epoch": producer.producer_epoch,
        "coordinator_epoch": producer.coordinator_epoch,
        "current_transaction_first_offset": producer.current_transaction_first_offset,
        "last_timestamp": producer.last_timestamp,
        "last_batch": producer.last_batch.map(|batch| json!({
            "first_sequence": batch.first_sequence,
            "last_sequence": batch.last_sequence,
            "last_offset": batch.last_offset,
            "offset_delta": batch.offset_delta,
        })),
    })
}

fn record_json(
    args: &LogDumpArgs,
    kind: Kind,
    DumpedRecord { header, record, marker }: &DumpedRecord<'_>,
) -> Value {
    let length = |bytes: Option<&[u8]>| bytes.map_or(-1, |bytes| bytes.len() as i64);
    let mut fields = Map::new();
    if !args.skip_record_metadata {
        let more = json!({
            "offset": record.offset,
            "timestamp": record.timestamp,
            "sequence": record.sequence,
            "key_size": length(record.key),
            "value_size": length(record.value),
        });
        fields.extend(more.as_object().cloned().unwrap_or_default());
    }
    if let Some(marker) = marker {
        let outcome = if marker.aborted { "abort" } else { "commit" };
        fields.insert("marker".to_owned(), outcome.into());
        fields.insert("coordinator_epoch".to_owned(), marker.coordinator_epoch.into());
    } else if args.records {
        match decode::decode(kind, header, record) {
            Some(decoded) => {
                // What can't be decoded says so as text; a deletion is null, as everywhere.
                let value = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
                let payload =
                    decoded.payload.map(value).map(|payload| record.value.map_or(Value::Null, |_| payload));
                let pieces = [
                    ("key", decoded.key.map(value)),
                    ("value", payload),
                    ("control", decoded.instead.map(Value::String)),
                ];
                fields.extend(pieces.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
            }
            None => {
                put_bytes(&mut fields, "key", record.key);
                put_bytes(&mut fields, "value", record.value);
                let headers = record.headers.map(|header| {
                    let mut fields = Map::new();
                    fields.insert("key".to_owned(), header.key_text().into_owned().into());
                    put_bytes(&mut fields, "value", header.value);
                    Value::Object(fields)
                });
                fields.insert("headers".to_owned(), headers.collect());
            }
        }
    }
    Value::Object(fields)
}

fn put_bytes(fields: &mut Map<String, Value>, name: &str, bytes: Option<&[u8]>) {
    match bytes.map(std::str::from_utf8) {
        None => fields.insert(name.to_owned(), Value::Null),
        Some(Ok(text)) => fields.insert(name.to_owned(), text.into()),
        Some(Err(_)) => fields.insert(format!("{name}_hex"), to_hex(bytes.unwrap_or_default()).into()),
    };
}

/// The codec's name; a batch may name one that there is not.
fn codec_name(header: &BatchHeader) -> &'static str {
    header.compression().map_or("unknown", Compression::name)
}
