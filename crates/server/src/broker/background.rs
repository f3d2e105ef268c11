//! What a broker does by the clock: retention, compaction, syncs, checkpoints, forgotten producers, idle files, logs
//! that found no space; and when something has changed: moves between log directories.
//!
//! Each pass runs on a blocking thread, one run at a time; intervals are read anew before each, so dynamic configs count
//! from the next pass on. Every task ends with the node.

use std::sync::Arc;
use std::time::Duration;

use moldau_config::BrokerConfig;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Broker, wall_clock_ms};

/// How often files of deleted segments and topics are looked for whose delay is over.
const REMOVAL_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is tried to make logs that found no space.
const MISSING_INTERVAL: Duration = Duration::from_secs(1);
/// After how long without use a log's files are closed.
const RELEASE_INTERVAL: Duration = Duration::from_secs(60);

/// How often memory that was freed is given back to the system.
const MEMORY_INTERVAL: Duration = Duration::from_secs(10);

type Interval = fn(&BrokerConfig) -> Duration;
type Pass = fn(&Arc<Broker>);

/// When a pass runs for the first time.
#[derive(Clone, Copy, PartialEq)]
enum Begin {
    /// No later than `log.initial.task.delay.ms`.
    InitialDelay,
    /// After its whole interval. A producer's age goes by its records' timestamps, so a producer of old records that is at
    /// work is forgotten by each pass; as in Kafka, none comes earlier than the interval says.
    Interval,
}

const PRODUCER_EXPIRATION: Interval = |c| millis(i64::from(c.log.producer_id_expiration_check_interval_ms));

fn millis(value: i64) -> Duration {
    Duration::from_millis(u64::try_from(value).unwrap_or(0).max(1))
}

/// Starts all passes.
pub(crate) fn spawn_background(
    broker: &Arc<Broker>,
    stopping: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let passes: [(Interval, Pass); 8] = [
        (|c| millis(c.log.log_retention_check_interval_ms), |b| _ = b.logs.apply_retention(wall_clock_ms())),
        (|c| millis(c.log.log_flush_scheduler_interval_ms), |b| b.logs.flush_due(wall_clock_ms())),
        (
            |c| {
                let start = c.log.log_flush_start_offset_checkpoint_interval_ms;
                millis(i64::from(c.log.log_flush_offset_checkpoint_interval_ms.min(start)))
            },
            |b| b.logs.checkpoint(),
        ),
        (
            |c| millis(c.log.replica_high_watermark_checkpoint_interval_ms),
            |b| b.logs.checkpoint_high_watermarks(),
        ),
        (|_| REMOVAL_INTERVAL, |b| _ = b.logs.remove_deleted(wall_clock_ms())),
        (|_| RELEASE_INTERVAL, |b| b.logs.release_idle()),
        (|_| MISSING_INTERVAL, super::Applier::open_missing),
        (|_| MEMORY_INTERVAL, |_| crate::memory::give_back_freed()),
    ];
    let mut tasks: Vec<_> = passes
        .into_iter()
        .map(|(interval, pass)| (interval, pass, Begin::InitialDelay))
        .chain([(
            PRODUCER_EXPIRATION,
            (|b| b.logs.expire_producers(wall_clock_ms())) as Pass,
            Begin::Interval,
        )])
        .map(|(interval, pass, begin)| {
            tokio::spawn(run(broker.clone(), interval, pass, begin, stopping.clone()))
        })
        .collect();
    tasks.push(tokio::spawn(super::compaction::run(broker.clone(), stopping.clone())));
    tasks.push(tokio::spawn(super::moves::run(broker.clone(), stopping.clone())));
    tasks.push(tokio::spawn(super::places::run(broker.clone(), stopping.clone())));
    tasks
}

/// How long a pass waits; before its first run as `begin` says, if that is given.
fn wait_of(config: &BrokerConfig, interval: Interval, begin: Option<Begin>) -> Duration {
    // The longest sleep that the timer takes is some years; nobody waits for more.
    let wait = interval(config).min(Duration::from_secs(365 * 24 * 3600));
    match begin {
        Some(Begin::InitialDelay) => wait.min(millis(config.log.log_initial_task_delay_ms)),
        Some(Begin::Interval) | None => wait,
    }
}

async fn run(
    broker: Arc<Broker>,
    interval: Interval,
    pass: Pass,
    begin: Begin,
    mut stopping: watch::Receiver<bool>,
) {
    let mut begin = Some(begin);
    loop {
        let wait = wait_of(&broker.configs.load().broker, interval, begin.take());
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        let broker = broker.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || pass(&broker)).await {
            tracing::error!("a background pass over the logs panicked: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_run_of_a_pass_comes_by_the_initial_delay() {
        let set = [("log.initial.task.delay.ms", "400"), ("log.retention.check.interval.ms", "9000")];
        let pairs = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = BrokerConfig::load(pairs).unwrap().config;
        let retention: Interval = |c| millis(c.log.log_retention_check_interval_ms);
        assert_eq!(wait_of(&config, retention, Some(Begin::InitialDelay)), Duration::from_millis(400));
        assert_eq!(wait_of(&config, retention, None), Duration::from_millis(9000));
        let often: Interval = |_| Duration::from_millis(1);
        assert_eq!(wait_of(&config, often, Some(Begin::InitialDelay)), Duration::from_millis(1));
    }

    /// A retry of an idempotent producer with old timestamps was written twice: its state was forgotten by a pass that came
    /// 30 s after the start instead of after `producer.id.expiration.check.interval.ms`.
    #[test]
    fn producers_are_not_expired_before_the_first_interval_is_over() {
        let set =
            [("log.initial.task.delay.ms", "400"), ("producer.id.expiration.check.interval.ms", "9000")];
        let pairs = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = BrokerConfig::load(pairs).unwrap().config;
        let wait = wait_of(&config, PRODUCER_EXPIRATION, Some(Begin::Interval));
        assert_eq!(wait, Duration::from_millis(9000));
    }
}
