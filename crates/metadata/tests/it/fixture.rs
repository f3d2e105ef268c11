//! Reads the fixtures: a log or snapshot file, and what Kafka's dump tool says of it.

use std::fs;
use std::path::PathBuf;

use moldau_protocol::Reader;
use moldau_protocol::records::batches;

/// A metadata record as the log has it.
pub(crate) struct LogRecord {
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) timestamp_ms: i64,
    pub(crate) value: Vec<u8>,
}

pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The records of every batch that is not a control batch.
pub(crate) fn records(name: &str) -> Vec<LogRecord> {
    let bytes = fs::read(path(name)).unwrap();
    let mut records = Vec::new();
    for batch in batches(&bytes) {
        let batch = batch.unwrap();
        batch.verify_crc().unwrap();
        if batch.header.is_control() {
            continue;
        }
        let mut reader = Reader::new(batch.payload());
        while !reader.is_empty() {
            reader.varint().unwrap();
            reader.i8().unwrap();
            reader.varlong().unwrap();
            let offset = batch.header.base_offset + i64::from(reader.varint().unwrap());
            assert_eq!(reader.varint().unwrap(), -1, "a metadata record has no key");
            let len = reader.varint().unwrap();
            let value = reader.take(len as usize).unwrap().to_vec();
            assert_eq!(reader.varint().unwrap(), 0, "a metadata record has no headers");
            let header = &batch.header;
            let (leader_epoch, timestamp_ms) = (header.partition_leader_epoch, header.max_timestamp);
            records.push(LogRecord { offset, leader_epoch, timestamp_ms, value });
        }
    }
    records
}

/// Offset and JSON of each record, from the dump.
pub(crate) fn dumped(name: &str) -> Vec<(i64, serde_json::Value)> {
    let text = fs::read_to_string(path(&format!("{name}.records"))).unwrap();
    let line = |line: &str| {
        let (offset, json) = line.split_once(' ').unwrap();
        (offset.parse().unwrap(), serde_json::from_str(json).unwrap())
    };
    text.lines().map(line).collect()
}
