//! The records of a reference node's internal topics and metadata log: each is decoded, and encoded to the same bytes.

use moldau_protocol::coordinator_records::{
    GroupRecordKey, GroupRecordValue, ShareRecordKey, ShareRecordValue, TransactionRecordKey,
    TransactionRecordValue,
};
use moldau_protocol::frame::MetadataFrame;
use moldau_protocol::{DecodeError, EncodeError, Reader, testing};
use serde_json::Value;

use super::{fixture, unhex};

/// A record's key and value.
type KeyAndValue = (Option<Vec<u8>>, Option<Vec<u8>>);

/// The data records of a log.
fn records(partition: &str) -> Vec<KeyAndValue> {
    let text = fixture(&format!("on-disk/{partition}.log.json"));
    let batches = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let batches: Vec<Value> = batches.filter(|batch| batch["control"] == false).collect();
    let records = batches.iter().flat_map(|batch| batch["records"].as_array().expect("records"));
    records.map(|r| (r["key"].as_str().map(unhex), r["value"].as_str().map(unhex))).collect()
}

macro_rules! round_trip {
    ($partition:literal, $key:ident, $value:ident) => {{
        let mut values = 0;
        for (key, value) in records($partition) {
            let key_bytes = key.expect("a key");
            let key = $key::decode(&key_bytes).expect("a known key");
            assert_eq!(key.encode().as_ref(), Ok(&key_bytes));
            let Some(value_bytes) = value else { continue };
            let value = $value::decode(key.record_type(), &value_bytes).expect("a known value");
            let version = i16::from_be_bytes([value_bytes[0], value_bytes[1]]);
            assert_eq!(value.encode(version).as_ref(), Ok(&value_bytes), "{value:?}");
            assert_eq!(value.record_type(), key.record_type());
            values += 1;
        }
        values
    }};
}

#[test]
fn group_records_round_trip() {
    assert!(round_trip!("__consumer_offsets-0", GroupRecordKey, GroupRecordValue) > 40);
}

#[test]
fn transaction_records_round_trip() {
    assert_eq!(round_trip!("__transaction_state-0", TransactionRecordKey, TransactionRecordValue), 39);
}

#[test]
fn share_records_round_trip() {
    assert_eq!(round_trip!("__share_group_state-0", ShareRecordKey, ShareRecordValue), 3);
}

#[test]
fn metadata_records_round_trip() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wire/metadata");
    let is_metadata = |name: &str| directory.join(format!("{name}.tsv")).exists();
    let mut count = 0;
    for (key, value) in records("__cluster_metadata-0") {
        assert_eq!(key, None);
        let value = value.expect("a value");
        let mut r = Reader::new(&value);
        let frame = MetadataFrame::decode(&mut r).expect("a frame");
        let mut entries = testing::all().iter();
        let entry = entries
            .find(|e| e.api_key == Some(frame.record_type) && is_metadata(e.name))
            .expect("a known type");
        let mut again = Vec::new();
        frame.encode(&mut again);
        again.extend(
            (entry.reencode)(r.rest(), frame.version).unwrap_or_else(|e| panic!("{}: {e}", entry.name)),
        );
        assert_eq!(again, value, "{}", entry.name);
        count += 1;
    }
    assert_eq!(count, 133);
}

#[test]
fn coordinator_records_report_what_is_wrong() {
    assert!(matches!(ShareRecordKey::decode(&[0, 2]), Err(DecodeError::Unknown { .. })));
    let value = TransactionRecordValue::TransactionLog(Default::default());
    assert!(matches!(value.encode(2), Err(EncodeError::UnsupportedVersion { version: 2, .. })));
}
