//! Tests of the primitives.

use super::*;

#[test]
fn variable_length_numbers_round_trip() {
    let mut values: Vec<i64> = (0..64).flat_map(|s| [1i64 << s, (1i64 << s).wrapping_sub(1)]).collect();
    values.extend(values.clone().iter().map(|v| v.wrapping_neg()));
    for value in values {
        let mut out = Vec::new();
        writer::varlong(&mut out, value);
        writer::varint(&mut out, value as i32);
        writer::unsigned_varint(&mut out, value as u32);
        writer::unsigned_varlong(&mut out, value as u64);
        let mut r = Reader::new(&out);
        assert_eq!(r.varlong(), Ok(value));
        assert_eq!(r.varint(), Ok(value as i32));
        let before = r.remaining();
        assert_eq!(r.unsigned_varint(), Ok(value as u32));
        assert_eq!(before - r.remaining(), writer::unsigned_varint_len(value as u32));
        assert_eq!(r.unsigned_varlong(), Ok(value as u64));
        assert_eq!(r.finish(), Ok(()));
    }
}

#[test]
fn an_overlong_number_is_refused() {
    let overlong = [0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
    assert!(matches!(Reader::new(&overlong).unsigned_varint(), Err(DecodeError::InvalidVarint { .. })));
    let too_large = [0xff, 0xff, 0xff, 0xff, 0x1f];
    assert!(matches!(Reader::new(&too_large).unsigned_varint(), Err(DecodeError::InvalidVarint { .. })));
    assert!(matches!(Reader::new(&[0xff; 11]).unsigned_varlong(), Err(DecodeError::InvalidVarint { .. })));
    assert!(matches!(Reader::new(&[0xff]).unsigned_varint(), Err(DecodeError::Truncated { .. })));
}

#[test]
fn a_count_beyond_the_bytes_left_is_refused_before_allocation() {
    let count = i32::MAX.to_be_bytes();
    let refused = Reader::new(&count).array(false, 4, |r| r.i32());
    assert!(matches!(refused, Err(DecodeError::TooManyElements { .. })));
    let refused = Reader::new(&count).array(false, 0, |_| Ok([0u8; 100]));
    assert_eq!(refused, Err(DecodeError::MemoryLimit));
}

#[test]
fn small_elements_cannot_grow_into_much_memory() {
    // 100,000 empty strings of one byte each, read into structs of 400 bytes.
    let mut input = Vec::new();
    writer::unsigned_varint(&mut input, 100_001);
    input.resize(input.len() + 100_000, 1);
    let refused = Reader::new(&input).array(true, 1, |r| Ok((r.string(true)?, [0u64; 47])));
    assert!(matches!(refused, Err(DecodeError::MemoryLimit)));
}

#[test]
fn nulls_and_lengths_are_checked() {
    assert_eq!(Reader::new(&[0xff, 0xff]).nullable_string(false), Ok(None));
    assert!(matches!(Reader::new(&[0xff, 0xff]).string(false), Err(DecodeError::NullNotAllowed { .. })));
    assert_eq!(
        Reader::new(&[0xff, 0xfe]).nullable_string(false),
        Err(DecodeError::InvalidLength { length: -2 })
    );
    assert_eq!(
        Reader::new(&[0x00, 0x05, b'a']).string(false),
        Err(DecodeError::Truncated { needed: 5, remaining: 1 })
    );
    assert!(writer::string(&mut Vec::new(), true, &"x".repeat(32_768)).is_err());
}

#[test]
fn text_that_is_not_utf8_is_replaced_or_refused() {
    let input = [0x00, 0x02, b'a', 0xff];
    assert_eq!(Reader::new(&input).string(false).as_deref(), Ok("a\u{fffd}"));
    assert!(matches!(Reader::new(&input).str(false), Err(DecodeError::InvalidUtf8 { .. })));
}

#[test]
fn tags_must_ascend_and_fill_their_size() {
    let read = |input: &[u8]| {
        let mut seen = Vec::new();
        Reader::new(input)
            .tagged_fields(|r, tag| {
                if tag == 1 {
                    seen.push(r.i8()?);
                }
                Ok(tag == 1)
            })
            .map(|()| seen)
    };
    assert_eq!(read(&[2, 1, 1, 7, 5, 2, 0, 0]), Ok(vec![7]));
    assert_eq!(read(&[2, 1, 1, 7, 1, 1, 7]), Err(DecodeError::TagOrder { tag: 1 }));
    assert_eq!(read(&[2, 2, 0, 1, 1, 7]), Err(DecodeError::TagOrder { tag: 1 }));
    assert_eq!(read(&[1, 1, 2, 7, 7]), Err(DecodeError::TagSize { tag: 1, unread: 1 }));
    assert!(matches!(read(&[1, 1, 0]), Err(DecodeError::Truncated { .. })));
    assert!(matches!(read(&[1, 1, 200, 1]), Err(DecodeError::Truncated { .. })));
    assert!(matches!(read(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Err(DecodeError::Truncated { .. })));
}

#[test]
fn a_shared_reader_gives_slices_of_its_bytes() {
    let input = bytes::Bytes::from_static(&[0, 0, 0, 2, 8, 9, 3]);
    let field = Reader::shared(&input).bytes(false).unwrap();
    assert_eq!(&field[..], [8, 9]);
    assert_eq!(field.as_ptr(), input[4..].as_ptr());
}

#[test]
fn a_tagged_field_of_many_bytes_has_its_size_before_it() {
    let mut out = vec![0xaa];
    writer::tagged(&mut out, 3, |out| {
        out.extend_from_slice(&[7; 300]);
        Ok(())
    })
    .unwrap();
    assert_eq!(out[..4], [0xaa, 3, 0xac, 0x02]);
    assert_eq!(out[4..], [7; 300]);
}
