//! How much the batches of one turn may decompress to. Each batch has a bound of its own, but a request can hold thousands.

use crate::blocking::unhurried;

/// What all of them may come to, in any case.
const BYTES_ANYWAY: usize = 256 << 20;
/// What they may come to for each byte that was sent. Records that compress better than that do not fill requests.
const TIMES: usize = 64;
/// After so much a worker's other connections do not wait for the rest.
const HURRIED_BYTES: usize = 4 << 20;

/// Counts what the requests that are worked on together decompress to.
pub(crate) struct Unpacking {
    allowed: usize,
    done: usize,
}

impl Unpacking {
    /// For requests of so many bytes.
    pub(crate) fn of(request_bytes: usize) -> Self {
        Unpacking { allowed: request_bytes.saturating_mul(TIMES).max(BYTES_ANYWAY), done: 0 }
    }

    /// What may still be decompressed.
    pub(crate) fn left(&self) -> usize {
        self.allowed.saturating_sub(self.done)
    }

    /// Does a part of the work, which adds what it decompresses to the count that it is given.
    pub(crate) fn work<T>(&mut self, part: impl FnOnce(usize, &mut usize) -> T) -> T {
        let (left, done) = (self.left(), &mut self.done);
        if *done < HURRIED_BYTES { part(left, done) } else { unhurried(|| part(left, done)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_decompressed_is_taken_from_what_is_left() {
        let mut unpacking = Unpacking::of(5 << 20);
        for part in 0..3 {
            let left = unpacking.work(|left, done| {
                *done += 100 << 20;
                left
            });
            assert_eq!(left, (320 - part * 100) << 20);
        }
        assert_eq!(unpacking.left(), 20 << 20);
        unpacking.work(|_, done| *done += 30 << 20);
        assert_eq!(unpacking.left(), 0);
        assert_eq!(Unpacking::of(10).left(), 256 << 20);
    }
}
