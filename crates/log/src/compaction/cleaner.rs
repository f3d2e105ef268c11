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
            let ahead = self.bytes / self.bytes_per_second - self.since.elapsed().as_secs_f64();
            if ahead <= 0.01 {
                break;
            }
            std::thread::sleep(Duration::from_secs_f64(ahead.min(1.0)).min(NAP));
        }
        // An idle time is not to be caught up with.
        if self.since.elapsed() > Duration::from_secs(1) {
            (self.since, self.bytes) = (Instant::now(), 0.0);
        }
        Ok(())
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
        let begin = Instant::now();
        for _ in 0..10 {
            cleaner.pace.moved(20_000).unwrap();
        }
        assert!(begin.elapsed() >= Duration::from_millis(180));
        stop.store(true, Ordering::Relaxed);
        assert!(matches!(cleaner.pace.moved(1), Err(StorageError::Closed)));
    }
}
