//! Whole batches: built, read back, damaged.

use proptest::prelude::*;

use super::*;

type Bytes = Option<Vec<u8>>;
/// Timestamp, key, value, headers.
type NewRecord = (i64, Bytes, Bytes, Vec<(Vec<u8>, Bytes)>);
/// Offset, then as above.
type OwnedRecord = (i64, i64, Bytes, Bytes, Vec<(Vec<u8>, Bytes)>);

fn read_all(batch: &BatchView<'_>) -> Result<Vec<OwnedRecord>, RecordsError> {
    let mut out = vec![];
    let mut records = batch.records()?;
    while let Some(record) = records.next_record()? {
        out.push(owned(&record));
    }
    Ok(out)
}

fn owned(record: &RecordView<'_>) -> OwnedRecord {
    (
        record.offset,
        record.timestamp,
        record.key.map(<[u8]>::to_vec),
        record.value.map(<[u8]>::to_vec),
        record.headers.map(|h| (h.key.to_vec(), h.value.map(<[u8]>::to_vec))).collect(),
    )
}

fn codec() -> impl Strategy<Value = Compression> {
    prop::sample::select(&Compression::ALL[..])
}

fn bytes(max: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..max)
}

#[allow(clippy::type_complexity)]
fn record() -> impl Strategy<Value = (i64, Option<Vec<u8>>, Option<Vec<u8>>, Vec<(Vec<u8>, Option<Vec<u8>>)>)>
{
    (
        prop_oneof![Just(-1), 0..2_000_000_000_000i64],
        prop::option::of(bytes(40)),
        prop::option::of(bytes(300)),
        prop::collection::vec((bytes(10), prop::option::of(bytes(20))), 0..3),
    )
}

fn build(codec: Compression, base_offset: i64, records: &[NewRecord]) -> Vec<u8> {
    let mut builder =
        BatchBuilder::new().compression(codec, None).base_offset(base_offset).producer(5, 1, 10);
    for (timestamp, key, value, headers) in records {
        let headers: Vec<HeaderRef<'_>> = headers.iter().map(|(k, v)| (k.as_slice(), v.as_deref())).collect();
        builder.append(*timestamp, key.as_deref(), value.as_deref(), &headers).unwrap();
    }
    builder.build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_batch_gives_back_its_records(
        codec in codec(),
        base_offset in 0..1_000_000_000_000i64,
        records in prop::collection::vec(record(), 1..200),
    ) {
        let data = build(codec, base_offset, &records);
        let batch = BatchView::parse(&data).unwrap();
        batch.verify_crc().unwrap();
        prop_assert_eq!(batch.bytes().len(), data.len());
        prop_assert_eq!(batch.header.last_offset(), base_offset + records.len() as i64 - 1);
        prop_assert_eq!(batch.header.max_timestamp, records.iter().map(|r| r.0).max().unwrap());
        let expected: Vec<OwnedRecord> = records
            .into_iter()
            .enumerate()
            .map(|(i, (ts, key, value, headers))| (base_offset + i as i64, ts, key, value, headers))
            .collect();
        prop_assert_eq!(&read_all(&batch).unwrap(), &expected);
        let payload = batch.uncompressed_payload(1 << 20).unwrap();
        let by_iterator: Vec<OwnedRecord> = batch.records_in(&payload).map(|r| owned(&r.unwrap())).collect();
        prop_assert_eq!(&by_iterator, &expected);
    }

    #[test]
    fn random_bytes_never_panic(mut data in bytes(400), codec in 0u8..8, magic in prop::bool::weighted(0.9)) {
        if data.len() > 61 {
            let length = (data.len() - 12) as i32;
            data[8..12].copy_from_slice(&length.to_be_bytes());
            data[57..60].fill(0);
            data[22] = data[22] & !7 | codec;
            if magic { data[16] = 2; }
        }
        for batch in batches(&data).flatten() {
            let _ = batch.verify_crc();
            let _ = read_all(&batch);
        }
    }

    #[test]
    fn damaged_payloads_never_panic_and_never_grow(
        codec in codec(),
        records in prop::collection::vec(record(), 1..50),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut data = build(codec, 0, &records);
        for (index, byte) in flips {
            let at = 61 + index.index(data.len() - 61);
            data[at] = byte;
        }
        let _ = read_all(&BatchView::parse(&data).unwrap());
    }
}

#[test]
fn a_wrong_count_is_found() {
    for codec in Compression::ALL {
        let data = build(codec, 0, &vec![(1, None, Some(vec![7; 50]), vec![]); 3000]);
        for (count, message) in [(2999, "after the declared"), (3001, "fewer records")] {
            let mut wrong = data.clone();
            wrong[57..61].copy_from_slice(&i32::to_be_bytes(count));
            let error = read_all(&BatchView::parse(&wrong).unwrap()).unwrap_err();
            assert!(error.to_string().contains(message), "{codec}: {error}");
        }
        let mut wrong = data.clone();
        wrong[57..61].copy_from_slice(&i32::to_be_bytes(-1));
        assert!(read_all(&BatchView::parse(&wrong).unwrap()).is_err());
    }
}

#[test]
fn records_larger_than_the_window_are_read() {
    for codec in Compression::ALL {
        let big: Vec<u8> = (0..1_000_000u32).map(|i| (i % 251) as u8).collect();
        let records = vec![
            (1, None, Some(vec![1; 10]), vec![]),
            (2, Some(big.clone()), Some(big.clone()), vec![(vec![b'h'], Some(big))]),
            (3, None, None, vec![]),
        ];
        let data = build(codec, 0, &records);
        let read = read_all(&BatchView::parse(&data).unwrap()).unwrap();
        assert_eq!(read.len(), 3);
        assert_eq!(read[1].2, records[1].1);
        assert_eq!(read[1].4, records[1].3);
    }
}

#[test]
fn append_time_is_the_time_of_all_records() {
    let mut builder = BatchBuilder::new().log_append_time(99);
    builder.append(1, None, None, &[]).unwrap().append(5, None, None, &[]).unwrap();
    let data = builder.build().unwrap();
    let batch = BatchView::parse(&data).unwrap();
    assert_eq!(batch.header.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(read_all(&batch).unwrap().iter().map(|r| r.1).collect::<Vec<_>>(), [99, 99]);
}

#[test]
fn a_rewritten_batch_keeps_offsets_and_sequence_numbers() {
    let records =
        vec![(1, None, Some(vec![1]), vec![]), (2, None, Some(vec![2]), vec![]), (3, None, None, vec![])];
    let data = build(Compression::Zstd, 100, &records);
    let batch = BatchView::parse(&data).unwrap();
    let mut builder = BatchBuilder::like(&batch.header).unwrap().delete_horizon(Some(5000));
    let kept = copy_records(&mut batch.records().unwrap(), &mut builder, |r| r.offset == 101).unwrap();
    assert_eq!(kept, 1);
    let rewritten = builder.build().unwrap();
    let after = BatchView::parse(&rewritten).unwrap();
    after.verify_crc().unwrap();
    assert_eq!((after.header.base_offset, after.header.last_offset()), (100, 102));
    assert_eq!(after.header.delete_horizon_ms(), Some(5000));
    assert_eq!((after.header.producer_id, after.header.base_sequence), (5, 10));
    assert_eq!(read_all(&after).unwrap(), [(101, 2, None, Some(vec![2]), vec![])]);
    assert_eq!(after.records().unwrap().next_record().unwrap().unwrap().sequence, 11);
    let empty = BatchBuilder::like(&batch.header).unwrap().build().unwrap();
    let empty = BatchView::parse(&empty).unwrap();
    assert_eq!((empty.bytes().len(), empty.header.last_offset(), empty.header.record_count), (61, 102, 0));
}
