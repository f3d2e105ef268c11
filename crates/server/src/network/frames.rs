//! The bytes that a connection has received and not yet worked on, cut into Kafka's frames.
//!
//! Invariants: a frame is a four-byte big-endian length and as many bytes; a length below zero or above the limit is an
//! error before anything is allocated for it; the buffer grows with the bytes that arrived, never by what a peer said.

use super::buffer;
use super::complaint::other_protocol;

/// What is wrong with a frame's length.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a frame of {length} bytes was announced; socket.request.max.bytes allows {max}{}", hint(*length))]
pub(crate) struct BadFrameLength {
    /// The announced length.
    pub(crate) length: i32,
    /// The listener's limit.
    pub(crate) max: usize,
}

fn hint(length: i32) -> String {
    let other = other_protocol(length.to_be_bytes());
    other.map(|what| format!(" (the other side seems to speak {what})")).unwrap_or_default()
}

/// A receive buffer with a read position.
pub(crate) struct Frames {
    bytes: Vec<u8>,
    start: usize,
    frame_bytes_max: usize,
}

impl Frames {
    pub(crate) fn new(frame_bytes_max: usize) -> Self {
        Frames { bytes: Vec::new(), start: 0, frame_bytes_max }
    }

    /// Bytes that arrived and were not yet taken.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// The length of the next frame's content, if its four bytes are there.
    pub(crate) fn announced(&self) -> Result<Option<usize>, BadFrameLength> {
        let Some(head) = self.bytes.get(self.start..self.start + 4) else { return Ok(None) };
        let length = i32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        match usize::try_from(length) {
            Ok(bytes) if bytes <= self.frame_bytes_max => Ok(Some(bytes)),
            _ => Err(BadFrameLength { length, max: self.frame_bytes_max }),
        }
    }

    /// Whether [`Frames::complete`] would give a frame or an error.
    pub(crate) fn holds_frame(&self) -> bool {
        match self.announced() {
            Ok(Some(length)) => self.len() >= 4 + length,
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// Takes all complete frames at the front, at most `max`, as ranges of [`Frames::bytes_mut`]. A bad length is an error
    /// only when it comes first: what was sent before it is worked on before.
    pub(crate) fn complete(
        &mut self,
        max: usize,
        into: &mut Vec<std::ops::Range<usize>>,
    ) -> Result<(), BadFrameLength> {
        while into.len() < max {
            let length = match self.announced() {
                Ok(Some(length)) => length,
                Ok(None) => break,
                Err(error) if into.is_empty() => return Err(error),
                Err(_) => break,
            };
            let from = self.start + 4;
            if self.bytes.len() < from + length {
                break;
            }
            into.push(from..from + length);
            self.start = from + length;
        }
        Ok(())
    }

    /// Gives a frame that [`Frames::complete`] took, and those behind it, back.
    pub(crate) fn put_back(&mut self, frame: &std::ops::Range<usize>) {
        self.start = frame.start - 4;
    }

    /// All bytes of the buffer; the ranges of [`Frames::complete`] are within them until the next [`Frames::make_room`].
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Prepares the buffer for reading and says how many bytes to read at most: to the end of a large frame, so that the
    /// next one starts at the front of the buffer and is never moved, or whatever fits.
    pub(crate) fn make_room(&mut self) -> Result<(&mut Vec<u8>, usize), BadFrameLength> {
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        } else if self.start > 0 {
            self.bytes.copy_within(self.start.., 0);
            self.bytes.truncate(self.bytes.len() - self.start);
            self.start = 0;
        }
        let wanted = self.announced()?.map_or(0, |length| length + 4);
        if self.bytes.capacity() < buffer::BUFFER_BYTES {
            let mut larger = buffer::take(buffer::BUFFER_BYTES);
            larger.extend_from_slice(&self.bytes);
            buffer::give_back(std::mem::replace(&mut self.bytes, larger));
        }
        if wanted > self.bytes.capacity() && self.bytes.len() * 2 >= self.bytes.capacity() {
            let mut larger = buffer::take(wanted.min(self.bytes.capacity() * 4));
            larger.extend_from_slice(&self.bytes);
            buffer::give_back(std::mem::replace(&mut self.bytes, larger));
        }
        let spare = self.bytes.capacity() - self.bytes.len();
        let limit =
            if wanted > buffer::BUFFER_BYTES / 2 { (wanted - self.bytes.len()).min(spare) } else { spare };
        Ok((&mut self.bytes, limit))
    }

    /// Gives the buffer back before a wait: wholly when nothing is in it, or exchanged for one of just the size of a
    /// small remainder. With a larger one it stays, since the rest comes at once mostly; see [`Frames::has_spare`].
    pub(crate) fn release(&mut self) {
        if self.bytes.capacity() <= buffer::SMALL_REMAINDER_BYTES {
            if self.len() == 0 {
                self.bytes.clear();
                self.start = 0;
            }
            return;
        }
        if self.len() == 0 {
            buffer::give_back(std::mem::take(&mut self.bytes));
            self.start = 0;
        } else if self.len() <= buffer::SMALL_REMAINDER_BYTES {
            self.exchange();
        }
    }

    /// Whether the buffer is larger than what is in it and worth giving back when the rest does not come.
    pub(crate) fn has_spare(&self) -> bool {
        self.bytes.capacity() >= buffer::BUFFER_BYTES && self.len() < self.bytes.capacity() / 2
    }

    /// Keeps what is in the buffer in one of just its size.
    pub(crate) fn exchange(&mut self) {
        let remainder = self.bytes[self.start..].to_vec();
        buffer::give_back(std::mem::replace(&mut self.bytes, remainder));
        self.start = 0;
    }

    /// Bytes of memory held.
    #[cfg(test)]
    fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        buffer::give_back(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(frames: &mut Frames, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (buffer, limit) = frames.make_room().expect("room");
            let n = limit.min(bytes.len());
            buffer.extend_from_slice(&bytes[..n]);
            bytes = &bytes[n..];
        }
    }

    fn frame(content: &[u8]) -> Vec<u8> {
        [&(content.len() as i32).to_be_bytes()[..], content].concat()
    }

    #[test]
    fn frames_that_arrive_in_pieces_come_out_whole_and_in_order() {
        let mut frames = Frames::new(1 << 20);
        let sizes = [0usize, 1, 5, 300_000, 17, 70_000, 64];
        let wire: Vec<u8> = sizes.iter().enumerate().flat_map(|(i, n)| frame(&vec![i as u8; *n])).collect();
        let mut seen = Vec::new();
        for piece in wire.chunks(1013) {
            let mut rest = piece;
            while !rest.is_empty() {
                let (buffer, limit) = frames.make_room().expect("room");
                let n = limit.min(rest.len());
                buffer.extend_from_slice(&rest[..n]);
                rest = &rest[n..];
                let mut ranges = Vec::new();
                frames.complete(100, &mut ranges).expect("frames");
                for range in ranges {
                    seen.push(frames.bytes_mut()[range].to_vec());
                }
                frames.release();
            }
        }
        let expected: Vec<Vec<u8>> = sizes.iter().enumerate().map(|(i, n)| vec![i as u8; *n]).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn an_absurd_length_is_refused_before_anything_is_allocated_for_it() {
        for length in [-1, i32::MIN, i32::MAX, 1025] {
            let mut frames = Frames::new(1024);
            feed(&mut frames, &length.to_be_bytes());
            assert_eq!(frames.complete(1, &mut Vec::new()), Err(BadFrameLength { length, max: 1024 }));
            assert!(frames.capacity() <= 8 * buffer::BUFFER_BYTES);
        }
    }

    #[test]
    fn what_came_before_a_bad_length_is_given_first() {
        let mut frames = Frames::new(1024);
        feed(&mut frames, &[frame(b"good"), (-1i32).to_be_bytes().to_vec()].concat());
        let mut ranges = Vec::new();
        assert_eq!(frames.complete(9, &mut ranges), Ok(()));
        assert_eq!(ranges.len(), 1);
        assert!(frames.holds_frame());
        assert!(frames.complete(9, &mut Vec::new()).is_err());
    }

    #[test]
    fn a_large_announced_frame_grows_the_buffer_only_as_bytes_arrive() {
        let mut frames = Frames::new(100 << 20);
        feed(&mut frames, &(100i32 << 20).to_be_bytes());
        feed(&mut frames, &[0; 1000]);
        let _ = frames.make_room().expect("room");
        assert!(frames.capacity() <= 8 * buffer::BUFFER_BYTES, "{}", frames.capacity());
    }

    #[test]
    fn a_wait_keeps_no_large_buffer() {
        let mut frames = Frames::new(1 << 20);
        feed(&mut frames, &frame(&[1; 100])[..50]);
        frames.release();
        assert!(frames.capacity() <= buffer::SMALL_REMAINDER_BYTES);
        feed(&mut frames, &frame(&[1; 100])[50..]);
        let mut ranges = Vec::new();
        frames.complete(9, &mut ranges).expect("frames");
        assert_eq!(ranges.len(), 1);
        frames.release();
        assert_eq!(frames.capacity(), 0);
        feed(&mut frames, &frame(&[2; 50_000])[..20_000]);
        frames.release();
        assert!(frames.has_spare());
        frames.exchange();
        assert_eq!(frames.capacity(), 20_000);
        assert!(!frames.has_spare());
        feed(&mut frames, &frame(&[2; 50_000])[20_000..]);
        frames.complete(9, &mut ranges).expect("frames");
        assert_eq!(frames.bytes_mut()[ranges[1].clone()], [2; 50_000]);
    }
}
