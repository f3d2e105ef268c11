//! Tests of what the generator makes of versions, defaults and nulls.

use super::fetch_request::{FetchPartition, FetchTopic};
use super::*;
use crate::{DecodeError, EncodeError, Message};

#[test]
fn a_response_header_is_four_bytes_or_five() {
    let header = ResponseHeader { correlation_id: 7 };
    assert_eq!(header.encode_to_vec(0).unwrap(), [0, 0, 0, 7]);
    assert_eq!(header.encode_to_vec(1).unwrap(), [0, 0, 0, 7, 0]);
}

#[test]
fn the_client_id_of_a_flexible_header_keeps_its_old_form() {
    let header = RequestHeader { request_api_key: 18, client_id: Some("ab".into()), ..Default::default() };
    assert_eq!(header.encode_to_vec(2).unwrap(), [0, 18, 0, 0, 0, 0, 0, 0, 0, 2, b'a', b'b', 0]);
}

#[test]
fn a_field_that_must_not_be_lost_keeps_a_message_from_an_old_version() {
    let partition = FetchPartition { last_fetched_epoch: 3, ..Default::default() };
    let topic = FetchTopic { partitions: vec![partition], ..Default::default() };
    let request = FetchRequest { topics: vec![topic], ..Default::default() };
    assert!(request.encode_to_vec(12).is_ok());
    assert_eq!(
        request.encode_to_vec(11),
        Err(EncodeError::UnsupportedField {
            message: "FetchPartition",
            field: "last_fetched_epoch",
            version: 11
        })
    );
}

#[test]
fn a_field_that_may_be_lost_is_left_out_of_an_old_version() {
    let request = FetchRequest { session_id: 5, ..Default::default() };
    let bytes = request.encode_to_vec(6).unwrap();
    assert_eq!(FetchRequest::decode_all(&bytes, 6).unwrap().session_id, 0);
}

#[test]
fn a_null_that_the_version_does_not_know_is_refused() {
    let request = MetadataRequest { topics: None, ..Default::default() };
    assert!(matches!(request.encode_to_vec(0), Err(EncodeError::NullNotAllowed { field: "topics", .. })));
    assert!(request.encode_to_vec(1).is_ok());
}

#[test]
fn versions_outside_the_range_and_trailing_bytes_are_refused() {
    assert!(matches!(
        FetchRequest::decode_all(&[], 3),
        Err(DecodeError::UnsupportedVersion { version: 3, .. })
    ));
    assert!(matches!(FetchRequest::default().encode_to_vec(99), Err(EncodeError::UnsupportedVersion { .. })));
    let refused = ResponseHeader::decode_all(&[0, 0, 0, 7, 9], 0);
    assert_eq!(refused, Err(DecodeError::TrailingBytes { remaining: 1 }));
}

#[test]
fn a_view_is_the_message_without_copies() {
    use super::produce_request::{PartitionProduceData, ProduceRequestView, TopicProduceData};
    let partition = PartitionProduceData { index: 3, records: Some("batch".into()) };
    let topic = TopicProduceData { name: "t".into(), partition_data: vec![partition], ..Default::default() };
    let request = ProduceRequest { acks: -1, topic_data: vec![topic], ..Default::default() };
    for version in 3..=12 {
        let bytes = request.encode_to_vec(version).unwrap();
        let view = ProduceRequestView::decode_all(&bytes, version).unwrap();
        assert_eq!((view.acks, view.transactional_id, view.topic_data[0].name), (-1, None, "t"));
        let records = view.topic_data[0].partition_data[0].records.unwrap();
        assert_eq!(records, b"batch");
        assert!(bytes.as_ptr_range().contains(&records.as_ptr()));
    }
}

#[test]
fn records_that_are_elsewhere_leave_gaps_of_their_length() {
    use super::fetch_response::{AbortedTransaction, EpochEndOffset, FetchableTopicResponse, PartitionData};
    use crate::wire::{Gap, Gaps};
    let partition = |records: Option<&'static str>| PartitionData {
        records: records.map(Into::into),
        aborted_transactions: Some(vec![AbortedTransaction::default()]),
        ..Default::default()
    };
    for version in FetchResponse::MIN_VERSION..=FetchResponse::MAX_VERSION {
        let mut partitions =
            vec![partition(Some("in memory")), partition(None), partition(Some("from a file"))];
        if version >= 12 {
            partitions[2].diverging_epoch = EpochEndOffset { epoch: 1, end_offset: 2 };
        }
        let topic = FetchableTopicResponse { partitions, ..Default::default() };
        let mut response = FetchResponse { responses: vec![topic], ..Default::default() };
        let whole = response.encode_to_vec(version).unwrap();

        response.responses[0].partitions[2].records = None;
        let mut gaps = Gaps::new(vec![None, None, Some(11)]);
        let mut bytes = Vec::new();
        response.encode_with_gaps(&mut bytes, version, &mut gaps).unwrap();
        let [Gap { position, len: 11, index: 2 }] = *gaps.gaps() else { panic!("{gaps:?}") };
        bytes.splice(position..position, *b"from a file");
        assert_eq!(bytes, whole, "version {version}");
    }
}

#[test]
fn a_tagged_struct_that_is_null_is_a_zero_byte() {
    // As the reference writes a member of the consumer protocol; its own schema gives the field a default that is not
    // null.
    let member = ConsumerGroupMemberMetadataValue { classic_member_metadata: None, ..Default::default() };
    let bytes = member.encode_to_vec(0).unwrap();
    assert!(bytes.ends_with(&[1, 0, 1, 0]), "{bytes:?}");
    assert_eq!(ConsumerGroupMemberMetadataValue::decode_all(&bytes, 0), Ok(member));
    let absent = ConsumerGroupMemberMetadataValue::default();
    assert!(absent.encode_to_vec(0).unwrap().ends_with(&[0]));
    assert!(absent.classic_member_metadata.is_some());
}
