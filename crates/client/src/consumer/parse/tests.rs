//! Fetched bytes as records: what is given on, what is left out.

use moldau_protocol::records::{BatchBuilder, Compression};

use super::*;
use crate::config::CommonConfig;
use crate::consumer::metrics::ConsumerMetrics;

fn batch(base_offset: i64, values: &[&str], builder: BatchBuilder) -> Vec<u8> {
    let mut builder = builder.base_offset(base_offset);
    for (value, at) in values.iter().zip(0i64..) {
        let headers: &[(&[u8], Option<&[u8]>)] = &[(b"h", Some(b"1")), (b"n", None)];
        builder.append(1000 + at, Some(b"k"), Some(value.as_bytes()), headers).expect("a record");
    }
    builder.build().expect("a batch")
}

fn marker(base_offset: i64, producer_id: i64, commit: bool) -> Vec<u8> {
    let mut builder = BatchBuilder::new()
        .base_offset(base_offset)
        .producer(producer_id, 0, -1)
        .transactional(true)
        .control(true);
    let key: &[u8] = if commit { &[0, 0, 0, 1] } else { &[0, 0, 0, 0] };
    builder.append(1, Some(key), Some(&[0; 6]), &[]).expect("a record");
    builder.build().expect("a batch")
}

fn transactional(producer_id: i64) -> BatchBuilder {
    BatchBuilder::new().producer(producer_id, 0, 0).transactional(true)
}

fn fetched(offset: i64, records: Vec<u8>, aborted: &[(i64, i64)], committed_only: bool) -> Fetched {
    let aborted = aborted.iter().map(|(producer_id, first_offset)| AbortedTransaction {
        producer_id: *producer_id,
        first_offset: *first_offset,
    });
    let data = PartitionData {
        records: Some(records.into()),
        aborted_transactions: Some(aborted.collect()),
        ..Default::default()
    };
    let tally = Tally::new(ConsumerMetrics::new(&CommonConfig::default()));
    Fetched::new(TopicPartition::new("t", 0), offset, data, committed_only, true, tally)
}

fn all(mut fetched: Fetched) -> (Vec<(i64, String)>, i64) {
    let mut records = Vec::new();
    while !fetched.is_done() {
        fetched.take(2, &mut records).expect("good batches");
    }
    let text = |record: ConsumerRecord| {
        (record.offset, String::from_utf8(record.value.expect("a value").to_vec()).expect("text"))
    };
    (records.into_iter().map(text).collect(), fetched.next_offset())
}

fn values(got: &(Vec<(i64, String)>, i64)) -> Vec<&str> {
    got.0.iter().map(|(_, value)| value.as_str()).collect()
}

#[test]
fn records_before_the_position_are_left_out_and_a_torn_batch_ends_it() {
    let mut bytes = batch(10, &["a", "b", "c"], BatchBuilder::new());
    bytes.extend(batch(13, &["d"], BatchBuilder::new()));
    bytes.extend(&batch(14, &["e"], BatchBuilder::new())[..50]);
    let got = all(fetched(11, bytes, &[], false));
    assert_eq!(got, (vec![(11, "b".to_owned()), (12, "c".to_owned()), (13, "d".to_owned())], 14));
}

#[test]
fn every_codec_gives_the_same_records() {
    for codec in
        [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd]
    {
        let bytes = batch(0, &["a", "b"], BatchBuilder::new().compression(codec, None));
        let mut fetched = fetched(0, bytes, &[], false);
        let mut records = Vec::new();
        fetched.take(10, &mut records).expect("a good batch");
        assert_eq!(records.len(), 2, "{codec:?}");
        assert_eq!(records[1].timestamp, 1001);
        assert_eq!(records[1].key.as_deref(), Some(&b"k"[..]));
        let headers = [Header::new("h", &b"1"[..]), Header { key: "n".to_owned(), value: None }];
        assert_eq!(records[1].headers, headers);
    }
}

#[test]
fn aborted_transactions_are_left_out_only_when_reading_committed() {
    let mut bytes = batch(0, &["a1"], transactional(1));
    bytes.extend(batch(1, &["b1"], transactional(2)));
    bytes.extend(marker(2, 1, false));
    bytes.extend(batch(3, &["a2"], transactional(1)));
    bytes.extend(marker(4, 2, true));
    bytes.extend(marker(5, 1, true));
    bytes.extend(batch(6, &["plain"], BatchBuilder::new()));
    let aborted = [(1, 0)];
    assert_eq!(values(&all(fetched(0, bytes.clone(), &aborted, true))), ["b1", "a2", "plain"]);
    let got = all(fetched(0, bytes, &aborted, false));
    assert_eq!(values(&got), ["a1", "b1", "a2", "plain"]);
    assert_eq!(got.1, 7);
}

#[test]
fn a_gap_at_the_end_moves_the_position_past_it() {
    let mut builder = BatchBuilder::new().base_offset(5).last_offset(9);
    builder.append_at(6, 0, None, Some(b"x"), &[]).expect("a record");
    let got = all(fetched(5, builder.build().expect("a batch"), &[], false));
    assert_eq!(got, (vec![(6, "x".to_owned())], 10));
}

#[test]
fn a_broken_batch_is_an_error_after_the_good_ones() {
    let mut bytes = batch(0, &["a"], BatchBuilder::new());
    let mut broken = batch(1, &["b"], BatchBuilder::new());
    let last = broken.len() - 1;
    broken[last] ^= 1;
    bytes.extend(broken);
    let mut fetched = fetched(0, bytes, &[], false);
    let mut records = Vec::new();
    let error = fetched.take(10, &mut records).expect_err("a bad checksum");
    assert_eq!(records.len(), 1);
    assert!(error.to_string().contains("partition t-0 at offset 1"), "{error}");
}
