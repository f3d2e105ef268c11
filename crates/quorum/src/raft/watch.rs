//! A value that many wait on for changes, as openraft's runtime wants it.
//!
//! Waiters are woken in the order in which they began to wait. tokio's own channel picks among several lists at random,
//! so that a simulated history would not be the same twice.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use openraft::async_runtime::watch::{RecvError, SendError, Watch, WatchReceiver, WatchSender};
use openraft::{OptionalSend, OptionalSync};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

/// See the module.
pub(crate) struct OrderedWatch;

struct Shared<T> {
    value: RwLock<T>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    version: u64,
    senders: usize,
    receivers: usize,
    /// Who waits, by the order in which they began.
    waiting: BTreeMap<u64, Waker>,
    tickets: u64,
}

impl<T> Shared<T> {
    fn receiver(self: &Arc<Self>) -> Receiver<T> {
        let mut state = self.state.lock();
        state.receivers += 1;
        Receiver { shared: Arc::clone(self), seen: state.version, ticket: None }
    }

    fn wake_all(&self, changed: bool) {
        let waiting = {
            let mut state = self.state.lock();
            state.version += u64::from(changed);
            std::mem::take(&mut state.waiting)
        };
        waiting.into_values().for_each(Waker::wake);
    }
}

/// Changes the value.
pub(crate) struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.state.lock().senders += 1;
        Sender { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let last = {
            let mut state = self.shared.state.lock();
            state.senders -= 1;
            state.senders == 0
        };
        if last {
            self.shared.wake_all(false);
        }
    }
}

/// Sees the value and waits for its changes.
pub(crate) struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
    /// Its place among those that wait.
    ticket: Option<u64>,
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        let mut receiver = self.shared.receiver();
        receiver.seen = self.seen;
        receiver
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.receivers -= 1;
        if let Some(ticket) = self.ticket {
            state.waiting.remove(&ticket);
        }
    }
}

impl Watch for OrderedWatch {
    type Sender<T: OptionalSend + OptionalSync> = Sender<T>;
    type Receiver<T: OptionalSend + OptionalSync> = Receiver<T>;
    type Ref<'a, T: OptionalSend + 'a> = RwLockReadGuard<'a, T>;

    fn channel<T: OptionalSend + OptionalSync>(init: T) -> (Sender<T>, Receiver<T>) {
        let state = State { senders: 1, ..State::default() };
        let shared = Arc::new(Shared { value: RwLock::new(init), state: Mutex::new(state) });
        let receiver = shared.receiver();
        (Sender { shared }, receiver)
    }
}

impl<T: OptionalSend + OptionalSync> WatchSender<OrderedWatch, T> for Sender<T> {
    fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.shared.state.lock().receivers == 0 {
            return Err(SendError(value));
        }
        *self.shared.value.write() = value;
        self.shared.wake_all(true);
        Ok(())
    }

    fn send_if_modified<F>(&self, modify: F) -> bool
    where
        F: FnOnce(&mut T) -> bool,
    {
        let modified = modify(&mut self.shared.value.write());
        if modified {
            self.shared.wake_all(true);
        }
        modified
    }

    fn borrow_watched(&self) -> RwLockReadGuard<'_, T> {
        self.shared.value.read_recursive()
    }

    fn subscribe(&self) -> Receiver<T> {
        self.shared.receiver()
    }
}

impl<T: OptionalSend + OptionalSync> WatchReceiver<OrderedWatch, T> for Receiver<T> {
    async fn changed(&mut self) -> Result<(), RecvError> {
        poll_fn(|context| {
            let mut state = self.shared.state.lock();
            if let Some(ticket) = self.ticket.take() {
                state.waiting.remove(&ticket);
            }
            if state.version != self.seen {
                self.seen = state.version;
                return Poll::Ready(Ok(()));
            }
            if state.senders == 0 {
                return Poll::Ready(Err(RecvError(())));
            }
            let ticket = state.tickets;
            state.tickets += 1;
            state.waiting.insert(ticket, context.waker().clone());
            self.ticket = Some(ticket);
            Poll::Pending
        })
        .await
    }

    fn borrow_watched(&self) -> RwLockReadGuard<'_, T> {
        self.shared.value.read_recursive()
    }

    fn borrow_and_update(&mut self) -> RwLockReadGuard<'_, T> {
        self.seen = self.shared.state.lock().version;
        self.shared.value.read_recursive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiters_see_changes_and_the_end() {
        let (sender, mut receiver) = OrderedWatch::channel(1);
        let mut late = receiver.clone();
        let waiting = tokio::spawn(async move { late.changed().await.map(|()| *late.borrow_watched()) });
        tokio::task::yield_now().await;
        sender.send(2).unwrap();
        assert_eq!(waiting.await.unwrap(), Ok(2));
        assert_eq!(receiver.changed().await, Ok(()));
        assert_eq!(*receiver.borrow_and_update(), 2);
        assert!(!sender.send_if_modified(|_| false));
        let ending = tokio::spawn(async move { receiver.changed().await });
        tokio::task::yield_now().await;
        drop(sender.clone());
        drop(sender);
        assert_eq!(ending.await.unwrap(), Err(RecvError(())));
    }

    #[tokio::test]
    async fn a_change_before_the_wait_is_seen() {
        let (sender, mut receiver) = OrderedWatch::channel(1);
        sender.send(2).unwrap();
        assert_eq!(receiver.changed().await, Ok(()));
        drop(receiver);
        assert_eq!(sender.send(3), Err(SendError(3)));
    }
}
