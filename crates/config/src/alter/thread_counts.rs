//! How far a thread count may go in one change: from half of what it is to its double, as Kafka has it. A slip of the hand then neither
//! starves a broker nor floods it; who means it goes in steps.
//!
//! What always holds: only effective values are compared, so a value that another layer hides may be anything.

use super::{AlterError, invalid_request};
use crate::keys;
use crate::settings::Settings;

const THREAD_COUNTS: [&str; 9] = [
    "num.io.threads",
    "num.network.threads",
    "num.replica.fetchers",
    "num.recovery.threads.per.data.dir",
    "background.threads",
    "remote.log.reader.threads",
    "remote.log.manager.copier.thread.pool.size",
    "remote.log.manager.expiration.thread.pool.size",
    "remote.log.manager.follower.thread.pool.size",
];
const CLEANER_THREADS: &str = "log.cleaner.threads";

/// Whether a broker may go from one to the other.
pub(super) fn validate(before: &Settings, after: &Settings) -> Result<(), AlterError> {
    for name in THREAD_COUNTS {
        let Some((current, wanted)) = change_of(name, before, after) else { continue };
        let refused = |bound: &str| {
            refusal(&format!(
                "Dynamic thread count update validation failed for {name}={wanted}, value should {bound}"
            ))
        };
        if wanted < current / 2 {
            return Err(refused(&format!("be at least half the current value {current}")));
        }
        if wanted > current.saturating_mul(2) {
            return Err(refused(&format!("not be greater than double the current value {current}")));
        }
    }
    let Some((current, wanted)) = change_of(CLEANER_THREADS, before, after) else { return Ok(()) };
    let refused = |bound: &str| Err(refusal(&format!("Log cleaner threads {bound}")));
    if wanted < 1 {
        refused("should be at least 1")
    } else if wanted < current / 2 {
        refused(&format!("cannot be reduced to less than half the current value {current}"))
    } else if wanted > current.saturating_mul(2) {
        refused(&format!("cannot be increased to more than double the current value {current}"))
    } else {
        Ok(())
    }
}

/// The effective value before and after, if they differ.
fn change_of(name: &str, before: &Settings, after: &Settings) -> Option<(i64, i64)> {
    let key = keys::find_broker(name)?;
    let number = |settings: &Settings| settings.value(key)?.as_number();
    let (current, wanted) = (number(before)?, number(after)?);
    (current != wanted).then_some((current, wanted))
}

/// The refusal in the shape in which Kafka's tools print it.
fn refusal(reason: &str) -> AlterError {
    invalid_request(format!(
        "Invalid value org.apache.kafka.common.config.ConfigException: {reason} for configuration Invalid dynamic configuration"
    ))
}
