//! Group commit: a few threads that sync logs, one sync for all who wait for the same log.
//!
//! A log is in the queue at most once. Whoever asks while its sync is running waits for the next one, since the
//! running one may have begun before their append.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};

use moldau_types::Offset;
use parking_lot::{Condvar, Mutex};

use crate::error::StorageError;
use crate::partition::PartitionLog;

/// Threads that sync at most.
const THREADS_MAX: usize = 4;

/// Whether the records are on the disk.
pub type SyncResult = Result<(), Arc<StorageError>>;

/// What is called when they are, or when they never will be.
pub type Durable = Box<dyn FnOnce(SyncResult) + Send>;

/// See the module.
pub(super) struct Flusher {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<PartitionLog>>,
    jobs: HashMap<usize, Job>,
    threads: Vec<std::thread::JoinHandle<()>>,
    idle: usize,
    stopping: bool,
}

/// What is to be done with one log.
#[derive(Default)]
struct Job {
    waiting: Vec<Durable>,
    closed_segments: bool,
}

/// A log's identity while someone holds it.
fn identity(log: &Arc<PartitionLog>) -> usize {
    Arc::as_ptr(log).addr()
}

impl Flusher {
    pub(super) fn new() -> Flusher {
        Flusher { shared: Arc::new(Shared { state: Mutex::default(), work: Condvar::new() }) }
    }

    pub(super) fn durable(&self, log: &Arc<PartitionLog>, up_to: Offset, done: Durable) {
        if up_to <= log.synced_to() {
            return done(Ok(()));
        }
        self.shared.enqueue(log, |job| job.waiting.push(done));
    }

    /// A callback that has a log's closed segments synced.
    pub(super) fn roll_listener(&self, log: &Arc<PartitionLog>) -> Box<dyn Fn() + Send + Sync> {
        let (log, shared): (Weak<PartitionLog>, _) = (Arc::downgrade(log), Arc::downgrade(&self.shared));
        Box::new(move || {
            if let (Some(log), Some(shared)) = (log.upgrade(), shared.upgrade()) {
                shared.enqueue(&log, |job| job.closed_segments = true);
            }
        })
    }

    /// Finishes what is queued and ends the threads. What comes later is done by its caller.
    pub(super) fn stop(&self) {
        let threads = {
            let mut state = self.shared.state.lock();
            state.stopping = true;
            self.shared.work.notify_all();
            std::mem::take(&mut state.threads)
        };
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn enqueue(self: &Arc<Self>, log: &Arc<PartitionLog>, add: impl FnOnce(&mut Job)) {
        let mut state = self.state.lock();
        if state.stopping {
            drop(state);
            let mut job = Job::default();
            add(&mut job);
            return run(log, job);
        }
        let job = state.jobs.entry(identity(log)).or_default();
        let queued = !job.waiting.is_empty() || job.closed_segments;
        add(job);
        if queued {
            return;
        }
        state.queue.push_back(Arc::clone(log));
        if state.idle == 0 && state.threads.len() < THREADS_MAX {
            let shared = Arc::clone(self);
            let thread = std::thread::Builder::new()
                .name("log-flusher".to_owned())
                .stack_size(256 << 10)
                .spawn(move || shared.work());
            match thread {
                Ok(thread) => state.threads.push(thread),
                Err(error) if state.threads.is_empty() => {
                    tracing::error!(%error, "no thread for syncing; the caller syncs");
                    state.queue.pop_back();
                    let job = state.jobs.remove(&identity(log)).unwrap_or_default();
                    drop(state);
                    run(log, job);
                }
                Err(_) => {}
            }
        } else {
            self.work.notify_one();
        }
    }

    fn work(&self) {
        loop {
            let (log, job) = {
                let mut state = self.state.lock();
                loop {
                    if let Some(log) = state.queue.pop_front() {
                        let job = state.jobs.remove(&identity(&log)).unwrap_or_default();
                        break (log, job);
                    }
                    if state.stopping {
                        return;
                    }
                    state.idle += 1;
                    self.work.wait(&mut state);
                    state.idle -= 1;
                }
            };
            run(&log, job);
        }
    }
}

fn run(log: &Arc<PartitionLog>, job: Job) {
    if job.closed_segments
        && let Err(error) = log.flush_closed_segments()
    {
        tracing::error!(topic = %log.topic(), partition = log.partition(), %error, "closed segments are not synced");
    }
    if job.waiting.is_empty() {
        return;
    }
    let result = log.sync().map(|_| ()).map_err(Arc::new);
    for done in job.waiting {
        done(result.clone());
    }
}
