//! What is said of bad clients: enough to find them, and never so much that they fill a disk.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// At most one line in this time.
const PAUSE: Duration = Duration::from_secs(1);

/// One kind of complaint, counted where it is not said.
#[derive(Debug)]
pub(crate) struct Complaint {
    said: Mutex<Option<Instant>>,
    unsaid: AtomicU64,
}

impl Complaint {
    /// One that was not made yet.
    pub(crate) const fn new() -> Self {
        Complaint { said: Mutex::new(None), unsaid: AtomicU64::new(0) }
    }

    /// Whether it is to be said now; gives how many times it was not said since the last time.
    pub(crate) fn due(&self, now: Instant) -> Option<u64> {
        let mut said = self.said.lock();
        if said.is_some_and(|said| now.saturating_duration_since(said) < PAUSE) {
            self.unsaid.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        *said = Some(now);
        Some(self.unsaid.swap(0, Ordering::Relaxed))
    }
}

/// What somebody who does not speak Kafka's protocol seems to speak, by the first bytes of a connection.
pub(crate) fn other_protocol(first: [u8; 4]) -> Option<&'static str> {
    match &first {
        [0x16, 0x03, _, _] => Some("TLS, and this listener is plaintext"),
        b"GET " | b"POST" | b"HEAD" | b"PUT " | b"OPTI" => Some("HTTP, and this is Kafka's protocol"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_made_once_a_second_and_the_others_are_counted() {
        let complaint = Complaint::new();
        let start = Instant::now();
        assert_eq!(complaint.due(start), Some(0));
        assert_eq!(complaint.due(start + PAUSE / 2), None);
        assert_eq!(complaint.due(start + PAUSE / 2), None);
        assert_eq!(complaint.due(start + PAUSE), Some(2));
        assert_eq!(complaint.due(start + PAUSE * 3), Some(0));
    }

    #[test]
    fn tls_and_http_are_known_by_their_first_bytes() {
        assert!(other_protocol([0x16, 3, 1, 2]).is_some_and(|what| what.starts_with("TLS")));
        assert!(other_protocol(*b"GET ").is_some_and(|what| what.starts_with("HTTP")));
        assert_eq!(other_protocol([0, 0, 0, 20]), None);
    }
}
