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
