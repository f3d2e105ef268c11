//! What one thread needs to compact logs, one after the other: the map of keys, and the pace it has to keep.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::OffsetMap;
use crate::error::StorageError;

/// One cleaner thread's part of the `log.cleaner.*` configs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CleanerConfig {
    /// Bytes that the map of keys may take at most.
    pub dedupe_buffer_bytes: usize,
    /// How full the map may get, between 0 and 1.
    pub load_factor: f64,
    /// Bytes that are read from a file at once.
    pub read_buffer_bytes: usize,
    /// Bytes that may be read and written in a second.
    pub max_bytes_per_second: f64,
}

impl Default for CleanerConfig {
    fn default() -> CleanerConfig {
        CleanerConfig {
            dedupe_buffer_bytes: 128 << 20,
            load_factor: 0.9,
            read_buffer_bytes: 256 << 10,
            max_bytes_per_second: f64::MAX,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Cleaner {
    pub(crate) map: OffsetMap,
    pub(crate) pace: Pace,
}

impl Cleaner {
    /// A cleaner that stops soon, leaving the log as it was, once `stop` is true.
    pub fn new(config: &CleanerConfig, stop: Arc<AtomicBool>) -> Cleaner {
        // The tables leave an eighth of their slots empty anyway.
        let factor = (config.load_factor / 0.9).clamp(0.01, 1.0);
        Cleaner {
            map: OffsetMap::new((config.dedupe_buffer_bytes as f64 * factor) as usize),
            pace: Pace {
                window: config.read_buffer_bytes.clamp(4 << 10, 4 << 20),
                bytes_per_second: config.max_bytes_per_second.max(1.0),
                since: Instant::now(),
                bytes: 0.0,
                stop,
            },
        }
    }
}

/// How fast a cleaner may go.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Bytes that are read at once.
    pub(crate) window: usize,
    bytes_per_second: f64,
    since: Instant,
    /// Since then.
    bytes: f64,
    stop: Arc<AtomicBool>,
}

/// The longest sleep, so that a stop is noticed.
const NAP: Duration = Duration::from_millis(100);

impl Pace {
    /// Notes bytes that were read or written, and sleeps if that was too fast.
    pub(crate) fn moved(&mut self, bytes: u64) -> Result<(), StorageError> {
        self.bytes += bytes as f64;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(StorageError::Closed);
            }
            match self.ahead(Instant::now()) {
                Some(ahead) => std::thread::sleep(ahead.min(NAP)),
                None => break,
            }
        }
        self.begin_anew(Instant::now());
        Ok(())
    }

    /// How much too early the bytes are at `now`, if that is worth a sleep; never more than a second.
    fn ahead(&self, now: Instant) -> Option<Duration> {
        let ahead = self.bytes / self.bytes_per_second - now.duration_since(self.since).as_secs_f64();
        (ahead > 0.01).then(|| Duration::from_secs_f64(ahead.min(1.0)))
    }

    /// An idle time is not to be caught up with.
    fn begin_anew(&mut self, now: Instant) {
        if now.duration_since(self.since) > Duration::from_secs(1) {
            (self.since, self.bytes) = (now, 0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_kept_and_a_stop_ends_it() {
        let stop = Arc::new(AtomicBool::new(false));
        let config = CleanerConfig { max_bytes_per_second: 1_000_000.0, ..CleanerConfig::default() };
        let mut cleaner = Cleaner::new(&config, Arc::clone(&stop));
        let since = cleaner.pace.since;
        let at = |ms| since + Duration::from_millis(ms);
        cleaner.pace.bytes = 200_000.0;
        assert_eq!(cleaner.pace.ahead(since), Some(Duration::from_millis(200)));
        assert!(cleaner.pace.ahead(at(100)).is_some_and(|ahead| ahead < Duration::from_millis(101)));
        assert_eq!(cleaner.pace.ahead(at(200)), None);
        cleaner.pace.begin_anew(at(900));
        assert_eq!(cleaner.pace.since, since, "a second's bytes count together");
        cleaner.pace.begin_anew(at(5000));
        assert_eq!((cleaner.pace.since, cleaner.pace.bytes), (at(5000), 0.0), "an idle time is forgotten");
        cleaner.pace.since = since;
        cleaner.pace.moved(1).unwrap();
        stop.store(true, Ordering::Relaxed);
        assert!(matches!(cleaner.pace.moved(1), Err(StorageError::Closed)));
    }
}
