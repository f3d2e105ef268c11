//! Requests by API (`kafka.network:type=RequestMetrics`): how many of each version, how large, how long they took.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moldau_protocol::ApiKey;

use super::histogram::{Histogram, SIZE_BOUNDS_BYTES, Snapshot, TIME_BOUNDS_MS};
use crate::network::Outcome;

/// Above the highest API key.
const KEYS: usize = 128;
/// Above the highest version of an API.
const VERSIONS: usize = 24;

struct OfApi {
    by_version: [AtomicU64; VERSIONS],
    total_time_ms: Histogram,
    request_bytes: Histogram,
}

impl OfApi {
    fn new() -> Self {
        OfApi {
            by_version: [const { AtomicU64::new(0) }; VERSIONS],
            total_time_ms: Histogram::new(&TIME_BOUNDS_MS),
            request_bytes: Histogram::new(&SIZE_BOUNDS_BYTES),
        }
    }
}

/// All APIs.
pub(crate) struct RequestMetrics {
    by_key: Vec<std::sync::OnceLock<Box<OfApi>>>,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        RequestMetrics { by_key: (0..KEYS).map(|_| std::sync::OnceLock::new()).collect() }
    }
}

/// A request that is being counted.
#[derive(Clone, Copy)]
pub(crate) struct Counted {
    key: usize,
    version: usize,
    bytes: usize,
    began: Instant,
}

/// An API's figures at one moment.
pub(super) struct RequestSnapshot {
    pub(super) name: &'static str,
    pub(super) by_version: BTreeMap<usize, u64>,
    pub(super) total_time_ms: Snapshot,
    pub(super) request_bytes: Snapshot,
}

impl RequestMetrics {
    /// Notes a request as it is taken up; `None` for one that is no request of an API that there is.
    pub(crate) fn begin(&self, frame: &[u8], began: Instant) -> Option<Counted> {
        let number = |at: usize| Some(i16::from_be_bytes(frame.get(at..at + 2)?.try_into().ok()?));
        let (key, version) = (usize::try_from(number(0)?).ok()?, usize::try_from(number(2)?).ok()?);
        (key < KEYS && version < VERSIONS).then_some(Counted { key, version, bytes: frame.len(), began })
    }

    /// Notes that the request was answered, refused or dropped.
    pub(crate) fn end(&self, counted: Counted, now: Instant) {
        let Counted { key, version, bytes, began } = counted;
        let of_api = self.by_key[key].get_or_init(|| Box::new(OfApi::new()));
        of_api.by_version[version].fetch_add(1, Ordering::Relaxed);
        of_api.total_time_ms.observe(milliseconds(now.saturating_duration_since(began)));
        of_api.request_bytes.observe(bytes as f64);
    }

    /// The APIs that were asked for, by name.
    pub(super) fn snapshot(&self) -> Vec<RequestSnapshot> {
        let mut apis: Vec<RequestSnapshot> = self
            .by_key
            .iter()
            .enumerate()
            .filter_map(|(key, of_api)| {
                let of_api = of_api.get()?;
                let name = ApiKey::from_i16(i16::try_from(key).ok()?)?.name();
                let counts = of_api.by_version.iter().map(|count| count.load(Ordering::Relaxed));
                Some(RequestSnapshot {
                    name,
                    by_version: counts.enumerate().filter(|(_, count)| *count > 0).collect(),
                    total_time_ms: of_api.total_time_ms.snapshot(),
                    request_bytes: of_api.request_bytes.snapshot(),
                })
            })
            .collect();
        apis.sort_by_key(|api| api.name);
        apis
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Waits until the answer is there, whatever it waits for on the way.
pub(crate) async fn settled(mut outcome: Outcome) -> Outcome {
    while let Outcome::Later(later) = outcome {
        outcome = later.await;
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_count_by_version_and_nonsense_does_not() {
        let metrics = RequestMetrics::default();
        let began = Instant::now();
        let frame = |key: i16, version: i16| [key.to_be_bytes(), version.to_be_bytes(), [0, 0]].concat();
        for version in [3, 3, 12] {
            let counted = metrics.begin(&frame(3, version), began).expect("Metadata");
            metrics.end(counted, began + Duration::from_millis(2));
        }
        assert!(metrics.begin(&frame(-1, 3), began).is_none());
        assert!(metrics.begin(&frame(3, 99), began).is_none());
        assert!(metrics.begin(&[0, 3], began).is_none());
        let snapshot = metrics.snapshot();
        assert_eq!(snapshot.len(), 1);
        assert_eq!(snapshot[0].name, "Metadata");
        assert_eq!(snapshot[0].by_version, BTreeMap::from([(3, 2), (12, 1)]));
        assert_eq!((snapshot[0].total_time_ms.sum, snapshot[0].total_time_ms.count), (6.0, 3));
        assert_eq!(snapshot[0].request_bytes.sum, 18.0);
    }

    #[test]
    fn every_api_has_a_place() {
        assert!(
            (0..i16::MAX).filter(|key| ApiKey::from_i16(*key).is_some()).all(|key| (key as usize) < KEYS)
        );
        let keys = (0..KEYS as i16).filter_map(ApiKey::from_i16);
        let newest = keys.filter_map(|key| Some(key.versions()?.max)).max();
        assert!(newest.is_some_and(|version| (version as usize) < VERSIONS), "{newest:?}");
    }
}
