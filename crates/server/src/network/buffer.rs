//! Receive buffers, lent to connections only while they have bytes to work on.
//!
//! Invariants: a buffer in the pool is empty; the pool holds at most [`POOL_BYTES_MAX`] bytes; a connection that waits
//! with nothing buffered holds no buffer, which is what keeps ten thousand idle connections small.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// The size of a fresh receive buffer, in bytes.
pub(crate) const BUFFER_BYTES: usize = 128 * 1024;
/// How many bytes of spare buffers are kept in all.
const POOL_BYTES_MAX: usize = 8 * 1024 * 1024;
/// A part of a frame up to this size is kept in a buffer of just its size while the connection waits for the rest.
pub(crate) const SMALL_REMAINDER_BYTES: usize = 4 * 1024;

/// A buffer more than so many times larger than asked for is not lent: a connection that waits within a frame keeps it.
const TOO_LARGE_TIMES: usize = 8;

static POOL: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
static POOL_BYTES: AtomicUsize = AtomicUsize::new(0);

/// An empty buffer with room for at least `capacity` bytes.
pub(crate) fn take(capacity: usize) -> Vec<u8> {
    let spare = {
        let mut pool = POOL.lock();
        let fitting = capacity..=capacity.saturating_mul(TOO_LARGE_TIMES);
        let found = pool.iter().rposition(|buffer| fitting.contains(&buffer.capacity()));
        found.map(|at| pool.swap_remove(at))
    };
    match spare {
        Some(buffer) => {
            POOL_BYTES.fetch_sub(buffer.capacity(), Ordering::Relaxed);
            buffer
        }
        None => Vec::with_capacity(capacity.max(BUFFER_BYTES)),
    }
}

/// Gives a buffer back. When the pool is full it takes the place of a larger one, or is freed.
pub(crate) fn give_back(mut buffer: Vec<u8>) {
    let bytes = buffer.capacity();
    if bytes < BUFFER_BYTES {
        return;
    }
    if POOL_BYTES.load(Ordering::Relaxed) + bytes > POOL_BYTES_MAX {
        let mut pool = POOL.lock();
        let Some(at) = pool.iter().position(|other| other.capacity() > bytes) else { return };
        POOL_BYTES.fetch_sub(pool.swap_remove(at).capacity(), Ordering::Relaxed);
    }
    if POOL_BYTES.load(Ordering::Relaxed) + bytes > POOL_BYTES_MAX {
        return;
    }
    buffer.clear();
    POOL_BYTES.fetch_add(bytes, Ordering::Relaxed);
    POOL.lock().push(buffer);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_was_given_back_is_lent_again_empty() {
        let mut buffer = take(3 * BUFFER_BYTES);
        buffer.extend_from_slice(b"left over");
        give_back(buffer);
        let again = take(2 * BUFFER_BYTES);
        assert!(again.is_empty());
        assert!(again.capacity() >= 2 * BUFFER_BYTES);
    }

    #[test]
    fn the_pool_is_bounded() {
        for _ in 0..4 {
            give_back(Vec::with_capacity(POOL_BYTES_MAX / 2));
        }
        assert!(POOL_BYTES.load(Ordering::Relaxed) <= POOL_BYTES_MAX);
    }
}
