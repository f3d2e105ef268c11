//! `moldau.durability=fsync`: an acknowledgement waits until its records are on the disk.
//!
//! Group commit: while one sync of a log runs, all that is appended meanwhile waits for the next one, which serves them
//! all. Invariant: a waiter is told of success only by a sync that began after its append.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use moldau_log::PartitionLog;
use moldau_types::Offset;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Resolves when what was appended is on the disk, or with what went wrong.
pub(crate) type Durable = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

type Waiter = (i64, oneshot::Sender<Result<(), String>>);

#[derive(Default)]
struct State {
    running: bool,
    waiters: Vec<Waiter>,
}

/// The syncs of one log.
#[derive(Default)]
pub(crate) struct GroupSync {
    state: Mutex<State>,
}

impl GroupSync {
    /// Waits until `offset` of `log` is on the disk. Needs a tokio runtime.
    pub(crate) fn wait_for(self: &Arc<Self>, log: &Arc<PartitionLog>, offset: Offset) -> Durable {
        let (sender, receiver) = oneshot::channel();
        let start = {
            let mut state = self.state.lock();
            state.waiters.push((offset.0, sender));
            !std::mem::replace(&mut state.running, true)
        };
        if start {
            let (this, log) = (self.clone(), log.clone());
            tokio::task::spawn_blocking(move || this.sync_until_none_waits(&log));
        }
        Box::pin(async move { receiver.await.map_err(|_| "the node is stopping".to_owned())? })
    }

    fn sync_until_none_waits(&self, log: &PartitionLog) {
        loop {
            let waiters = {
                let mut state = self.state.lock();
                if state.waiters.is_empty() {
                    state.running = false;
                    return;
                }
                std::mem::take(&mut state.waiters)
            };
            let synced = log.sync().map_err(|e| e.to_string());
            for (offset, sender) in waiters {
                let result = match &synced {
                    Ok(end) if end.0 > offset => Ok(()),
                    Ok(_) => Err("the records were removed before they were synced".to_owned()),
                    Err(reason) => Err(reason.clone()),
                };
                // The asker's connection may be gone.
                let _ = sender.send(result);
            }
        }
    }
}
