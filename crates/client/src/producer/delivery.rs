//! The outcome of a batch, shared by the deliveries of its records.
//!
//! Always: an outcome is set once; every delivery of the batch then gives its record's share of it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use super::record::RecordMetadata;
use crate::error::Result;

/// Where a batch was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// The offset of the first record, `None` where the broker did not say.
    pub(super) base_offset: Option<i64>,
    /// The broker's time, where the topic has `LogAppendTime`.
    pub(super) append_time: Option<i64>,
}

/// What became of a batch.
#[derive(Clone)]
enum Settled {
    Done(Result<Written>),
    /// It was too large and is sent as two; the second begins at this record.
    Split {
        at: u32,
        first: Arc<Outcome>,
        second: Arc<Outcome>,
    },
}

/// Told of one record's delivery.
pub(super) type Callback = Box<dyn FnOnce(Result<RecordMetadata>) + Send>;

/// Calls what a caller gave: a panic in it must not end the producer's own task. `None` after one.
pub(super) fn caught<T>(what: &str, call: impl FnOnce() -> T) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(call));
    result.inspect_err(|_| tracing::error!("{what} of a producer panicked; the producer goes on")).ok()
}

/// A callback with the record it is about.
struct Hearing {
    index: u32,
    timestamp: i64,
    callback: Callback,
}

#[derive(Default)]
struct State {
    settled: Option<Settled>,
    wakers: Vec<Option<Waker>>,
    /// In the order of the records.
    hearings: Vec<Hearing>,
}

/// The outcome of one batch.
pub(super) struct Outcome {
    topic: Arc<str>,
    partition: i32,
    state: Mutex<State>,
}

impl Outcome {
    pub(super) fn new(topic: Arc<str>, partition: i32) -> Arc<Self> {
        Arc::new(Self { topic, partition, state: Mutex::default() })
    }

    pub(super) fn set(&self, result: Result<Written>) {
        self.settle(Settled::Done(result));
    }

    /// The batch goes on as two; the second begins at record `at`.
    pub(super) fn split(&self, at: u32, first: Arc<Self>, second: Arc<Self>) {
        self.settle(Settled::Split { at, first, second });
    }

    fn settle(&self, settled: Settled) {
        let (wakers, hearings) = {
            let mut state = self.state.lock();
            if state.settled.is_some() {
                return;
            }
            state.settled = Some(settled.clone());
            (std::mem::take(&mut state.wakers), std::mem::take(&mut state.hearings))
        };
        hearings.into_iter().for_each(|hearing| self.tell(hearing, &settled));
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Calls back when the record is settled, which may be now.
    fn hear(&self, hearing: Hearing) {
        let settled = {
            let mut state = self.state.lock();
            match state.settled.clone() {
                Some(settled) => settled,
                None => return state.hearings.push(hearing),
            }
        };
        self.tell(hearing, &settled);
    }

    fn tell(&self, hearing: Hearing, settled: &Settled) {
        match settled {
            Settled::Done(result) => {
                let result = self.share(hearing.index, hearing.timestamp, result.clone());
                caught("a callback", || (hearing.callback)(result));
            }
            Settled::Split { at, second, .. } if hearing.index >= *at => {
                second.hear(Hearing { index: hearing.index - at, ..hearing });
            }
            Settled::Split { first, .. } => first.hear(hearing),
        }
    }

    fn share(&self, index: u32, timestamp: i64, result: Result<Written>) -> Result<RecordMetadata> {
        result.map(|written| RecordMetadata {
            topic: self.topic.clone(),
            partition: self.partition,
            offset: written.base_offset.map(|base| base + i64::from(index)),
            timestamp: written.append_time.unwrap_or(timestamp),
        })
    }
}

/// The future of one record's delivery. It need not be awaited: the record is sent all the same.
#[must_use = "without this, nobody learns whether the record was written; drop it explicitly if nobody cares"]
pub struct Delivery {
    outcome: Arc<Outcome>,
    index: u32,
    timestamp: i64,
    slot: Option<usize>,
}

impl Delivery {
    pub(super) fn new(outcome: Arc<Outcome>, index: u32, timestamp: i64) -> Self {
        Self { outcome, index, timestamp, slot: None }
    }

    /// The topic the record goes to.
    pub fn topic(&self) -> &str {
        &self.outcome.topic
    }

    /// The partition that was chosen.
    pub fn partition(&self) -> i32 {
        self.outcome.partition
    }

    /// Calls back as well when the record is settled.
    pub(super) fn hear(&self, callback: Callback) {
        self.outcome.hear(Hearing { index: self.index, timestamp: self.timestamp, callback });
    }
}

impl Future for Delivery {
    type Output = Result<RecordMetadata>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            let settled = {
                let mut state = this.outcome.state.lock();
                match &state.settled {
                    Some(settled) => settled.clone(),
                    None => {
                        match this.slot {
                            Some(slot) => state.wakers[slot] = Some(context.waker().clone()),
                            None => {
                                this.slot = Some(state.wakers.len());
                                state.wakers.push(Some(context.waker().clone()));
                            }
                        }
                        return Poll::Pending;
                    }
                }
            };
            this.slot = None;
            match settled {
                Settled::Done(result) => {
                    return Poll::Ready(this.outcome.share(this.index, this.timestamp, result));
                }
                Settled::Split { at, first, second } if this.index >= at => {
                    drop(first);
                    this.index -= at;
                    this.outcome = second;
                }
                Settled::Split { first, .. } => this.outcome = first,
            }
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(slot) = self.slot
            && let Some(waker) = self.outcome.state.lock().wakers.get_mut(slot)
        {
            *waker = None;
        }
    }
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("topic", &self.outcome.topic)
            .field("partition", &self.outcome.partition)
            .finish()
    }
}

/// Waits until all records of a batch are written or have failed; the first failure.
pub(super) async fn settled(outcome: Arc<Outcome>) -> Result<()> {
    let mut waiting = vec![outcome];
    let mut first_failure = Ok(());
    while let Some(outcome) = waiting.pop() {
        // Its first record's delivery wakes when the batch is settled.
        let delivered = Delivery::new(outcome.clone(), 0, -1).await;
        let settled = outcome.state.lock().settled.clone();
        match settled {
            Some(Settled::Split { first, second, .. }) => waiting.extend([second, first]),
            _ => first_failure = first_failure.and(delivered.map(|_| ())),
        }
    }
    first_failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ClientError;

    #[tokio::test]
    async fn each_record_gets_its_own_offset() {
        let outcome = Outcome::new("t".into(), 3);
        let deliveries: Vec<_> = (0..3).map(|index| Delivery::new(outcome.clone(), index, 77)).collect();
        let waiting = tokio::spawn(async move {
            let mut got = Vec::new();
            for delivery in deliveries {
                got.push(delivery.await.expect("written").offset);
            }
            got
        });
        outcome.set(Ok(Written { base_offset: Some(10), append_time: None }));
        assert_eq!(waiting.await.expect("joined"), [Some(10), Some(11), Some(12)]);
    }

    #[tokio::test]
    async fn after_a_split_each_record_follows_its_half() {
        let (whole, first, second) =
            (Outcome::new("t".into(), 0), Outcome::new("t".into(), 0), Outcome::new("t".into(), 0));
        let deliveries: Vec<_> = (0..3).map(|index| Delivery::new(whole.clone(), index, 77)).collect();
        let flushed = tokio::spawn(settled(whole.clone()));
        whole.split(2, first.clone(), second.clone());
        first.set(Ok(Written { base_offset: Some(10), append_time: None }));
        assert!(!flushed.is_finished());
        second.set(Err(ClientError::Closed("producer")));
        let mut got = Vec::new();
        for delivery in deliveries {
            got.push(delivery.await.ok().and_then(|written| written.offset));
        }
        assert_eq!(got, [Some(10), Some(11), None]);
        assert!(flushed.await.expect("joined").is_err());
    }

    #[tokio::test]
    async fn callbacks_come_in_the_order_of_the_records_through_a_split_too() {
        let (whole, first, second) =
            (Outcome::new("t".into(), 0), Outcome::new("t".into(), 0), Outcome::new("t".into(), 0));
        let (told, heard) = std::sync::mpsc::channel();
        let listen = |index| {
            let told = told.clone();
            let callback = move |result: Result<RecordMetadata>| {
                told.send((index, result.ok().and_then(|written| written.offset))).expect("somebody listens");
            };
            Delivery::new(whole.clone(), index, 77).hear(Box::new(callback));
        };
        (0..3).for_each(listen);
        whole.split(2, first.clone(), second.clone());
        first.set(Ok(Written { base_offset: Some(10), append_time: None }));
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [(0, Some(10)), (1, Some(11))]);
        second.set(Err(ClientError::Closed("producer")));
        listen(0);
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [(2, None), (0, Some(10))]);
    }

    #[tokio::test]
    async fn the_first_outcome_stays() {
        let outcome = Outcome::new("t".into(), 0);
        outcome.set(Err(ClientError::Closed("producer")));
        outcome.set(Ok(Written { base_offset: Some(1), append_time: None }));
        assert!(Delivery::new(outcome, 0, 0).await.is_err());
    }
}
