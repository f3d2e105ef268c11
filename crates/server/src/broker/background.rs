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

fn millis(value: i64) -> Duration {
    Duration::from_millis(u64::try_from(value).unwrap_or(0).max(1))
}

/// Starts all passes.
pub(crate) fn spawn_background(
    broker: &Arc<Broker>,
    stopping: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let passes: [(Interval, Pass); 9] = [
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
        (
            |c| millis(i64::from(c.log.producer_id_expiration_check_interval_ms)),
            |b| b.logs.expire_producers(wall_clock_ms()),
        ),
        (|_| REMOVAL_INTERVAL, |b| _ = b.logs.remove_deleted(wall_clock_ms())),
        (|_| RELEASE_INTERVAL, |b| b.logs.release_idle()),
        (|_| MISSING_INTERVAL, super::Applier::open_missing),
        (|_| MEMORY_INTERVAL, |_| crate::memory::give_back_freed()),
    ];
    let mut tasks: Vec<_> = passes
        .into_iter()
        .map(|(interval, pass)| tokio::spawn(run(broker.clone(), interval, pass, stopping.clone())))
        .collect();
    tasks.push(tokio::spawn(super::compaction::run(broker.clone(), stopping.clone())));
    tasks.push(tokio::spawn(super::moves::run(broker.clone(), stopping.clone())));
    tasks.push(tokio::spawn(super::places::run(broker.clone(), stopping.clone())));
    tasks
}

/// How long a pass waits; before its first run no longer than `log.initial.task.delay.ms`.
fn wait_of(config: &BrokerConfig, interval: Interval, first: bool) -> Duration {
    // The longest sleep that the timer takes is some years; nobody waits for more.
    let wait = interval(config).min(Duration::from_secs(365 * 24 * 3600));
    if first { wait.min(millis(config.log.log_initial_task_delay_ms)) } else { wait }
}

async fn run(broker: Arc<Broker>, interval: Interval, pass: Pass, mut stopping: watch::Receiver<bool>) {
    let mut first = true;
    loop {
        let wait = wait_of(&broker.configs.load().broker, interval, first);
        first = false;
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
        assert_eq!(wait_of(&config, retention, true), Duration::from_millis(400));
        assert_eq!(wait_of(&config, retention, false), Duration::from_millis(9000));
        let often: Interval = |_| Duration::from_millis(1);
        assert_eq!(wait_of(&config, often, true), Duration::from_millis(1));
    }
}
