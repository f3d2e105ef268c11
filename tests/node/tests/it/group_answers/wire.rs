//! Requests over a plain socket, and answers as text in which everything that changes from run to run has a name.

use std::fmt::Debug;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use moldau_protocol::{Message, Reader, Request};

/// A connection that sends one request after the other.
pub(super) struct Connection {
    stream: TcpStream,
    correlation_id: i32,
}

impl Connection {
    pub(super) fn new(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the node listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        Connection { stream, correlation_id: 0 }
    }

    pub(super) fn send<R: Request>(&mut self, version: i16, request: &R) {
        self.correlation_id += 1;
        let mut frame = vec![0; 4];
        frame.extend(R::KEY.code().to_be_bytes());
        frame.extend(version.to_be_bytes());
        frame.extend(self.correlation_id.to_be_bytes());
        frame.extend(4i16.to_be_bytes());
        frame.extend(b"test");
        if R::KEY.request_header_version(version) >= 2 {
            frame.push(0);
        }
        request.encode(&mut frame, version).expect("a request of this version");
        let length = (frame.len() - 4) as i32;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        self.stream.write_all(&frame).expect("the node reads");
    }

    pub(super) fn receive<R: Request>(&mut self, version: i16) -> R::Response {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).expect("an answer");
        let mut frame = vec![0; i32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame).expect("a whole answer");
        let mut reader = Reader::new(&frame);
        assert_eq!(reader.i32().expect("a correlation id"), self.correlation_id);
        if R::KEY.response_header_version(version) >= 1 {
            reader.skip_tagged_fields().expect("tagged fields");
        }
        let response = R::Response::decode(&mut reader, version).expect("an answer of this version");
        reader.finish().expect("nothing behind it");
        response
    }

    pub(super) fn call<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        self.send(version, request);
        self.receive::<R>(version)
    }
}

/// The answers so far, as lines.
#[derive(Default)]
pub(super) struct Transcript {
    names: Vec<(String, String)>,
    pub(super) lines: String,
}

impl Transcript {
    /// From now on `value` is shown as `name`.
    pub(super) fn name(&mut self, value: &str, name: &str) {
        if !value.is_empty() {
            // The latest first: a name may be given to something anew.
            self.names.insert(0, (value.to_owned(), name.to_owned()));
        }
    }

    pub(super) fn add(&mut self, what: &str, version: i16, answer: &impl Debug) {
        let mut text = format!("{answer:?}").replace("throttle_time_ms: 0, ", "");
        for (value, name) in &self.names {
            text = text.replace(value, name);
        }
        self.lines.push_str(&format!("{what} v{version}: {text}\n"));
    }
}
