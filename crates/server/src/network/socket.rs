//! The system calls of the send side: gathered sends and `sendfile`.
//!
//! Linux has both; elsewhere a file region is read and sent like other bytes.

use std::io::{self, IoSlice};

use moldau_log::FileSlice;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// At most this much of a file region in one call, so that one response never holds a worker for long.
const SENDFILE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Sends as much of `slices` as the socket takes. `more` says that other bytes of the same response follow at once.
pub(crate) fn try_send(stream: &TcpStream, slices: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
    if !more {
        return stream.try_write_vectored(slices);
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        stream.try_io(Interest::WRITABLE, || {
            sendmsg(stream, slices, &mut SendAncillaryBuffer::default(), flags).map_err(io::Error::from)
        })
    }
    #[cfg(not(target_os = "linux"))]
    stream.try_write_vectored(slices)
}

/// Sends as much of a file region, from `done` bytes on, as the socket takes. Zero means that the file is shorter than
/// the region.
#[cfg(target_os = "linux")]
pub(crate) fn try_send_file(stream: &TcpStream, slice: &FileSlice, done: usize) -> io::Result<usize> {
    let count = (slice.len - done).min(SENDFILE_BYTES_MAX);
    let mut position = slice.position + done as u64;
    stream.try_io(Interest::WRITABLE, || {
        rustix::fs::sendfile(stream, &*slice.file, Some(&mut position), count).map_err(io::Error::from)
    })
}

/// Sends as much of a file region, from `done` bytes on, as the socket takes, through a small buffer.
#[cfg(not(target_os = "linux"))]
pub(crate) fn try_send_file(stream: &TcpStream, slice: &FileSlice, done: usize) -> io::Result<usize> {
    use std::os::unix::fs::FileExt;
    let mut buffer = vec![0; (slice.len - done).min(64 * 1024)];
    let read = slice.file.read_at(&mut buffer, slice.position + done as u64)?;
    stream.try_io(Interest::WRITABLE, || rustix::io::write(stream, &buffer[..read]).map_err(io::Error::from))
}
