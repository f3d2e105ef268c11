//! The bytes that wait to be sent on a connection.
//!
//! Invariants: what was queued first is sent first; many small responses go out in one system call; a byte run that a
//! file region follows is sent with the hint that more comes, so that both share packets.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use tokio::net::TcpStream;

use super::response::{Chunk, Response};
use super::socket;

/// How many byte runs go into one system call.
const SLICES_MAX: usize = 64;

/// Responses on their way out.
#[derive(Default)]
pub(crate) struct Outbox {
    chunks: VecDeque<Chunk>,
    /// How much of the first chunk is sent.
    sent: usize,
    bytes: usize,
    memory_bytes: usize,
}

impl Outbox {
    pub(crate) fn push(&mut self, response: Response) {
        for chunk in response.chunks {
            if chunk.len() > 0 {
                self.bytes += chunk.len();
                self.memory_bytes += chunk.memory_bytes();
                self.chunks.push_back(chunk);
            }
        }
    }

    /// Bytes not yet sent.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes held in memory for what is not yet sent: those of file regions are not among them.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// Sends until everything is sent (ready) or the socket takes no more (pending, woken when it does).
    pub(crate) fn poll_send(&mut self, stream: &TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.chunks.is_empty() {
            match self.try_send_some(stream) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Ok(n) => self.advance(n),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => ready!(stream.poll_write_ready(cx))?,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
        if self.chunks.capacity() > 64 {
            self.chunks = VecDeque::new();
        }
        Poll::Ready(Ok(()))
    }

    fn try_send_some(&self, stream: &TcpStream) -> io::Result<usize> {
        if let Some(Chunk::File(slice)) = self.chunks.front() {
            return socket::try_send_file(stream, slice, self.sent);
        }
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let mut count = 0;
        let mut more = false;
        for chunk in &self.chunks {
            match chunk {
                Chunk::Bytes(bytes) if count < SLICES_MAX => {
                    let from = if count == 0 { self.sent } else { 0 };
                    slices[count] = IoSlice::new(&bytes[from..]);
                    count += 1;
                }
                _ => {
                    more = true;
                    break;
                }
            }
        }
        socket::try_send(stream, &slices[..count], more)
    }

    fn advance(&mut self, mut n: usize) {
        self.bytes -= n;
        while n > 0 {
            let Some(front) = self.chunks.front() else { return };
            let left = front.len() - self.sent;
            if n < left {
                self.sent += n;
                return;
            }
            n -= left;
            self.sent = 0;
            self.memory_bytes -= front.memory_bytes();
            self.chunks.pop_front();
        }
    }
}
