//! The log cleaner: as many threads as `log.cleaner.threads` says compact logs until none is due, then rest for
//! `log.cleaner.backoff.ms`. Configs are read anew before each round; the memory of the maps is not held between rounds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use moldau_log::{Cleaner, CleanerConfig};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Broker, wall_clock_ms};

/// Compacts until the node stops. A compaction under way then ends soon, without effect.
pub(super) async fn run(broker: Arc<Broker>, mut stopping: watch::Receiver<bool>) {
    let stop = Arc::new(AtomicBool::new(false));
    loop {
        let config = broker.configs.load();
        let log = &config.broker.cleaner;
        let rest = Duration::from_millis(u64::try_from(log.log_cleaner_backoff_ms).unwrap_or(0).max(1));
        let threads = usize::try_from(log.log_cleaner_threads).unwrap_or(0);
        let cleaner = CleanerConfig {
            dedupe_buffer_bytes: usize::try_from(log.log_cleaner_dedupe_buffer_size).unwrap_or(0)
                / threads.max(1),
            load_factor: log.log_cleaner_io_buffer_load_factor,
            read_buffer_bytes: usize::try_from(log.log_cleaner_io_buffer_size).unwrap_or(0)
                / threads.max(1)
                / 2,
            max_bytes_per_second: log.log_cleaner_io_max_bytes_per_second / threads.max(1) as f64,
        };
        let enabled = log.log_cleaner_enable;
        drop(config);
        let mut round = JoinSet::new();
        for _ in 0..if enabled { threads } else { 0 } {
            let (broker, stop) = (broker.clone(), stop.clone());
            round.spawn_blocking(move || {
                let mut cleaner = Cleaner::new(&cleaner, stop.clone());
                while !stop.load(Ordering::Relaxed)
                    && broker.logs.compact_next(&mut cleaner, wall_clock_ms()).is_some()
                {}
            });
        }
        let mut stopped = stopping.clone();
        loop {
            tokio::select! {
                done = round.join_next() => match done {
                    None => break,
                    Some(Ok(())) => {}
                    Some(Err(error)) => tracing::error!("a log cleaner panicked: {error}"),
                },
                _ = stopped.wait_for(|stop| *stop), if !stop.load(Ordering::Relaxed) => {
                    stop.store(true, Ordering::Relaxed);
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}
