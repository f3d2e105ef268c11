//! Frames: a length of four bytes, then a header, then a message.
//!
//! Always: a length from the peer is checked before anything is reserved for it, and memory grows only with bytes that really came.

use std::io;

use bytes::{Bytes, BytesMut};
use moldau_protocol::{ApiKey, Message, Reader, messages::RequestHeader};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The largest answer that is read: what a length field can say, less what no broker sends.
const FRAME_BYTES_MAX: usize = 1 << 30;
/// How much is reserved before bytes came.
const STEP: usize = 64 * 1024;

/// Appends one framed request to `out`; on an error `out` is as before.
pub(super) fn write_request<R: Message>(
    out: &mut Vec<u8>,
    api: ApiKey,
    version: i16,
    correlation_id: i32,
    client_id: &str,
    request: &R,
) -> Result<(), String> {
    let start = out.len();
    let header = RequestHeader {
        request_api_key: api.code(),
        request_api_version: version,
        correlation_id,
        client_id: Some(client_id.to_owned()),
    };
    out.extend_from_slice(&[0; 4]);
    let written = header
        .encode(out, api.request_header_version(version))
        .and_then(|()| request.encode(out, version))
        .map_err(|error| error.to_string())
        .and_then(|()| {
            i32::try_from(out.len() - start - 4).map_err(|_| "it is larger than 2 GiB".to_owned())
        });
    match written {
        Ok(length) => {
            out[start..start + 4].copy_from_slice(&length.to_be_bytes());
            Ok(())
        }
        Err(why) => {
            out.truncate(start);
            Err(why)
        }
    }
}

/// Splits one whole frame, without its length, off the front of `buffer`; `None` when more bytes are needed.
pub(super) fn split(buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
    let Some(length) = buffer.first_chunk::<4>() else { return Ok(None) };
    let length = i32::from_be_bytes(*length);
    let length = usize::try_from(length)
        .ok()
        .filter(|length| (4..=FRAME_BYTES_MAX).contains(length))
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "an answer with the length {length}; this is not a Kafka listener, or it expects TLS"
                ),
            )
        })?;
    if buffer.len() < 4 + length {
        let missing = 4 + length - buffer.len();
        buffer.reserve(missing.min(buffer.len().max(STEP)));
        return Ok(None);
    }
    let mut frame = buffer.split_to(4 + length);
    Ok(Some(frame.split_off(4).freeze()))
}

/// Reads what is there; `false` at the end of the stream.
pub(super) async fn fill<R: AsyncRead + Unpin>(stream: &mut R, buffer: &mut BytesMut) -> io::Result<bool> {
    if buffer.capacity() - buffer.len() < STEP / 4 {
        buffer.reserve(STEP);
    }
    Ok(stream.read_buf(buffer).await? != 0)
}

/// The correlation id of an answer.
pub(super) fn correlation_id(frame: &Bytes) -> Option<i32> {
    frame.first_chunk::<4>().map(|bytes| i32::from_be_bytes(*bytes))
}

/// Reads the message of an answer behind its header.
pub(super) fn read_response<M: Message>(frame: &Bytes, api: ApiKey, version: i16) -> Result<M, String> {
    let mut reader = Reader::shared(frame);
    let header_version = api.response_header_version(version);
    moldau_protocol::messages::ResponseHeader::decode(&mut reader, header_version)
        .map_err(|error| error.to_string())?;
    let message = M::decode(&mut reader, version).map_err(|error| error.to_string())?;
    match reader.remaining() {
        0 => Ok(message),
        more => Err(format!("{more} bytes are left over")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_split_off_only_when_it_is_whole() {
        let mut buffer = BytesMut::new();
        for byte in [0, 0, 0, 5, 1, 2, 3, 4] {
            buffer.extend_from_slice(&[byte]);
            assert!(split(&mut buffer).expect("a good length").is_none());
        }
        buffer.extend_from_slice(&[5, 0, 0]);
        assert_eq!(split(&mut buffer).expect("a good length").expect("whole"), &[1, 2, 3, 4, 5][..]);
        assert_eq!(buffer, &[0, 0][..]);
    }

    #[test]
    fn an_absurd_length_is_refused_without_reserving_it() {
        for length in [-1i32, 0, 3, i32::MAX] {
            let mut buffer = BytesMut::from(&length.to_be_bytes()[..]);
            let error = split(&mut buffer).expect_err("refused");
            assert!(error.to_string().contains("not a Kafka listener"), "{error}");
            assert!(buffer.capacity() < STEP);
        }
    }

    #[test]
    fn a_large_length_reserves_only_a_step() {
        let mut buffer = BytesMut::from(&(900_000_000i32).to_be_bytes()[..]);
        assert!(split(&mut buffer).expect("a good length").is_none());
        assert!(buffer.capacity() <= 2 * STEP);
    }
}
