//! Tests of the coordinators' records.

use super::*;

#[test]
fn the_type_numbers_are_those_of_the_schemas() {
    for types in [GroupRecordKey::TYPES, TransactionRecordKey::TYPES, ShareRecordKey::TYPES] {
        for &(number, key, value) in types {
            assert_eq!((key, value), (Some(number), Some(number)));
        }
    }
}

#[test]
fn a_group_record_is_as_the_reference_writes_it() {
    let key = GroupRecordKey::GroupMetadata(GroupMetadataKey { group: "classic-group".into() });
    assert_eq!(key.encode().unwrap(), b"\0\x02\0\x0dclassic-group");
    assert_eq!(GroupRecordKey::decode(b"\0\x02\0\x0dclassic-group"), Ok(key));
    let value = GroupRecordValue::GroupMetadata(GroupMetadataValue {
        protocol: None,
        leader: None,
        current_state_timestamp: 0x1a2_0547_bc18,
        ..Default::default()
    });
    let bytes = b"\0\x03\0\0\0\0\0\0\xff\xff\xff\xff\0\0\x01\xa2\x05\x47\xbc\x18\0\0\0\0";
    assert_eq!(value.encode(3).unwrap(), bytes);
    assert_eq!(GroupRecordValue::decode(2, bytes), Ok(value));
}

#[test]
fn types_versions_and_bytes_that_are_not_known_are_refused() {
    let unknown = DecodeError::Unknown { what: "coordinator record type", number: 9 };
    assert_eq!(GroupRecordKey::decode(&[0, 9, 0, 0]), Err(unknown));
    assert_eq!(GroupRecordValue::decode(9, &[0, 0]), Err(unknown));
    assert!(matches!(
        GroupRecordValue::decode(2, &[0, 5]),
        Err(DecodeError::UnsupportedVersion { version: 5, .. })
    ));
    assert!(matches!(
        GroupRecordKey::decode(&[0, 2, 0, 0, 1]),
        Err(DecodeError::TrailingBytes { remaining: 1 })
    ));
    assert!(GroupRecordKey::decode(&[0]).is_err());
}
