//! Records decode to what Kafka's dump tool says, and encode to the same bytes.

use moldau_metadata::{MetadataRecord, MetadataVersion, RecordError};

use crate::fixture;

#[test]
fn records_of_a_kafka_log_are_what_its_dump_says_and_encode_to_the_same_bytes() {
    for name in ["metadata.log", "metadata.checkpoint", "bootstrap.checkpoint"] {
        let records = fixture::records(name);
        let dumped = fixture::dumped(name);
        assert_eq!(records.len(), dumped.len(), "{name}");
        for (record, (offset, json)) in records.iter().zip(dumped) {
            assert_eq!(record.offset, offset, "{name}");
            let (decoded, version) = MetadataRecord::decode_with_version(&record.value).unwrap();
            assert_eq!(decoded.to_json(version), json, "{name} at offset {offset}");
            assert_eq!(decoded.version_at(MetadataVersion::LATEST), version, "{name} at offset {offset}");
            let mut encoded = Vec::new();
            decoded.encode(&mut encoded, MetadataVersion::LATEST).unwrap();
            assert_eq!(encoded, record.value, "{name} at offset {offset}");
        }
    }
}

#[test]
fn broken_frames_are_refused() {
    assert!(matches!(MetadataRecord::decode(&[]), Err(RecordError::Decode(_))));
    assert!(matches!(MetadataRecord::decode(&[2, 20, 0, 0]), Err(RecordError::FrameVersion(2))));
    assert!(matches!(MetadataRecord::decode(&[1, 99, 0, 0]), Err(RecordError::UnknownType(99))));
    assert!(matches!(
        MetadataRecord::decode(&[1, 20, 7, 0]),
        Err(RecordError::UnknownVersion { version: 7, .. })
    ));
    assert!(matches!(MetadataRecord::decode(&[1, 20, 0, 0, 0]), Err(RecordError::Decode(_))));
    assert!(MetadataRecord::decode(&[1, 20, 0, 0]).is_ok());
    for record in fixture::records("metadata.log") {
        for end in 0..record.value.len() {
            assert!(MetadataRecord::decode(&record.value[..end]).is_err());
        }
    }
}
