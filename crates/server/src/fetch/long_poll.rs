//! How a fetch that found too little waits: it is woken by the partitions that it asked about, and nothing scans.
//!
//! Invariant: a wait is known to a partition exactly as long as the wait lives.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The fetches that wait for one partition to move.
#[derive(Default)]
pub(crate) struct Waiters {
    /// The length of `waiting`, so that an append with no one waiting takes no lock.
    count: AtomicUsize,
    /// By where they are in memory, which is theirs alone while they wait.
    waiting: Mutex<HashMap<usize, Arc<Notify>>>,
}

impl Waiters {
    /// Wakes all that wait.
    pub(crate) fn wake(&self) {
        if self.count.load(Ordering::Acquire) > 0 {
            for notify in self.waiting.lock().values() {
                notify.notify_one();
            }
        }
    }

    fn add(&self, notify: &Arc<Notify>) {
        let mut waiting = self.waiting.lock();
        waiting.insert(Arc::as_ptr(notify).addr(), notify.clone());
        self.count.store(waiting.len(), Ordering::Release);
    }

    fn remove(&self, notify: &Arc<Notify>) {
        let mut waiting = self.waiting.lock();
        waiting.remove(&Arc::as_ptr(notify).addr());
        if waiting.is_empty() {
            waiting.shrink_to_fit();
        }
        self.count.store(waiting.len(), Ordering::Release);
    }
}

/// A wait on several partitions.
pub(crate) struct Wait<P: Deref<Target: AsRef<Waiters>>> {
    notify: Arc<Notify>,
    partitions: Vec<P>,
}

impl<P: Deref<Target: AsRef<Waiters>>> Wait<P> {
    /// Registers with each partition. What the caller checks after this cannot be missed.
    pub(crate) fn on(partitions: Vec<P>) -> Self {
        let notify = Arc::new(Notify::new());
        for partition in &partitions {
            partition.deref().as_ref().add(&notify);
        }
        Wait { notify, partitions }
    }

    /// Ends when one of the partitions moved since the last call, or since the registration.
    pub(crate) async fn moved(&self) {
        self.notify.notified().await;
    }
}

impl<P: Deref<Target: AsRef<Waiters>>> Drop for Wait<P> {
    fn drop(&mut self) {
        for partition in &self.partitions {
            partition.deref().as_ref().remove(&self.notify);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl AsRef<Waiters> for Waiters {
        fn as_ref(&self) -> &Waiters {
            self
        }
    }

    #[tokio::test]
    async fn a_wait_sees_a_move_between_registration_and_waiting() {
        let (a, b) = (Arc::new(Waiters::default()), Arc::new(Waiters::default()));
        let wait = Wait::on(vec![a.clone(), b.clone()]);
        b.wake();
        wait.moved().await;
        drop(wait);
        assert_eq!(a.count.load(Ordering::Acquire) + b.count.load(Ordering::Acquire), 0);
    }
}
