//! Requests by API (`kafka.network:type=RequestMetrics`): how many of each version, how large, how long they took and where, and what went
//! wrong.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moldau_protocol::ApiKey;
use moldau_types::ErrorCode;

use super::error_codes::ErrorCounts;
use super::histogram::{Histogram, SIZE_BOUNDS_BYTES, Snapshot, TIME_BOUNDS_MS};
use crate::network::Outcome;

/// Above the highest API key.
const KEYS: usize = 128;
/// Above the highest version of an API.
const VERSIONS: usize = 24;

/// More than there are error codes, with −1.
const CODES: usize = 160;

/// Parts of a request's time: the MBean's name and what it is.
pub(super) const PARTS: [(&str, &str); 5] = [
    (
        "TotalTimeMs",
        "Milliseconds from receiving a request until its answer was ready, waiting included, by API.",
    ),
    ("RequestQueueTimeMs", "Milliseconds that requests waited behind others of their connection, by API."),
    ("LocalTimeMs", "Milliseconds of work on requests until they were answered or had to wait, by API."),
    (
        "RemoteTimeMs",
        "Milliseconds that requests waited for records, members, the disk or the controller, by API.",
    ),
    ("ResponseQueueTimeMs", "Milliseconds that answers waited for those of earlier requests, by API."),
];
const TOTAL: usize = 0;
const REQUEST_QUEUE: usize = 1;
const LOCAL: usize = 2;
const REMOTE: usize = 3;
const RESPONSE_QUEUE: usize = 4;

struct OfApi {
    by_version: [AtomicU64; VERSIONS],
    times: [Histogram; PARTS.len()],
    request_bytes: Histogram,
    /// By code, which begins at −1.
    errors: [AtomicU64; CODES],
}

impl OfApi {
    fn new() -> Self {
        OfApi {
            by_version: [const { AtomicU64::new(0) }; VERSIONS],
            times: PARTS.map(|_| Histogram::new(&TIME_BOUNDS_MS)),
            request_bytes: Histogram::new(&SIZE_BOUNDS_BYTES),
            errors: [const { AtomicU64::new(0) }; CODES],
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
    received: Instant,
    began: Instant,
}

/// An API's figures at one moment.
pub(super) struct RequestSnapshot {
    pub(super) name: &'static str,
    pub(super) by_version: BTreeMap<usize, u64>,
    /// In the order of [`PARTS`].
    pub(super) times: [Snapshot; PARTS.len()],
    pub(super) request_bytes: Snapshot,
    /// Names of errors and how often they were answered.
    pub(super) errors: Vec<(&'static str, u64)>,
}

impl RequestMetrics {
    /// Notes a request as it is taken up; `None` for one that is no request of an API that there is.
    pub(crate) fn begin(&self, frame: &[u8], received: Instant, began: Instant) -> Option<Counted> {
        let number = |at: usize| Some(i16::from_be_bytes(frame.get(at..at + 2)?.try_into().ok()?));
        let (key, version) = (usize::try_from(number(0)?).ok()?, usize::try_from(number(2)?).ok()?);
        (key < KEYS && version < VERSIONS).then_some(Counted {
            key,
            version,
            bytes: frame.len(),
            received,
            began,
        })
    }

    /// Notes that the request was answered, refused or dropped: it was worked on until `worked`, and then waited until `now`.
    pub(crate) fn end(&self, counted: Counted, worked: Instant, now: Instant, outcome: &mut Outcome) {
        let Counted { key, version, bytes, received, began } = counted;
        let of_api = self.by_key[key].get_or_init(|| Box::new(OfApi::new()));
        of_api.by_version[version].fetch_add(1, Ordering::Relaxed);
        for (part, from, to) in [
            (TOTAL, received, now),
            (REQUEST_QUEUE, received, began),
            (LOCAL, began, worked),
            (REMOTE, worked, now),
        ] {
            of_api.times[part].observe(milliseconds(to.saturating_duration_since(from)));
        }
        of_api.request_bytes.observe(bytes as f64);
        if let Outcome::Reply(response) = outcome {
            let ErrorCounts { none, others } = std::mem::take(&mut response.errors);
            for (code, count) in others.into_iter().chain((none > 0).then_some((0, none))) {
                // A code that nobody knows is UNKNOWN_SERVER_ERROR, the first.
                let at = usize::try_from(i32::from(code) + 1).ok().filter(|at| *at < CODES).unwrap_or(0);
                of_api.errors[at].fetch_add(u64::from(count), Ordering::Relaxed);
            }
            response.counted = Some((key, now));
        }
    }

    /// Notes that an answer had its turn to be sent.
    pub(crate) fn left(&self, key: usize, waited: Duration) {
        if let Some(of_api) = self.by_key.get(key).and_then(|of_api| of_api.get()) {
            of_api.times[RESPONSE_QUEUE].observe(milliseconds(waited));
        }
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
                    times: of_api.times.each_ref().map(Histogram::snapshot),
                    errors: error_counts(&of_api.errors),
                    request_bytes: of_api.request_bytes.snapshot(),
                })
            })
            .collect();
        apis.sort_by_key(|api| api.name);
        apis
    }
}

fn error_counts(errors: &[AtomicU64; CODES]) -> Vec<(&'static str, u64)> {
    let counts = errors.iter().map(|count| count.load(Ordering::Relaxed));
    let known = (-1i16..).map(|code| ErrorCode::from_code(code).name());
    known.zip(counts).filter(|(_, count)| *count > 0).collect()
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
            let counted = metrics.begin(&frame(3, version), began, began).expect("Metadata");
            let end = began + Duration::from_millis(2);
            metrics.end(counted, end, end, &mut Outcome::Silence);
        }
        assert!(metrics.begin(&frame(-1, 3), began, began).is_none());
        assert!(metrics.begin(&frame(3, 99), began, began).is_none());
        assert!(metrics.begin(&[0, 3], began, began).is_none());
        let snapshot = metrics.snapshot();
        assert_eq!(snapshot.len(), 1);
        assert_eq!(snapshot[0].name, "Metadata");
        assert_eq!(snapshot[0].by_version, BTreeMap::from([(3, 2), (12, 1)]));
        assert_eq!((snapshot[0].times[TOTAL].sum, snapshot[0].times[TOTAL].count), (6.0, 3));
        assert_eq!(snapshot[0].request_bytes.sum, 18.0);
    }

    #[test]
    fn the_parts_of_a_requests_time_make_up_the_whole() {
        let metrics = RequestMetrics::default();
        let zero = Instant::now();
        let moment = |ms| zero + Duration::from_millis(ms);
        let counted = metrics.begin(&[0, 1, 0, 12], zero, moment(1)).expect("Fetch");
        let errors = ErrorCounts { none: 2, others: vec![(3, 1), (9_999, 1)] };
        let mut outcome = Outcome::Reply(crate::network::Response::bytes(Vec::new()).with_errors(errors));
        metrics.end(counted, moment(3), moment(10), &mut outcome);
        let Outcome::Reply(response) = outcome else { panic!("an answer") };
        assert_eq!(response.counted, Some((1, moment(10))));
        metrics.left(1, Duration::from_millis(4));
        let snapshot = metrics.snapshot();
        assert_eq!(snapshot[0].times.each_ref().map(|part| part.sum), [10.0, 1.0, 2.0, 7.0, 4.0]);
        let errors = [("UNKNOWN_SERVER_ERROR", 1), ("NONE", 2), ("UNKNOWN_TOPIC_OR_PARTITION", 1)];
        assert_eq!(snapshot[0].errors, errors);
    }

    #[test]
    fn every_error_code_has_a_place() {
        let known = (0..i16::MAX).filter(|code| ErrorCode::from_code(*code).code() == *code);
        assert!(known.max().is_some_and(|code| (code as usize) + 1 < CODES));
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
