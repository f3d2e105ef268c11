//! What stands around messages: the frames of requests and responses, and of the metadata log's records.
//!
//! A frame on a connection is a 4-byte length, a header, and the message. A metadata record's value is the frame
//! version 1, the record's type and its version, each an unsigned varint, and the message.

use crate::messages::{RequestHeader, ResponseHeader};
use crate::wire::{DecodeError, EncodeError, Reader, writer};
use crate::{ApiKey, Message, Request};

/// The length that opens a frame takes this many bytes.
pub const FRAME_LEN_SIZE: usize = 4;

const METADATA_FRAME_VERSION: u32 = 1;

/// The type and version that open a metadata record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetadataFrame {
    /// The number of the record's type, its [`Message::API_KEY`].
    pub record_type: i16,
    /// The version that the record is written in.
    pub version: i16,
}

impl MetadataFrame {
    /// Reads the frame; the record itself follows.
    pub fn decode(r: &mut Reader<'_>) -> Result<MetadataFrame, DecodeError> {
        let frame_version = r.unsigned_varint()?;
        if frame_version != METADATA_FRAME_VERSION {
            return Err(DecodeError::Unknown {
                what: "metadata frame version",
                number: frame_version.into(),
            });
        }
        Ok(MetadataFrame {
            record_type: small(r, "metadata record type")?,
            version: small(r, "record version")?,
        })
    }

    /// Appends the frame to `out`; the record itself is to follow.
    pub fn encode(self, out: &mut Vec<u8>) {
        writer::unsigned_varint(out, METADATA_FRAME_VERSION);
        writer::unsigned_varint(out, self.record_type as u32);
        writer::unsigned_varint(out, self.version as u32);
    }
}

fn small(r: &mut Reader<'_>, what: &'static str) -> Result<i16, DecodeError> {
    let number = r.unsigned_varint()?;
    i16::try_from(number).map_err(|_| DecodeError::Unknown { what, number: number.into() })
}

/// The value of a metadata record: frame and record. Fails for a message that has no type number.
pub fn encode_metadata_record<M: Message>(record: &M, version: i16) -> Result<Vec<u8>, EncodeError> {
    let unsupported = EncodeError::UnsupportedVersion { message: M::NAME, version };
    let record_type = M::API_KEY.ok_or(unsupported)?;
    let mut out = Vec::new();
    MetadataFrame { record_type, version }.encode(&mut out);
    record.encode(&mut out, version)?;
    Ok(out)
}

/// Reads the header before a request: its own version follows from the API and the version that it names.
///
/// Errs for an API that is not known; a version that is not known is left to the caller to answer.
pub fn decode_request_header(r: &mut Reader<'_>) -> Result<(ApiKey, RequestHeader), DecodeError> {
    let (key, version) = request_header_kind(r.rest())?;
    let header = RequestHeader::decode(r, key.request_header_version(version))?;
    Ok((key, header))
}

/// The API and the version that a request's first bytes name.
pub fn request_header_kind(request: &[u8]) -> Result<(ApiKey, i16), DecodeError> {
    let mut r = Reader::new(request);
    let (code, version) = (r.i16()?, r.i16()?);
    let key = ApiKey::from_i16(code);
    let key = key.ok_or(DecodeError::Unknown { what: "API key", number: code.into() })?;
    Ok((key, version))
}

/// Appends a request's whole frame to `out`: length, header, message. After an error `out` is as it was.
pub fn encode_request<R: Request>(
    out: &mut Vec<u8>,
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
    request: &R,
) -> Result<(), EncodeError> {
    let header = RequestHeader {
        request_api_key: R::KEY.code(),
        request_api_version: version,
        correlation_id,
        client_id: client_id.map(str::to_owned),
    };
    frame(out, |out| {
        header.encode(out, R::KEY.request_header_version(version))?;
        request.encode(out, version)
    })
}

/// Appends a response's whole frame to `out`: length, header, message. After an error `out` is as it was.
pub fn encode_response<M: Message>(
    out: &mut Vec<u8>,
    key: ApiKey,
    version: i16,
    correlation_id: i32,
    response: &M,
) -> Result<(), EncodeError> {
    frame(out, |out| {
        ResponseHeader { correlation_id }.encode(out, key.response_header_version(version))?;
        response.encode(out, version)
    })
}

/// Appends a frame to `out`: the length of what `content` appends, and before it that length.
fn frame(
    out: &mut Vec<u8>,
    content: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_LEN_SIZE]);
    let len = content(out).and_then(|()| {
        let length = out.len() - start - FRAME_LEN_SIZE;
        i32::try_from(length).map_err(|_| EncodeError::TooLong { length })
    });
    match len {
        Ok(len) => {
            out[start..start + FRAME_LEN_SIZE].copy_from_slice(&len.to_be_bytes());
            Ok(())
        }
        Err(e) => {
            out.truncate(start);
            Err(e)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{ApiVersionsRequest, ApiVersionsResponse, TopicRecord};

    #[test]
    fn a_metadata_record_opens_with_its_frame() {
        let record = TopicRecord { name: "t".into(), ..Default::default() };
        let bytes = encode_metadata_record(&record, 0).unwrap();
        assert_eq!(bytes[..5], [1, 2, 0, 2, b't']);
        let mut r = Reader::new(&bytes);
        assert_eq!(MetadataFrame::decode(&mut r), Ok(MetadataFrame { record_type: 2, version: 0 }));
        assert_eq!(TopicRecord::decode(&mut r, 0), Ok(record));
        assert!(r.is_empty());
    }

    #[test]
    fn a_metadata_frame_of_another_version_is_refused() {
        for frame in [&[0, 2, 0][..], &[2, 2, 0], &[1, 0x80, 0x80, 0x02, 0], &[1, 2]] {
            assert!(MetadataFrame::decode(&mut Reader::new(frame)).is_err(), "{frame:?}");
        }
    }

    #[test]
    fn a_request_is_framed_with_the_header_of_its_version() {
        let mut out = vec![9];
        encode_request(&mut out, 3, 7, Some("me"), &ApiVersionsRequest::default()).unwrap();
        assert_eq!(out[..5], [9, 0, 0, 0, 16]);
        let mut r = Reader::new(&out[5..]);
        let (key, header) = decode_request_header(&mut r).unwrap();
        assert_eq!((key, header.request_api_version, header.correlation_id), (ApiKey::ApiVersions, 3, 7));
        assert_eq!(header.client_id.as_deref(), Some("me"));
        assert_eq!(ApiVersionsRequest::decode(&mut r, 3), Ok(ApiVersionsRequest::default()));
        assert!(r.is_empty());
    }

    #[test]
    fn a_response_that_does_not_encode_leaves_nothing_behind() {
        let mut out = vec![9];
        let response = ApiVersionsResponse::default();
        assert!(encode_response(&mut out, ApiKey::ApiVersions, 99, 7, &response).is_err());
        assert_eq!(out, [9]);
        encode_response(&mut out, ApiKey::ApiVersions, 0, 7, &response).unwrap();
        assert_eq!(out, [9, 0, 0, 0, 10, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn an_unknown_api_is_refused_by_its_number() {
        let refused = decode_request_header(&mut Reader::new(&[3, 232, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert_eq!(refused.unwrap_err(), DecodeError::Unknown { what: "API key", number: 1000 });
    }
}
