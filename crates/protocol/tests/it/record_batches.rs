//! Segments of a reference node: every header field, record and header of a record as its own classes read them, and
//! what our builder makes of the same records.

use moldau_protocol::records::{
    BatchBuilder, BatchView, ControlRecord, TimestampType, batches, copy_records,
};
use serde_json::Value;

use super::{fixture, unhex};

/// A segment's bytes and the expected batches.
fn segments() -> Vec<(String, Vec<u8>, Vec<Value>)> {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/records");
    let mut out = vec![];
    for entry in std::fs::read_dir(&dir).expect("the fixtures are there") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|n| n.to_str()).expect("a name").to_owned();
        if let Some(stem) = name.strip_suffix(".log") {
            let expected = fixture(&format!("records/{stem}.json"));
            let expected = expected.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            out.push((stem.to_owned(), std::fs::read(&path).expect("it can be read"), expected));
        }
    }
    assert!(out.len() >= 5, "{}", out.len());
    out
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    value.as_str().map(unhex)
}

#[test]
fn every_field_and_record_of_the_references_segments() {
    for (name, data, expected) in segments() {
        let mut walk = batches(&data);
        let mut position = 0;
        for want in &expected {
            let batch = walk.next().expect("as many batches").expect("it is readable");
            batch.verify_crc().unwrap_or_else(|e| panic!("{name}: {e}"));
            check_header(&name, &batch, position, want);
            check_records(&name, &batch, want);
            position = walk.position();
        }
        assert!(walk.next().is_none(), "{name}");
        assert!(walk.remainder().is_empty(), "{name}");
    }
}

fn check_header(name: &str, batch: &BatchView<'_>, position: usize, want: &Value) {
    let h = &batch.header;
    assert_eq!(want["baseOffset"], h.base_offset, "{name}");
    assert_eq!(want["lastOffset"], h.last_offset(), "{name}");
    assert_eq!(want["position"], position, "{name}");
    assert_eq!(want["sizeInBytes"], h.size_in_bytes(), "{name}");
    assert_eq!(want["magic"], h.magic, "{name}");
    assert_eq!(want["crc"], h.crc, "{name}");
    assert_eq!(want["compression"], batch.compression().expect("a codec").name(), "{name}");
    assert_eq!(want["timestampType"], h.timestamp_type().name(), "{name}");
    assert_eq!(want["maxTimestamp"], h.max_timestamp, "{name}");
    assert_eq!(want["deleteHorizonMs"].as_i64(), h.delete_horizon_ms(), "{name}");
    assert_eq!(want["partitionLeaderEpoch"], h.partition_leader_epoch, "{name}");
    assert_eq!(want["producerId"], h.producer_id, "{name}");
    assert_eq!(want["producerEpoch"], h.producer_epoch, "{name}");
    assert_eq!(want["baseSequence"], h.base_sequence, "{name}");
    assert_eq!(want["lastSequence"], h.last_sequence(), "{name}");
    assert_eq!(want["transactional"], h.is_transactional(), "{name}");
    assert_eq!(want["control"], h.is_control(), "{name}");
}

fn check_records(name: &str, batch: &BatchView<'_>, want: &Value) {
    let want = want["records"].as_array().expect("records");
    let mut records = batch.records().expect("records");
    for want in want {
        let record = records.next_record().expect("readable").expect("as many records");
        assert_eq!(want["offset"], record.offset, "{name}");
        assert_eq!(want["timestamp"], record.timestamp, "{name}");
        assert_eq!(bytes(&want["key"]).as_deref(), record.key, "{name}");
        assert_eq!(bytes(&want["value"]).as_deref(), record.value, "{name}");
        let headers: Vec<(String, Option<Vec<u8>>)> =
            record.headers.map(|h| (h.key_text().into_owned(), h.value.map(<[u8]>::to_vec))).collect();
        let want_headers: Vec<(String, Option<Vec<u8>>)> = want["headers"]
            .as_array()
            .expect("headers")
            .iter()
            .map(|h| (h[0].as_str().expect("a key").to_owned(), bytes(&h[1])))
            .collect();
        assert_eq!(want_headers, headers, "{name}");
    }
    assert!(records.next_record().expect("the end").is_none(), "{name}");
    assert_eq!(want.len(), usize::try_from(batch.header.record_count).expect("a count"), "{name}");
}

#[test]
fn rebuilding_an_uncompressed_batch_gives_the_references_bytes() {
    let mut rebuilt = 0;
    for (name, data, _) in segments() {
        for batch in batches(&data).map(|b| b.expect("readable")) {
            // With append time the builder no longer knows the producer's times; nor does the reference's.
            let append_time = batch.header.timestamp_type() == TimestampType::LogAppendTime;
            if batch.header.compression_id() != 0 || append_time {
                continue;
            }
            let mut builder = BatchBuilder::like(&batch.header).expect("a known codec");
            let mut records = batch.records().expect("records");
            copy_records(&mut records, &mut builder, |_| true).expect("they fit");
            assert_eq!(builder.build().expect("it is built"), batch.bytes(), "{name} {:?}", batch.header);
            rebuilt += 1;
        }
    }
    assert!(rebuilt > 20, "{rebuilt}");
}

#[test]
fn control_records_are_decoded_and_encode_to_the_same_bytes() {
    let mut kinds = std::collections::BTreeSet::new();
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/records");
    for entry in std::fs::read_dir(&dir).expect("the fixtures are there") {
        let path = entry.expect("an entry").path();
        if !path.extension().is_some_and(|e| e == "log" || e == "checkpoint") {
            continue;
        }
        let data = std::fs::read(&path).expect("it can be read");
        for batch in batches(&data).map(|b| b.expect("readable")).filter(|b| b.header.is_control()) {
            let mut records = batch.records().expect("records");
            while let Some(record) = records.next_record().expect("readable") {
                let control = ControlRecord::decode(record.key, record.value).expect("a control record");
                assert_eq!(Some(&control.record_type().key()[..]), record.key);
                assert_eq!(control.encode_value().expect("a value"), record.value.expect("a value"));
                kinds.insert(control.record_type().id());
            }
        }
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_segment_with_any_bit_flipped_is_noticed() {
    let (_, data, _) =
        segments().into_iter().find(|(name, ..)| name.starts_with("mixed-0")).expect("it is there");
    let healthy = batches(&data).count();
    for at in 0..data.len() {
        let mut bad = data.clone();
        bad[at] ^= 1 << (at % 8);
        let mut walk = batches(&bad);
        let ok = walk.by_ref().map_while(Result::ok).filter(|batch| batch.verify_crc().is_ok()).count();
        // Base offset and leader epoch are outside the checksum.
        let outside = batches(&data)
            .map(|b| b.expect("readable"))
            .scan(0, |start, b| {
                let this = *start;
                *start += b.bytes().len();
                Some(this)
            })
            .any(|start| (start..start + 8).contains(&at) || (start + 12..start + 16).contains(&at));
        assert!(ok < healthy || outside, "byte {at}");
    }
}
