//! Each rule of the validation, and that nothing invalid gets through it.

use proptest::prelude::*;

use super::super::header::{set_attributes, set_base_offset, update_crc};
use super::super::{BatchBuilder, CRC_OFFSET, crc32c};
use super::*;

const NOW: i64 = 1_700_000_000_000;

fn rules() -> ValidationRules {
    ValidationRules { now_ms: NOW, timestamp_after_max_ms: 3_600_000, ..ValidationRules::default() }
}

fn batch(codec: Compression, times: &[i64]) -> Vec<u8> {
    let mut builder = BatchBuilder::new().compression(codec, None);
    for (index, &time) in times.iter().enumerate() {
        let key = index.to_string();
        builder.append(time, Some(key.as_bytes()), Some(&[9; 100]), &[(b"h", Some(b"v"))]).unwrap();
    }
    builder.build().unwrap()
}

/// The batch that would be written.
fn stored(batch: &[u8], validated: &ValidatedBatch) -> Vec<u8> {
    let mut head = [0; BATCH_HEADER_LEN];
    validated.header.write(&mut head);
    [&head[..], validated.payload.as_deref().unwrap_or(&batch[BATCH_HEADER_LEN..])].concat()
}

fn set_i32(batch: &mut [u8], at: usize, value: i32) {
    batch[at..at + 4].copy_from_slice(&value.to_be_bytes());
    update_crc(batch).unwrap();
}

#[test]
fn a_valid_batch_is_kept_as_it_is() {
    for codec in Compression::ALL {
        let data = batch(codec, &[NOW, NOW + 7, NOW + 7, NOW - 5]);
        let validated = validate_batch(&data, &rules()).unwrap();
        assert!(!validated.header_changed && validated.payload.is_none());
        assert_eq!(
            validated.max_timestamp_offset_delta,
            Some(1),
            "the first of those with the max timestamp"
        );
        assert_eq!(stored(&data, &validated), data);
    }
}

#[test]
fn a_wrong_max_timestamp_is_put_right() {
    let mut data = batch(Compression::Lz4, &[NOW, NOW + 1]);
    crate::records::set_max_timestamp(&mut data, TimestampType::CreateTime, NOW + 500).unwrap();
    let validated = validate_batch(&data, &rules()).unwrap();
    assert!(validated.header_changed);
    assert_eq!(validated.header.max_timestamp, NOW + 1);
    let kept = stored(&data, &validated);
    BatchView::parse(&kept).unwrap().verify_crc().unwrap();
}

#[test]
fn append_time_replaces_the_producers_time_and_lifts_its_limits() {
    let data = batch(Compression::None, &[5, NOW * 2]);
    let rules = ValidationRules { timestamp_type: TimestampType::LogAppendTime, ..rules() };
    let validated = validate_batch(&data, &rules).unwrap();
    let kept = stored(&data, &validated);
    let view = BatchView::parse(&kept).unwrap();
    view.verify_crc().unwrap();
    assert_eq!(view.header.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(view.header.max_timestamp, NOW);
    assert_eq!(view.records().unwrap().next_record().unwrap().unwrap().timestamp, NOW);
}

#[test]
fn timestamps_out_of_range_are_listed() {
    for codec in Compression::ALL {
        let data = batch(codec, &[NOW, NOW + 3_600_000, NOW + 3_600_001, -1, 1]);
        let rules = ValidationRules { timestamp_before_max_ms: NOW - 2, ..rules() };
        let error = validate_batch(&data, &rules).unwrap_err();
        assert!(error.has_invalid_timestamp());
        let ValidationError::Records(errors) = error else { panic!("{error:?}") };
        assert_eq!(errors.iter().map(|e| e.batch_index).collect::<Vec<_>>(), [2, 4]);
    }
    let without_time = batch(Compression::None, &[-1, -1]);
    let validated =
        validate_batch(&without_time, &ValidationRules { timestamp_before_max_ms: 1, ..rules() }).unwrap();
    assert_eq!(validated.max_timestamp_offset_delta, None);
}

#[test]
fn a_producer_that_says_append_time_was_believed() {
    let says = |timestamps: &[i64], max| {
        let mut data = batch(Compression::None, timestamps);
        crate::records::set_max_timestamp(&mut data, TimestampType::LogAppendTime, max).unwrap();
        data
    };
    let on_append_time = ValidationRules { timestamp_type: TimestampType::LogAppendTime, ..rules() };
    for (data, rules) in [(says(&[5, 6], 6), on_append_time), (says(&[5, 6], -1), rules())] {
        let error = validate_batch(&data, &rules).unwrap_err();
        assert!(error.has_invalid_timestamp());
        let ValidationError::Records(errors) = error else { panic!("{error:?}") };
        assert_eq!(errors.len(), 2);
        assert_eq!(errors[1].kind, RecordErrorKind::AppendTime { offset: 1 });
    }
    let taken = validate_batch(&says(&[5, NOW], NOW + 1), &rules()).unwrap();
    assert_eq!((taken.header.max_timestamp, taken.max_timestamp_offset_delta), (NOW + 1, Some(0)));
    assert_eq!(taken.header.timestamp_type(), TimestampType::CreateTime);
    let late = validate_batch(&says(&[NOW, NOW], NOW + 3_600_001), &rules()).unwrap_err();
    assert!(late.has_invalid_timestamp());
}

#[test]
fn compacted_topics_want_a_key() {
    let mut builder = BatchBuilder::new();
    builder.append(NOW, Some(b""), None, &[]).unwrap();
    builder.append(NOW, None, Some(b"v"), &[]).unwrap();
    let data = builder.build().unwrap();
    validate_batch(&data, &rules()).unwrap();
    let error = validate_batch(&data, &ValidationRules { compacted: true, ..rules() }).unwrap_err();
    assert_eq!(
        error,
        ValidationError::Records(vec![RecordError { batch_index: 1, kind: RecordErrorKind::NoKey }])
    );
}

#[test]
fn the_topics_codec_is_applied() {
    let data: Vec<Vec<u8>> = Compression::ALL.iter().map(|&codec| batch(codec, &[NOW; 2000])).collect();
    let plain = BatchView::parse(&data[0]).unwrap().payload().to_vec();
    for (from, data) in Compression::ALL.into_iter().zip(&data) {
        for to in Compression::ALL {
            let rules = ValidationRules { compression: Some((to, None)), ..rules() };
            let validated = validate_batch(data, &rules).unwrap();
            assert_eq!(validated.payload.is_some(), from != to);
            let kept = stored(data, &validated);
            let view = BatchView::parse(&kept).unwrap();
            view.verify_crc().unwrap();
            assert_eq!(view.compression(), Ok(to));
            assert_eq!(view.uncompressed_payload(1 << 20).unwrap(), plain);
        }
    }
    let small =
        ValidationRules { compression: Some((Compression::None, None)), max_batch_bytes: 100_000, ..rules() };
    assert!(matches!(
        validate_batch(&data[4], &small),
        Err(ValidationError::TooLarge { limit: 100_000, .. })
    ));
}

#[test]
fn the_rules_for_clients() {
    let good = batch(Compression::None, &[NOW, NOW]);
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut data = good.clone();
        change(&mut data);
        validate_batch(&data, &rules()).unwrap_err().to_string()
    };
    assert!(refused(&|d| set_base_offset(d, 1).unwrap()).contains("base offset"));
    assert!(refused(&|d| set_attributes(d, 0x20).unwrap()).contains("control"));
    assert!(refused(&|d| set_attributes(d, 5).unwrap()).contains("compression type 5"));
    assert!(refused(&|d| set_i32(d, 57, 3)).contains("does not match the offsets"));
    assert!(refused(&|d| set_i32(d, 57, 0)).contains("not positive"));
    assert!(refused(&|d| set_i32(d, 23, 5)).contains("does not match the offsets"));
    assert!(refused(&|d| d.push(0)).contains("after the batch"));
    assert!(refused(&|d| d.truncate(80)).contains("ends early"));
    assert!(refused(&|d| d[16] = 1).contains("magic"));
    assert!(refused(&|d| d[70] ^= 1).contains("corrupt"));
    let no_sequence = {
        let mut builder = BatchBuilder::new().producer(3, 0, -1);
        builder.append(NOW, None, None, &[]).unwrap();
        builder.build().unwrap()
    };
    assert!(validate_batch(&no_sequence, &rules()).is_err());
    let own = ValidationRules { origin: AppendOrigin::Coordinator, ..rules() };
    let mut control = good.clone();
    set_attributes(&mut control, 0x20).unwrap();
    validate_batch(&control, &own).unwrap();
    let limited = ValidationRules { max_batch_bytes: good.len() - 1, ..rules() };
    assert!(matches!(validate_batch(&good, &limited), Err(ValidationError::TooLarge { .. })));
}

#[test]
fn offsets_of_the_records_must_follow_each_other() {
    for codec in Compression::ALL {
        let mut builder = BatchBuilder::new().compression(codec, None);
        builder.append_at(0, NOW, None, None, &[]).unwrap();
        builder.append_at(2, NOW, None, None, &[]).unwrap();
        let mut data = builder.build().unwrap();
        set_i32(&mut data, 23, 1);
        assert!(validate_batch(&data, &rules()).unwrap_err().to_string().contains("offset delta"));
    }
}

#[test]
fn a_bomb_is_refused() {
    let mut builder = BatchBuilder::new().compression(Compression::Zstd, None);
    builder.append(NOW, None, Some(&vec![0; 300 << 20]), &[]).unwrap();
    let data = builder.build().unwrap();
    assert!(data.len() < 100_000);
    let error = validate_batch(&data, &rules()).unwrap_err();
    assert_eq!(error, ValidationError::Invalid(RecordsError::TooLarge { limit: 256 << 20 }));
    let generous = ValidationRules { max_decompressed_bytes: Some(400 << 20), ..rules() };
    validate_batch(&data, &generous).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever passes the validation can be read to its end, record by record.
    #[test]
    fn what_is_accepted_can_be_read(
        codec in prop::sample::select(&Compression::ALL[..]),
        sizes in prop::collection::vec(prop_oneof![0usize..200, 0usize..90_000], 1..12),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut builder = BatchBuilder::new().compression(codec, None);
        for size in &sizes {
            let value: Vec<u8> = (0..*size).map(|i| (i * i % 251) as u8).collect();
            builder.append(NOW, Some(&value[..size / 3]), Some(&value), &[(b"k", None)]).unwrap();
        }
        let mut data = builder.build().unwrap();
        for (index, byte) in &flips {
            let at = BATCH_HEADER_LEN + index.index(data.len() - BATCH_HEADER_LEN);
            data[at] = *byte;
        }
        let crc = crc32c(&data[ATTRIBUTES_OFFSET..]);
        data[CRC_OFFSET..ATTRIBUTES_OFFSET].copy_from_slice(&crc.to_be_bytes());
        let rules = ValidationRules { max_batch_bytes: usize::MAX, ..rules() };
        let validated = validate_batch(&data, &rules);
        if flips.is_empty() {
            prop_assert!(validated.is_ok(), "{validated:?}");
        }
        let view = BatchView::parse(&data).unwrap();
        let mut read = view.records().unwrap();
        let mut count = 0;
        let outcome = loop {
            match read.next_record() {
                Ok(Some(_)) => count += 1,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if validated.is_ok() {
            prop_assert_eq!(outcome, Ok(()));
            prop_assert_eq!(count, sizes.len());
        }
    }
}
