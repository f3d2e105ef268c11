//! The clocks at the edge: what turns into [`Now`].

use std::time::{SystemTime, UNIX_EPOCH};

use moldau_coordinator::Now;
use tokio::time::{Duration, Instant};

/// Wall clock, and tokio's clock since a start.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Clock { start: Instant::now() }
    }

    pub(crate) fn now(&self) -> Now {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            timestamp_ms: i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX),
            monotonic_ms: i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// The instant of a deadline, at most a day ahead; a millisecond later, because [`Clock::now`] rounds down.
    pub(crate) fn instant(&self, monotonic_ms: i64) -> Instant {
        let now = Instant::now();
        let deadline = self.start.checked_add(Duration::from_millis(monotonic_ms.max(0) as u64));
        let deadline = deadline.and_then(|deadline| deadline.checked_add(Duration::from_millis(1)));
        let at_most = now + Duration::from_secs(24 * 60 * 60);
        deadline.map_or(at_most, |deadline| deadline.min(at_most))
    }
}
