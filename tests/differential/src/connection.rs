//! One exchange with a server: a frame there, a frame or the end of the connection back.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use moldau_protocol::frame::encode_request;
use moldau_protocol::json::JsonMessage;
use moldau_protocol::messages::ResponseHeader;
use moldau_protocol::{Message, Reader, Request};
use serde_json::Value;

/// Longer than any answer takes on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);
const CORRELATION_ID: i32 = 7;

/// What came back.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// A frame without its length.
    Frame(Vec<u8>),
    /// The server ended the connection.
    Closed,
}

/// A connection that is opened anew when the server has ended it.
pub(crate) struct Connection {
    address: String,
    stream: Option<TcpStream>,
}

impl Connection {
    pub(crate) fn new(address: &str) -> Self {
        Connection { address: address.to_owned(), stream: None }
    }

    fn stream(&mut self) -> Result<&mut TcpStream> {
        match &mut self.stream {
            Some(stream) => Ok(stream),
            empty => {
                let stream = TcpStream::connect(&self.address).context("connecting")?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Ok(empty.insert(stream))
            }
        }
    }

    /// Sends a frame with its length that has no answer.
    pub(crate) fn send(&mut self, frame: &[u8]) -> Result<()> {
        self.stream()?.write_all(frame).context("sending")
    }

    /// Sends a frame with its length and waits for what comes back.
    pub(crate) fn exchange(&mut self, frame: &[u8]) -> Result<Exchange> {
        let stream = self.stream()?;
        let received = stream.write_all(frame).and_then(|()| {
            let mut length = [0; 4];
            stream.read_exact(&mut length)?;
            let mut content = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap_or(0)];
            stream.read_exact(&mut content)?;
            Ok(content)
        });
        match received {
            Ok(content) => Ok(Exchange::Frame(content)),
            Err(error) if ended(&error) => {
                self.stream = None;
                Ok(Exchange::Closed)
            }
            Err(error) => Err(error).context("no answer"),
        }
    }

    /// Asks and decodes; `None` when the server ended the connection.
    pub(crate) fn ask<R: Request>(&mut self, version: i16, request: &R) -> Result<Option<R::Response>> {
        match self.exchange(&frame(version, request)?)? {
            Exchange::Closed => Ok(None),
            Exchange::Frame(content) => Ok(Some(decode::<R>(version, &content)?)),
        }
    }
}

fn ended(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | BrokenPipe | ConnectionAborted)
}

/// The frame of a request, or why the version has no place for it.
pub(crate) fn frame<R: Request>(version: i16, request: &R) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    encode_request(&mut out, version, CORRELATION_ID, Some("differential"), request)?;
    Ok(out)
}

/// Decodes an answer, which must end where the message ends.
pub(crate) fn decode<R: Request>(version: i16, content: &[u8]) -> Result<R::Response> {
    let mut reader = Reader::new(content);
    let header = ResponseHeader::decode(&mut reader, R::KEY.response_header_version(version))?;
    if header.correlation_id != CORRELATION_ID {
        bail!("the answer is to another request: {}", header.correlation_id);
    }
    let body = content.len() - reader.remaining();
    Ok(R::Response::decode_all(&content[body..], version)?)
}

/// The answer as JSON.
pub(crate) fn json<R: Request>(version: i16, content: &[u8]) -> Result<Value>
where
    R::Response: JsonMessage,
{
    Ok(decode::<R>(version, content)?.to_json(version))
}
