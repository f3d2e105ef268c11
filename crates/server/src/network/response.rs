//! What a request comes to: a response of byte runs and file regions, now or later, or a closed connection.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use moldau_log::FileSlice;

use crate::telemetry::ErrorCounts;

/// A part of a response.
#[derive(Debug)]
pub(crate) enum Chunk {
    /// Bytes made here.
    Bytes(Vec<u8>),
    /// Bytes of a log segment, sent without passing through this process.
    File(FileSlice),
}

impl Chunk {
    /// Its length on the wire, in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Chunk::Bytes(bytes) => bytes.len(),
            Chunk::File(slice) => slice.len,
        }
    }

    /// Its length if it is in memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        match self {
            Chunk::Bytes(bytes) => bytes.len(),
            Chunk::File(_) => 0,
        }
    }
}

/// A whole response frame: the four-byte length, the header, the body.
#[derive(Debug)]
pub(crate) struct Response {
    /// The parts, in the order in which they are sent.
    pub(crate) chunks: Vec<Chunk>,
    /// The error codes in it, for who counts them.
    pub(crate) errors: ErrorCounts,
    /// The number of its API and when it was ready, once it was counted.
    pub(crate) counted: Option<(usize, Instant)>,
}

impl Response {
    /// A response that is one run of bytes, length and header included.
    pub(crate) fn bytes(frame: Vec<u8>) -> Self {
        Response::of(vec![Chunk::Bytes(frame)])
    }

    /// A response of these parts.
    pub(crate) fn of(chunks: Vec<Chunk>) -> Self {
        Response { chunks, errors: ErrorCounts::default(), counted: None }
    }

    /// The same, saying what error codes are in it.
    pub(crate) fn with_errors(self, errors: ErrorCounts) -> Self {
        Response { errors, ..self }
    }

    /// The bytes that wait in memory, not in a file, until it is sent.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.chunks.iter().map(Chunk::memory_bytes).sum()
    }
}

/// A response that needs time: a long poll, a group's rebalance, an fsync.
pub(crate) struct Later {
    answer: Pin<Box<dyn Future<Output = Outcome> + Send>>,
    /// Bytes that it keeps of its request until then, about.
    pub(crate) held_bytes: usize,
    /// Whether it is worked on all the while and waits for nobody else.
    pub(crate) is_busy: bool,
}

impl Later {
    /// What comes of `answer`, which keeps next to nothing of its request.
    pub(crate) fn new(answer: impl Future<Output = Outcome> + Send + 'static) -> Self {
        Later { answer: Box::pin(answer), held_bytes: 0, is_busy: false }
    }

    /// The same, keeping so many bytes.
    pub(crate) fn holding(self, bytes: usize) -> Self {
        Later { held_bytes: bytes, ..self }
    }

    /// The same, and whether it is worked on all the while.
    pub(crate) fn busy(self, is_busy: bool) -> Self {
        Later { is_busy, ..self }
    }
}

impl Future for Later {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.answer.as_mut().poll(cx)
    }
}

/// What became of a request.
pub(crate) enum Outcome {
    /// Answer this.
    Reply(Response),
    /// Nothing is answered (`acks=0`).
    Silence,
    /// The answer comes later.
    Later(Later),
    /// The connection must be closed; the reason is logged.
    Close(String),
}
