//! Moves partitions between the log directories: as many at a time as `num.replica.alter.log.dirs.threads` says, on
//! blocking threads, until none is left; then it waits for the next request. Moves that a stop has cut short go on at
//! the next start.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use moldau_log::MoveStep;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Broker, wall_clock_ms};

/// How long it rests while no move can go on.
const REST: Duration = Duration::from_millis(20);

/// Moves until the node stops; the steps under way are then finished.
pub(super) async fn run(broker: Arc<Broker>, stopping: watch::Receiver<bool>) {
    let stop = Arc::new(AtomicBool::new(false));
    let mut stopped = stopping.clone();
    loop {
        let mut round = JoinSet::new();
        for _ in 0..threads(&broker) {
            let (broker, stop) = (broker.clone(), stop.clone());
            round.spawn_blocking(move || work(&broker, &stop));
        }
        let mut waiting = false;
        loop {
            tokio::select! {
                done = round.join_next() => match done {
                    None => break,
                    Some(Ok(left)) => waiting |= left,
                    Some(Err(error)) => tracing::error!("moving logs panicked: {error}"),
                },
                _ = stopped.wait_for(|stop| *stop), if !stop.load(Ordering::Relaxed) => {
                    stop.store(true, Ordering::Relaxed);
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(REST), if waiting => {}
            () = broker.moves_begun.notified() => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
    }
}

fn threads(broker: &Broker) -> usize {
    let log = &broker.configs.load().broker.log;
    let threads = log.num_replica_alter_log_dirs_threads.and_then(|threads| usize::try_from(threads).ok());
    threads.unwrap_or(log.log_dirs.len()).max(1)
}

/// Takes steps while there are any. Whether there are moves that could not go on.
fn work(broker: &Broker, stop: &AtomicBool) -> bool {
    let mut buffer = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        match broker.logs.move_next(&mut buffer, wall_clock_ms()) {
            MoveStep::Idle => return false,
            MoveStep::Waiting => return true,
            MoveStep::Worked => {}
            MoveStep::Moved { .. } => broker.places_changed.notify_one(),
        }
    }
    false
}
