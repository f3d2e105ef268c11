//! From a frame to its handler: reads the request header, refuses what is not offered, decodes, calls, encodes.
//!
//! What always holds: an unknown API, an unsupported version or a body that cannot be read closes the connection (only
//! ApiVersions has an answer for a version that is not known); each response has the header version that
//! `spec` gives its API.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use moldau_protocol::{ApiKey, Message, Reader};

use crate::network::{ConnectionInfo, Later, Outcome, Response};
use crate::telemetry::{ErrorCodes, ErrorCounts};

/// The head of a request, whatever its version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestHead<'a> {
    pub(crate) api_key: i16,
    pub(crate) api_version: i16,
    pub(crate) correlation_id: i32,
    pub(crate) client_id: Option<&'a str>,
    /// Where the body starts in the frame.
    pub(crate) body_at: usize,
}

/// What a handler knows of a request besides its body.
#[derive(Clone, Debug)]
pub(crate) struct RequestContext {
    pub(crate) connection: Arc<ConnectionInfo>,
    pub(crate) api_key: ApiKey,
    pub(crate) api_version: i16,
    pub(crate) correlation_id: i32,
    pub(crate) client_id: Option<Box<str>>,
}

impl<'a> RequestHead<'a> {
    /// Reads the head of a frame.
    pub(crate) fn parse(frame: &'a [u8]) -> Result<Self, String> {
        let short = || format!("a request of {} bytes has no whole header", frame.len());
        let int16 = |at: usize| Some(i16::from_be_bytes(frame.get(at..at + 2)?.try_into().ok()?));
        let api_key = int16(0).ok_or_else(short)?;
        let api_version = int16(2).ok_or_else(short)?;
        let correlation = frame.get(4..8).ok_or_else(short)?;
        let correlation_id =
            i32::from_be_bytes([correlation[0], correlation[1], correlation[2], correlation[3]]);
        let length = int16(8).ok_or_else(short)?;
        let client_id = match usize::try_from(length) {
            Ok(length) => {
                let bytes = frame.get(10..10 + length).ok_or_else(short)?;
                Some(std::str::from_utf8(bytes).map_err(|_| "the client id is not UTF-8".to_owned())?)
            }
            Err(_) if length == -1 => None,
            Err(_) => return Err(format!("the client id has length {length}")),
        };
        let mut body_at = 10 + client_id.map_or(0, str::len);
        // A version that is not known still has a head: ApiVersions is answered whatever its version.
        let flexible =
            ApiKey::from_i16(api_key).is_some_and(|key| key.request_header_version(api_version) >= 2);
        if flexible {
            let mut reader = Reader::new(&frame[body_at..]);
            reader.skip_tagged_fields().map_err(|e| format!("request header: {e}"))?;
            body_at = frame.len() - reader.remaining();
        }
        Ok(RequestHead { api_key, api_version, correlation_id, client_id, body_at })
    }

    /// The same for a handler, owning what it needs.
    pub(crate) fn context(&self, api_key: ApiKey, connection: &Arc<ConnectionInfo>) -> RequestContext {
        RequestContext {
            connection: connection.clone(),
            api_key,
            api_version: self.api_version,
            correlation_id: self.correlation_id,
            client_id: self.client_id.map(Into::into),
        }
    }
}

/// A response frame with its length, header and body.
pub(crate) fn response_frame<R: Message>(
    api_key: ApiKey,
    api_version: i16,
    correlation_id: i32,
    body: &R,
) -> Result<Vec<u8>, String> {
    let mut frame = frame_head(api_key, api_version, correlation_id);
    body.encode(&mut frame, api_version).map_err(|e| format!("{} cannot be written: {e}", R::NAME))?;
    finish_frame(&mut frame, 0)?;
    Ok(frame)
}

/// The length (still zero) and header of a response frame.
pub(crate) fn frame_head(api_key: ApiKey, api_version: i16, correlation_id: i32) -> Vec<u8> {
    let mut frame = Vec::with_capacity(128);
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&correlation_id.to_be_bytes());
    if api_key.response_header_version(api_version) >= 1 {
        frame.push(0);
    }
    frame
}

/// Writes the frame's length, when `more` bytes follow outside of `frame`.
pub(crate) fn finish_frame(frame: &mut [u8], more: usize) -> Result<(), String> {
    let bytes = frame.len() - 4 + more;
    let length = i32::try_from(bytes)
        .map_err(|_| format!("the answer would have {bytes} bytes, more than a frame can; ask for less"))?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Answers with `body`, or closes the connection when it cannot be written in the request's version.
pub(crate) fn reply<R: Message + ErrorCodes>(context: &RequestContext, body: &R) -> Outcome {
    match response_frame(context.api_key, context.api_version, context.correlation_id, body) {
        Ok(frame) => Outcome::Reply(Response::bytes(frame).with_errors(ErrorCounts::of(body))),
        Err(reason) => {
            tracing::error!(api = context.api_key.name(), version = context.api_version, %reason, "no response");
            Outcome::Close(reason)
        }
    }
}

/// Memory that the arrays of one request may take, in bytes: for about a million elements. Small elements on the wire are
/// much larger in memory, so the size of a request alone is no bound.
const ARRAY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Reads the body of a request within bounded memory.
pub(crate) fn reader(body: &[u8]) -> Reader<'_> {
    let mut reader = Reader::new(body);
    reader.limit_memory(ARRAY_BYTES_MAX);
    reader
}

/// Decodes the body of a request; the error closes the connection. Bytes behind the message are let pass, as the
/// reference does: librdkafka's Metadata request for all topics has three.
pub(crate) fn decode<Q: Message>(context: &RequestContext, body: &[u8]) -> Result<Q, Outcome> {
    Q::decode(&mut reader(body), context.api_version)
        .map_err(|e| Outcome::Close(format!("{} version {}: {e}", Q::NAME, context.api_version)))
}

/// Calls a handler that may have to wait. One that needs not wait is answered at once.
pub(crate) fn call<Q, R, F>(
    context: RequestContext,
    body: &[u8],
    handler: impl FnOnce(RequestContext, Q) -> F,
) -> Outcome
where
    Q: Message,
    R: Message + ErrorCodes,
    F: Future<Output = R> + Send + 'static,
{
    let request = match decode::<Q>(&context, body) {
        Ok(request) => request,
        Err(outcome) => return outcome,
    };
    let for_reply = context.clone();
    let answering = handler(context, request);
    now_or_later(async move { reply(&for_reply, &answering.await) })
}

/// Polls once: what is ready is ready, the rest waits. The connection polls it again at once, with its own waker.
pub(crate) fn now_or_later(future: impl Future<Output = Outcome> + Send + 'static) -> Outcome {
    let mut future = Box::pin(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Outcome::Later(Later::new(future)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(api_key: i16, version: i16, client: &[u8], length: i16) -> Vec<u8> {
        let mut frame = Vec::new();
        frame.extend_from_slice(&api_key.to_be_bytes());
        frame.extend_from_slice(&version.to_be_bytes());
        frame.extend_from_slice(&7i32.to_be_bytes());
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(client);
        frame
    }

    #[test]
    fn both_header_versions_are_read() {
        let old = frame(3, 8, b"abc", 3);
        let head = RequestHead::parse(&old).expect("version 1 of the header");
        assert_eq!((head.client_id, head.body_at, head.correlation_id), (Some("abc"), 13, 7));
        let mut new = frame(3, 12, b"abc", 3);
        new.extend_from_slice(&[1, 5, 2, 9, 9, 42]); // one unknown tag of two bytes, then the body
        let head = RequestHead::parse(&new).expect("version 2 of the header");
        assert_eq!(new[head.body_at..], [42]);
    }

    #[test]
    fn a_metadata_request_of_librdkafka_with_three_bytes_too_many_is_read() {
        use moldau_protocol::messages::MetadataRequest;
        let connection = ConnectionInfo {
            peer: ([127, 0, 0, 1], 1).into(),
            listener: "PLAINTEXT".into(),
            is_controller: false,
            client_software: Default::default(),
        };
        let context = RequestContext {
            connection: Arc::new(connection),
            api_key: ApiKey::Metadata,
            api_version: 13,
            correlation_id: 1,
            client_id: None,
        };
        let request = decode::<MetadataRequest>(&context, &[0, 1, 0, 0, 0, 0, 0]).ok().expect("a request");
        assert_eq!(request.topics, None);
    }

    #[test]
    fn truncated_heads_and_bad_lengths_are_errors() {
        let whole = frame(3, 8, b"abc", 3);
        for cut in 0..whole.len() {
            assert!(RequestHead::parse(&whole[..cut]).is_err(), "{cut}");
        }
        assert!(RequestHead::parse(&frame(3, 8, b"", -2)).is_err());
        assert!(RequestHead::parse(&frame(3, 8, b"abc", i16::MAX)).is_err());
        assert!(RequestHead::parse(&frame(3, 8, &[0xff, 0xfe], 2)).is_err());
    }
}
